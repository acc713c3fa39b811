// Package openapi completes the OpenAPI document that huma generates from the API's
// operations.
package openapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/api/problem"
)

// SecurityScheme is the name of the scheme in the document. It isn't Key because a
// schema has that name.
const SecurityScheme = "bearerAuth"

// Config is huma's configuration for the document.
func Config(base *url.URL) huma.Config {
	config := huma.DefaultConfig("mobileconfig", "1")
	config.Info.Description = "Signed Apple configuration profiles for mail. Send an API key with every request: `Authorization: Bearer mck_…`. HEAD works wherever GET does."
	config.Info.Contact = &huma.Contact{Name: "mobileconfig", URL: "https://github.com/updatecase/mobileconfig"}
	config.Info.License = &huma.License{Name: "MIT", URL: "https://github.com/updatecase/mobileconfig/blob/main/LICENSE"}
	config.Servers = []*huma.Server{{URL: base.String(), Description: "This installation"}}
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", "" // huma's page would load from other sites
	config.CreateHooks = nil                                             // no $schema, which is built from the Host header
	config.Transformers = []huma.Transformer{problem.Transform}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		SecurityScheme: {Type: "http", Scheme: "bearer", Description: "An API key, mck_…"},
	}
	for _, t := range []struct{ name, text string }{
		{"domains", "Mail domains and their servers."},
		{"branding", "The account's name, logo, color and links. For a domain's own, see domains."},
		{"approved-hosts", "Servers that domains can use."},
		{"policies", "Passcode policies that domains offer or require."},
		{"profiles", "Signed profiles."},
		{"setup-links", "Links to set up a mailbox."},
		{"batches", "Profiles or setup links for lists of people."},
		{"mdm", "Unsigned templates and files for device management services (MDMs)."},
		{"keys", "API keys."},
		{"redirect-keys", "Public keys of panels that sign redirects."},
		{"identity", "The signing identity."},
		{"actions", "The action log."},
		{"webhooks", "HTTP calls that notify a program of events."},
		{"events", "Events, in order."},
		{"event-types", "Event types."},
	} {
		config.Tags = append(config.Tags, &huma.Tag{Name: t.name, Description: t.text})
	}
	return config
}

// Documents are the handlers of the OpenAPI documents, by path below the prefix.
func Documents(prefix string, doc *huma.OpenAPI) map[string]echo.HandlerFunc {
	serve := func(write func() ([]byte, error)) echo.HandlerFunc {
		data := sync.OnceValues(write)
		return func(c echo.Context) error {
			data, err := data()
			if err != nil {
				return err
			}
			return c.Blob(http.StatusOK, "application/openapi+json", data)
		}
	}
	return map[string]echo.HandlerFunc{
		prefix + "/openapi.json":     serve(func() ([]byte, error) { return json.Marshal(doc) }),
		prefix + "/openapi-3.0.json": serve(func() ([]byte, error) { return downgraded(doc) }),
	}
}

// Finish adds the common parts of operations to the document.
func Finish(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas
	for name, s := range schemas.Map() {
		if !strings.HasSuffix(name, "Patch") { // where null resets a list
			plainLists(s)
		}
	}
	delete(schemas.Map(), "ErrorModel") // huma's own type, which is never sent
	delete(schemas.Map(), "ErrorDetail")
	doc.Components.Headers = map[string]*huma.Header{
		"Request-Id":       header("ID of the request in the logs.", "req_k3v7q2m4x5r6t7ab"),
		"RateLimit-Policy": header("Number of requests per key, and the window in seconds.", `"key";q=600;w=60`),
		"RateLimit":        header("Requests left, and seconds until the window resets.", `"key";r=598;t=41`),
		"Retry-After":      header("Seconds to wait before the next attempt.", "41"),
		Replayed:           header("true if the request was done before. The response is the original one.", "true"),
	}
	doc.Components.Responses = responses(schemas)
	for _, item := range doc.Paths {
		for _, op := range Operations(item) {
			finishOperation(schemas, op)
		}
	}
	doc.Webhooks = calls(schemas)
}

