package redirect_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// redirectServer starts a server with a clock, and returns a client with all
// permissions.
func redirectServer(t *testing.T, database string) (*servertest.Server, *storetest.Clock, servertest.Client) {
	t.Helper()
	clock := storetest.NewClock()
	s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	c.Want(t, http.StatusOK, http.MethodPut, "/domains/example.com", `{"imap":"imap.example.com:993","smtp":"smtp.example.com:465","return_hosts":["panel.example.com"]}`)
	return s, clock, c
}

// TestSignedRedirect uses both kinds of keys, from the panel's form to the
// profile.
func TestSignedRedirect(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock, c := redirectServer(t, database)
		for _, kind := range []string{"EdDSA", "ES256"} {
			g := newButton(t, c, kind)
			if g.Algorithm != kind || g.Audience != s.BaseURL() || g.Issuer != account.Default {
				t.Fatalf("%+v", g)
			}
			claims := g.claims("Jane@Example.com", clock.Now())
			maps.Copy(claims, map[string]any{"locale": "de", "variant": "mail", "name": "Jane Doe", "return_url": "https://panel.example.com/mail", "external_id": "mbx_1"})
			header := http.Header{"Origin": {"https://panel.example.com"}, "Sec-Fetch-Site": {"cross-site"}}
			a := s.Do(http.MethodPost, "/start/signed", header, "jwt="+g.token(t, claims))
			if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/s/") {
				t.Fatalf("%s: %d %s", kind, a.Status, a.Body)
			}
			page := s.Get(a.Location())
			if page.Status != http.StatusOK || page.Header.Get("Content-Language") != "de" || !bytes.Contains(page.Body, []byte("https://panel.example.com/mail")) {
				t.Errorf("%s: %d %s", kind, page.Status, page.Body)
			}
			if content := s.Content(s.Get(s.Ticket(a.Location(), "mail")).Body); !bytes.Contains(content, []byte("Jane Doe")) {
				t.Errorf("%s", content)
			}
			made := servertest.ListActions(t, c, "action=link.create&limit=1").Actions[0]
			if made.Actor.Kind != "key" || made.Actor.ID != g.ID || made.Actor.Name != "Panel" || made.Interface != "page" || made.IP != "127.0.0.1" || made.Target.Name != "Jane@example.com" {
				t.Errorf("%+v", made)
			}
			var link struct {
				Links []struct {
					ExternalID string    `json:"external_id"`
					ExpiresAt  time.Time `json:"expires_at"`
				} `json:"setup_links"`
			}
			servertest.Decode(t, c.Want(t, http.StatusOK, http.MethodGet, "/setup-links?external_id=mbx_1&limit=1", ""), &link)
			if l := link.Links[0]; !l.ExpiresAt.Equal(clock.Now().Add(time.Hour).Truncate(time.Millisecond)) {
				t.Errorf("%+v", l)
			}
		}
	})
}

// TestSignedRedirectSpellings uses tokens in the forms that libraries write.
func TestSignedRedirectSpellings(t *testing.T) {
	s, clock, c := redirectServer(t, storetest.SQLite(t))
	for _, kind := range []string{"EdDSA", "ES256"} {
		g := newButton(t, c, kind)
		names := []string{kind}
		if kind == "EdDSA" {
			names = append(names, "Ed25519")
		}
		for _, alg := range names {
			for _, aud := range []any{g.Audience, []string{g.Audience}, []string{"https://other.example.com", g.Audience}} {
				token := g.signed(t, map[string]any{"alg": alg, "kid": g.ID}, g.with(clock.Now(), map[string]any{"aud": aud}))
				if a := s.Post("/start/signed", "jwt", token); a.Status != http.StatusSeeOther {
					t.Errorf("%s by %s for %v: %d %s", alg, kind, aud, a.Status, a.Body)
				}
			}
		}
	}
	g := newButton(t, c, "ES256")
	token := g.signed(t, map[string]any{"alg": "Ed25519", "kid": g.ID}, g.claims("jane@example.com", clock.Now()))
	if a := s.Post("/start/signed", "jwt", token); a.Status != http.StatusForbidden {
		t.Errorf("Ed25519 by a key of ES256: %d", a.Status)
	}
}

