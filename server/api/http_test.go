package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestAPISpellings sends requests in the spellings of different clients.
func TestAPISpellings(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	for scheme, status := range map[string]int{"Bearer ": 200, "bearer ": 200, "BEARER ": 200, "Bearer  ": 200, "Basic ": 401, "": 401, "Bearer": 401} {
		if a := s.Do("GET", "/api/v1/domains", http.Header{"Authorization": {scheme + c.Key}}, ""); a.Status != status {
			t.Errorf("%q: %d", scheme, a.Status)
		}
	}
	const body = `{"address":"jane@example.com"}`
	for kind, status := range map[string]int{
		"application/json": 201, "Application/JSON": 201, "application/json; charset=utf-8": 201, `application/json;Charset="UTF-8"`: 201,
		"": 415, "text/plain": 415, "application/vnd.api+json": 415, "application/x-www-form-urlencoded": 415, "application/json; charset=latin1": 415,
		"application/merge-patch+json": 415, "json": 415, "application/json;": 201, "application/json, text/plain": 415,
	} {
		header := http.Header{"Authorization": {"Bearer " + c.Key}}
		if kind != "" {
			header.Set("Content-Type", kind)
		}
		a := s.Do("POST", "/api/v1/setup-links", header, body)
		if a.Status != status || status == 415 && servertest.CodeOf(t, a) != "unsupported_media_type" {
			t.Errorf("%q: %d %s", kind, a.Status, a.Body)
		}
	}
	for _, kind := range []string{"application/merge-patch+json", "Application/Merge-Patch+JSON", "application/json"} {
		if a := s.Do("PATCH", "/api/v1/domains/example.com", http.Header{"Authorization": {"Bearer " + c.Key}, "Content-Type": {kind}}, `{"help_text":"x"}`); a.Status != 200 {
			t.Errorf("%s: %d %s", kind, a.Status, a.Body)
		}
	}
	for encoding, status := range map[string]int{"gzip": 415, "identity": 201, "br": 415, "gzip, identity": 415} {
		a := send(c, "POST", "/setup-links", "Content-Encoding", encoding, body)
		if a.Status != status || status == 415 && a.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %d %s", encoding, a.Status, a.Body)
		}
	}
	for _, path := range []string{"/keys/", "/policies/", "/setup-links/", "/webhooks/", "/redirect-keys/", "/domains/"} {
		c.Want(t, 404, "GET", path+strings.Repeat("a", 300), "")
	}
}

// TestAPIHead sends HEAD for every GET operation.
func TestAPIHead(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	before := storetest.Column(t, database, `SELECT seq FROM actions`)
	heads := 0
	for _, op := range operations(t, s) {
		if op.method != "GET" {
			continue
		}
		path := strings.TrimPrefix(filled(op.path, ""), "/api/v1")
		if strings.HasSuffix(path, "/settings") {
			path += "?address=jane@example.com"
		}
		head, get := c.Do("HEAD", path, ""), servertest.Answer{}
		if path != "/actions/export" {
			get = c.Do("GET", path, "")
		} else {
			get.Status = 200
		}
		if head.Status != get.Status || len(head.Body) > 0 {
			t.Errorf("HEAD %s: %d %s, GET: %d", path, head.Status, head.Body, get.Status)
		}
		if nobody := s.Do("HEAD", "/api/v1"+path, nil, ""); nobody.Status != 401 {
			t.Errorf("HEAD %s without a key: %d", path, nobody.Status)
		}
		heads++
	}
	if heads < 20 {
		t.Errorf("%d operations", heads)
	}
	if after := storetest.Column(t, database, `SELECT seq FROM actions`); len(after) != len(before) {
		t.Error("a HEAD left an action")
	}
	for _, path := range []string{"/api/v1/openapi.json", "/api/v1/openapi-3.0.json", "/api/docs"} {
		if a := s.Do("HEAD", path, nil, ""); a.Status != 200 {
			t.Errorf("HEAD %s: %d", path, a.Status)
		}
	}
}

// TestAPICompresses checks that responses above 1 KiB are compressed for clients that
// accept it, and that every response has a Request-Id.
func TestAPICompresses(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	c.SetDomain(t, `"help_text":"`+strings.Repeat("Call us. ", 55)+`","sign_in_hint":"`+strings.Repeat("x", 199)+`"`)
	for i := range 10 {
		c.Want(t, 201, "POST", "/setup-links", fmt.Sprintf(`{"address":"person%d@example.com"}`, i))
	}
	for path, large := range map[string]bool{
		"/setup-links": true, "/setup-links?limit=1": false, "/openapi.json": true, "/actions/export": true, "/domains/example.com": true,
		"/domains/none.example": false, "/identity": false,
	} {
		plain := send(c, "GET", path, "Accept-Encoding", "identity", "")
		if plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: encoded unasked, or Vary %s", path, plain.Header.Get("Vary"))
		}
		a := send(c, "GET", path, "Accept-Encoding", "br;q=1, GZIP; q=0.5", "")
		if got := a.Header.Get("Content-Encoding") == "gzip"; got != large {
			t.Errorf("%s of %d bytes: compressed %v", path, len(plain.Body), got)
			continue
		}
		if large && path != "/actions/export" { // exports are recorded as actions
			r, err := gzip.NewReader(bytes.NewReader(a.Body))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, plain.Body) {
				t.Errorf("%s: %v, other bytes", path, err)
			}
		}
		if refused := send(c, "GET", path, "Accept-Encoding", "gzip;q=0", ""); refused.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: compressed for a client that doesn't accept it", path)
		}
		if tag := a.Header.Get("ETag"); large && tag != "" {
			if patched := send(c, "PATCH", path, "If-Match", tag, `{}`); tag == plain.Header.Get("ETag") || patched.Status != 200 {
				t.Errorf("%s: ETag %s, as If-Match: %d %s", path, tag, patched.Status, patched.Body)
			}
		}
		if id := a.Header.Get("Request-Id"); !strings.HasPrefix(id, "req_") || id == plain.Header.Get("Request-Id") {
			t.Errorf("%s: Request-Id %s", path, id)
		}
	}
	for _, path := range []string{"/api/v1/nowhere", "/api/v1/keys/%00", "/api/v1/domains", "/api/v1/openapi.json"} {
		if id := s.Get(path).Header.Get("Request-Id"); !strings.HasPrefix(id, "req_") {
			t.Errorf("%s: Request-Id %q", path, id)
		}
	}
}