// Operations returns the operations of a path.
func Operations(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

// plainLists declares that lists are never null.
func plainLists(s *huma.Schema) {
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	for _, p := range s.Properties {
		plainLists(p)
	}
}

func header(text, example string) *huma.Header {
	return &huma.Header{Description: text, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
}

func finishOperation(schemas huma.Registry, op *huma.Operation) {
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			media.Example = exampleOf(schemas, media.Schema)
		}
	}
	for status := range op.Responses {
		if status >= "4" { // huma's errors, and its default
			delete(op.Responses, status)
		}
	}
	for _, r := range op.Responses {
		for _, media := range r.Content {
			media.Example = exampleOf(schemas, media.Schema)
		}
	}
	for status, r := range op.Responses {
		addHeaders(op, status, r)
	}
	for _, status := range refusalsOf(op) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + responseName(status)}
	}
	op.Responses["default"] = &huma.Response{Ref: "#/components/responses/Refusal"}
	if slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == IfNoneMatch }) {
		op.Responses["304"] = &huma.Response{Ref: "#/components/responses/" + responseName(http.StatusNotModified)}
	}
}

// responses are the common responses of operations.
func responses(schemas huma.Registry) map[string]*huma.Response {
	refusal := &huma.MediaType{Schema: schemas.Schema(reflect.TypeFor[problem.Problem](), true, "")}
	refusal.Example = exampleOf(schemas, refusal.Schema)
	content := map[string]*huma.MediaType{problem.Type: refusal}
	all := map[string]*huma.Response{
		"Refusal":                            {Description: "Any other error.", Content: content},
		responseName(http.StatusNotModified): {Description: "The version in If-None-Match is still current."},
	}
	for _, status := range []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity,
		http.StatusTooManyRequests,
	} {
		all[responseName(status)] = &huma.Response{Description: http.StatusText(status), Content: content}
	}
	for name, r := range all {
		addHeaders(&huma.Operation{}, name, r)
	}
	return all
}

// responseName is the status as a name.
func responseName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// notFound lists operations that look up something that isn't in their path.
var notFound = []string{"revoke-setup-links", "get-mdm-declarations"}

// refusalsOf returns the error statuses that an operation can return.
func refusalsOf(op *huma.Operation) []int {
	all := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
	}
	if strings.Contains(op.Path, "{") || slices.Contains(notFound, op.OperationID) {
		all = append(all, http.StatusNotFound)
	}
	if op.Method != http.MethodGet {
		all = append(all, http.StatusConflict)
	}
	if op.RequestBody != nil {
		all = append(all, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == IfMatch }) {
		all = append(all, http.StatusPreconditionFailed)
	}
	if op.OperationID == "check-domain" {
		all = append(all, http.StatusTooManyRequests)
	}
	return all
}

// addHeaders adds the common headers to a response, by name.
func addHeaders(op *huma.Operation, status string, r *huma.Response) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	names := []string{"Request-Id", "RateLimit-Policy", "RateLimit"}
	switch {
	case status == responseName(http.StatusTooManyRequests):
		names = append(names, "Retry-After")
	case op.Method == http.MethodPost:
		names = append(names, Replayed)
	}
	for _, name := range names {
		r.Headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
	}
}

// exampleOf builds an example from the examples of the fields.
func exampleOf(schemas huma.Registry, s *huma.Schema) any {
	if s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		fields := map[string]any{}
		for name, p := range s.Properties {
			if !p.ReadOnly {
				fields[name] = exampleOf(schemas, p)
			}
		}
		return fields
	case huma.TypeArray:
		return []any{exampleOf(schemas, s.Items)}
	case huma.TypeInteger:
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 0.0
	case huma.TypeBoolean:
		return false
	}
	return "…"
}

// downgraded is the document as OpenAPI 3.0, for programs that don't support 3.1,
// without the webhooks.
func downgraded(doc *huma.OpenAPI) ([]byte, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	v["openapi"] = "3.0.3"
	delete(v, "webhooks")
	if c, ok := v["components"].(map[string]any); ok {
		if schemas, ok := c["schemas"].(map[string]any); ok {
			for name := range schemas {
				if strings.HasSuffix(name, "Event") && name != "Event" { // a webhook call
					delete(schemas, name)
				}
			}
		}
	}
	downgrade(v)
	return json.Marshal(v)
}

// downgrade converts OpenAPI 3.1 to 3.0.
func downgrade(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			downgrade(one)
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			clear(v)
			v["$ref"] = ref
			return
		}
		if types, ok := v["type"].([]any); ok {
			v["type"], v["nullable"] = types[0], true
		}
		if examples, ok := v["examples"].([]any); ok {
			v["example"] = examples[0]
			delete(v, "examples")
		}
		if _, ok := v["contentMediaType"].(string); ok {
			delete(v, "contentMediaType")
		}
		for _, one := range v {
			downgrade(one)
		}
	}
}
