package server_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// allScopes are the scopes as words.
func allScopes() []string {
	var out []string
	for _, s := range account.Scopes() {
		out = append(out, string(s))
	}
	return out
}

// newKey makes a key as the command line does.
func newKey(t *testing.T, database string, spec account.KeySpec) string {
	t.Helper()
	if spec.Account == "" {
		spec.Account = account.Default
	}
	if spec.Name == "" {
		spec.Name = "panel"
	}
	kept := storetest.Open(t, store.Config{Database: database})
	_, key, err := account.NewKeys(kept, time.Now).Create(t.Context(), audit.Actor{Kind: audit.Operator, Interface: audit.CommandLine}, spec)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A client calls the API with a key.
type client struct {
	s   *servertest.Server
	key string
}

func (c client) do(method, path, body string) servertest.Answer {
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.key}}
	return c.s.Do(method, "/api/v1"+path, header, body)
}

// want is do, and a status.
func (c client) want(t *testing.T, status int, method, path, body string) servertest.Answer {
	t.Helper()
	a := c.do(method, path, body)
	if a.Status != status {
		t.Errorf("%s %s %s: %d %s, want %d", method, path, body, a.Status, a.Body, status)
	}
	return a
}

func codeOf(t *testing.T, a servertest.Answer) string {
	t.Helper()
	var p struct{ Type, Title, Detail, Code, Instance string }
	if err := json.Unmarshal(a.Body, &p); err != nil || p.Title == "" || p.Detail == "" || p.Type != "about:blank" || !strings.HasPrefix(p.Instance, "urn:mobileconfig:req_") {
		t.Errorf("no problem: %v %s", err, a.Body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	return p.Code
}

func TestAPIDomains(t *testing.T) {
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
		a := c.want(t, 201, "POST", "/domains", `{"name":"Bücher.example","imap":"imap.bücher.example","smtp":"smtp.bücher.example:587/starttls","policy":"offered"}`)
		var d struct{ Name, IMAP, SMTP, Policy string }
		if err := json.Unmarshal(a.Body, &d); err != nil || d.Name != "xn--bcher-kva.example" || d.IMAP != "imap.xn--bcher-kva.example:993" || d.SMTP != "smtp.xn--bcher-kva.example:587/starttls" || d.Policy != "offered" {
			t.Errorf("%v %s", err, a.Body)
		}
		if strings.Contains(string(a.Body), "$schema") {
			t.Error("$schema in the answer")
		}
		if code := codeOf(t, c.want(t, 409, "POST", "/domains", `{"name":"xn--bcher-kva.example","imap":"a.example","smtp":"b.example"}`)); code != "conflict" {
			t.Error(code)
		}
		c.want(t, 200, "GET", "/domains/bücher.example", "")
		c.want(t, 200, "PUT", "/domains/xn--bcher-kva.example", `{"imap":"new.example.com","smtp":"new.example.com"}`)
		if a := c.want(t, 200, "GET", "/domains", ""); !bytes.Contains(a.Body, []byte("new.example.com:993")) || !bytes.Contains(a.Body, []byte(`"example.com"`)) {
			t.Errorf("%s", a.Body)
		}
		if a := c.want(t, 200, "GET", "/domains/example.com/settings?address=Jane@example.com", ""); !bytes.Contains(a.Body, []byte(`"user_name":"Jane@example.com"`)) || !bytes.Contains(a.Body, []byte(`"port":993`)) {
			t.Errorf("%s", a.Body)
		}
		c.want(t, 204, "DELETE", "/domains/xn--bcher-kva.example", "")
		c.want(t, 404, "GET", "/domains/xn--bcher-kva.example", "")
		link := s.Link("jane@example.com")
		s.Ticket(link, "mail")
		c.want(t, 204, "DELETE", "/domains/example.com", "")
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
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := client{s, newKey(t, database, account.KeySpec{Scopes: []string{"profiles:write"}})}
		a := c.want(t, 200, "POST", "/profiles", `{"address":"Jane.Doe@example.com","name":"Jane Doe","variant":"secure"}`)
		if got := a.Header.Get("Content-Type"); got != "application/x-apple-aspen-config" {
			t.Errorf("content type %q", got)
		}
		content := s.Content(a.Body)
		page := s.Content(s.Get(s.Ticket(s.Post("/start", "address", "Jane.Doe@example.com", "name", "Jane Doe").Location(), "secure")).Body)
		if !bytes.Equal(content, page) {
			t.Error("the API and the page give one mailbox two profiles")
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
			`{"address":"jane@example.com","password":"x"}`:                      "password_refused",
			`{"address":"jane@example.com","imapPassword":"x"}`:                  "password_refused",
			`{"address":"jane@example.com","host":"evil.example"}`:               "invalid",
			`{}`: "invalid",
		} {
			if code := codeOf(t, c.want(t, 422, "POST", "/profiles", body)); code != want {
				t.Errorf("%s: %s, want %s", body, code, want)
			}
		}
		for _, body := range []string{"", "nonsense", `{"address":`, `[]`, `null`, `{"address":1}`} {
			if a := c.do("POST", "/profiles", body); a.Status < 400 || a.Status >= 500 {
				t.Errorf("%q: %d", body, a.Status)
			}
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("a refused profile changed the database")
		}
	})
}

