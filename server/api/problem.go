package api

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

const problemType = "application/problem+json"

// A problem is what every refusal is answered with (RFC 9457). It never holds
// a refused value.
type problem struct {
	Type     string         `json:"type" example:"about:blank"`
	Title    string         `json:"title" example:"Unprocessable Entity"`
	Status   int            `json:"status" example:"422"`
	Detail   string         `json:"detail" doc:"What is wrong, and the way out."`
	Instance string         `json:"instance" doc:"The request, as the logs name it." example:"urn:mobileconfig:req_k3v7q2m4x5r6t7ab"`
	Code     fault.Code     `json:"code" doc:"One of the codes in docs/codes.md." example:"address_malformed"`
	Errors   []fieldProblem `json:"errors,omitempty" doc:"The fields that cannot be taken."`
}

// A fieldProblem is what is wrong with one field.
type fieldProblem struct {
	Pointer string     `json:"pointer" doc:"The field as a JSON pointer (RFC 6901)." example:"/address"`
	Code    fault.Code `json:"code" example:"address_malformed"`
	Detail  string     `json:"detail"`
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return problemType }

// problemOf says what is wrong. With several faults status and code are those
// of the first.
func problemOf(faults ...*fault.Fault) *problem {
	first := faults[0]
	status := web.Status(first.Code)
	p := &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: first.Detail, Code: first.Code}
	if len(faults) > 1 {
		p.Detail = severalWrong
	}
	for _, f := range faults {
		if f.Field != "" {
			p.Errors = append(p.Errors, fieldProblem{"/" + f.Field, f.Code, f.Detail})
		}
	}
	return p
}

const severalWrong = "The request has fields that cannot be taken."

// fieldOf names the request's field behind a field of the profile.
var fieldOf = map[string]string{"mail.person_name": "name", "mail.login": "login"}

// faultsOf are the faults behind an error, one or more; what is wrong with a
// profile is a fault of the fields that it was made from.
func faultsOf(err error) []*fault.Fault {
	if invalid, ok := errors.AsType[*profile.InvalidError](err); ok {
		var all []*fault.Fault
		for _, p := range invalid.Problems {
			if field := fieldOf[p.Path]; field != "" {
				all = append(all, fault.On(field, fault.Invalid, "The %s cannot stand in a profile: %s.", field, p.Detail))
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return fault.All(err)
}

// instanceOf names the request as the logs do, and not by its path, which a
// client wrote.
func instanceOf(c echo.Context) string { return "urn:mobileconfig:" + web.RequestID(c) }

// toProblem turns huma's own errors, which hold the refused values, into ours
// before they are written, and has each problem name its request.
func toProblem(ctx huma.Context, _ string, v any) (any, error) {
	var p *problem
	switch v := v.(type) {
	case *problem:
		p = v
	case *huma.ErrorModel:
		p = problemOfHuma(v)
	default:
		return v, nil
	}
	p.Instance = instanceOf(humaecho.Unwrap(ctx))
	return p, nil
}

func problemOfHuma(e *huma.ErrorModel) *problem {
	p := &problem{Type: "about:blank", Title: http.StatusText(e.Status), Status: e.Status}
	switch {
	case e.Status == http.StatusUnprocessableEntity:
		p.Code, p.Detail = fault.Invalid, severalWrong
	case e.Status == http.StatusRequestEntityTooLarge:
		p.Code, p.Detail = fault.TooLarge, "The request is too large."
	case e.Status == http.StatusUnsupportedMediaType:
		p.Code, p.Detail = fault.UnsupportedMedia, "Send JSON: Content-Type: application/json."
	case e.Status >= http.StatusInternalServerError:
		f := fault.Of(errors.New("huma"))
		p.Code, p.Detail = f.Code, f.Detail
	default:
		p.Code, p.Detail = fault.FormMalformed, "The request cannot be read as JSON."
	}
	for _, d := range e.Errors {
		p.add(d)
	}
	return p
}

// add tells what is wrong with a field, without its value and without a name
// that only the client knows.
func (p *problem) add(d *huma.ErrorDetail) {
	if p.Code != fault.Invalid {
		return
	}
	location, inBody := strings.CutPrefix(d.Location, "body")
	parameter, inQuery := strings.CutPrefix(d.Location, "query.") // one that the document names
	switch {
	case d.Message == validation.MsgUnexpectedProperty:
		field := fieldProblem{"", fault.UnknownField, "There is a field that does not belong there."}
		if f := passwordIn(d.Value); f != nil {
			p.Code, p.Detail = f.Code, f.Detail
			field.Code, field.Detail = f.Code, f.Detail
		}
		p.Errors = append(p.Errors, field)
	case inBody:
		p.Errors = append(p.Errors, fieldProblem{strings.ReplaceAll(location, ".", "/"), fault.Invalid, d.Message})
	case inQuery:
		p.Errors = append(p.Errors, fieldProblem{"/" + parameter, fault.Invalid, d.Message})
	default:
		p.Errors = append(p.Errors, fieldProblem{"", fault.Invalid, d.Message})
	}
}

// describeProblems has the document say what refusals are. Huma describes an
// error of its own, which is never sent.
func describeProblems(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas
	refusal := map[string]*huma.MediaType{problemType: {Schema: schemas.Schema(reflect.TypeFor[problem](), true, "")}}
	for _, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			for status, response := range op.Responses {
				if status >= "400" {
					response.Content = refusal
				}
			}
			op.Responses["default"] = &huma.Response{Description: "A refusal.", Content: refusal}
		}
	}
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
}

// passwordIn is the refusal of a field that looks like a password, if the
// object has one.
func passwordIn(object any) *fault.Fault {
	fields, _ := object.(map[string]any)
	for name := range fields {
		if err := fault.PasswordField(name); err != nil {
			return fault.Of(err)
		}
	}
	return nil
}
