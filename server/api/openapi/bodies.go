package openapi

import (
	"maps"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// The media types of bodies.
const (
	JSON       = "application/json"
	MergePatch = "application/merge-patch+json" // RFC 7396
)

// Takes describes the bodies of operations that change a resource: put takes all
// settings, patch some of them. Both accept and ignore the resource's other fields.
func Takes[Settings, Resource any](h huma.API, put, patch *huma.Operation) {
	schemas := h.OpenAPI().Components.Schemas
	settings := huma.SchemaFromType(schemas, reflect.TypeFor[Settings]()) // not a named schema
	shown := schemas.Schema(reflect.TypeFor[Resource](), true, "")
	name := shown.Ref[len("#/components/schemas/"):]
	whole, some := bodySchema(settings), bodySchema(settings)
	some.Required = nil
	for field, p := range settings.Properties {
		if !slices.Contains(settings.Required, field) {
			some.Properties[field] = nullable(p)
		}
	}
	for field, p := range schemas.SchemaFromRef(shown.Ref).Properties {
		if settings.Properties[field] == nil {
			fixed := *p
			fixed.ReadOnly = true
			whole.Properties[field], some.Properties[field] = &fixed, &fixed
		}
	}
	if put != nil {
		put.RequestBody = body(schemas, name+"Update", whole, JSON)
	}
	patch.RequestBody = body(schemas, name+"Patch", some, MergePatch, JSON)
}

func bodySchema(settings *huma.Schema) *huma.Schema {
	s := *settings
	s.Properties = maps.Clone(settings.Properties)
	return &s
}

// nullable is the schema of an optional setting in a patch.
func nullable(p *huma.Schema) *huma.Schema {
	s := *p
	s.Nullable, s.Default = true, nil
	if values, ok := p.AdditionalProperties.(*huma.Schema); ok { // null removes a value
		s.AdditionalProperties = nullable(values)
	}
	if len(s.Enum) > 0 {
		s.Enum = append(slices.Clone(s.Enum), nil)
	}
	return &s
}

func body(schemas huma.Registry, name string, s *huma.Schema, kinds ...string) *huma.RequestBody {
	schemas.Map()[name] = s
	b := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, kind := range kinds {
		b.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Ref: "#/components/schemas/" + name}}
	}
	return b
}