// TestAPIScopes walks over every operation with a key that lacks just its
// scope, and with one that has it.
func TestAPIScopes(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	operations := operations(t, s)
	if len(operations) < 16 {
		t.Fatalf("%d operations", len(operations))
	}
	for _, op := range operations {
		path := strings.TrimPrefix(filled(op.path, ""), "/api/v1")
		lacking := slices.DeleteFunc(allScopes(), func(name string) bool { return name == op.scope })
		without, with := client{s, newKey(t, database, account.KeySpec{Scopes: lacking})}, client{s, newKey(t, database, account.KeySpec{Scopes: []string{op.scope}})}
		if code := codeOf(t, without.want(t, 403, op.method, path, "{}")); code != "forbidden" {
			t.Errorf("%s %s: %s", op.method, path, code)
		}
		if a := with.do(op.method, path, "{}"); a.Status == 403 || a.Status == 401 || a.Status >= 500 {
			t.Errorf("%s %s with %s: %d", op.method, path, op.scope, a.Status)
		}
		nobody := client{s, "mck_nonsense"}
		if a := nobody.want(t, 401, op.method, path, "{}"); codeOf(t, a) != "unauthorized" || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s without a key: %s", op.method, path, a.Body)
		}
	}
}

// filled is the path of an operation with names in it: those of things that may
// be there, or the same for all.
func filled(path, all string) string {
	names := []string{"{domain}", "example.com", "{id}", "key_x", "{policy}", "pol_x"}
	for i := 1; i < len(names) && all != ""; i += 2 {
		names[i] = all
	}
	return strings.NewReplacer(names...).Replace(path)
}

// unhurried has the clock run on with every look at it, so that no limit on
// requests in a minute is ever reached.
func unhurried(c *server.Config) {
	var looks atomic.Int64
	begin := time.Now()
	c.Now = func() time.Time { return begin.Add(time.Duration(looks.Add(1)) * 100 * time.Millisecond) }
}

// TestAPIPathParameters wants every operation to read what its path names.
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

// operations reads the API's own document.
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
			if op.Scope == "" || len(op.Security) == 0 {
				t.Errorf("%s %s needs no scope", method, path)
			}
			out = append(out, described{strings.ToUpper(method), path, op.Scope})
		}
	}
	return out
}

func TestAPIKeys(t *testing.T) {
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		parent := client{s, newKey(t, database, account.KeySpec{Scopes: []string{"keys:read", "keys:write", "domains:read"}, Domains: []string{"example.com"}})}
		a := parent.want(t, 201, "POST", "/keys", `{"name":"child","scopes":["domains:read"],"domains":["example.com"],"expires_in":3600}`)
		var made struct{ ID, Key string }
		if err := json.Unmarshal(a.Body, &made); err != nil || !strings.HasPrefix(made.Key, "mck_") {
			t.Fatalf("%v %s", err, a.Body)
		}
		child := client{s, made.Key}
		child.want(t, 200, "GET", "/domains/example.com", "")
		if code := codeOf(t, child.want(t, 403, "GET", "/domains/other.example", "")); code != "forbidden" {
			t.Error(code)
		}
		child.want(t, 403, "GET", "/keys", "")
		for _, body := range []string{
			`{"name":"x","scopes":["profiles:write"],"domains":["example.com"]}`,
			`{"name":"x","scopes":["domains:read"]}`,
			`{"name":"x","scopes":["domains:read"],"domains":["other.example"]}`,
		} {
			parent.want(t, 403, "POST", "/keys", body)
		}
		parent.want(t, 422, "POST", "/keys", `{"name":"x","scopes":["root"],"domains":["example.com"]}`)
		list := parent.want(t, 200, "GET", "/keys", "")
		if bytes.Contains(list.Body, []byte(made.Key[20:])) || bytes.Contains(list.Body, []byte("hash")) || !bytes.Contains(list.Body, []byte(made.ID)) {
			t.Errorf("list: %s", list.Body)
		}
		if dump := storetest.Dump(t, database); strings.Contains(dump, made.Key[20:]) {
			t.Error("the key is in the database")
		}
		mighty := newKey(t, database, account.KeySpec{Scopes: allScopes()})
		parent.want(t, 403, "POST", "/keys/key_"+mighty[4:20]+"/revoke", "")
		client{s, mighty}.want(t, 200, "GET", "/domains", "")
		parent.want(t, 204, "POST", "/keys/"+made.ID+"/revoke", "")
		child.want(t, 401, "GET", "/domains/example.com", "")
		parent.want(t, 404, "POST", "/keys/"+made.ID+"/revoke", "")
	})
}

