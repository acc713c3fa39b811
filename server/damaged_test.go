//go:build !race

package server_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// damages are changes of a single row behind the program's back, with the lists
// that show it in the API and the panel. Either may be empty.
var damages = []struct {
	name, statement string
	api, panel      string
	others          string // what the lists show for another row
}{
	{"key", `UPDATE keys SET networks = 'nonsense', scopes = 'odd', created_by = 'odd' WHERE name = 'Damaged'`, "/keys", "/keys", "Whole"},
	{"public key", `UPDATE redirect_keys SET public_key = (SELECT hash FROM keys WHERE name = 'Whole'), domains = 'o o' WHERE name = 'Damaged'`, "/redirect-keys", "/keys", "Whole"},
	{"webhook", `UPDATE webhooks SET url = '::', types = 'odd', secret = (SELECT hash FROM keys WHERE name = 'Whole') WHERE url LIKE '%damaged%'`, "/webhooks", "/security/notifications", "whole"},
	{"link", `UPDATE links SET address = 'odd', mailbox = 'odd', return_url = '::', locale = '?' WHERE mailbox LIKE 'damaged%'`, "/setup-links", "/links", "whole@example.com"},
	{"domain", `UPDATE domains SET imap_host = '', smtp_host = 'ö', caldav_host = '::', return_hosts = '::' WHERE name = 'damaged.example'`, "/domains", "/domains", "example.com"},
	{"policy", `UPDATE policies SET name = '<' WHERE name = 'Damaged'`, "/policies", "/policies", "Whole"},
	{"recipient", `UPDATE subscriptions SET topic = 'odd' WHERE recipient = 'damaged@example.com' AND topic = 'keys'`, "", "/security/notifications", "whole@example.com"},
	{"entry of the log", `UPDATE actions SET leaf = salt WHERE name = 'key.create'`, "/actions", "/security/log", "olga@example.com"},
	{"sign-in", `UPDATE actions SET leaf = salt, personal = salt WHERE name = 'member.sign_in' AND seq = (SELECT MAX(seq) FROM actions)`, "", "/security/sign-in", "Safari on iPhone"},
	{"entries of the overview", `UPDATE actions SET personal = salt WHERE name = 'key.create'`, "", "", "olga@example.com"},
}

// TestDamagedRowHidesNoOthers checks that each list is shown although one of
// its rows can't be read.
func TestDamagedRowHidesNoOthers(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		owner := s.Owner("olga@example.com")
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Name: "panel", Scopes: servertest.AllScopes()}))
		post := func(path string, fields ...string) {
			t.Helper()
			if a := owner.Post("/panel"+path, fields...); a.Status >= 400 {
				t.Fatalf("%s: %d %s", path, a.Status, a.Body)
			}
		}
		for _, name := range []string{"Damaged", "Whole"} {
			host := strings.ToLower(name)
			post("/keys/new", "name", name, "links:read", "yes", "expires", "30")
			post("/security/notifications/recipients/new", "recipient", host+"@example.com", "keys", "yes")
			c.Want(t, 201, "POST", "/redirect-keys", `{"name":"`+name+`","public_key":"`+escaped(authorityPublicKey)+`"}`)
			c.Want(t, 201, "POST", "/webhooks", `{"url":"https://`+host+`.example/hook","events":["key.created"]}`)
			c.Want(t, 201, "POST", "/setup-links", `{"address":"`+host+`@example.com"}`)
			c.Want(t, 201, "POST", "/policies", `{"name":"`+name+`",`+rules+`}`)
		}
		c.Want(t, 201, "POST", "/domains", `{"name":"damaged.example","imap":"imap.example.com","smtp":"smtp.example.com"}`)
		for range 2 {
			s.Do("POST", "/panel/sign-in", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "email=olga@example.com&password=wrong")
		}
		for _, d := range damages {
			storetest.Exec(t, database, d.statement)
			pages := map[string]servertest.Answer{"panel": owner.Get("/panel" + d.panel)}
			if d.api != "" {
				pages["API"] = c.Do("GET", d.api, "")
			}
			for from, a := range pages {
				if a.Status != 200 || !bytes.Contains(a.Body, []byte(d.others)) {
					t.Errorf("%s: the %s answers %d %s", d.name, from, a.Status, a.Body)
				}
			}
		}
	})
}
