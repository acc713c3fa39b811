package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// limited is a server with a clock that the test moves.
func limited(t *testing.T) (*servertest.Server, *storetest.Clock, string) {
	t.Helper()
	database, clock := storetest.SQLite(t), storetest.NewClock()
	return servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now }), clock, database
}

// wantQuota checks the rate limit headers.
func wantQuota(t *testing.T, a servertest.Answer, policy, limit string) {
	t.Helper()
	if p, l := a.Header.Get("RateLimit-Policy"), a.Header.Get("RateLimit"); p != policy || l != limit {
		t.Errorf("%d: %s %s, want %s %s", a.Status, p, l, policy, limit)
	}
}

// TestAPILimitPerKey checks that a key can send 600 requests per minute, successful or
// not, and that those of another key don't count.
func TestAPILimitPerKey(t *testing.T) {
	s, clock, database := limited(t)
	first := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}}))
	second := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}}))
	const policy = `"key";q=600;w=60`
	wantQuota(t, first.Want(t, 200, "GET", "/domains", ""), policy, `"key";r=599;t=60`)
	wantQuota(t, first.Want(t, 403, "GET", "/keys", ""), policy, `"key";r=598;t=60`)
	wantQuota(t, first.Want(t, 404, "GET", "/domains/none.example", ""), policy, `"key";r=597;t=60`)
	clock.Move(20 * time.Second)
	for range 597 {
		first.Want(t, 200, "GET", "/domains", "")
	}
	before := storetest.Fingerprint(t, database)
	a := first.Want(t, 429, "GET", "/domains", "")
	wantQuota(t, a, policy, `"key";r=0;t=40`)
	if code := servertest.CodeOf(t, a); code != "limited" || a.Header.Get("Retry-After") != "40" {
		t.Errorf("%s, Retry-After %s", code, a.Header.Get("Retry-After"))
	}
	if storetest.Fingerprint(t, database) != before {
		t.Error("a refusal changed the database")
	}
	wantQuota(t, second.Want(t, 200, "GET", "/domains", ""), policy, `"key";r=599;t=40`)
	clock.Move(40 * time.Second)
	wantQuota(t, first.Want(t, 200, "GET", "/domains", ""), policy, `"key";r=599;t=60`)
}

// TestAPILimitPerNetwork checks that a network can send 60 requests per minute without a
// valid key, and that a valid key from there is always accepted.
func TestAPILimitPerNetwork(t *testing.T) {
	s, clock, database := limited(t)
	good := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}}))
	bad := servertest.NewClient(s, good.Key[:40]+strings.Map(func(r rune) rune { return 'a' + (r+1)%16 }, good.Key[40:]))
	const policy, own = `"network";q=60;w=60`, `"key";q=600;w=60`
	wantQuota(t, good.Want(t, 404, "GET", "/nowhere", ""), policy, `"network";r=60;t=60`)
	for i := range 60 {
		a := bad.Want(t, 401, "GET", "/domains", "")
		if i == 0 {
			wantQuota(t, a, policy, `"network";r=59;t=60`)
		}
	}
	a := bad.Want(t, 429, "GET", "/domains", "")
	wantQuota(t, a, policy, `"network";r=0;t=60`)
	if code := servertest.CodeOf(t, a); code != "limited" || a.Header.Get("Retry-After") != "60" {
		t.Errorf("%s, Retry-After %s", code, a.Header.Get("Retry-After"))
	}
	wantQuota(t, good.Want(t, 200, "GET", "/domains", ""), own, `"key";r=599;t=60`)
	clock.Move(time.Minute)
	bad.Want(t, 401, "GET", "/domains", "")
}

// TestAPILimitOfOthers sends only invalid requests with one key, and requests without a
// valid key, from one address: another key there isn't limited.
func TestAPILimitOfOthers(t *testing.T) {
	s, _, database := limited(t)
	flooding := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}}))
	other := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}}))
	nobody := servertest.NewClient(s, "mck_nonsense")
	for i := range 700 {
		flooding.Do("GET", []string{"/domains/none.example", "/keys", "/domains?x=1"}[i%3], "")
		nobody.Do("GET", "/domains", "")
		if i%20 == 0 {
			other.Want(t, 200, "GET", "/domains", "")
		}
	}
	flooding.Want(t, 429, "GET", "/domains", "")
	nobody.Want(t, 429, "GET", "/domains", "")
	wantQuota(t, other.Want(t, 200, "GET", "/domains", ""), `"key";q=600;w=60`, `"key";r=564;t=60`)
}
