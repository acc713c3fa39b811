//go:build !race

package api_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestAPIKeepsNoSecret plants a possible secret in every field, known and unknown, of
// every operation.
func TestAPIKeepsNoSecret(t *testing.T) {
	t.Parallel()
	const canary = "hunter2-CANARY-7361945"
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, servertest.Unhurried)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		var seen int
		for _, op := range operations(t, s) {
			if op.method == "DELETE" {
				continue
			}
			for _, name := range []string{"password", canary, "address", "imap", "smtp", "variant", "caldav", "carddav", "platform", "scopes", "domains", "networks", "expires_in",
				"policy_id", "display_name", "help_text", "sign_in_hint", "login", "platforms", "min_length", "max_failed_attempts"} {
				for _, value := range []string{`"` + canary + `"`, `["` + canary + `"]`, `{"` + canary + `":1}`} {
					body := `{"` + name + `":` + value + `}`
					if op.method == "PATCH" { // some would be good
						body = `{"unknown":1,"` + name + `":` + value + `}`
					}
					for _, path := range []string{filled(op.path, ""), filled(op.path, canary) + "?address=" + canary + "&login=" + canary} {
						a := c.Do(op.method, strings.TrimPrefix(path, "/api/v1"), body)
						seen++
						if a.Status >= 500 || a.Status == 429 {
							t.Errorf("%s %s %s: %d", op.method, path, body, a.Status)
						}
						if bytes.Contains(a.Body, []byte(canary)) {
							t.Errorf("%s %s %s: in the answer %s", op.method, path, body, a.Body)
						}
					}
				}
			}
		}
		wrong := servertest.NewClient(s, "mck_"+canary)
		for _, path := range []string{"/domains", "/domains/" + canary, "/nowhere/" + canary} {
			if a := wrong.Do("GET", path, ""); bytes.Contains(a.Body, []byte(canary)) {
				t.Errorf("a wrong key or a path in the answer: %s", a.Body)
			}
		}
		if strings.Contains(s.Log.String(), canary) || strings.Contains(storetest.Dump(t, database), canary) {
			t.Error("in log or database")
		}
		t.Logf("%d requests", seen)
	})
}
