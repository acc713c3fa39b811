// Package strict checks requests against the OpenAPI document before huma sees them,
// and reports every invalid field.
package strict

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// MaxBody is the largest body of most requests in bytes. Operations with a larger one
// set their own.
const MaxBody = 64 << 10

// Read checks the request against the document before huma does. It returns problems of
// single fields as faults and removes those fields, so the operation can find more
// problems. The fingerprint is a hash of the whole request. The error is a fault of the
// whole request.
func Read(doc *huma.OpenAPI, op *huma.Operation, ctx echo.Context) (faults []*fault.Fault, fingerprint []byte, err error) {
	r := reader{schemas: doc.Components.Schemas}
	if err := r.path(op, ctx); err != nil {
		return nil, nil, err
	}
	r.query(op, ctx.Request())
	r.headers(op, ctx.Request().Header)
	body, err := r.body(op, ctx.Request())
	if err != nil {
		return nil, nil, err
	}
	return r.faults, hash(op, ctx.Request(), body), nil
}

// Value checks another value against a schema, as Read does with bodies. Its numbers
// have the type [json.Number]. It returns the valid part, and a fault for each invalid
// field.
func Value(schemas huma.Registry, s *huma.Schema, v any) (any, []*fault.Fault) {
	r := reader{schemas: schemas}
	out, _ := r.read(s, "", v)
	return out, r.faults
}

// path refuses impossible names in the path.
func (r *reader) path(op *huma.Operation, ctx echo.Context) error {
	for _, p := range op.Parameters {
		if p.In == "path" && !(&reader{}).parameter(p, "", ctx.Param(p.Name)) {
			return fault.New(fault.NotFound, "There's nothing at this URL.")
		}
	}
	return nil
}

// query reads the operation's query parameters, each once.
func (r *reader) query(op *huma.Operation, req *http.Request) {
	values, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		r.refuse("", fault.Invalid, "The query isn't encoded as a form.")
	}
	known := map[string]*huma.Param{}
	for _, p := range op.Parameters {
		if p.In == "query" {
			known[p.Name] = p
		}
	}
	for _, name := range sorted(values) {
		at, p := "/"+name, known[name]
		ok := false
		switch {
		case p == nil:
			r.unknown("", name)
		case len(values[name]) > 1:
			r.invalid(at, "Send this parameter once.")
		case values[name][0] == "" && !p.Required:
		default:
			ok = r.parameter(p, at, values[name][0])
		}
		if !ok {
			values.Del(name)
		}
	}
	for name, p := range known {
		if _, sent := req.URL.Query()[name]; p.Required && !sent {
			r.invalid("/"+name, "Send this parameter. It's required.")
		}
	}
	req.URL.RawQuery = values.Encode()
}

// headers reads the operation's headers.
func (r *reader) headers(op *huma.Operation, header http.Header) {
	for _, p := range op.Parameters {
		if p.In != "header" || len(header.Values(p.Name)) == 0 {
			continue
		}
		if !r.parameter(p, "/"+p.Name, header.Get(p.Name)) {
			header.Del(p.Name)
		}
	}
}

// body reads the body and replaces it with its valid part.
func (r *reader) body(op *huma.Operation, req *http.Request) ([]byte, error) {
	if op.RequestBody == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(req.Body, op.MaxBodyBytes+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > op.MaxBodyBytes:
		return nil, fault.New(fault.TooLarge, "A request can have up to %d bytes.", op.MaxBodyBytes)
	case len(data) == 0 && !op.RequestBody.Required:
		return nil, nil
	}
	schema, err := schemaOf(op, req.Header)
	if err != nil {
		return nil, err
	}
	v, duplicates, err := decode(data)
	if err != nil {
		return nil, err
	}
	for _, at := range duplicates {
		r.invalid(at, "Send this field once.")
	}
	value, ok := r.read(schema, "", v)
	if !ok {
		return nil, r.faults[len(r.faults)-1]
	}
	if data, err = json.Marshal(value); err != nil {
		return nil, err
	}
	req.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return data, nil
}

// schemaOf returns the schema of a body by media type.
func schemaOf(op *huma.Operation, header http.Header) (*huma.Schema, error) {
	if !slices.Contains([]string{"", "identity"}, strings.ToLower(header.Get("Content-Encoding"))) {
		return nil, fault.New(fault.UnsupportedMedia, "Send the request without a Content-Encoding.")
	}
	kind, params, err := mime.ParseMediaType(header.Get(echo.HeaderContentType))
	media := op.RequestBody.Content[kind]
	if err != nil || media == nil || !strings.EqualFold(cmp.Or(params["charset"], "utf-8"), "utf-8") {
		return nil, fault.New(fault.UnsupportedMedia, "Send Content-Type: %s.", strings.Join(sorted(op.RequestBody.Content), " or "))
	}
	return media.Schema, nil
}

// hash returns the fingerprint of a request.
func hash(op *huma.Operation, req *http.Request, body []byte) []byte {
	sum := sha256.New()
	for _, part := range []string{op.OperationID, req.URL.EscapedPath(), req.URL.RawQuery, string(body)} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	return sum.Sum(nil)
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
