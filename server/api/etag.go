package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/api/compress"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A resource is a response with the current version of one resource.
type resource[T any] struct {
	ETag string `header:"ETag" doc:"Identifies this version of the resource." example:"\"mSxV0mKzYz8q3rGqR1bT\""`
	Body T
}

func (r *resource[T]) tag() string { return r.ETag }

func resourceOf[T any](v T) *resource[T] { return &resource[T]{etagOf(v), v} }

// etagOf returns the entity tag of a resource. If part of it changes by being used,
// lasting is the rest.
func etagOf(v any) string {
	if u, ok := v.(interface{ lasting() any }); ok {
		v = u.lasting()
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // the response couldn't be written either
	}
	sum := sha256.Sum256(data)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// tags returns the entity tags in a header.
func tags(header http.Header, name string) []string {
	var all []string
	for _, one := range strings.Split(strings.Join(header.Values(name), ","), ",") {
		one = strings.TrimSpace(one)
		if whole, ok := strings.CutSuffix(one, compress.Tag); ok {
			one = whole + `"`
		}
		all = append(all, one)
	}
	return all
}

// matches refuses a change if the request names a version of the resource that is no
// longer current.
func (c call) matches(current any) error {
	if c.header.Get(openapi.IfMatch) == "" {
		return nil
	}
	all := tags(c.header, openapi.IfMatch)
	if slices.Contains(all, "*") || slices.Contains(all, etagOf(current)) {
		return nil
	}
	return fault.New(fault.PreconditionFailed, "The resource has changed since you read it. Get it again and repeat your change.")
}

// unchanged returns the error for a 304 if the client has the current version.
func (c call) unchanged(out any) error {
	shown, ok := out.(interface{ tag() string })
	if !ok || c.op.Method != http.MethodGet && c.op.Method != http.MethodHead || c.header.Get(openapi.IfNoneMatch) == "" {
		return nil
	}
	for _, tag := range tags(c.header, openapi.IfNoneMatch) {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == shown.tag() {
			return huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {shown.tag()}})
		}
	}
	return nil
}

// parameters adds the common headers of a method's operations.
func parameters[Out any](op *huma.Operation) {
	_, tagged := any(new(Out)).(interface{ tag() string })
	openapi.AddParameters(op, tagged)
}
