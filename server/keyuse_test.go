package server_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
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

// TestKeyUse uses a key from several networks on two servers, and then not for
// a long time. There's one notification for each network after the first, up to
// ten, and one each time the key is unused. Panel and API show where it was
// used last.
func TestKeyUse(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		var ahead atomic.Int64
		begin := time.Now()
		change := func(c *server.Config) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.Now = func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
		}
		servers := [2]*servertest.Server{servertest.New(t, database, change), servertest.New(t, database, change)}
		const day = 24 * time.Hour
		owner := servers[0].Owner("jane@example.com")
		now := func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
		kept := storetest.Open(t, store.Config{Database: database, Now: now})
		keys := account.NewKeys(kept, now)
		create := func(name string, by audit.Grant) (account.Key, string) {
			k, token, err := keys.Create(t.Context(), by, account.KeySpec{Account: account.Default, Name: name, Scopes: []string{"keys:read"}})
			if err != nil {
				t.Fatal(err)
			}
			return k, token
		}
		_, token := create("portal", audit.ByOperator())
		create("idle", audit.ByOperator())
		type listed struct {
			Name    string
			Network string     `json:"last_used_network"`
			Used    *time.Time `json:"last_used_at"`
		}
		use := func(ip, query string) (all []listed) {
			t.Helper()
			for _, s := range servers {
				a := s.Do(http.MethodGet, "/api/v1/keys"+query, http.Header{"Authorization": {"Bearer " + token}, "X-Forwarded-For": {ip}}, "")
				var page struct{ Keys []listed }
				if err := json.Unmarshal(a.Body, &page); err != nil || a.Status != http.StatusOK {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				all = page.Keys
			}
			return all
		}
		for range 3 {
			for _, ip := range []string{"192.0.2.7", "192.0.2.200", "198.51.100.1", "2001:db8:1:2::3", "2001:db8:1:ffff::4"} {
				use(ip, "")
				ahead.Add(int64(time.Second))
			}
			ahead.Add(int64(time.Minute))
		}
		var told []string
		for _, e := range servertest.ReadLog(t, database, account.Default, audit.KeyNewNetwork) {
			told = append(told, e.Personal.TargetName+" "+e.Changes[0].New+" "+e.Personal.IP)
		}
		if want := []string{"portal 198.51.100.0/24 198.51.100.1", "portal 2001:db8:1::/48 2001:db8:1:2::3"}; !slices.Equal(told, want) {
			t.Errorf("notified about %q, want %q", told, want)
		}
		found := use("203.0.113.9", "")
		i := slices.IndexFunc(found, func(l listed) bool { return l.Name == "portal" })
		if i < 0 || found[i].Network != "203.0.113.0/24" || found[i].Used == nil {
			t.Errorf("the API lists %+v", found)
		}
		if page := owner.Get("/panel/keys"); !strings.Contains(string(page.Body), "203.0.113.0/24") {
			t.Errorf("the panel doesn't say where: %s", page.Body)
		}
		if got := use("203.0.113.9", "?created_by=mem_nobody"); len(got) != 0 {
			t.Errorf("of no one: %+v", got)
		}
		for _, name := range []string{"10.1.0.1", "10.1.1.1", "10.1.2.1", "10.1.3.1", "10.1.4.1", "10.1.5.1", "10.1.6.1", "10.1.7.1", "10.1.8.1"} {
			use(name, "")
		}
		if n := len(servertest.ReadLog(t, database, account.Default, audit.KeyNewNetwork)); n != 9 {
			t.Errorf("%d networks were reported", n)
		}

		unused := func() (names []string) {
			for _, s := range servers {
				if err := s.RunScheduled(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for _, e := range servertest.ReadLog(t, database, account.Default, audit.KeyUnused) {
				names = append(names, e.Personal.TargetName)
			}
			slices.Sort(names)
			return names
		}
		want := func(names ...string) {
			t.Helper()
			if got := unused(); !slices.Equal(got, names) {
				t.Errorf("unused: %q, want %q", got, names)
			}
		}
		ahead.Add(int64(89 * day))
		want()
		ahead.Add(int64(day))
		want("idle", "portal")
		ahead.Add(int64(40 * day))
		want("idle", "portal")
		use("192.0.2.7", "")
		ahead.Add(int64(91 * day))
		want("idle", "portal", "portal")
	})
}
