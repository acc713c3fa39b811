package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// banner is the text on the setup page of a test link, and mark the prefix of its
// profiles' names.
const (
	banner = "TEST: this link is only for testing"
	mark   = "<string>TEST – "
)

// TestTestKey gets a profile with a test key, and one with another key.
func TestTestKey(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		all := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes(), Test: true}))
		if !strings.HasPrefix(all.Key, "mck_test_") {
			t.Error("the key does not say that it is a test")
		}
		wantTest(t, s, all, true)
		wantTest(t, s, servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})), false)
	})
}

// wantTest checks whether all profiles and pages of the key are marked, or none.
func wantTest(t *testing.T, s *servertest.Server, c servertest.Client, test bool) {
	t.Helper()
	for variant, marks := range map[string]int{"mail": 2, "secure": 2 + 1 + 12} { // name, description; the default consent and that of each language
		profile := s.Content(c.Want(t, 200, "POST", "/profiles", `{"address":"jane@example.com","variant":"`+variant+`"}`).Body)
		a := c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com"}`)
		l := servertest.LinkIn(t, a)
		download := s.Content(s.Get(s.Ticket(l.Path(), variant)).Body)
		if !test {
			marks = 0
		}
		for from, got := range map[string][]byte{"the API": profile, "a link": download} {
			if n := bytes.Count(got, []byte(mark)); n != marks {
				t.Errorf("%s from %s with a test key %v: %d marks, want %d", variant, from, test, n, marks)
			}
			if erases := bytes.Contains(got, []byte("maxFailedAttempts")); erases != (variant == "secure") {
				t.Errorf("%s from %s with a test key %v erases: %v", variant, from, test, erases)
			}
		}
		for _, agent := range []string{servertest.IPhone, "curl/8"} {
			for _, page := range []string{"", "/sheet"} {
				body := s.Do("GET", l.Path()+page, http.Header{"User-Agent": {agent}}, "").Body
				if bytes.Contains(body, []byte(banner)) != test {
					t.Errorf("the page %q as %s with a test key %v: %s", page, agent, test, body)
				}
			}
		}
		for _, a := range []servertest.Answer{a, c.Want(t, 200, "GET", "/setup-links/"+l.ID, "")} {
			var shown struct{ Test bool }
			if err := json.Unmarshal(a.Body, &shown); err != nil || shown.Test != test {
				t.Errorf("the link with a test key %v: %v %s", test, err, a.Body)
			}
		}
	}
}

// TestTestKeyLogged checks that the log marks the actions of a test key and its links, in
// the leaves of the tree.
func TestTestKeyLogged(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		test := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Name: "trial", Scopes: servertest.AllScopes(), Test: true}))
		l := servertest.LinkIn(t, test.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com"}`))
		s.Content(s.Get(s.Ticket(l.Path(), "mail")).Body)
		test.Want(t, 200, "POST", "/profiles", `{"address":"jane@example.com"}`)
		test.Want(t, 200, "POST", "/setup-links/"+l.ID+"/revoke", "")
		s.Content(s.Get(s.Ticket(s.Link("joe@example.com"), "mail")).Body)

		var read struct {
			Actions []struct {
				Action, Link string
				Actor        struct {
					Kind string
					Test bool
				}
				Changes []struct{ Field, New string }
			}
		}
		servertest.Decode(t, test.Want(t, 200, "GET", "/actions", ""), &read)
		seen := map[string]int{}
		for _, a := range read.Actions {
			said := false
			for _, c := range a.Changes {
				said = said || c.Field == "test" && c.New == "yes"
			}
			if a.Actor.Test != (a.Actor.Kind == "key") {
				t.Errorf("%s by a %s: test %v", a.Action, a.Actor.Kind, a.Actor.Test)
			}
			if want := a.Link == l.ID || a.Action == "key.create"; said != want {
				t.Errorf("%s of the link %q says that it is a test: %v, want %v", a.Action, a.Link, said, want)
			}
			seen[a.Action]++
		}
		for name, want := range map[string]int{"key.create": 1, "link.create": 2, "link.open": 2, "profile.download": 2, "profile.issue": 1, "link.revoke": 1} {
			if seen[name] != want {
				t.Errorf("%d of %s, want %d", seen[name], name, want)
			}
		}
		body := string(s.Owner("olga@example.com").Get("/panel/security/log?actor=kind:key").Body)
		if n := strings.Count(body, `<span class="tag">Test</span>`); n != 3 {
			t.Errorf("the panel's log says Test %d times, want 3", n)
		}
	})
}

// TestTestKeyListed checks that lists mark test keys and their links, and that a test key
// can't create or revoke other keys.
func TestTestKeyListed(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		live := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Name: "portal", Scopes: servertest.AllScopes()}))
		var made struct {
			ID, Key string
			Test    bool
		}
		servertest.Decode(t, live.Want(t, 201, "POST", "/keys", `{"name":"trial","scopes":["keys:read","keys:write","links:read","links:write"],"test":true}`), &made)
		if !made.Test || !strings.HasPrefix(made.Key, "mck_test_") {
			t.Errorf("made %+v", made)
		}
		test := servertest.NewClient(s, made.Key)
		if code := servertest.CodeOf(t, test.Want(t, 403, "POST", "/keys", `{"name":"x","scopes":["links:read"]}`)); code != "forbidden" {
			t.Error(code)
		}
		test.Want(t, 201, "POST", "/keys", `{"name":"x","scopes":["links:read"],"test":true}`)
		test.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com"}`)
		live.Want(t, 201, "POST", "/setup-links", `{"address":"joe@example.com"}`)
		for path, want := range map[string]int{"/keys": 2, "/setup-links": 1} {
			if n := bytes.Count(test.Want(t, 200, "GET", path, "").Body, []byte(`"test":true`)); n != want {
				t.Errorf("%s lists %d tests, want %d", path, n, want)
			}
		}
		owner := s.Owner("olga@example.com")
		for path, want := range map[string]int{"/panel/keys": 2, "/panel/links": 1} {
			if n := bytes.Count(owner.Get(path).Body, []byte(`<span class="tag">Test</span>`)); n != want {
				t.Errorf("%s shows %d tests, want %d", path, n, want)
			}
		}
		live.Want(t, 200, "POST", "/keys/"+made.ID+"/revoke", "")
		test.Want(t, 401, "GET", "/keys", "")
	})
}

// TestTestKeySpelling checks that only one spelling of a key works: a test key with the
// test mark, and any other key without.
func TestTestKeySpelling(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		test := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes(), Test: true})
		live := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
		servertest.NewClient(s, test).Want(t, 200, "GET", "/keys", "")
		servertest.NewClient(s, live).Want(t, 200, "GET", "/keys", "")
		servertest.NewClient(s, strings.Replace(test, "test_", "", 1)).Want(t, 401, "GET", "/keys", "")
		servertest.NewClient(s, strings.Replace(live, "mck_", "mck_test_", 1)).Want(t, 401, "GET", "/keys", "")
		servertest.NewClient(s, strings.Replace(test, "test_", "test_test_", 1)).Want(t, 401, "GET", "/keys", "")
	})
}

// TestTestKeyForm creates a test key in the panel.
func TestTestKeyForm(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		owner := s.Owner("olga@example.com")
		for _, test := range []string{"", "yes"} {
			a := owner.Make("/panel/keys/new", "name", "trial", "links:read", "yes", "expires", "30", "test", test)
			if a.Status != 200 || bytes.Contains(a.Body, []byte("mck_test_")) != (test == "yes") {
				t.Errorf("test %q: %d %s", test, a.Status, a.Body)
			}
		}
	})
}