// TestSignedRedirectRefused sends tokens that must not create a link. Each
// must get a page that says which part is wrong and repeats no input, and
// nothing may be stored.
func TestSignedRedirectRefused(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock, c := redirectServer(t, database)
		c.Want(t, http.StatusOK, http.MethodPut, "/domains/example.com", `{"imap":"imap.example.com:993","smtp":"smtp.example.com:465","return_hosts":["panel.example.com"],"policy":"off"}`)
		servertest.OtherAccount(t, database)
		storetest.Exec(t, database, `UPDATE accounts SET trusted = 1`)
		others := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Account: "acc_2", Scopes: servertest.AllScopes()}))
		others.Want(t, http.StatusCreated, http.MethodPost, "/domains", `{"name":"other.example","imap":"imap.example.com:993","smtp":"smtp.example.com:465"}`)
		elsewhere := newButton(t, others, "EdDSA")
		tried := 0
		for _, kind := range []string{"EdDSA", "ES256"} {
			g := newButton(t, c, kind)
			narrow := newButton(t, c, kind, "sub.example.com")
			stolen := g
			stolen.ID = elsewhere.ID
			late := newButton(t, c, kind)
			all := append(g.badHeaders(t, clock.Now(), narrow), g.badClaims(t, clock.Now())...)
			all = append(all,
				badToken{"domain not the key's", narrow.token(t, narrow.claims("jane@example.com", clock.Now())), "sub"},
				badToken{"key of another account for this one", elsewhere.token(t, elsewhere.with(clock.Now(), map[string]any{"iss": g.Issuer})), "iss"},
				badToken{"key of another account", elsewhere.token(t, elsewhere.claims("jane@example.com", clock.Now())), "sub"},
				badToken{"kid of another account", stolen.signed(t, map[string]any{"alg": elsewhere.Algorithm, "kid": elsewhere.ID}, g.claims("jane@example.com", clock.Now())), ""},
				badToken{"key that was deleted", late.token(t, late.claims("jane@example.com", clock.Now())), "kid"},
			)
			c.Want(t, http.StatusNoContent, http.MethodDelete, "/redirect-keys/"+late.ID, "")
			before := storetest.Fingerprint(t, database)
			for i, bad := range all {
				if i%50 == 49 { // the limit begins again
					clock.Move(time.Minute)
					s.Post("/start/signed", "jwt", "")
					clock.Move(-time.Minute)
				}
				wantRefused(t, s, kind+" "+bad.name, bad)
				tried++
			}
			if storetest.Fingerprint(t, database) != before {
				t.Error("what was refused has changed something")
			}
		}
		t.Logf("%d tokens", tried)
	})
}

// wantRefused sends a token and checks the page.
func wantRefused(t *testing.T, s *servertest.Server, name string, bad badToken) {
	t.Helper()
	a := s.Post("/start/signed", "jwt", bad.token)
	code := "redirect_invalid: " + bad.want
	status := http.StatusForbidden
	if bad.want == "expired" {
		code, status = "redirect_expired", http.StatusGone
	}
	if a.Status != status || !bytes.Contains(a.Body, []byte(`data-code="`+code)) || a.Location() != "" {
		t.Errorf("%s: %d %s %.300s", name, a.Status, code, text(a))
	}
	for _, part := range strings.Split(bad.token, ".") {
		if len(part) > 12 && bytes.Contains(a.Body, []byte(part)) {
			t.Errorf("%s: the page repeats what came in", name)
		}
	}
	for _, never := range []string{"jane", "evil", "alert", "Retry-After"} {
		if bytes.Contains(a.Body, []byte(never)) {
			t.Errorf("%s: the page has %q", name, never)
		}
	}
}

// text returns a page's text in short.
func text(a servertest.Answer) string {
	if i := bytes.Index(a.Body, []byte("<main")); i >= 0 {
		return string(a.Body[i:])
	}
	return string(a.Body)
}

// TestSignedRedirectOnce sends the same token again, and 50 times at once to
// two servers.
func TestSignedRedirectOnce(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock, c := redirectServer(t, database)
		second := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		g := newButton(t, c, "EdDSA")
		claims := g.claims("jane@example.com", clock.Now())
		token := g.token(t, claims)
		var wg sync.WaitGroup
		var mu sync.Mutex
		made, refused := 0, 0
		for i := range 50 {
			wg.Go(func() {
				a := []*servertest.Server{s, second}[i%2].Post("/start/signed", "jwt", token)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case a.Status == http.StatusSeeOther:
					made++
				case a.Status == http.StatusGone && bytes.Contains(a.Body, []byte(`data-code="redirect_used"`)):
					refused++
				default:
					t.Errorf("%d %s", a.Status, text(a))
				}
			})
		}
		wg.Wait()
		links := storetest.Column(t, database, `SELECT id FROM links`)
		if made != 1 || refused != 49 || len(links) != 1 {
			t.Errorf("%d made, %d refused, %d links", made, refused, len(links))
		}
		clock.Move(time.Minute)
		claims["sub"] = "joe@example.com" // signed again, with the same jti
		if a := s.Post("/start/signed", "jwt", g.token(t, claims)); a.Status != http.StatusGone {
			t.Errorf("%d %s", a.Status, text(a))
		}
		other := newButton(t, c, "ES256")
		claims["jti"] = "jti-of-another-key"
		if a := s.Post("/start/signed", "jwt", g.token(t, claims)); a.Status != http.StatusSeeOther {
			t.Errorf("%d %s", a.Status, text(a))
		}
		if a := s.Post("/start/signed", "jwt", other.token(t, claims)); a.Status != http.StatusSeeOther {
			t.Errorf("a jti is the key's own: %d %s", a.Status, text(a))
		}
	})
}

