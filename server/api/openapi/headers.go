package openapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Common headers.
const (
	IfMatch        = "If-Match"
	IfNoneMatch    = "If-None-Match"
	IdempotencyKey = "Idempotency-Key"
	Replayed       = "Idempotent-Replayed"
)

// AddParameters adds the common headers of a method's operations. A tagged operation
// returns an entity tag.
func AddParameters(op *huma.Operation, tagged bool) {
	add := func(name, example, doc string) {
		low, high := 1, 255
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: name, In: "header", Description: doc, Example: example,
			Schema: &huma.Schema{Type: huma.TypeString, MinLength: &low, MaxLength: &high},
		})
	}
	const tag = `"mSxV0mKzYz8q3rGqR1bT"`
	switch {
	case op.Method == http.MethodPost:
		add(IdempotencyKey, "job-4711", "Your own name for the request. If it's sent again within 24 hours with the same key, it's done once and gets the same response. A different request is refused as `idempotency_key_reused`.")
	case op.Method == http.MethodPut, op.Method == http.MethodPatch, op.Method == http.MethodDelete:
		add(IfMatch, tag, "The ETag of the version you want to change or delete. If the resource has changed since, the response is 412.")
	case tagged:
		add(IfNoneMatch, tag, "The ETag of the version you have. If it's still current, the response is 304.")
	}
}
