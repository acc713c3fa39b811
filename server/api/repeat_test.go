package api_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestEveryPostOnce sends every POST twice at once under one name, and again:
// each is done once, and all answers are the same.
func TestEveryPostOnce(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, servertest.Unhurried)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		link := made(t, c, "/setup-links", `{"address":"jane@example.com"}`)
		made(t, c, "/setup-links", `{"address":"joe@example.com"}`)
		key := made(t, c, "/keys", `{"name":"billing","scopes":["keys:read"]}`)
		rotated := made(t, c, "/keys", `{"name":"portal","preset":"events"}`)
		hook := made(t, c, "/webhooks", `{"url":"https://panel.example.com/hooks","events":["link.opened"]}`)
		var delivery struct{ ID string }
		servertest.Decode(t, c.Want(t, 202, "POST", hook+"/test", ""), &delivery)
		storetest.Exec(t, database, `UPDATE deliveries SET state = 'sent'`)
		bodies := map[string][2]string{ // by operation: the path as it is called, and the body
			"/domains":                 {"/domains", `{"name":"example.net","imap":"imap.example.net","smtp":"smtp.example.net"}`},
			"/domains/{id}/check":      {"/domains/example.com/check", ``},
			"/policies":                {"/policies", `{"name":"Field","min_length":6,"max_failed_attempts":0,"auto_lock_minutes":5}`},
			"/profiles":                {"/profiles", `{"address":"jane@example.com"}`},
			"/setup-links":             {"/setup-links", `{"address":"jane@example.com"}`},
			"/setup-links/bulk":        {"/setup-links/bulk", `{"setup_links":[{"address":"jane@example.com"}]}`},
			"/setup-links/{id}/revoke": {link + "/revoke", ``},
			"/revoke-setup-links":      {"/revoke-setup-links", `{"address":"joe@example.com"}`},
			"/keys":                    {"/keys", `{"name":"other","scopes":["keys:read"]}`},
			"/keys/{id}/revoke":        {key + "/revoke", ``},
			"/keys/{id}/rotate":        {rotated + "/rotate", ``},
			"/redirect-keys":           {"/redirect-keys", `{"name":"Portal","public_key":` + publicKey + `}`},
			"/webhooks":                {"/webhooks", `{"url":"https://panel.example.com/other","events":["link.opened"]}`},
			"/webhooks/{id}/test":      {hook + "/test", ``},
			"/webhooks/{id}/rotate":    {hook + "/rotate", ``},
			"/webhooks/{id}/deliveries/{delivery_id}/redeliver": {hook + "/deliveries/" + delivery.ID + "/redeliver", ``},
		}
		var posts int
		for _, op := range operations(t, s) {
			if op.method != "POST" {
				continue
			}
			posts++
			path := strings.TrimPrefix(op.path, "/api/v1")
			request, ok := bodies[path]
			if !ok {
				t.Errorf("POST %s isn't tried", path)
				continue
			}
			before := len(storetest.Column(t, database, `SELECT seq FROM actions`))
			answers := make([]servertest.Answer, 3)
			var wg sync.WaitGroup
			for i := range 2 {
				if path == "/domains/{id}/check" { // changes nothing, and may be done again later
					wg.Wait()
				}
				wg.Go(func() { answers[i] = named(c, path, request[0], request[1]) })
			}
			wg.Wait()
			answers[2] = named(c, path, request[0], request[1])
			replayed := 0
			for _, a := range answers {
				if a.Status >= 300 || a.Status != answers[0].Status || !bytes.Equal(a.Body, answers[0].Body) || a.Header.Get("ETag") != answers[0].Header.Get("ETag") {
					t.Errorf("%s: %d %s, then %d %s", path, answers[0].Status, answers[0].Body, a.Status, a.Body)
				}
				if a.Header.Get("Idempotent-Replayed") == "true" {
					replayed++
				}
			}
			after := len(storetest.Column(t, database, `SELECT seq FROM actions`))
			most := 1
			if path == "/keys/{id}/rotate" { // one key begins and one will end
				most = 2
			}
			if actions := after - before; actions > most || actions == 0 && path != "/domains/{id}/check" || replayed == 0 {
				t.Errorf("%s: %d actions, %d answers replayed", path, actions, replayed)
			}
			if a := named(c, path, request[0]+"?x=1", request[1]); a.Status != 422 {
				t.Errorf("%s: a different request: %d", path, a.Status)
			}
			if a := named(c, strings.Repeat("x", 256), request[0], request[1]); a.Status != 422 || !strings.Contains(strings.Join(servertest.ErrorsOf(t, a), " "), "/Idempotency-Key invalid") {
				t.Errorf("%s: a name that is too long: %d %s", path, a.Status, a.Body)
			}
		}
		if posts != len(bodies) {
			t.Errorf("%d operations, %d are tried", posts, len(bodies))
		}
		var kept struct{ Key string }
		servertest.Decode(t, named(c, "/keys", "/keys", bodies["/keys"][1]), &kept)
		if kept.Key == "" || strings.Contains(storetest.Dump(t, database), kept.Key[len(kept.Key)-40:]) {
			t.Error("a secret is in the database, or not in the answer")
		}
	})
}
