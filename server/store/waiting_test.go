package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestGrantWaits begins a write just before its grant's authority ends. The
// write must wait, and then use the authority as it is, not as its statement
// saw it first.
func TestGrantWaits(t *testing.T) {
	type right struct {
		by   func(t *testing.T, s *store.Store) audit.Grant
		lose func(t *testing.T, s *store.Store, by audit.Grant) error
		code fault.Code
	}
	key := func(t *testing.T, s *store.Store) audit.Grant {
		k, _, err := account.NewKeys(s, time.Now).Create(t.Context(), audit.ByOperator(), account.KeySpec{Account: account.Default, Name: "panel", Scopes: []string{"batches:write"}})
		must(t, err)
		return k.Grant(account.BatchesWrite)
	}
	member := func(t *testing.T, s *store.Store) audit.Grant {
		for id, role := range map[string]account.Role{"mem_owner": account.Owner, "mem_admin": account.Admin} {
			must(t, s.CreateMember(t.Context(), by, account.Member{ID: id, Account: account.Default, Email: id + "@example.com", Role: role, Created: start, Operator: role == account.Owner}, "", action(audit.MemberJoin, "")))
		}
		return audit.Grant{Actor: audit.Actor{Kind: audit.Member, ID: "mem_admin"}, Kind: audit.MemberGrant, ID: "mem_admin", Account: account.Default, Need: string(account.Change)}
	}
	rights := map[string]right{
		"key revoked": {key, func(t *testing.T, s *store.Store, g audit.Grant) error {
			return s.RevokeKey(t.Context(), by, account.Default, g.ID, start, action(audit.KeyRevoke, g.ID))
		}, fault.Unauthorized},
		"role lost": {member, func(t *testing.T, s *store.Store, g audit.Grant) error {
			return s.SetRole(t.Context(), by, account.Default, g.ID, account.Auditor, action(audit.MemberUpdate, g.ID))
		}, fault.Forbidden},
		"member removed": {member, func(t *testing.T, s *store.Store, g audit.Grant) error {
			return s.RemoveMember(t.Context(), by, account.Default, g.ID, action(audit.MemberRemove, g.ID), nil)
		}, fault.Unauthorized},
		"account suspended": {member, func(t *testing.T, s *store.Store, g audit.Grant) error {
			return s.SuspendAccount(t.Context(), by, account.Default, start, action(audit.AccountSuspend, account.Default))
		}, fault.AccountSuspended},
	}
	for name, tt := range rights {
		t.Run(name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				s := storetest.Open(t, store.Config{Database: database})
				grant := tt.by(t, s)
				ending := storetest.Open(t, store.Config{Database: database})
				held, release := make(chan bool), make(chan bool)
				ending.Database().Watch(func(c db.Call) error {
					if c.Query == "" { // the commit
						close(held)
						<-release
					}
					return nil
				})
				lost, written := make(chan error, 1), make(chan error, 1)
				go func() { lost <- tt.lose(t, ending, grant) }()
				<-held
				go func() { written <- s.Record(t.Context(), grant, action(audit.BatchStart, "bat_1")) }()
				if strings.HasPrefix(database, "postgres") {
					await(t, func() bool {
						return len(storetest.Column(t, database, `SELECT pid::text FROM pg_locks WHERE NOT granted`)) > 0
					})
				}
				close(release)
				must(t, <-lost)
				wantFault(t, <-written, tt.code)
			})
		})
	}
}
