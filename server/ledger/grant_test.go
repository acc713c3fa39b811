package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestGrantCovers checks that a write is refused, and stores nothing, if its
// grant covers nothing, another account, or less than the action.
func TestGrantCovers(t *testing.T) {
	visitor := audit.Actor{Kind: audit.Visitor}
	refused := action(audit.MemberSignIn, "x")
	refused.Outcome = audit.Refused
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		secondAccount(t, database)
		for _, tt := range []struct {
			name string
			by   audit.Grant
			a    audit.Action
			want string // of the error; empty: none
		}{
			{"no grant", audit.Grant{}, action(audit.LinkOpen, "x"), "unknown kind"},
			{"refusal that is done", audit.Refusal(visitor), action(audit.MemberSignIn, "x"), "doesn't cover"},
			{"public, elsewhere", audit.ByPublic(visitor, "acc_2"), action(audit.LinkOpen, "x"), "doesn't cover"},
			{"public, nowhere", audit.ByPublic(visitor, "acc_none"), action(audit.LinkOpen, "x"), "no such account"},
			{"no such session", audit.Grant{Kind: audit.SessionGrant, ID: "ses_x", Account: account.Default, Need: string(account.Self)}, action(audit.LinkOpen, "x"), "has ended"},
			{"no such key", audit.Grant{Kind: audit.KeyGrant, ID: "key_x", Account: account.Default}, action(audit.LinkOpen, "x"), "has been revoked"},
			{"no such redirect key", audit.Grant{Kind: audit.RedirectKeyGrant, ID: "rdk_x", Account: account.Default}, action(audit.LinkOpen, "x"), "was removed"},
			{"public", audit.ByPublic(visitor, account.Default), action(audit.LinkOpen, "x"), ""},
			{"refusal", audit.Refusal(visitor), refused, ""},
			{"program", audit.ByProgram(), action(audit.LinkOpen, "x"), ""},
		} {
			before := len(actions(t, s))
			err := s.Record(t.Context(), tt.by, tt.a)
			if tt.want == "" {
				must(t, err)
				before++
			} else if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			}
			if n := len(actions(t, s)); n != before {
				t.Errorf("%s: %d actions, want %d", tt.name, n, before)
			}
		}
	})
}

// TestTestKeyGrant checks that the grant of a test key covers nothing live.
func TestTestKeyGrant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key := account.Key{ID: "key_test", Account: account.Default, Name: "trial", Scopes: account.Scopes(), Hash: []byte("h"), Test: true,
			CreatedBy: account.Creator{Kind: audit.Operator}}
		must(t, s.CreateKey(t.Context(), by, key, action(audit.KeyCreate, key.ID)))
		trial := key.Grant(account.KeysWrite)
		may := []audit.Name{audit.KeyCreate, audit.KeyRevoke, audit.LinkCreate, audit.LinkRevoke, audit.ProfileIssue, audit.LogExport}
		for _, name := range audit.Names() {
			err := s.Record(t.Context(), trial, action(name, "x"))
			if slices.Contains(may, name) {
				must(t, err)
			} else {
				wantFault(t, err, fault.Forbidden)
			}
		}
		withDomain(t, s)
		live, test := newLink("lnk_live"), newLink("lnk_test")
		live.Test = false
		for _, l := range []setup.Link{live, test} {
			must(t, s.CreateLink(t.Context(), by, l, nil, action(audit.LinkCreate, l.ID)))
		}
		revoke := action(audit.LinkRevoke, "x")
		wantFault(t, s.RevokeLink(t.Context(), trial, account.Default, "lnk_live", start, revoke), fault.Forbidden)
		n, err := s.RevokeLinks(t.Context(), trial, setup.Group{Account: account.Default, Domain: live.Domain}, start, revoke)
		if err != nil || n != 1 {
			t.Errorf("%d links were revoked: %v", n, err)
		}
		if got := storetest.LinkOf(t, s, "lnk_live"); !got.Revoked.IsZero() {
			t.Error("the live link was revoked")
		}
		key.ID, key.Test = "key_live", false
		must(t, s.CreateKey(t.Context(), by, key, action(audit.KeyCreate, key.ID)))
		wantFault(t, s.RevokeKey(t.Context(), trial, account.Default, "key_live", start, action(audit.KeyRevoke, "key_live")), fault.NotFound)
		must(t, s.RevokeKey(t.Context(), trial, account.Default, "key_test", start, action(audit.KeyRevoke, "key_test")))
	})
}

// TestChangedKeyGrant checks that a request fails if its key was to live
// longer, or forever, when the request was admitted: it could give that life to
// another key.
func TestChangedKeyGrant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, expires := range map[string]time.Time{"days": time.Now().Add(48 * time.Hour).Truncate(time.Millisecond), "forever": {}} {
			key := account.Key{ID: "key_" + name, Account: account.Default, Name: "panel", Scopes: account.Scopes(), Hash: []byte(name), Expires: expires,
				CreatedBy: account.Creator{Kind: audit.Operator}}
			must(t, s.CreateKey(t.Context(), by, key, action(audit.KeyCreate, key.ID)))
			held := key.Grant(account.KeysWrite)
			must(t, s.Record(t.Context(), held, action(audit.KeyCreate, "x")))
			must(t, s.ChangeKey(t.Context(), by, account.Default, key.ID, func(k account.Key) (account.Key, audit.Action, error) {
				k.Expires = time.Now().Add(time.Hour).Truncate(time.Millisecond)
				a := action(audit.KeyUpdate, key.ID)
				a.Changes = []audit.Change{{Field: "expires_at"}}
				key = k
				return k, a, nil
			}))
			wantFault(t, s.Record(t.Context(), held, action(audit.KeyCreate, "x")), fault.Forbidden)
			must(t, s.Record(t.Context(), key.Grant(account.KeysWrite), action(audit.KeyCreate, "x")))
		}
	})
}

