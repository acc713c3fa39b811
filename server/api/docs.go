package api

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A docsPage is the API's document for people to read. It is made of the
// document for programs, so it says the same, and loads nothing.
type docsPage struct {
	Operator    string
	Languages   []templates.Language
	Language    templates.Language
	Development bool
	Make, Try   string // commands: to make a key, and to use it
	Document    string // the path of the document for programs
	Operations  []documented
}

// A documented is an operation for people to read.
type documented struct {
	ID, Method, Path, Summary, Scope string
	Fields                           []documentedField
}

type documentedField struct {
	Name, Type, Text string
	Optional         bool
}

func (a *API) docs(h huma.API) echo.HandlerFunc {
	return func(c echo.Context) error {
		page := docsPage{
			Operator:   a.BaseURL.Hostname(),
			Languages:  a.Texts.Languages(),
			Language:   a.Texts.Match(c.QueryParam("lang"), c.Request().Header.Get("Accept-Language")),
			Make:       "mobileconfig admin key --name panel --scopes domains:read,profiles:write",
			Try:        `curl -H "Authorization: Bearer mck_…" ` + a.BaseURL.String() + Prefix + "/domains",
			Document:   Prefix + "/openapi.json",
			Operations: documentedOf(h.OpenAPI()),
		}
		var b bytes.Buffer
		if err := a.Texts.Page(&b, "api", page.Language, page); err != nil {
			return err
		}
		return web.Send(c, http.StatusOK, echo.MIMETextHTMLCharsetUTF8, web.NewPiece(b.Bytes()))
	}
}

// documentedOf lists the operations by path and method.
func documentedOf(doc *huma.OpenAPI) []documented {
	var all []documented
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, op := range openapi.Operations(doc.Paths[path]) {
			all = append(all, documented{
				ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary,
				Scope: string(scopeOf(op)), Fields: fieldsOf(doc, op),
			})
		}
	}
	return all
}

// fieldsOf lists what an operation takes: in its path and query, and in its
// body.
func fieldsOf(doc *huma.OpenAPI, op *huma.Operation) []documentedField {
	var fields []documentedField
	for _, p := range op.Parameters {
		fields = append(fields, documentedField{p.Name, p.In, cmp.Or(p.Description, p.Schema.Description), !p.Required})
	}
	if op.RequestBody == nil || op.RequestBody.Content[openapi.JSON] == nil {
		return fields
	}
	schema := op.RequestBody.Content[openapi.JSON].Schema
	if schema.Ref != "" {
		schema = doc.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		p := schema.Properties[name]
		fields = append(fields, documentedField{name, typeOf(p), p.Description, !slices.Contains(schema.Required, name)})
	}
	return fields
}

func typeOf(s *huma.Schema) string {
	if len(s.Enum) == 0 {
		return s.Type
	}
	var words []string
	for _, v := range s.Enum {
		if word, ok := v.(string); ok {
			words = append(words, word)
		}
	}
	return strings.Join(words, " | ")
}
