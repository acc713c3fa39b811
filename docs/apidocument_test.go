package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
)

// An apiDocument is the part of the OpenAPI document that api.md covers.
type apiDocument struct {
	Paths      map[string]map[string]*apiOperation
	Components struct{ Schemas map[string]apiSchema }
}

type apiOperation struct {
	method, path string
	Summary      string
	Scope        string `json:"x-scope"`
	TestKeys     bool   `json:"x-test-keys"`
	Parameters   []struct {
		Name, In, Description string
		Required              bool
		Schema                apiSchema
	}
	RequestBody struct {
		Content map[string]struct{ Schema apiSchema }
	}
	Responses map[string]any
}

type apiSchema struct {
	Ref                  string `json:"$ref"`
	Type                 any    // a string, or a list with "null"
	Format, Description  string
	Enum                 []any
	Default              any
	MaxLength, MaxItems  int
	Minimum, Maximum     *float64
	Items                *apiSchema
	Required             []string
	Properties           map[string]apiSchema
	AdditionalProperties any
	ReadOnly             bool
}

func readDocument(t *testing.T, s *servertest.Server) apiDocument {
	t.Helper()
	var d apiDocument
	if err := json.Unmarshal(s.Get("/api/v1/openapi.json").Body, &d); err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
		}
	}
	if len(d.byTitle()) < 46 {
		t.Fatalf("%d operations", len(d.byTitle()))
	}
	return d
}

func (d apiDocument) byTitle() map[string]*apiOperation {
	out := map[string]*apiOperation{}
	for _, methods := range d.Paths {
		for _, op := range methods {
			out[op.Summary] = op
		}
	}
	return out
}

// head is the generated start of a section: the route, the scope, the status,
// and tables of the query and the body.
func (d apiDocument) head(t *testing.T, op *apiOperation) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n`%s %s` needs ", op.method, op.path)
	if op.Scope == "" {
		b.WriteString("no scope")
	} else {
		fmt.Fprintf(&b, "the scope `%s`", op.Scope)
	}
	if op.TestKeys {
		b.WriteString(", allows test keys")
	}
	query := [][]string{}
	for _, p := range op.Parameters {
		switch p.In {
		case "header":
			fmt.Fprintf(&b, ", accepts `%s`", p.Name)
		case "query":
			query = append(query, []string{code(p.Name), takes(p.Schema, p.Required), p.Description})
		}
	}
	fmt.Fprintf(&b, " and returns %s.\n\n", success(op))
	d.table(t, &b, op, "Query parameter", query)
	d.table(t, &b, op, "Field", d.fields(op))
	return b.String()
}

// success is the usual status of a successful response. If a dry run has a
// different one, it isn't that.
func success(op *apiOperation) (status string) {
	for s := range op.Responses {
		if strings.HasPrefix(s, "2") {
			status = max(status, s)
		}
	}
	return status
}

// fields are the fields of the body, required ones first.
func (d apiDocument) fields(op *apiOperation) [][]string {
	schema := op.RequestBody.Content["application/json"].Schema
	if name, ok := strings.CutPrefix(schema.Ref, "#/components/schemas/"); ok {
		schema = d.Components.Schemas[name]
	}
	names := slices.Sorted(maps.Keys(schema.Properties))
	slices.SortStableFunc(names, func(a, b string) int { return optional(schema, a) - optional(schema, b) })
	var out [][]string
	for _, name := range names {
		p := schema.Properties[name]
		if p.ReadOnly {
			continue
		}
		out = append(out, []string{code(name), takes(p, optional(schema, name) == 0), p.Description})
	}
	return out
}

// optional is 0 for a required field and 1 for others.
func optional(s apiSchema, name string) int {
	if slices.Contains(s.Required, name) {
		return 0
	}
	return 1
}

func (d apiDocument) table(t *testing.T, b *strings.Builder, op *apiOperation, title string, rows [][]string) {
	t.Helper()
	if len(rows) == 0 {
		return
	}
	row(b, title, "Type", "Description")
	row(b, "---", "---", "---")
	for _, cells := range rows {
		if cells[2] == "" {
			t.Errorf("%s: %s has no description", op.Summary, cells[0])
		}
		row(b, cells...)
	}
	b.WriteString("\n")
}

// manyWords is the longest enum that a table lists.
const manyWords = 16

// takes describes the values of a field.
func takes(s apiSchema, required bool) string {
	words := kind(s)
	if s.Default != nil {
		words += fmt.Sprintf(", default `%v`", s.Default)
	}
	if required {
		words = words + ", **required**"
	}
	return words
}

func kind(s apiSchema) string {
	if len(s.Enum) > 0 && len(s.Enum) <= manyWords {
		return oneOf(s.Enum)
	}
	name := fmt.Sprint(s.Type)
	switch {
	case strings.Contains(name, "array"):
		words := "list of " + kind(*s.Items)
		if s.MaxItems > 0 {
			words += fmt.Sprintf(", up to %d", s.MaxItems)
		}
		return words
	case strings.Contains(name, "object"):
		return "object of text values"
	case strings.Contains(name, "boolean"):
		return "`true` or `false`"
	case strings.Contains(name, "integer"):
		return "number" + span(s)
	case s.Format == "date-time":
		return "time"
	case s.MaxLength > 0:
		return fmt.Sprintf("text up to %d characters", s.MaxLength)
	default:
		return "text"
	}
}

func span(s apiSchema) string {
	if s.Minimum == nil || s.Maximum == nil {
		return ""
	}
	return fmt.Sprintf(" from %.0f to %.0f", *s.Minimum, *s.Maximum)
}

func oneOf(words []any) string {
	var quoted []string
	for _, w := range words {
		if w == nil { // resets to the default in a patch
			continue
		}
		quoted = append(quoted, code(fmt.Sprint(w)))
	}
	return strings.Join(quoted, ", ")
}
