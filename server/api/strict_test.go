package api_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
)

// TestAPIBodies sends bodies that JSON libraries read in different ways, and checks that
// each invalid field is reported.
func TestAPIBodies(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	const link = "/setup-links"
	for _, tt := range []struct {
		path, body string
		want       []string // pointers and codes
	}{
		{link, `{"ADDRESS":"jane@example.com"}`, []string{"/ADDRESS unknown_field", "/address invalid"}},
		{link, `{"address":"jane@example.com","Address":"joe@example.com"}`, []string{"/Address unknown_field"}},
		{link, `{"address":"jane@example.com","address":"joe@example.com"}`, []string{"/address invalid"}},
		{link, `{"address":"jane@example.com","address":"jane@example.com"}`, []string{"/address invalid"}},
		{link, `{"address":"jane@example.com","\u0061ddress":"joe@example.com"}`, []string{"/address invalid"}},
		{link, `{"address":1}`, []string{"/address invalid"}},
		{link, `{"address":null}`, []string{"/address invalid"}},
		{link, `{"address":"jane@example.com","expires_in":59}`, []string{"/expires_in invalid"}},
		{link, `{"address":"jane@example.com","expires_in":3600.5}`, []string{"/expires_in invalid"}},
		{link, `{"address":"jane@example.com","expires_in":1e999}`, []string{"/expires_in invalid"}},
		{link, `{"address":"jane@example.com","expires_in":"3600"}`, []string{"/expires_in invalid"}},
		{link, `{"address":"jane@example.com","expires_in":99999999999999999999999}`, []string{"/expires_in invalid"}},
		{link, `{"address":"jane","nope":1,"also/no~pe":2,"variant":"x","max_downloads":true,"locale":"de_DE"}`,
			[]string{" unknown_field", "/max_downloads invalid", "/nope unknown_field", "/variant invalid", "/address address_malformed"}},
		{link, `{"address":"jane@example.com","nope":1,"locale":"de_DE","name":"www.evil.example"}`,
			[]string{"/nope unknown_field", "/name invalid", "/locale invalid"}},
		{link, `{}`, []string{"/address invalid"}},
		{link, `[]`, nil},
		{"/domains", `{"name":1,"imap":"imap.example.com:25","policy":"maybe"}`, []string{"/name invalid", "/policy invalid", "/smtp invalid", "/imap invalid"}},
		{"/policies", `{"name":"a\u202eb","min_length":3,"max_failed_attempts":10}`, []string{"/min_length invalid", "/auto_lock_minutes invalid", "/name name_invalid"}},
		{"/keys", `{"name":"","scopes":["domains:read","all"],"domains":["no host"],"networks":["x"]}`,
			[]string{"/name invalid", "/scopes/1 invalid", "/networks invalid", "/domains invalid"}},
		{"/webhooks", `{"url":"ftp://x","events":["link.opened","x"]}`, []string{"/events/1 invalid", "/url invalid"}},
		{"/redirect-keys", `{"name":1,"public_key":"x","domains":["no host"]}`, []string{"/name invalid", "/public_key invalid", "/domains invalid"}},
		{"/profiles", `{"address":"jane","platform":"tv","login":"a\u202eb"}`, []string{"/platform invalid", "/address address_malformed", "/login invalid"}},
		{"/revoke-setup-links", `{"x":1}`, []string{"/x unknown_field", "/address invalid"}},
		{"/domains/example.com/check", `{"x":1}`, []string{"/x unknown_field"}},
	} {
		a := c.Want(t, 422, "POST", tt.path, tt.body)
		if got := servertest.ErrorsOf(t, a); !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: got %q, want %q", tt.path, tt.body, got, tt.want)
		}
		wantNoGo(t, a, tt.body)
	}
	for _, body := range []string{``, ` `, `{`, `{"address":"jane@example.com"} x`, `{"address":"jane@example.com"}{}`, "{\"address\":\"\xff\"}", `{"address":"jane@example.com",}`, `{'a':1}`, "\ufeff{}", `{"a":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}`} {
		wantNoGo(t, c.Want(t, 400, "POST", link, body), body)
	}
	for _, body := range []string{
		`{"address":"jane@example.com","expires_in":3600.0}`,
		`{"address":"jane@example.com","expires_in":3.6e3,"max_downloads":1e0}`,
		` {"\u0061ddress":"jane@example.com"} `,
	} {
		c.Want(t, 201, "POST", link, body)
	}
}

// goWords are words in error messages of Go's libraries.
var goWords = regexp.MustCompile(`json:|Go |struct|unmarshal|int64|float64|invalid character|strconv|looking for|number [0-9.]+`)

func wantNoGo(t *testing.T, a servertest.Answer, body string) {
	t.Helper()
	if found := goWords.Find(a.Body); found != nil {
		t.Errorf("%s: the answer has %q in %s", body, found, a.Body)
	}
}

// TestAPIQueries checks that all invalid query parameters are reported at once.
func TestAPIQueries(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	for path, want := range map[string][]string{
		"/setup-links?limit=0": {"/limit invalid"},
		"/setup-links?limit=x&state=new&cursor=!&domain=no%20host": {"/limit invalid", "/state invalid", "/domain invalid", "/cursor invalid"},
		"/setup-links?limit=1.0":                                   {"/limit invalid"},
		"/setup-links?limit=1&limit=2":                             {"/limit invalid"},
		"/setup-links?Limit=1":                                     {"/Limit unknown_field"},
		"/setup-links?%zz":                                         nil,
		"/domains?x=1&y=2":                                         {"/x unknown_field", "/y unknown_field"},
		"/actions?from=now&to=2026-01-01&mailbox=x&ip=y&cursor=z":  {"/from invalid", "/to invalid", "/mailbox address_malformed", "/ip invalid", "/cursor invalid"},
		"/actions?action=x":                                        {"/action invalid"},
		"/actions/export?x=1":                                      {"/x unknown_field"},
		"/domains/example.com/settings":                            {"/address invalid"},
		"/domains/example.com/settings?address=x&x=1":              {"/x unknown_field"},
		"/keys?x=" + "a":                                           {"/x unknown_field"},
	} {
		a := c.Want(t, 422, "GET", path, "")
		if got := servertest.ErrorsOf(t, a); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
		wantNoGo(t, a, path)
	}
	c.Want(t, 422, "POST", "/setup-links?x=1", `{"address":"jane@example.com"}`)
	c.Want(t, 200, "GET", "/setup-links?limit=1&cursor=&state=", "")
}

// TestAPILengths checks that lengths are counted in characters, as documented.
func TestAPILengths(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	name := func(n int) string { return string(slices.Repeat([]rune{'ü'}, n)) }
	const pem = `"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAQ8enBb+ZNG0DqTsEqXEUgxrbiPB14feWgHhRD5qU4zQ=\n-----END PUBLIC KEY-----\n"`
	for n, status := range map[int]int{100: 201, 101: 422} {
		c.Want(t, status, "POST", "/setup-links", `{"address":"jane@example.com","external_id":"`+name(n)+`"}`)
		c.Want(t, status, "POST", "/keys", `{"name":"`+name(n)+`","scopes":["keys:read"]}`)
		c.Want(t, status, "POST", "/redirect-keys", `{"name":"`+name(n)+`","public_key":`+pem+`}`)
	}
}
