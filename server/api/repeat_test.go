package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestEveryPostOnce sends every POST twice at once with one Idempotency-Key, and again:
// each is done once, and all responses are the same. The upload of a list is done each
// time, as documented.
func TestEveryPostOnce(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		archive := t.TempDir()
		batches := batchesOn(t, database, archive)
		s := servertest.New(t, database, func(c *server.Config) {
			servertest.Unhurried(c)
			c.Archive = archive
			c.Mail = &notify.RelayConfig{From: "setup@example.org"} // to which nothing is sent: no jobs are done
		})
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		if a := s.Owner("olga@example.com").Post("/panel/mdm/nanomdm", "url", "https://mdm.example.com", "key", "k"); a.Status != 303 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		link := made(t, c, "/setup-links", `{"address":"jane@example.com"}`)
		made(t, c, "/setup-links", `{"address":"joe@example.com"}`)
		mailed := made(t, c, "/setup-links", `{"address":"jim@example.com"}`)
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
			"/setup-links/{id}/mail":   {mailed + "/mail", ``},
			"/setup-links/{id}/revoke": {link + "/revoke", ``},
			"/revoke-setup-links":      {"/revoke-setup-links", `{"address":"joe@example.com"}`},
			"/batches/{id}/check":      {batches["check"] + "/check", `{"locale":"de"}`},
			"/batches/{id}/start":      {batches["start"] + "/start", ``},
			"/batches/{id}/cancel":     {batches["cancel"] + "/cancel", ``},
			"/batches/{id}/reissue":    {batches["reissue"] + "/reissue", ``},
			"/batches/{id}/push":       {batches["reissue"] + "/push", ``},
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
			if op.method != "POST" || op.path == "/api/v1/batches" {
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
		if first, second := upload(t, c), upload(t, c); first == second {
			t.Error("a list that was uploaded twice is one batch")
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

// upload uploads a list with the same Idempotency-Key each time, and returns the path of
// its batch.
func upload(t *testing.T, c servertest.Client) string {
	t.Helper()
	header := http.Header{"Content-Type": {"text/csv"}, "Authorization": {"Bearer " + c.Key}, "Idempotency-Key": {"list"}}
	a := c.Server.Do("POST", "/api/v1/batches", header, "email\njane@example.com\n")
	if a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	var b struct{ ID string }
	servertest.Decode(t, a, &b)
	return "/batches/" + b.ID
}

// batchesOn creates a batch in the required state for each operation that changes one.
// Its server has stopped when it returns. The files are in the folder archive.
func batchesOn(t *testing.T, database, archive string) map[string]string {
	t.Helper()
	paths := map[string]string{}
	t.Run("batches", func(t *testing.T) {
		s := servertest.Notifying(t, database, nil, func(c *server.Config) { c.Archive = archive })
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		for _, name := range []string{"check", "start", "cancel", "reissue"} {
			paths[name] = upload(t, c)
			c.Want(t, 200, "GET", paths[name]+"/events", "") // until it is checked
		}
		c.Want(t, 200, "POST", paths["reissue"]+"/start", "")
		c.Want(t, 200, "GET", paths["reissue"]+"/events", "")
	})
	return paths
}
