package redirect_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestRedirectKeys follows the life of a public key through the API.
func TestRedirectKeys(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock, c := redirectServer(t, database)
		g := newButton(t, c, "ES256", "Example.COM", "example.com")
		if !slices.Equal(g.Domains, []string{"example.com"}) || !strings.HasPrefix(g.ID, "rdk_") {
			t.Errorf("%+v", g)
		}
		var shown struct {
			PublicKey string     `json:"public_key"`
			Name      string     `json:"name"`
			Domains   []string   `json:"domains"`
			Expires   *time.Time `json:"expires_at"`
			LastUsed  *time.Time `json:"last_used_at"`
		}
		servertest.Decode(t, c.Want(t, http.StatusOK, http.MethodGet, "/redirect-keys/"+g.ID, ""), &shown)
		if shown.PublicKey != g.pem || shown.LastUsed != nil || shown.Expires != nil {
			t.Errorf("%+v", shown)
		}
		if a := s.Post("/start/signed", "jwt", g.token(t, g.claims("jane@example.com", clock.Now()))); a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, text(a))
		}
		servertest.Decode(t, c.Want(t, http.StatusOK, http.MethodPut, "/redirect-keys/"+g.ID, `{"name":"Other","domains":["example.org"]}`), &shown)
		servertest.Decode(t, c.Want(t, http.StatusOK, http.MethodGet, "/redirect-keys/"+g.ID, ""), &shown)
		if shown.Name != "Other" || shown.Domains[0] != "example.org" || shown.LastUsed == nil || !shown.LastUsed.Equal(clock.Now().Truncate(time.Millisecond)) {
			t.Errorf("%+v", shown)
		}
		if a := s.Post("/start/signed", "jwt", g.token(t, g.claims("jane@example.com", clock.Now()))); a.Status != http.StatusForbidden {
			t.Errorf("a domain that was taken away: %d", a.Status)
		}
		body, _ := json.Marshal(map[string]any{"name": "Short", "public_key": g.pem, "expires_in": 60})
		short := g
		servertest.Decode(t, c.Want(t, http.StatusCreated, http.MethodPost, "/redirect-keys", string(body)), &short)
		clock.Move(time.Minute)
		if a := s.Post("/start/signed", "jwt", short.token(t, short.claims("jane@example.com", clock.Now()))); a.Status != http.StatusForbidden {
			t.Errorf("a key that has ended: %d", a.Status)
		}
		storetest.Exec(t, database, `UPDATE accounts SET suspended = 1`)
		if a := s.Post("/start/signed", "jwt", g.token(t, g.claims("jane@example.org", clock.Now()))); a.Status != http.StatusForbidden {
			t.Errorf("an account that is suspended: %d", a.Status)
		}
		storetest.Exec(t, database, `UPDATE accounts SET suspended = 0`)
		c.Want(t, http.StatusNoContent, http.MethodDelete, "/redirect-keys/"+g.ID, "")
		c.Want(t, http.StatusNotFound, http.MethodGet, "/redirect-keys/"+g.ID, "")
		c.Want(t, http.StatusNotFound, http.MethodDelete, "/redirect-keys/"+g.ID, "")
		var names []string
		for _, a := range servertest.ListActions(t, c, "").Actions {
			if a.Target.Kind == "redirect_key" {
				names = append(names, a.Action)
			}
		}
		if got := strings.Join(names, " "); got != "redirect_key.delete redirect_key.create redirect_key.update redirect_key.create" {
			t.Errorf("the log has %s", got)
		}
		if n := len(storetest.Column(t, database, `SELECT expires FROM redirect_uses`)); n != 0 {
			t.Errorf("%d uses of a key that is gone", n)
		}
	})
}