// TestKeyEnds wants expired keys, and keys from elsewhere, refused.
func TestKeyEnds(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		now := time.Now()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = func() time.Time { return now } })
		short := client{s, newKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}, Life: time.Hour})}
		away := client{s, newKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})}
		here := client{s, newKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}, Networks: loopback(t)})}
		short.want(t, 200, "GET", "/domains", "")
		here.want(t, 200, "GET", "/domains", "")
		away.want(t, 401, "GET", "/domains", "")
		now = now.Add(time.Hour + time.Minute)
		short.want(t, 401, "GET", "/domains", "")
		here.want(t, 200, "GET", "/domains", "")
	})
}

// TestAPICanary plants what could be a secret in every field, known and
// unknown, of every operation.
func TestAPICanary(t *testing.T) {
	const canary = "hunter2-CANARY-7361945"
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, unhurried)
		c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
		var seen int
		for _, op := range operations(t, s) {
			if op.method == "DELETE" {
				continue
			}
			for _, name := range []string{"password", canary, "address", "imap", "smtp", "variant", "caldav", "carddav", "platform", "scopes", "domains", "networks", "expires_in",
				"policy_id", "display_name", "help_text", "sign_in_hint", "login", "platforms", "min_length", "max_failed_attempts"} {
				for _, value := range []string{`"` + canary + `"`, `["` + canary + `"]`, `{"` + canary + `":1}`} {
					body := `{"` + name + `":` + value + `}`
					for _, path := range []string{filled(op.path, ""), filled(op.path, canary) + "?address=" + canary + "&login=" + canary} {
						a := c.do(op.method, strings.TrimPrefix(path, "/api/v1"), body)
						seen++
						if a.Status >= 500 || a.Status == 429 {
							t.Errorf("%s %s %s: %d", op.method, path, body, a.Status)
						}
						if bytes.Contains(a.Body, []byte(canary)) {
							t.Errorf("%s %s %s: in the answer %s", op.method, path, body, a.Body)
						}
					}
				}
			}
		}
		wrong := client{s, "mck_" + canary}
		for _, path := range []string{"/domains", "/domains/" + canary, "/nowhere/" + canary} {
			if a := wrong.do("GET", path, ""); bytes.Contains(a.Body, []byte(canary)) {
				t.Errorf("a wrong key or a path in the answer: %s", a.Body)
			}
		}
		if strings.Contains(s.Log.String(), canary) || strings.Contains(storetest.Dump(t, database), canary) {
			t.Error("in log or database")
		}
		t.Logf("%d requests", seen)
	})
}

// TestAPIMalformed sends spoilt bodies to every operation that takes one: a
// problem each time, never a failure of the server.
func TestAPIMalformed(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, unhurried)
	c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
	random := rand.New(rand.NewPCG(1, 2))
	good := []string{
		`{"address":"jane@example.com","name":"Jane","variant":"secure"}`,
		`{"name":"new.example","imap":"imap.example.com","smtp":"smtp.example.com","policy":"offered"}`,
		`{"name":"x","scopes":["keys:read"],"domains":["example.com"],"expires_in":60}`,
		`{"name":"x","min_length":6,"max_failed_attempts":10,"auto_lock_minutes":5,"alphanumeric":true}`,
		`{"imap":"a.example","smtp":"b.example","display_name":"x","help_text":"x","login":"given","platforms":["mac"],"policy_id":"standard","caldav":"c.example","carddav":"d.example:8443"}`,
	}
	pieces := []string{"{", "}", "[", "]", ",", ":", `"`, "\\", "null", "1e999", "-1", `"\ud800"`, "\xff", "\x00", "NaN", `{"a":`, strings.Repeat("[", 2000), strings.Repeat("9", 500)}
	var sent int
	for _, op := range operations(t, s) {
		if op.method != "POST" && op.method != "PUT" {
			continue
		}
		path := strings.TrimPrefix(filled(op.path, ""), "/api/v1")
		for range 400 {
			body := good[random.IntN(len(good))]
			for range 1 + random.IntN(3) {
				at := random.IntN(len(body))
				end := min(len(body), at+random.IntN(3))
				body = body[:at] + pieces[random.IntN(len(pieces))] + body[end:]
			}
			sent++
			if a := c.do(op.method, path, body); a.Status >= 500 || a.Status == 429 || a.Status >= 400 && a.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%s %s %.300q: %d %s", op.method, path, body, a.Status, a.Body)
			}
		}
	}
	t.Logf("%d requests", sent)
}
