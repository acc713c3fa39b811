package api_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestAPIKeys(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		parent := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"keys:read", "keys:write", "domains:read"}, Domains: []string{"example.com"}}))
		a := parent.Want(t, 201, "POST", "/keys", `{"name":"child","scopes":["domains:read"],"domains":["example.com"],"expires_in":3600}`)
		var made struct{ ID, Key string }
		if err := json.Unmarshal(a.Body, &made); err != nil || !strings.HasPrefix(made.Key, "mck_") {
			t.Fatalf("%v %s", err, a.Body)
		}
		child := servertest.NewClient(s, made.Key)
		child.Want(t, 200, "GET", "/domains/example.com", "")
		if code := servertest.CodeOf(t, child.Want(t, 403, "GET", "/domains/other.example", "")); code != "forbidden" {
			t.Error(code)
		}
		child.Want(t, 403, "GET", "/keys", "")
		for _, body := range []string{
			`{"name":"x","scopes":["profiles:write"],"domains":["example.com"]}`,
			`{"name":"x","scopes":["domains:read"]}`,
			`{"name":"x","scopes":["domains:read"],"domains":["other.example"]}`,
		} {
			parent.Want(t, 403, "POST", "/keys", body)
		}
		parent.Want(t, 422, "POST", "/keys", `{"name":"x","scopes":["root"],"domains":["example.com"]}`)
		list := parent.Want(t, 200, "GET", "/keys", "")
		if bytes.Contains(list.Body, []byte(made.Key[20:])) || bytes.Contains(list.Body, []byte("hash")) || !bytes.Contains(list.Body, []byte(made.ID)) {
			t.Errorf("list: %s", list.Body)
		}
		if dump := storetest.Dump(t, database); strings.Contains(dump, made.Key[20:]) {
			t.Error("the key is in the database")
		}
		mighty := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
		parent.Want(t, 403, "POST", "/keys/key_"+mighty[4:20]+"/revoke", "")
		servertest.NewClient(s, mighty).Want(t, 200, "GET", "/domains", "")
		parent.Want(t, 200, "POST", "/keys/"+made.ID+"/revoke", "")
		child.Want(t, 401, "GET", "/domains/example.com", "")
		parent.Want(t, 200, "POST", "/keys/"+made.ID+"/revoke", "") // it stays so
	})
}

// TestKeyEnds wants expired keys, and keys from elsewhere, refused.
func TestKeyEnds(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		now := time.Now()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = func() time.Time { return now } })
		short := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}, Life: time.Hour}))
		away := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}))
		here := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}, Networks: servertest.Loopback(t)}))
		short.Want(t, 200, "GET", "/domains", "")
		here.Want(t, 200, "GET", "/domains", "")
		away.Want(t, 401, "GET", "/domains", "")
		now = now.Add(time.Hour + time.Minute)
		short.Want(t, 401, "GET", "/domains", "")
		here.Want(t, 200, "GET", "/domains", "")
	})
}