// TestSignedRedirectForgotten checks that the record of a used token is
// deleted only once the token is too old to be used.
func TestSignedRedirectForgotten(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock, c := redirectServer(t, database)
		kept := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		g := newButton(t, c, "EdDSA")
		token := g.token(t, g.claims("jane@example.com", clock.Now()))
		for range 10 {
			s.Post("/start/signed", "jwt", token)
			if err := kept.Prune(t.Context()); err != nil {
				t.Fatal(err)
			}
			clock.Move(25 * time.Second)
		}
		if links := len(storetest.Column(t, database, `SELECT id FROM links`)); links != 1 {
			t.Errorf("%d links", links)
		}
		if uses := len(storetest.Column(t, database, `SELECT expires FROM redirect_uses`)); uses != 0 {
			t.Errorf("%d uses are kept", uses)
		}
		if a := s.Post("/start/signed", "jwt", token); a.Status != http.StatusGone || !bytes.Contains(a.Body, []byte("redirect_expired")) {
			t.Errorf("%d %s", a.Status, text(a))
		}
	})
}

// TestSignedRedirectLimits checks that good tokens count against the limits of
// the network and of the mailbox and remain usable if refused by a limit, and
// that bad tokens count against a limit of their own.
func TestSignedRedirectLimits(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock, c := redirectServer(t, database)
		g := newButton(t, c, "EdDSA")
		bring := func(address string) servertest.Answer {
			t.Helper()
			return s.Post("/start/signed", "jwt", g.token(t, g.claims(address, clock.Now())))
		}
		for range 10 {
			if a := bring("jane@example.com"); a.Status != http.StatusSeeOther {
				t.Fatalf("%d %s", a.Status, text(a))
			}
		}
		a := bring("jane@example.com")
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || !bytes.Contains(a.Body, []byte(`data-code="limited"`)) {
			t.Fatalf("%d %s", a.Status, text(a))
		}
		for i := range 50 {
			if a := bring(fmt.Sprintf("p%d@example.com", i)); a.Status != http.StatusSeeOther {
				t.Fatalf("%d %s", a.Status, text(a))
			}
		}
		claims := g.claims("last@example.com", clock.Now())
		claims["exp"] = clock.Now().Unix() + 300
		if a := s.Post("/start/signed", "jwt", g.token(t, claims)); a.Status != http.StatusTooManyRequests {
			t.Fatalf("%d %s", a.Status, text(a))
		}
		storetest.Exec(t, database, `DELETE FROM limits`)
		if a := s.Post("/start/signed", "jwt", g.token(t, claims)); a.Status != http.StatusSeeOther {
			t.Errorf("the limit has used up the token: %d %s", a.Status, text(a))
		}
		clock.Move(time.Minute)
		for range 60 {
			if a := s.Post("/start/signed", "jwt", "x"); a.Status != http.StatusForbidden {
				t.Fatalf("%d", a.Status)
			}
		}
		if a := s.Post("/start/signed", "jwt", g.token(t, claims)); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
			t.Errorf("after 60 that were refused: %d", a.Status)
		}
	})
}

// TestSignedRedirectForms sends requests that aren't a button's form.
func TestSignedRedirectForms(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	for _, tt := range []struct {
		name, kind, body string
		status           int
	}{
		{"JSON", "application/json", `{"jwt":"x"}`, 415},
		{"another field", "", "jwt=x&address=jane@example.com", 422},
		{"a password", "", "jwt=x&password=hunter2", 422},
		{"twice", "", "jwt=x&jwt=y", 400},
		{"large", "", "jwt=" + strings.Repeat("x", 49<<10), 413},
		{"no UTF-8", "", "jwt=%ff", 400},
		{"empty", "", "", 403},
	} {
		header := http.Header{}
		if tt.kind != "" {
			header.Set("Content-Type", tt.kind)
		}
		a := s.Do(http.MethodPost, "/start/signed", header, tt.body)
		if a.Status != tt.status || !bytes.Contains(a.Body, []byte("The button didn’t work")) || bytes.Contains(a.Body, []byte("hunter2")) {
			t.Errorf("%s: %d %s", tt.name, a.Status, text(a))
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		if a := s.Do(method, "/start/signed?jwt=x", nil, ""); a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, a.Status)
		}
	}
}
