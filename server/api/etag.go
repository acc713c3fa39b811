package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A resource is an answer that shows one thing as it is now.
type resource[T any] struct {
	ETag string `header:"ETag" doc:"Names this state of the resource." example:"\"mSxV0mKzYz8q3rGqR1bT\""`
	Body T
}

func (r *resource[T]) tag() string { return r.ETag }

func resourceOf[T any](v T) *resource[T] { return &resource[T]{etagOf(v), v} }

// etagOf is the entity tag of what is shown. If that has a part that changes
// by being used, lasting is the rest.
func etagOf(v any) string {
	if u, ok := v.(interface{ lasting() any }); ok {
		v = u.lasting()
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // no answer could be written either
	}
	sum := sha256.Sum256(data)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// compressedTag ends the entity tag of an answer that was compressed.
const compressedTag = `-gzip"`

// tags are the entity tags that a header lists.
func tags(header http.Header, name string) []string {
	var all []string
	for _, one := range strings.Split(strings.Join(header.Values(name), ","), ",") {
		one = strings.TrimSpace(one)
		if whole, ok := strings.CutSuffix(one, compressedTag); ok {
			one = whole + `"`
		}
		all = append(all, one)
	}
	return all
}

const (
	ifMatch     = "If-Match"
	ifNoneMatch = "If-None-Match"
)

// matches refuses a change if the request says of which state it is to be, and
// the resource isn't in that state any more.
func (c call) matches(current any) error {
	if c.header.Get(ifMatch) == "" {
		return nil
	}
	all := tags(c.header, ifMatch)
	if slices.Contains(all, "*") || slices.Contains(all, etagOf(current)) {
		return nil
	}
	return fault.New(fault.PreconditionFailed, "This has been changed by somebody else. Get it again and repeat your change.")
}

// unchanged is how huma answers 304: an error, if the client has what is shown.
func (c call) unchanged(out any) error {
	shown, ok := out.(interface{ tag() string })
	if !ok || c.op.Method != http.MethodGet && c.op.Method != http.MethodHead || c.header.Get(ifNoneMatch) == "" {
		return nil
	}
	for _, tag := range tags(c.header, ifNoneMatch) {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == shown.tag() {
			return huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {shown.tag()}})
		}
	}
	return nil
}

// parameters adds the headers that operations of a method have in common.
func parameters[Out any](op *huma.Operation) {
	add := func(name, example, doc string) {
		low, high := 1, 255
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: name, In: "header", Description: doc, Example: example,
			Schema: &huma.Schema{Type: huma.TypeString, MinLength: &low, MaxLength: &high},
		})
	}
	const tag = `"mSxV0mKzYz8q3rGqR1bT"`
	_, tagged := any(new(Out)).(interface{ tag() string })
	switch {
	case op.Method == http.MethodPost:
		add(nameHeader, "job-4711", "A name of your own for the request. Sent again within 24 hours with the same key, it's done once and gets the same answer; a different request is refused as `idempotency_key_reused`.")
	case op.Method == http.MethodPut, op.Method == http.MethodPatch:
		add(ifMatch, tag, "The ETag of the state that you want to change. If the resource has changed since, the answer is 412.")
	case tagged:
		add(ifNoneMatch, tag, "The ETag of the state that you have. If it's still the current one, the answer is 304.")
	}
}
