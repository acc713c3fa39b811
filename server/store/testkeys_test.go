package store_test

import (
	"os"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestKeysBeforeTests wants keys and links from before there were test keys to
// be none.
func TestKeysBeforeTests(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		key := account.Key{ID: "key_1", Account: account.Default, Scopes: account.Scopes(), Hash: []byte("h"), Created: start, Test: true}
		must(t, s.CreateKey(t.Context(), key, action(audit.KeyCreate, "key_1")))
		must(t, s.CreateLink(t.Context(), newLink("lnk_1"), nil, action(audit.LinkCreate, "lnk_1")))
		wantTests(t, s, true)
		s.Close()
		for _, table := range []string{"keys", "links"} {
			storetest.Exec(t, database, `ALTER TABLE `+table+` DROP COLUMN test`)
		}
		migration, err := os.ReadFile("migrations/0010_tests.sql")
		must(t, err)
		for statement := range strings.SplitSeq(strings.TrimSpace(string(migration)), ";\n") {
			storetest.Exec(t, database, statement)
		}
		wantTests(t, storetest.Open(t, store.Config{Database: database}), false)
	})
}

func wantTests(t *testing.T, s *store.Store, want bool) {
	t.Helper()
	key, err := s.Key(t.Context(), "key_1")
	if err != nil || key.Test != want {
		t.Errorf("key: test %v, %v; want %v", key.Test, err, want)
	}
	link, err := s.Link(t.Context(), "lnk_1")
	if err != nil || link.Test != want {
		t.Errorf("link: test %v, %v; want %v", link.Test, err, want)
	}
}