// TestActorOfTheGrant checks that an action names the actor of its grant,
// whatever it says itself.
func TestActorOfTheGrant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := action(audit.LinkOpen, "x")
		a.Actor = audit.Actor{Kind: audit.Member, ID: "mem_forged"}
		must(t, s.Record(t.Context(), audit.ByProgram(), a))
		if e := entry(t, actions(t, s)[0]); e.Actor.Kind != audit.System || e.Actor.ID != "" || e.Actor.Interface != audit.Internal {
			t.Errorf("the actor is %+v", e.Actor)
		}
	})
}

// TestProofOfAnotherPassword checks that a proof is invalid once the password
// or the authenticator app that it was checked against has changed.
func TestProofOfAnotherPassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		m := account.Member{ID: "mem_1", Account: account.Default, Email: "ann@example.com", Role: account.Owner, Password: "old", Created: start}
		must(t, s.CreateMember(t.Context(), by, m, "", action(audit.MemberJoin, "mem_1")))
		signIn := func(id, password string, since time.Time) error {
			proof := account.Used{Member: "mem_1", Method: account.ByTOTP, Step: int64(len(id)), Password: password, TOTPSince: since}
			return s.CreateSession(t.Context(), by, account.Session{ID: id, Member: "mem_1", Hash: []byte(id), Method: account.ByTOTP, Created: start, LastUsed: start},
				proof, action(audit.MemberSignIn, "mem_1"))
		}
		app := account.TOTP{Encrypted: []byte("seed"), Since: start}
		must(t, s.SetTOTP(t.Context(), by, "mem_1", app, "", action(audit.TOTPAdd, "mem_1")))
		must(t, signIn("ses_", "old", start))
		wantFault(t, signIn("ses_2", "older", start), fault.SignInRefused)
		wantFault(t, signIn("ses_22", "old", start.Add(-time.Second)), fault.SignInRefused)
		must(t, s.SetPassword(t.Context(), by, "mem_1", "new", start, "", action(audit.MemberPassword, "mem_1")))
		wantFault(t, signIn("ses_333", "old", start), fault.SignInRefused)
		must(t, signIn("ses_4444", "new", start))
	})
}

// TestOperatorsStay checks that only operators change operators, that the last
// one stays, and that the right ends with the role of an owner.
func TestOperatorsStay(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		for _, m := range []account.Member{
			{ID: "mem_op", Email: "op@example.com", Operator: true}, {ID: "mem_own", Email: "own@example.com"},
		} {
			m.Account, m.Role, m.Password, m.Created = account.Default, account.Owner, "hash", clock.Now()
			must(t, s.CreateMember(t.Context(), by, m, "", action(audit.MemberJoin, m.ID)))
			n := account.Session{ID: "ses" + m.ID[3:], Member: m.ID, Hash: []byte(m.ID), Created: clock.Now(), LastUsed: clock.Now(), Confirmed: clock.Now()}
			must(t, s.CreateSession(t.Context(), by, n, account.Used{Member: m.ID, Method: account.ByPassword, Password: "hash"}, action(audit.MemberSignIn, m.ID)))
		}
		as := func(session string) audit.Grant {
			return audit.Grant{Kind: audit.SessionGrant, ID: session, Account: account.Default, Need: string(account.Manage), Fresh: true}
		}
		role := func(by audit.Grant, r account.Role) error {
			return s.SetRole(t.Context(), by, account.Default, "mem_op", r, action(audit.MemberUpdate, "mem_op"))
		}
		remove := func(by audit.Grant) error {
			return s.RemoveMember(t.Context(), by, account.Default, "mem_op", action(audit.MemberRemove, "mem_op"), nil)
		}
		wantFault(t, role(as("ses_own"), account.Admin), fault.Conflict) // the last one
		wantFault(t, remove(as("ses_op")), fault.Conflict)
		wantFault(t, remove(by), fault.Conflict)
		storetest.Exec(t, database, `INSERT INTO members (id, account, email, name, role, operator, password, password_set, totp_since, totp_step, codes_made, created, last_seen)
			VALUES ('mem_2', 'acc_default', 'two@example.com', '', 'owner', 1, '', 0, 0, 0, 0, 0, 0)`)
		wantFault(t, role(as("ses_own"), account.Admin), fault.Forbidden)
		wantFault(t, remove(as("ses_own")), fault.Forbidden)
		must(t, role(as("ses_op"), account.Admin))
		m, err := s.Member(t.Context(), "mem_op")
		must(t, err)
		if m.Operator || m.Role != account.Admin {
			t.Errorf("the member is %+v", m)
		}
		wantFault(t, role(as("ses_op"), account.Owner), fault.Unauthorized) // the session has ended
		must(t, role(as("ses_own"), account.Owner))
		if m, err = s.Member(t.Context(), "mem_op"); err != nil || m.Operator {
			t.Errorf("the member is %+v, %v", m, err)
		}
	})
}
