package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/settings"
)

// Metadata is a program's data stored with a domain or a link.
type Metadata map[string]string

// Schema describes metadata to huma.
func (Metadata) Schema(huma.Registry) *huma.Schema {
	longest := settings.MaxMetadataValue
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
		Examples: []any{map[string]any{"customer": "4711"}},
	}
}

// MetadataQuery filters by a pair of metadata.
type MetadataQuery struct {
	Metadata string `query:"metadata" maxLength:"541" doc:"A metadata name and value, separated by a colon." example:"customer:4711"`
}

func (q MetadataQuery) pair() (settings.Pair, error) { return settings.ParsePair(q.Metadata) }

// orNone is the metadata, or none if the request omits it.
func (m Metadata) orNone() map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
