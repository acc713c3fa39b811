//go:build !race

package api_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestAPIMalformed(t *testing.T) { malformed(t, 50) }

// malformed sends malformed bodies to every operation with a body: each gets a problem,
// never a server error.
func malformed(t *testing.T, each int) {
	t.Helper()
	database := storetest.SQLite(t)
	s := servertest.New(t, database, servertest.Unhurried)
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	random := rand.New(rand.NewPCG(1, 2))
	good := []string{
		`{"address":"jane@example.com","name":"Jane","variant":"secure"}`,
		`{"name":"new.example","imap":"imap.example.com","smtp":"smtp.example.com","policy":"offered"}`,
		`{"name":"x","scopes":["keys:read"],"domains":["example.com"],"expires_in":60}`,
		`{"name":"x","min_length":6,"max_failed_attempts":10,"auto_lock_minutes":5,"alphanumeric":true}`,
		`{"imap":"a.example","smtp":"b.example","display_name":"x","help_text":"x","login":"given","platforms":["mac"],"policy_id":"standard","caldav":"c.example","carddav":"d.example:8443"}`,
	}
	pieces := []string{"{", "}", "[", "]", ",", ":", `"`, "\\", "null", "1e999", "-1", `"\ud800"`, "\xff", "\x00", "NaN", `{"a":`, strings.Repeat("[", 2000), strings.Repeat("9", 500)}
	var sent int
	for _, op := range operations(t, s) {
		if op.method != "POST" && op.method != "PUT" {
			continue
		}
		path := strings.TrimPrefix(filled(op.path, ""), "/api/v1")
		for range each {
			body := good[random.IntN(len(good))]
			for range 1 + random.IntN(3) {
				at := random.IntN(len(body))
				end := min(len(body), at+random.IntN(3))
				body = body[:at] + pieces[random.IntN(len(pieces))] + body[end:]
			}
			sent++
			if a := c.Do(op.method, path, body); a.Status >= 500 || a.Status == 429 || a.Status >= 400 && a.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%s %s %.300q: %d %s", op.method, path, body, a.Status, a.Body)
			}
		}
	}
	t.Logf("%d requests", sent)
}
