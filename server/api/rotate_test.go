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

// TestCurrentKey checks that a key can see itself, whatever its scopes, and no one else
// can.
func TestCurrentKey(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		for _, scope := range servertest.AllScopes() {
			c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Name: scope, Scopes: []string{scope}, Domains: []string{"example.com"}}))
			if a := c.Want(t, 200, "GET", "/keys/current", ""); !strings.Contains(string(a.Body), `"name":"`+scope+`","scopes":["`+scope+`"]`) {
				t.Errorf("%s", a.Body)
			}
		}
		servertest.NewClient(s, "mck_nonsense").Want(t, 401, "GET", "/keys/current", "")
	})
}

// TestRotateKey lets a key replace itself: both work during the overlap, and only the
// new one after it.
func TestRotateKey(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"keys:read", "keys:write", "domains:read"}, Domains: []string{"example.com"}}))
		var old, made struct {
			ID, Name, Key string
			LastNetwork   string `json:"last_used_network"`
			Scopes        []string
			Domains       []string
			ExpiresAt     *time.Time `json:"expires_at"`
		}
		c.Want(t, 200, "GET", "/keys/current", "")
		servertest.Decode(t, c.Want(t, 200, "GET", "/keys/current", ""), &old)
		servertest.Decode(t, c.Want(t, 201, "POST", "/keys/"+old.ID+"/rotate", `{"overlap":3600}`), &made)
		if old.LastNetwork == "" || made.LastNetwork != "" {
			t.Errorf("the old key was used from %q, the new one from %q", old.LastNetwork, made.LastNetwork)
		}
		if made.ID == old.ID || made.Name != old.Name || len(made.Scopes) != 3 || len(made.Domains) != 1 || made.ExpiresAt != nil {
			t.Errorf("%+v", made)
		}
		second := servertest.NewClient(s, made.Key)
		clock.Move(time.Hour - time.Second)
		servertest.Decode(t, c.Want(t, 200, "GET", "/keys/current", ""), &old)
		if old.ExpiresAt == nil || !old.ExpiresAt.Equal(clock.Now().Add(time.Second).Truncate(time.Millisecond)) {
			t.Errorf("the old one ends at %v", old.ExpiresAt)
		}
		second.Want(t, 200, "GET", "/domains", "")
		clock.Move(time.Second)
		c.Want(t, 401, "GET", "/keys/current", "")
		second.Want(t, 200, "GET", "/domains", "")
		second.Want(t, 409, "POST", "/keys/"+old.ID+"/rotate", "")
		second.Want(t, 422, "POST", "/keys/"+made.ID+"/rotate", `{"overlap":59}`)
		second.Want(t, 404, "POST", "/keys/key_none/rotate", "")
		mighty := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		var all struct{ Keys []struct{ ID string } }
		servertest.Decode(t, mighty.Want(t, 200, "GET", "/keys", ""), &all)
		for _, k := range all.Keys {
			if k.ID != old.ID && k.ID != made.ID { // one that may do more, which it doesn't see
				second.Want(t, 404, "POST", "/keys/"+k.ID+"/rotate", "")
			}
		}
		weak := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"keys:write"}}))
		weak.Want(t, 403, "POST", "/keys/"+made.ID+"/rotate", "")
		if n := storetest.Column(t, database, `SELECT COUNT(*) FROM keys WHERE name = 'panel'`); n[0] != "4" {
			t.Errorf("%s keys", n[0])
		}
	})
}

// TestKeyPresets checks that each preset has the documented scopes, and adds to others.
func TestKeyPresets(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		for _, p := range account.Presets() {
			a := c.Want(t, 201, "POST", "/keys", `{"name":"x","preset":"`+string(p)+`","scopes":["identity:read"]}`)
			for _, scope := range append(p.Scopes(), "identity:read") {
				if !strings.Contains(string(a.Body), `"`+string(scope)+`"`) {
					t.Errorf("%s lacks %s", p, scope)
				}
			}
			if p == account.ReadPreset && strings.Contains(string(a.Body), ":write") {
				t.Errorf("%s", a.Body)
			}
		}
		c.Want(t, 422, "POST", "/keys", `{"name":"x","preset":"other"}`)
		c.Want(t, 422, "POST", "/keys", `{"name":"x"}`)
		weak := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"keys:write"}}))
		weak.Want(t, 403, "POST", "/keys", `{"name":"x","preset":"full"}`)
	})
}