// TestRedirectKeysRefused sends keys that may not sign.
func TestRedirectKeysRefused(t *testing.T) {
	database := storetest.SQLite(t)
	_, _, c := redirectServer(t, database)
	good := publicPEM(t, pairOf(t, "EdDSA"))
	private := "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHZq7canaryZq7canaryZq7canaryZq7canaryAA=\n-----END PRIVATE KEY-----\n"
	for name, key := range map[string]string{
		"RSA": publicPEM(t, pairOf(t, "RS256")), "P-384": publicPEM(t, pairOf(t, "ES384")), "private": private, "both": good + private,
		"two": good + good, "no PEM": "MCowBQYDK2VwAyEA", "certificate": strings.ReplaceAll(good, "PUBLIC KEY", "CERTIFICATE"), "broken": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	} {
		body, _ := json.Marshal(map[string]any{"name": "Panel", "public_key": key})
		a := c.Want(t, http.StatusUnprocessableEntity, http.MethodPost, "/redirect-keys", string(body))
		if wrong := servertest.ErrorsOf(t, a); len(wrong) != 1 || !strings.HasPrefix(wrong[0], "/public_key ") || bytes.Contains(a.Body, []byte("canary")) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	for field, value := range map[string]any{"name": "a\nb", "domains": []string{"no host"}, "expires_in": -1} {
		all := map[string]any{"name": "Panel", "public_key": good, field: value}
		body, _ := json.Marshal(all)
		a := c.Want(t, http.StatusUnprocessableEntity, http.MethodPost, "/redirect-keys", string(body))
		if wrong := servertest.ErrorsOf(t, a); len(wrong) != 1 || !strings.HasPrefix(wrong[0], "/"+field) {
			t.Errorf("%s: %s", field, a.Body)
		}
	}
}

// TestRedirectKeysBelow checks that an API key can't create a public key with
// more access than its own, and can't see or change such keys.
func TestRedirectKeysBelow(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, _, c := redirectServer(t, database)
		wide := newButton(t, c, "EdDSA")
		own := newButton(t, c, "EdDSA", "example.com")
		pem := publicPEM(t, pairOf(t, "EdDSA"))
		ask := func(k servertest.Client, want int, more string) {
			t.Helper()
			body := `{"name":"Panel","public_key":` + string(mustJSON(t, pem)) + more + `}`
			k.Want(t, want, http.MethodPost, "/redirect-keys", body)
		}
		key := func(spec account.KeySpec) servertest.Client {
			return servertest.NewClient(s, servertest.NewKey(t, database, spec))
		}
		ask(key(account.KeySpec{Scopes: []string{"keys:read", "links:write"}}), 403, "")
		ask(key(account.KeySpec{Scopes: []string{"keys:write"}}), 403, "")
		narrow := key(account.KeySpec{Scopes: []string{"keys:read", "keys:write", "links:write"}, Domains: []string{"example.com"}})
		ask(narrow, 403, "")
		ask(narrow, 403, `,"domains":["example.com","example.org"]`)
		ask(narrow, 201, `,"domains":["example.com"]`)
		ending := key(account.KeySpec{Scopes: []string{"keys:write", "links:write"}, Life: time.Hour})
		ask(ending, 403, "")
		ask(ending, 403, `,"expires_in":315360000`)
		ask(ending, 201, `,"expires_in":60`)
		ask(key(account.KeySpec{Scopes: servertest.AllScopes(), Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}), 403, "")
		trial := key(account.KeySpec{Scopes: servertest.AllScopes(), Test: true})
		ask(trial, 403, "")
		trial.Want(t, 403, http.MethodPut, "/redirect-keys/"+wide.ID, `{"name":"x"}`)
		trial.Want(t, 403, http.MethodDelete, "/redirect-keys/"+wide.ID, "")
		trial.Want(t, 200, http.MethodGet, "/redirect-keys/"+wide.ID, "")
		var seen struct {
			Keys []struct{ ID string } `json:"redirect_keys"`
		}
		servertest.Decode(t, narrow.Want(t, 200, http.MethodGet, "/redirect-keys", ""), &seen)
		if len(seen.Keys) != 2 {
			t.Errorf("%+v", seen)
		}
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			narrow.Want(t, 404, method, "/redirect-keys/"+wide.ID, "")
		}
		narrow.Want(t, 404, http.MethodPut, "/redirect-keys/"+wide.ID, `{"name":"x","domains":["example.com"]}`)
		narrow.Want(t, 403, http.MethodPut, "/redirect-keys/"+own.ID, `{"name":"x"}`)
		servertest.OtherAccount(t, database)
		strange := key(account.KeySpec{Account: "acc_2", Scopes: servertest.AllScopes()})
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			strange.Want(t, 404, method, "/redirect-keys/"+wide.ID, "")
		}
		strange.Want(t, 404, http.MethodPut, "/redirect-keys/"+wide.ID, `{"name":"x"}`)
	})
}

// TestRedirectKeysPanel registers a key in the panel.
func TestRedirectKeysPanel(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock, _ := redirectServer(t, database)
		owner := s.Owner("olga@example.com")
		g := button{key: pairOf(t, "EdDSA"), Algorithm: "EdDSA", Issuer: account.Default, Audience: s.BaseURL()}
		a := owner.Post("/panel/keys/redirect/new", "name", "Panel", "public_key", strings.ReplaceAll(publicPEM(t, g.key), "\n", "\r\n"), "domains", "example.com")
		if a.Status != http.StatusSeeOther || !strings.HasSuffix(a.Location(), "?done=redirect.created") {
			t.Fatalf("%d %s", a.Status, text(a))
		}
		page := owner.Get(a.Location())
		g.ID = strings.TrimSuffix(strings.TrimPrefix(a.Location(), "/panel/keys/redirect/"), "?done=redirect.created")
		for _, want := range []string{g.ID, g.Issuer, g.Audience, "EdDSA", "BEGIN PUBLIC KEY"} {
			if !bytes.Contains(page.Body, []byte(want)) {
				t.Errorf("the page has no %q", want)
			}
		}
		if a := s.Post("/start/signed", "jwt", g.token(t, g.claims("jane@example.com", clock.Now()))); a.Status != http.StatusSeeOther {
			t.Errorf("%d %s", a.Status, text(a))
		}
		a = owner.Post("/panel/keys/redirect/new", "name", "Panel", "public_key", "-----BEGIN PRIVATE KEY-----\nZq7canary\n-----END PRIVATE KEY-----")
		if a.Status != http.StatusUnprocessableEntity || bytes.Contains(a.Body, []byte("Zq7canary")) || !bytes.Contains(a.Body, []byte("This is the private key")) {
			t.Errorf("%d %s", a.Status, text(a))
		}
		if a := owner.Post("/panel/keys/redirect/new", "name", "Panel", "public_key", publicPEM(t, g.key), "domains", "elsewhere.example"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("a domain that is not here: %d", a.Status)
		}
		if a := owner.Post("/panel/keys/redirect/"+g.ID, "name", "Renamed", "domains", ""); a.Status != http.StatusSeeOther {
			t.Errorf("%d %s", a.Status, text(a))
		}
		if !bytes.Contains(owner.Get("/panel/keys").Body, []byte("Renamed")) {
			t.Error("the list has not the new name")
		}
		if a := owner.Post("/panel/keys/redirect/" + g.ID + "/delete"); a.Status != http.StatusSeeOther {
			t.Errorf("%d %s", a.Status, text(a))
		}
		if a := s.Post("/start/signed", "jwt", g.token(t, g.claims("jane@example.com", clock.Now()))); a.Status != http.StatusForbidden {
			t.Errorf("%d", a.Status)
		}
	})
}
