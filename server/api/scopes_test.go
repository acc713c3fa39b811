//go:build !race

package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestAPIScopes calls every operation with a key that only lacks its scope, and with
// one that has it.
func TestAPIScopes(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	clock := storetest.NewClock()
	s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
	operations := operations(t, s)
	if len(operations) < 16 {
		t.Fatalf("%d operations", len(operations))
	}
	for _, op := range operations {
		clock.Move(time.Second) // a network can't try all operations within a minute without a key
		if op.scope == "" {
			continue
		}
		path := strings.TrimPrefix(filled(op.path, ""), "/api/v1")
		lacking := slices.DeleteFunc(servertest.AllScopes(), func(name string) bool { return name == op.scope })
		without, with := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: lacking})), servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{op.scope}}))
		if code := servertest.CodeOf(t, without.Want(t, 403, op.method, path, "{}")); code != "forbidden" {
			t.Errorf("%s %s: %s", op.method, path, code)
		}
		if a := with.Do(op.method, path, "{}"); a.Status == 403 || a.Status == 401 || a.Status >= 500 {
			t.Errorf("%s %s with %s: %d", op.method, path, op.scope, a.Status)
		}
		nobody := servertest.NewClient(s, "mck_nonsense")
		if a := nobody.Want(t, 401, op.method, path, "{}"); servertest.CodeOf(t, a) != "unauthorized" || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s without a key: %s", op.method, path, a.Body)
		}
	}
}
