package api_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
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
		parent.Want(t, 404, "POST", "/keys/key_"+mighty[4:20]+"/revoke", "")
		servertest.NewClient(s, mighty).Want(t, 200, "GET", "/domains", "")
		parent.Want(t, 200, "POST", "/keys/"+made.ID+"/revoke", "")
		child.Want(t, 401, "GET", "/domains/example.com", "")
		parent.Want(t, 200, "POST", "/keys/"+made.ID+"/revoke", "") // it stays revoked
	})
}

// TestKeyEnds checks that expired keys and keys from other networks are refused.
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

// TestKeyCreators checks that a key shows its creator.
func TestKeyCreators(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		line := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Name: "line", Scopes: []string{"keys:read", "keys:write"}}))
		type creator struct{ Kind, ID, Name string }
		var created struct {
			ID        string
			CreatedBy creator `json:"created_by"`
		}
		servertest.Decode(t, line.Want(t, 201, "POST", "/keys", `{"name":"child","scopes":["keys:read"]}`), &created)
		own := creator{"key", "key_" + line.Key[4:20], "line"}
		if created.CreatedBy != own {
			t.Errorf("created by %+v, want %+v", created.CreatedBy, own)
		}
		s.Owner("olga@example.com").Post("/panel/keys/new", "name", "panel", "links:read", "yes", "expires", "30")
		member := storetest.Column(t, database, `SELECT id FROM members`)[0]
		var all struct {
			Keys []struct {
				Name      string
				CreatedBy creator `json:"created_by"`
			}
		}
		servertest.Decode(t, line.Want(t, 200, "GET", "/keys", ""), &all)
		want := map[string]creator{"line": {"operator", "", ""}, "child": own, "panel": {"member", member, "Member olga@example.com"}}
		if len(all.Keys) != len(want) {
			t.Errorf("%d keys", len(all.Keys))
		}
		for _, k := range all.Keys {
			if k.CreatedBy != want[k.Name] {
				t.Errorf("%s was created by %+v, want %+v", k.Name, k.CreatedBy, want[k.Name])
			}
		}
	})
}

// TestKeysOfSomeDomains checks that a key limited to domains sees itself and keys for a
// subset of them, and no others.
func TestKeysOfSomeDomains(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		admin := servertest.Admin(t, s, database)
		ids, keys := map[string]string{}, map[string]servertest.Client{}
		create := func(by servertest.Client, name, domains string) {
			t.Helper()
			var made struct{ ID, Key string }
			servertest.Decode(t, by.Want(t, 201, "POST", "/keys", `{"name":"`+name+`","scopes":["keys:read","keys:write"],"domains":[`+domains+`]}`), &made)
			ids[name], keys[name] = made.ID, servertest.NewClient(s, made.Key)
		}
		create(admin, "wide", "")
		create(admin, "bound", `"example.com","example.org"`)
		create(admin, "part", `"example.org"`)
		create(admin, "beyond", `"example.org","example.net"`)
		create(admin, "elsewhere", `"example.net"`)
		create(keys["bound"], "child", `"example.com"`)
		want := map[string][]string{
			"wide":  {"beyond", "bound", "child", "elsewhere", "panel", "part", "wide"},
			"bound": {"bound", "child", "part"},
			"part":  {"part"},
			"child": {"child"},
		}
		for name, seen := range want {
			var list struct {
				Keys []struct {
					Name      string
					CreatedBy struct{ Kind, ID, Name string } `json:"created_by"`
				}
			}
			servertest.Decode(t, keys[name].Want(t, 200, "GET", "/keys", ""), &list)
			var got []string
			for _, k := range list.Keys {
				got = append(got, k.Name)
				creator := k.CreatedBy.Name
				if k.Name == "child" && name == "bound" && creator != "bound" || name == "part" && creator != "" || name == "child" && creator+k.CreatedBy.ID != "" {
					t.Errorf("%s sees that %s was created by %+v", name, k.Name, k.CreatedBy)
				}
			}
			if slices.Sort(got); !slices.Equal(got, seen) {
				t.Errorf("%s sees %q, want %q", name, got, seen)
			}
			for other, id := range ids {
				if !slices.Contains(seen, other) {
					keys[name].Want(t, 404, "POST", "/keys/"+id+"/revoke", "")
					keys[name].Want(t, 404, "GET", "/keys/"+id, "")
					keys[name].Want(t, 404, "PATCH", "/keys/"+id, `{"name":"x"}`)
					continue
				}
				if name == "wide" {
					continue
				}
				shown := keys[name].Want(t, 200, "GET", "/keys/"+id, "")
				changed := send(keys[name], "PATCH", "/keys/"+id, "If-Match", shown.Header.Get("ETag"), `{"name":"`+other+`"}`)
				if changed.Status != 200 || changed.Header.Get("ETag") != shown.Header.Get("ETag") {
					t.Errorf("%s changes %s: %d %s, and was shown %s", name, other, changed.Status, changed.Body, shown.Body)
				}
			}
		}
		keys["bound"].Want(t, 403, "GET", "/actions", "")
		keys["bound"].Want(t, 403, "POST", "/keys", `{"name":"x","scopes":["keys:read"],"domains":["example.net"]}`)
		keys["bound"].Want(t, 200, "POST", "/keys/"+ids["part"]+"/revoke", "")
		keys["bound"].Want(t, 200, "POST", "/keys/"+ids["bound"]+"/revoke", "")
	})
}
