// Package problem has the API's error responses.
package problem

import (
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// Type is the media type of a problem.
const Type = "application/problem+json"

// A Problem is the body of every error response (RFC 9457). It never contains a refused
// value.
type Problem struct {
	Type     string         `json:"type" example:"about:blank"`
	Title    string         `json:"title" example:"Unprocessable Entity"`
	Status   int            `json:"status" minimum:"400" maximum:"599" example:"422"`
	Detail   string         `json:"detail" doc:"What is wrong and how to fix it." example:"Enter a full email address, for example jane@example.com."`
	Instance string         `json:"instance" doc:"ID of the request in the logs." example:"urn:mobileconfig:req_k3v7q2m4x5r6t7ab"`
	Code     field.Code     `json:"code" doc:"Error code; see docs/codes.md." example:"address_malformed"`
	Errors   []FieldProblem `json:"errors,omitempty" doc:"The invalid fields."`
}

// A FieldProblem is the problem of one field.
type FieldProblem struct {
	Pointer string     `json:"pointer" doc:"The field as a JSON pointer (RFC 6901). Parameters use their names." example:"/address"`
	Code    field.Code `json:"code" example:"address_malformed"`
	Detail  string     `json:"detail" example:"Enter a full email address, for example jane@example.com."`
}

// Error implements error, for huma.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the response status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the response type.
func (p *Problem) ContentType(string) string { return Type }

// Of returns the problem for err. With several faults, status and code are those of the
// first, unless another is more specific.
func Of(faults ...*fault.Fault) *Problem {
	first := faults[0]
	if i := slices.IndexFunc(faults, func(f *fault.Fault) bool { return f.Code == fault.PasswordRefused }); i >= 0 {
		first = faults[i]
	}
	status := web.Status(first.Code)
	p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: first.Detail, Code: field.Code(first.Code)}
	if first.Code == fault.UnknownField {
		p.Code = field.Code(fault.Invalid)
	}
	if len(faults) > 1 && first.Code != fault.PasswordRefused {
		p.Detail = "The request has invalid fields."
	}
	for _, f := range faults {
		switch {
		case f.Field != "":
			p.Errors = append(p.Errors, FieldProblem{"/" + f.Field, field.Code(f.Code), f.Detail})
		case len(faults) > 1 || f.Code == fault.UnknownField: // about the whole request
			p.Errors = append(p.Errors, FieldProblem{"", field.Code(f.Code), f.Detail})
		}
	}
	return p
}

// fieldOf maps a field of the profile to the request's field.
var fieldOf = map[string]string{"mail.person_name": "name", "mail.login": "login"}

// Faults returns the faults of an error, at least one. Problems of a profile become
// faults of the input fields.
func Faults(err error) []*fault.Fault {
	if invalid, ok := errors.AsType[*profile.InvalidError](err); ok {
		var all []*fault.Fault
		for _, p := range invalid.Problems {
			if name := fieldOf[p.Path]; name != "" {
				all = append(all, fault.On(name, fault.Invalid, "The %s can't be used in a profile: %s.", name, p.Detail))
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return fault.All(err)
}

// Instance identifies the request as in the logs, and not by its path, which comes from
// the client.
func Instance(c echo.Context) string { return InstanceOf(web.RequestID(c)) }

// InstanceOf is Instance for a request ID.
func InstanceOf(request string) string { return "urn:mobileconfig:" + request }

// Transform replaces huma's own errors, which contain the refused values, before they're
// written, and adds the request ID to each problem.
func Transform(ctx huma.Context, _ string, v any) (any, error) {
	var p *Problem
	switch v := v.(type) {
	case *Problem:
		p = v
	case *huma.ErrorModel:
		p = ofHuma(v)
	default:
		return v, nil
	}
	p.Instance = Instance(humaecho.Unwrap(ctx))
	return p, nil
}

// ofHuma is for requests that huma itself refuses. There should be none, because the
// request was already checked.
func ofHuma(e *huma.ErrorModel) *Problem {
	if e.Status >= http.StatusInternalServerError {
		return Of(fault.Of(errors.New("huma")))
	}
	return Of(fault.New(fault.FormMalformed, "The request can't be parsed as JSON."))
}
