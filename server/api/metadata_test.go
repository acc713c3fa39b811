package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestMetadata stores metadata with links and domains, filters by pairs, changes single
// values, and checks that none of it is in the action log.
func TestMetadata(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		type thing struct {
			ID, Name string
			Metadata map[string]string
		}
		in := func(a servertest.Answer) (v thing) {
			servertest.Decode(t, a, &v)
			return v
		}
		domain := in(c.Want(t, 201, "POST", "/domains", `{"name":"example.org","imap":"a.example","smtp":"b.example","metadata":{"customer":"secret: kd-4711","plan":"s"}}`))
		link := in(c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.org","metadata":{"customer":"kd-4711","note":"Zoë: x","gone":""}}`))
		if fmt.Sprint(domain.Metadata, link.Metadata) != "map[customer:secret: kd-4711 plan:s] map[customer:kd-4711 note:Zoë: x]" {
			t.Errorf("%v %v", domain, link)
		}
		plain := in(c.Want(t, 201, "POST", "/setup-links", `{"address":"joe@example.org"}`))
		if plain.Metadata == nil || len(plain.Metadata) > 0 {
			t.Errorf("%v", plain)
		}
		count := func(path, name string, want int) {
			t.Helper()
			if a := c.Want(t, 200, "GET", path, ""); strings.Count(string(a.Body), name) != want {
				t.Errorf("%s: %s", path, a.Body)
			}
		}
		count("/setup-links?metadata=customer:kd-4711", `"id":"lnk_`, 1)
		count("/setup-links?metadata=note:Zo%C3%AB:%20x&sort=expires_at", `"id":"lnk_`, 1)
		count("/setup-links?metadata=customer:kd-471", `"id":"lnk_`, 0)
		count("/setup-links?metadata=customer:kd-4711&state=used", `"id":"lnk_`, 0)
		count("/domains?metadata=customer:secret:%20kd-4711", `"name":"example.org"`, 1)
		count("/domains?metadata=plan:x", `"name"`, 0)

		link = in(c.Want(t, 200, "PATCH", "/setup-links/"+link.ID, `{"metadata":{"note":null,"order":"7"}}`))
		domain = in(c.Want(t, 200, "PATCH", "/domains/example.org", `{"metadata":{"plan":"l"},"help_text":"Call."}`))
		if fmt.Sprint(domain.Metadata, link.Metadata) != "map[customer:secret: kd-4711 plan:l] map[customer:kd-4711 order:7]" {
			t.Errorf("%v %v", domain, link)
		}
		count("/setup-links?metadata=order:7", `"id":"lnk_`, 1)
		count("/setup-links?metadata=note:Zo%C3%AB:%20x", `"id":"lnk_`, 0)
		count("/domains?metadata=plan:l", `"name":"example.org"`, 1)
		owner := s.Owner("olga@example.com")
		if a := owner.Post("/panel/domains/example.org", "imap", "c.example", "smtp", "b.example", "policy", "off", "login", "address", "iphone", "yes", "mac", "yes"); a.Status != 303 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		count("/domains?metadata=plan:l", "c.example:993", 1)
		if a := in(c.Want(t, 200, "PUT", "/domains/example.org", `{"imap":"a.example","smtp":"b.example"}`)); len(a.Metadata) > 0 {
			t.Errorf("PUT without metadata left %v", a.Metadata)
		}
		count("/domains?metadata=plan:l", `"name"`, 0)
		c.Want(t, 200, "PATCH", "/setup-links/"+link.ID, `{"metadata":null}`)
		count("/setup-links?metadata=order:7", `"id":"lnk_`, 0)
		for _, leaf := range storetest.Column(t, database, `SELECT leaf FROM actions WHERE name LIKE 'domain.%' OR name LIKE 'link.%'`) {
			for _, text := range []string{"kd-4711", "Zoë", "customer"} {
				if strings.Contains(leaf, text) {
					t.Errorf("%s is in the log: %s", text, leaf)
				}
			}
		}
		c.Want(t, 201, "POST", "/setup-links", `{"address":"joe@example.org","metadata":{"customer":"1"}}`)
		c.Want(t, 204, "DELETE", "/domains/example.org", "")
		if n := storetest.Column(t, database, `SELECT COUNT(*) FROM link_metadata`); n[0] != "0" {
			t.Errorf("%s pairs of deleted links", n[0])
		}
	})
}

// TestMetadataRefused checks each limit of metadata, for creating and changing, and that
// passwords are refused by name.
func TestMetadataRefused(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		link := servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com"}`))
		many := func(n int) string {
			var all []string
			for i := range n {
				all = append(all, fmt.Sprintf(`"n%d":"x"`, i))
			}
			return "{" + strings.Join(all, ",") + "}"
		}
		c.Want(t, 200, "PATCH", "/setup-links/"+link.ID, `{"metadata":`+many(20)+`}`)
		before := storetest.Fingerprint(t, database)
		for _, bad := range []string{
			many(21), `{"a b":"x"}`, `{"":"x"}`, `{"` + strings.Repeat("n", 41) + `":"x"}`, `{"a":"` + strings.Repeat("x", 501) + `"}`, `{"a":"` + strings.Repeat("ä", 251) + `"}`,
			`{"a":"x\ny"}`, `{"a":"\u202e"}`, `{"a":1}`, `{"a":{}}`, `[]`, `"x"`, `{"password":"hunter2"}`, `{"imap_pwd":"hunter2"}`, `{"__proto__":{}}`,
		} {
			for _, a := range []servertest.Answer{
				c.Do("POST", "/setup-links", `{"address":"joe@example.com","metadata":`+bad+`}`),
				c.Do("PATCH", "/setup-links/"+link.ID, `{"metadata":`+bad+`}`),
				c.Do("POST", "/domains", `{"name":"x.example","imap":"a.example","smtp":"b.example","metadata":`+bad+`}`),
				c.Do("PATCH", "/domains/example.com", `{"metadata":`+bad+`}`),
			} {
				if a.Status != 422 || strings.Contains(string(a.Body), "hunter2") || strings.Contains(bad, "hunter2") && servertest.CodeOf(t, a) != "password_refused" {
					t.Errorf("%.60s: %d %s", bad, a.Status, a.Body)
				}
			}
		}
		for _, query := range []string{"x", ":x", "x:", "a%20b:x", "a:%0A"} {
			c.Want(t, 422, "GET", "/setup-links?metadata="+query, "")
			c.Want(t, 422, "GET", "/domains?metadata="+query, "")
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("something was saved")
		}
	})
}
