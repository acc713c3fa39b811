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

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A docsPage is the API documentation for people. It's generated from the OpenAPI
// document, so both are the same, and it loads nothing.
type docsPage struct {
	Operator    string
	Brand       templates.Brand
	Languages   []templates.Language
	Language    templates.Language
	Development bool
	Make, Try   string // commands to create a key and to use it
	Document    string // path of the OpenAPI document
	Query       string // search text
	Groups      []documentedGroup
}

// A documentedGroup has the operations on one kind of resource.
type documentedGroup struct {
	ID, Text   string
	Operations []documented
}

// A documented is an operation in the documentation.
type documented struct {
	ID, Method, Path, Summary, Scope string
	Fields                           []documentedField
	Examples                         []documentedExample
	// Status and Response are the response to the examples. Response is empty if it
	// isn't JSON.
	Status, Response string
}

// A documentedExample is an example request in one language.
type documentedExample struct{ Language, ID, Code string }

type documentedField struct {
	Name, Type, Text string
	Optional         bool
}

func (a *API) docs(h huma.API) echo.HandlerFunc {
	return func(c echo.Context) error {
		brand := a.Brands.Shown(c.Request().Context(), account.Default, a.BaseURL.Hostname())
		page := docsPage{
			Operator:  brand.Name,
			Brand:     brand,
			Languages: a.Texts.Languages(),
			Language:  a.Texts.Match(c.QueryParam("lang"), c.Request().Header.Get("Accept-Language")),
			Make:      "mobileconfig admin key --name panel --scopes domains:read,profiles:write",
			Try:       `curl -H "Authorization: Bearer mck_…" ` + a.BaseURL.String() + Prefix + "/domains",
			Document:  Prefix + "/openapi.json",
			Query:     profile.Trim(c.QueryParam("q")),
		}
		if len(page.Query) > maxDocsQuery || !profile.IsText(page.Query) {
			page.Query = ""
		}
		page.Groups = documentedOf(h.OpenAPI(), page.Query)
		var b bytes.Buffer
		if err := a.Texts.Page(&b, "api", page.Language, page); err != nil {
			return err
		}
		return web.Send(c, http.StatusOK, echo.MIMETextHTMLCharsetUTF8, web.NewPiece(b.Bytes()))
	}
}

// maxDocsQuery is the longest search text, in bytes.
const maxDocsQuery = 100

// documentedOf lists the operations that contain all words of the query, grouped as in
// the document, by path and method.
func documentedOf(doc *huma.OpenAPI, query string) []documentedGroup {
	var groups []documentedGroup
	for _, tag := range doc.Tags {
		group := documentedGroup{ID: tag.Name, Text: tag.Description}
		for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
			for _, op := range openapi.Operations(doc.Paths[path]) {
				if !slices.Contains(op.Tags, tag.Name) {
					continue
				}
				one := documented{
					ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Scope: string(scopeOf(op)), Fields: fieldsOf(doc, op),
				}
				if !one.has(query) {
					continue
				}
				one.Examples = examplesOf(op)
				one.Status, one.Response = responseOf(op)
				group.Operations = append(group.Operations, one)
			}
		}
		if len(group.Operations) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// has reports whether the operation contains all words of the query.
func (d documented) has(query string) bool {
	text := strings.Join([]string{d.ID, d.Method, d.Path, d.Summary, d.Scope}, " ")
	for _, f := range d.Fields {
		text += " " + f.Name + " " + f.Text
	}
	text = strings.ToLower(text)
	return !slices.ContainsFunc(strings.Fields(strings.ToLower(query)), func(word string) bool { return !strings.Contains(text, word) })
}

// fieldsOf lists the path and query parameters and the body fields of an operation.
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
