package batches_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A batch whose creator loses the right to it stores no file after the
// revocation has been answered, and says why, whenever that happens.
func TestRightLost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		byKey  bool
		lose   func(t *testing.T, r *rig, key account.Key)
		reason fault.Code
	}{
		"key revoked": {true, func(t *testing.T, r *rig, key account.Key) {
			storetest.Must(t, account.NewKeys(r.store, r.now).Revoke(t.Context(), owner(), account.Default, key.ID))
		}, fault.Unauthorized},
		"member removed": {false, func(t *testing.T, r *rig, _ account.Key) {
			storetest.Must(t, r.store.RemoveMember(t.Context(), owner(), account.Default, "mem_admin", storetest.Action(audit.MemberRemove, ""), nil))
		}, fault.Unauthorized},
		"role lost": {false, func(t *testing.T, r *rig, _ account.Key) {
			storetest.Must(t, r.store.SetRole(t.Context(), owner(), account.Default, "mem_admin", account.Auditor, storetest.Action(audit.MemberUpdate, "")))
		}, fault.Forbidden},
		"account suspended": {false, func(t *testing.T, r *rig, _ account.Key) {
			storetest.Must(t, r.store.SuspendAccount(t.Context(), owner(), account.Default, r.now(), storetest.Action(audit.AccountSuspend, account.Default)))
		}, fault.AccountSuspended},
	} {
		check := func(t *testing.T, r *rig, id string) {
			t.Helper()
			if b := r.want(t, id, batches.Failed); b.Reason != string(tt.reason) || b.Detail == "" || len(b.Archives) > 0 {
				t.Errorf("got %q: %q with %d archives", b.Reason, b.Detail, len(b.Archives))
			}
		}
		t.Run(name+"/while checked", func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) {
				by, key := r.maker(t, tt.byKey)
				b := r.create(t, by, people(3), batches.Choice{})
				tt.lose(t, r, key)
				storetest.Must(t, r.Check(t.Context(), b.ID))
				check(t, r, b.ID)
			})
		})
		// A suspended account has no domains.
		t.Run(name+"/before a step", func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) {
				by, key := r.maker(t, tt.byKey)
				b := r.create(t, by, people(3), batches.Choice{})
				storetest.Must(t, r.Check(t.Context(), b.ID))
				r.start(t, by, b.ID)
				tt.lose(t, r, key)
				storetest.Must(t, r.Chunk(t.Context(), b.ID, 0))
				check(t, r, b.ID)
			})
		})
		t.Run(name+"/in a step", func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) {
				by, key := r.maker(t, tt.byKey)
				r.work(t)
				b := r.create(t, by, people(6000), batches.Choice{})
				r.want(t, b.ID, batches.Ready)
				entered, release := make(chan bool, 16), make(chan bool)
				r.files.set(func(name string) error {
					if strings.Contains(name, "/part-000003") {
						entered <- true
						<-release
					}
					return nil
				})
				r.start(t, by, b.ID)
				<-entered
				tt.lose(t, r, key)
				before, err := r.store.Chunks(t.Context(), b.ID, 0, 6)
				storetest.Must(t, err)
				close(release)
				check(t, r, b.ID)
				after, err := r.store.Chunks(t.Context(), b.ID, 0, 6)
				storetest.Must(t, err)
				for i := range before {
					if before[i].Part != after[i].Part {
						t.Errorf("chunk %d was kept after the answer", i)
					}
				}
			})
		})
	}
}

// maker returns the grant of a key or of an admin's session.
func (r *rig) maker(t *testing.T, byKey bool) (audit.Grant, account.Key) {
	t.Helper()
	if byKey {
		key, _, err := account.NewKeys(r.store, r.now).Create(t.Context(), owner(), account.KeySpec{Account: account.Default, Name: "panel", Scopes: []string{"batches:read", "batches:write"}})
		storetest.Must(t, err)
		return key.Grant(account.BatchesWrite), key
	}
	for id, role := range map[string]account.Role{"mem_owner": account.Owner, "mem_admin": account.Admin} {
		storetest.Must(t, r.store.CreateMember(t.Context(), owner(), account.Member{
			ID: id, Account: account.Default, Email: id + "@example.com", Role: role, Created: r.now(), Operator: role == account.Owner,
		}, "", storetest.Action(audit.MemberJoin, "")))
	}
	return audit.Grant{
		Actor: audit.Actor{Kind: audit.Member, ID: "mem_admin", Name: "mem_admin@example.com", Interface: audit.Panel},
		Kind:  audit.MemberGrant, ID: "mem_admin", Account: account.Default, Need: string(account.Change),
	}, account.Key{}
}

// Files that make devices erase themselves require a recent second factor of a
// member, or the account's consent for a key.
func TestErasing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		by, _ := r.maker(t, true)
		b := r.create(t, by, people(3), batches.Choice{Variant: "secure"})
		if b = r.want(t, b.ID, batches.Ready); !b.Erases {
			t.Fatal("the batch doesn't know that it erases")
		}
		_, err := r.Start(t.Context(), by, account.Default, b.ID)
		storetest.WantFault(t, err, fault.ErasingUnapproved)
		session := audit.Grant{Kind: audit.SessionGrant, Account: account.Default, Need: string(account.Change)}
		if _, err := r.Start(t.Context(), session, account.Default, b.ID); err == nil {
			t.Error("a session without a second factor has started it")
		}
		r.start(t, owner(), b.ID)
		r.want(t, b.ID, batches.Done)
	})
}

// A step that fails after the batch was started again doesn't end it.
func TestOldStep(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		b := r.create(t, owner(), people(3), batches.Choice{})
		storetest.Must(t, r.Check(t.Context(), b.ID))
		r.start(t, owner(), b.ID)
		r.files.set(func(string) error {
			storetest.Must(t, r.GiveUp(t.Context(), b.ID))
			r.start(t, owner(), b.ID)
			return fault.New(fault.SignerUnavailable, "the old certificate")
		})
		storetest.Must(t, r.Chunk(t.Context(), b.ID, 0))
		if b, err := r.Get(t.Context(), account.Default, b.ID); err != nil || b.State != batches.Running {
			t.Errorf("got %s (%s): %v", b.State, b.Detail, err)
		}
	})
}
