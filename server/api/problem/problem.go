// Package problem holds what the API answers refusals with.
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

// A Problem is what every refusal is answered with (RFC 9457). It never holds
// a refused value.
type Problem struct {
	Type     string         `json:"type" example:"about:blank"`
	Title    string         `json:"title" example:"Unprocessable Entity"`
	Status   int            `json:"status" minimum:"400" maximum:"599" example:"422"`
	Detail   string         `json:"detail" doc:"What is wrong, and the way out." example:"Enter an email address, for example jane@example.com."`
	Instance string         `json:"instance" doc:"The request, as the logs name it." example:"urn:mobileconfig:req_k3v7q2m4x5r6t7ab"`
	Code     field.Code     `json:"code" doc:"docs/codes.md says what the codes mean." example:"address_malformed"`
	Errors   []FieldProblem `json:"errors,omitempty" doc:"The fields that cannot be taken."`
}

// A FieldProblem is what is wrong with one field.
type FieldProblem struct {
	Pointer string     `json:"pointer" doc:"The field as a JSON pointer (RFC 6901). Parameters are pointed to by their names too." example:"/address"`
	Code    field.Code `json:"code" example:"address_malformed"`
	Detail  string     `json:"detail" example:"Enter an email address, for example jane@example.com."`
}

// Error makes it an error, as huma wants.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the status of the answer.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of the answer.
func (p *Problem) ContentType(string) string { return Type }

// Of says what is wrong. With several faults status and code are those
// of the first, unless that tells less than another.
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
		p.Detail = "The request has fields that cannot be taken."
	}
	for _, f := range faults {
		switch {
		case f.Field != "":
			p.Errors = append(p.Errors, FieldProblem{"/" + f.Field, field.Code(f.Code), f.Detail})
		case len(faults) > 1 || f.Code == fault.UnknownField: // of the request as a whole
			p.Errors = append(p.Errors, FieldProblem{"", field.Code(f.Code), f.Detail})
		}
	}
	return p
}

// fieldOf names the request's field behind a field of the profile.
var fieldOf = map[string]string{"mail.person_name": "name", "mail.login": "login"}

// Faults are the faults behind an error, one or more; what is wrong with a
// profile is a fault of the fields that it was made from.
func Faults(err error) []*fault.Fault {
	if invalid, ok := errors.AsType[*profile.InvalidError](err); ok {
		var all []*fault.Fault
		for _, p := range invalid.Problems {
			if name := fieldOf[p.Path]; name != "" {
				all = append(all, fault.On(name, fault.Invalid, "The %s cannot stand in a profile: %s.", name, p.Detail))
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return fault.All(err)
}

// Instance names the request as the logs do, and not by its path, which a
// client wrote.
func Instance(c echo.Context) string { return InstanceOf(web.RequestID(c)) }

// InstanceOf is Instance of a request by its name.
func InstanceOf(request string) string { return "urn:mobileconfig:" + request }

// Transform turns huma's own errors, which hold the refused values, into ours
// before they are written, and has each problem name its request.
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

// ofHuma is for what huma itself refuses. Nothing should be left for it,
// for the request was read before.
func ofHuma(e *huma.ErrorModel) *Problem {
	if e.Status >= http.StatusInternalServerError {
		return Of(fault.Of(errors.New("huma")))
	}
	return Of(fault.New(fault.FormMalformed, "The request can't be parsed as JSON."))
}
