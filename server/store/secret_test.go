package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestCodeBeingEncryptedAgain has another server re-encrypt a recovery code
// just before a statement looks up its old form. The code must work, once.
// SQLite has no such moment: only one transaction writes at a time.
func TestCodeBeingEncryptedAgain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		old, fresh := []byte("old code"), []byte("new code")
		m := account.Member{ID: "mem_1", Account: account.Default, Email: "ann@example.com", Role: account.Owner, Created: start}
		must(t, s.CreateMember(t.Context(), by, m, "", action(audit.MemberJoin, "")))
		must(t, s.SetCodes(t.Context(), by, m.ID, [][]byte{old}, start, "", action(audit.MemberSignIn, "")))
		again := func() {
			place := secret.Place{}
			for _, p := range s.EncryptedPlaces() {
				if p.Name == "recovery_codes.hash" {
					place = p
				}
			}
			must(t, s.Reencrypt(t.Context(), place, secret.Value{Context: m.ID, Within: old, Data: old}, fresh))
		}
		if strings.HasPrefix(database, "sqlite:") {
			again()
			again = func() {}
		}
		s.Database().Watch(func(c db.Call) error {
			if strings.HasPrefix(c.Query, "DELETE FROM recovery_codes") && strings.Contains(fmt.Sprint(c.Args...), fmt.Sprint(old)) {
				again()
			}
			return nil
		})
		used := account.Used{Member: m.ID, Method: account.ByRecovery, Codes: [][]byte{fresh, old}}
		for i, want := range []bool{true, false} {
			id := fmt.Sprint("ses_", i)
			session := account.Session{ID: id, Member: m.ID, Hash: []byte(id), Method: account.ByRecovery, Created: start, LastUsed: start, Confirmed: start}
			a := action(audit.MemberSignIn, m.ID)
			a.Target.Kind = audit.MemberTarget
			if err := s.CreateSession(t.Context(), by, session, used, a); (err == nil) != want {
				t.Errorf("sign-in %d: %v", i, err)
			}
		}
	})
}
