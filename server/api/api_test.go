package api_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestAPIDomains(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		a := c.Want(t, 201, "POST", "/domains", `{"name":"Bücher.example","imap":"imap.bücher.example","smtp":"smtp.bücher.example:587/starttls","policy":"offered"}`)
		var d struct{ Name, IMAP, SMTP, Policy string }
		if err := json.Unmarshal(a.Body, &d); err != nil || d.Name != "xn--bcher-kva.example" || d.IMAP != "imap.xn--bcher-kva.example:993" || d.SMTP != "smtp.xn--bcher-kva.example:587/starttls" || d.Policy != "offered" {
			t.Errorf("%v %s", err, a.Body)
		}
		if strings.Contains(string(a.Body), "$schema") {
			t.Error("$schema in the answer")
		}
		if code := servertest.CodeOf(t, c.Want(t, 409, "POST", "/domains", `{"name":"xn--bcher-kva.example","imap":"a.example","smtp":"b.example"}`)); code != "conflict" {
			t.Error(code)
		}
		c.Want(t, 200, "GET", "/domains/bücher.example", "")
		c.Want(t, 200, "PUT", "/domains/xn--bcher-kva.example", `{"imap":"new.example.com","smtp":"new.example.com"}`)
		if a := c.Want(t, 200, "GET", "/domains", ""); !bytes.Contains(a.Body, []byte("new.example.com:993")) || !bytes.Contains(a.Body, []byte(`"example.com"`)) {
			t.Errorf("%s", a.Body)
		}
		if a := c.Want(t, 200, "GET", "/domains/example.com/settings?address=Jane@example.com", ""); !bytes.Contains(a.Body, []byte(`"user_name":"Jane@example.com"`)) || !bytes.Contains(a.Body, []byte(`"port":993`)) {
			t.Errorf("%s", a.Body)
		}
		c.Want(t, 204, "DELETE", "/domains/xn--bcher-kva.example", "")
		c.Want(t, 404, "GET", "/domains/xn--bcher-kva.example", "")
		link := s.Link("jane@example.com")
		s.Ticket(link, "mail")
		c.Want(t, 204, "DELETE", "/domains/example.com", "")
		if got := s.Get(link); got.Status != 404 {
			t.Errorf("a link of a deleted domain: %d", got.Status)
		}
		dump := storetest.Dump(t, database)
		for _, name := range []string{"domain.create", "domain.update", "domain.delete", "key.create"} {
			if !strings.Contains(dump, name) {
				t.Errorf("no action %s", name)
			}
		}
	})
}

func TestAPIProfiles(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"profiles:write"}}))
		a := c.Want(t, 200, "POST", "/profiles", `{"address":"Jane.Doe@example.com","name":"Jane Doe","variant":"secure"}`)
		if got := a.Header.Get("Content-Type"); got != "application/x-apple-aspen-config" {
			t.Errorf("content type %q", got)
		}
		content := s.Content(a.Body)
		page := s.Content(s.Get(s.Ticket(s.Post("/start", "address", "Jane.Doe@example.com", "name", "Jane Doe").Location(), "secure")).Body)
		if !bytes.Equal(content, page) {
			t.Error("the API and the page create different profiles for one mailbox")
		}
		if dump := storetest.Dump(t, database); !strings.Contains(dump, "profile.issue") || !strings.Contains(dump, a.Header.Get("X-Profile-Sha256")) {
			t.Error("the profile has no action")
		}
		before := storetest.Fingerprint(t, database)
		for body, want := range map[string]string{
			`{"address":"jane"}`:                 "address_malformed",
			`{"address":"jane@foreign.example"}`: "address_foreign",
			`{"address":"jane@example.com","variant":"secure","platform":"mac"}`: "mac_policy_needs_mdm",
			`{"address":"jane@example.com","variant":"x"}`:                       "invalid",
			`{"address":"jane@example.com","name":"a\u202eb"}`:                   "invalid",
			`{"address":"jane@example.com","login":"a\u0000b"}`:                  "invalid",
			`{"address":"$EMAIL@example.com"}`:                                   "invalid",
			`{"address":"jane@example.com","login":"%Email%"}`:                   "invalid",
			`{"address":"jane@example.com","password":"x"}`:                      "password_refused",
			`{"address":"jane@example.com","imapPassword":"x"}`:                  "password_refused",
			`{"address":"jane@example.com","host":"evil.example"}`:               "invalid",
			`{}`: "invalid",
		} {
			if code := servertest.CodeOf(t, c.Want(t, 422, "POST", "/profiles", body)); code != want {
				t.Errorf("%s: %s, want %s", body, code, want)
			}
		}
		for _, body := range []string{"", "nonsense", `{"address":`, `[]`, `null`, `{"address":1}`} {
			if a := c.Do("POST", "/profiles", body); a.Status < 400 || a.Status >= 500 {
				t.Errorf("%q: %d", body, a.Status)
			}
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("a refused profile changed the database")
		}
	})
}

// TestAPIPathParameters checks that every operation reads its path parameters.
func TestAPIPathParameters(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	var document struct {
		Paths map[string]map[string]struct{ Parameters []struct{ Name, In string } }
	}
	if err := json.Unmarshal(s.Get("/api/v1/openapi.json").Body, &document); err != nil {
		t.Fatal(err)
	}
	var seen int
	for path, methods := range document.Paths {
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
			for method, op := range methods {
				seen++
				if !slices.Contains(op.Parameters, struct{ Name, In string }{m[1], "path"}) {
					t.Errorf("%s %s: %s is not read", method, path, m[1])
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d parameters", seen)
	}
}

type described struct{ method, path, scope string }

// operations reads the OpenAPI document.
func operations(t *testing.T, s *servertest.Server) []described {
	t.Helper()
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Scope    string `json:"x-scope"`
			Security []map[string][]string
		}
	}
	if err := json.Unmarshal(s.Get("/api/v1/openapi.json").Body, &document); err != nil || document.OpenAPI != "3.1.0" {
		t.Fatalf("%v, OpenAPI %q", err, document.OpenAPI)
	}
	var out []described
	for path, methods := range document.Paths {
		for method, op := range methods {
			if op.Scope == "" && path != "/api/v1/keys/current" || len(op.Security) == 0 {
				t.Errorf("%s %s needs no scope", method, path)
			}
			if path == "/api/v1/events/stream" { // its response doesn't end; see TestEventStream
				continue
			}
			out = append(out, described{strings.ToUpper(method), path, op.Scope})
		}
	}
	return out
}

// filled is the path of an operation with parameters filled in: IDs that may exist, or
// the same text for all.
func filled(path, all string) string {
	if all != "" {
		return strings.NewReplacer("{id}", all, "{delivery_id}", all).Replace(path)
	}
	return strings.NewReplacer("/domains/{id}", "/domains/example.com", "{id}", "key_x", "{delivery_id}", "dlv_x").Replace(path)
}
