//go:build !race

package store_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A step is a change that takes an action. Each step builds on the previous
// ones.
type step struct {
	method string
	change func(s *store.Store, a audit.Action) error
}

// steps are all changes of a store.
func steps(t *testing.T, clock *storetest.Clock) []step {
	ctx := t.Context()
	member := func(id, email string, role account.Role) account.Member {
		return account.Member{ID: id, Account: account.Default, Email: email, Role: role, Password: "hash", Created: start}
	}
	invitation := func(id, email string) account.Invitation {
		return account.Invitation{ID: id, Account: account.Default, Email: email, Role: account.Owner, Created: start, Expires: start.AddDate(9, 0, 0)}
	}
	session := func(id string) account.Session {
		return account.Session{ID: id, Member: "mem_1", Hash: []byte(id), Method: account.ByRecovery, Created: start, LastUsed: start, Confirmed: start}
	}
	passkey := func(id string) account.Passkey {
		return account.Passkey{ID: id, Member: "mem_1", Name: id, Credential: []byte(id), Data: []byte("{}"), Created: start}
	}
	code := func(text string) account.Used {
		return account.Used{Member: "mem_1", Method: account.ByRecovery, Codes: [][]byte{[]byte(text)}, Password: "new", TOTPSince: start}
	}
	hook := notify.Webhook{ID: "whk_1", Account: account.Default, URL: "https://example.com/hook", Types: []notify.Type{notify.DomainChanged}, Secret: []byte("s"), Created: start, Updated: start}
	return []step{
		{"Record", func(s *store.Store, a audit.Action) error { return record(ctx, s, a) }},
		{"ReportLog", func(s *store.Store, a audit.Action) error {
			return s.ReportLog(ctx, by, &audit.Finding{First: 1, Last: 1, Detail: "x"}, start, a)
		}},
		{"UseIdentity", func(s *store.Store, a audit.Action) error { return s.UseIdentity(ctx, by, "two", "k2", a) }},
		{"ChangeCertificate", func(s *store.Store, a audit.Action) error {
			return s.ChangeCertificate(ctx, by, "request", []byte("{}"), a)
		}},
		{"NoteCertificate", func(s *store.Store, a audit.Action) error { return s.NoteCertificate(ctx, by, a) }},
		{"NoteExpiry", func(s *store.Store, a audit.Action) error { return s.NoteExpiry(ctx, by, "ff", 30, a) }},
		{"CreateInvitation", func(s *store.Store, a audit.Action) error {
			return s.CreateInvitation(ctx, by, invitation("inv_1", "ann@example.com"), a)
		}},
		{"CreateInvitation", func(s *store.Store, a audit.Action) error {
			return s.CreateInvitation(ctx, by, invitation("inv_2", "eve@example.com"), a)
		}},
		{"RevokeInvitation", func(s *store.Store, a audit.Action) error {
			return s.RevokeInvitation(ctx, by, account.Default, "inv_2", a)
		}},
		{"CreateMember", func(s *store.Store, a audit.Action) error {
			return s.CreateMember(ctx, by, member("mem_1", "ann@example.com", account.Owner), "inv_1", a)
		}},
		{"CreateMember", func(s *store.Store, a audit.Action) error {
			return s.CreateMember(ctx, by, member("mem_2", "bob@example.com", account.Admin), "", a)
		}},
		{"SetRole", func(s *store.Store, a audit.Action) error {
			return s.SetRole(ctx, by, account.Default, "mem_2", account.Auditor, a)
		}},
		{"Subscribe", func(s *store.Store, a audit.Action) error {
			return s.Subscribe(ctx, by, account.Default, "mem_1", []notify.Topic{notify.Domains, notify.Keys, notify.Policies}, a)
		}},
		{"CreateWebhook", func(s *store.Store, a audit.Action) error { return s.CreateWebhook(ctx, by, hook, a) }},
		{"ChangeWebhook", func(s *store.Store, a audit.Action) error {
			return s.ChangeWebhook(ctx, by, account.Default, hook.ID, func(w notify.Webhook) (notify.Webhook, audit.Action, error) {
				w.URL += "/x"
				return w, a, nil
			})
		}},
		{"RotateWebhook", func(s *store.Store, a audit.Action) error { return s.RotateWebhook(ctx, by, hook, a) }},
		{"TestWebhook", func(s *store.Store, a audit.Action) error {
			return s.TestWebhook(ctx, by, notify.Delivery{ID: "msg_1", Account: account.Default, Type: notify.DomainChanged, Webhook: "whk_1", Created: start}, a)
		}},
		{"TestMail", func(s *store.Store, a audit.Action) error {
			return s.TestMail(ctx, by, notify.Delivery{ID: "msg_2", Message: "msg_2", Account: account.Default, Type: notify.TestEvent, Address: "ann@example.com", Created: start}, a)
		}},
		{"Redeliver", func(s *store.Store, a audit.Action) error {
			_, err := s.Redeliver(ctx, by, notify.Delivery{ID: "msg_3", Account: account.Default, Created: start}, "msg_old", a)
			return err
		}},
		{"SetZone", func(s *store.Store, a audit.Action) error {
			return s.SetZone(ctx, by, account.Default, "mem_2", "Europe/Berlin", a)
		}},
		{"SetLanguage", func(s *store.Store, a audit.Action) error {
			return s.SetLanguage(ctx, by, account.Default, "mem_2", "de", a)
		}},
		{"ChangeBrand", func(s *store.Store, a audit.Action) error {
			return s.ChangeBrand(ctx, by, branding.Owner{Account: account.Default}, func(b branding.Brand) (branding.Brand, error) {
				b.Name, b.Logo = "Example Host", "0123"
				return b, nil
			}, []byte("a picture"), a)
		}},
		{"CreatePolicy", func(s *store.Store, a audit.Action) error { return s.CreatePolicy(ctx, by, newPolicy("one"), a) }},
		{"ChangePolicy", func(s *store.Store, a audit.Action) error {
			return s.ChangePolicy(ctx, by, account.Default, "pol_one", func(p settings.Policy) (settings.Policy, error) {
				p.Name = "other"
				return p, nil
			}, a)
		}},
		{"DeletePolicy", func(s *store.Store, a audit.Action) error {
			return s.DeletePolicy(ctx, by, account.Default, "pol_one", nil, a)
		}},
		{"SetDomain", func(s *store.Store, a audit.Action) error { return s.SetDomain(ctx, by, newDomain("example.com"), a) }},
		{"SetDomain", func(s *store.Store, a audit.Action) error {
			d := newDomain("example.com")
			d.Policy = settings.Required
			return s.SetDomain(ctx, by, d, a)
		}},
		{"ChangeDomain", func(s *store.Store, a audit.Action) error {
			d, err := s.Domain(ctx, "example.com")
			return errors.Join(err, s.ChangeDomain(ctx, by, d, func(d settings.Domain) (settings.Domain, error) {
				d.Policy = settings.Off
				return d, nil
			}, a))
		}},
		{"CreateDomain", func(s *store.Store, a audit.Action) error {
			return s.CreateDomain(ctx, by, newDomain("example.org"), a)
		}},
		{"KeepPending", func(s *store.Store, a audit.Action) error {
			return s.KeepPending(ctx, by, newPending("example.net"), a)
		}},
		{"DeletePending", func(s *store.Store, a audit.Action) error {
			return s.DeletePending(ctx, by, account.Default, "example.net", a)
		}},
		{"CreateLink", func(s *store.Store, a audit.Action) error {
			limits := []admission.Limit{{Key: "a", Max: 9, Window: time.Hour}, {Key: "b", Max: 9, Window: time.Hour}}
			return s.CreateLink(ctx, by, newLink("lnk_1"), limits, a)
		}},
		{"ChangeLink", func(s *store.Store, a audit.Action) error {
			return s.ChangeLink(ctx, by, account.Default, "lnk_1", func(l setup.Link) (setup.Link, error) {
				l.Name = "Joe"
				return l, nil
			}, a)
		}},
		{"CreateLinkMail", func(s *store.Store, a audit.Action) error {
			limits := []admission.Limit{{Key: "mail", Max: 9, Window: time.Hour}}
			return s.CreateLinkMail(ctx, by, mailing.Mail{ID: "msg_4", Account: account.Default, Link: "lnk_1", State: notify.Waiting, Created: start}, limits, a)
		}},
		{"CreateBatch", func(s *store.Store, a audit.Action) error {
			return s.CreateBatch(ctx, by, batches.Batch{ID: "bat_1", Account: account.Default, State: batches.Checking, By: by, Created: start, Round: 1}, a)
		}},
		{"DeleteBatch", func(s *store.Store, a audit.Action) error {
			return s.DeleteBatch(ctx, by, account.Default, "bat_1", a)
		}},
		{"CreateTicket", func(s *store.Store, a audit.Action) error {
			return s.CreateTicket(ctx, by, newTicket("tkt_1", "lnk_1"), a)
		}},
		{"UseTicket", func(s *store.Store, a audit.Action) error { return s.UseTicket(ctx, by, "tkt_1", start, a) }},
		{"RevokeLink", func(s *store.Store, a audit.Action) error {
			return s.RevokeLink(ctx, by, account.Default, "lnk_1", start, a)
		}},
		{"CreateLink", func(s *store.Store, a audit.Action) error {
			return s.CreateLink(ctx, by, newLink("lnk_2"), nil, a)
		}},
		{"CreateRedirectKey", func(s *store.Store, a audit.Action) error { return s.CreateRedirectKey(ctx, by, panelKey("panel"), a) }},
		{"ChangeRedirectKey", func(s *store.Store, a audit.Action) error {
			return s.ChangeRedirectKey(ctx, by, account.Default, "rdk_1", func(k redirect.Key) (redirect.Key, audit.Action, error) {
				a.Changes = []audit.Change{{Field: "name", New: "portal"}}
				return k, a, nil
			})
		}},
		{"CreateLinkOnce", func(s *store.Store, a audit.Action) error {
			pass := setup.Pass{Key: "rdk_1", Name: []byte("jti"), Expires: start.Add(time.Minute)}
			limits := []admission.Limit{{Key: "c", Max: 9, Window: time.Hour}}
			return s.CreateLinkOnce(ctx, by, newLink("lnk_3"), pass, limits, a)
		}},
		{"DeleteRedirectKey", func(s *store.Store, a audit.Action) error {
			return s.DeleteRedirectKey(ctx, by, account.Default, "rdk_1", nil, a)
		}},
		{"RevokeLinks", func(s *store.Store, a audit.Action) error {
			n, err := s.RevokeLinks(ctx, by, setup.Group{Account: account.Default, Domain: "example.com"}, start, a)
			if err == nil && n != 2 {
				t.Errorf("%d links were revoked", n)
			}
			return err
		}},
		{"ApproveHost", func(s *store.Store, a audit.Action) error {
			return s.ApproveHost(ctx, by, account.Default, settings.ApprovedHost{Pattern: "*.example.net", Created: start}, a)
		}},
		{"WithdrawHost", func(s *store.Store, a audit.Action) error {
			return s.WithdrawHost(ctx, by, account.Default, "*.example.net", a)
		}},
		{"DeleteDomain", func(s *store.Store, a audit.Action) error {
			return s.DeleteDomain(ctx, by, account.Default, "example.com", nil, a)
		}},
		{"DeleteWebhook", func(s *store.Store, a audit.Action) error {
			return s.DeleteWebhook(ctx, by, account.Default, "whk_1", nil, a)
		}},
		{"CreateKey", func(s *store.Store, a audit.Action) error {
			return s.CreateKey(ctx, by, account.Key{ID: "key_1", Account: account.Default, Name: "k", Scopes: []account.Scope{account.DomainsRead}, Hash: []byte("h"), Created: start, CreatedBy: account.Creator{Kind: audit.Member, ID: "mem_2"}}, a)
		}},
		{"RevokeKey", func(s *store.Store, a audit.Action) error {
			return s.RevokeKey(ctx, by, account.Default, "key_1", start, a)
		}},
		{"SetPassword", func(s *store.Store, a audit.Action) error {
			return s.SetPassword(ctx, by, "mem_1", "new", start, "", a)
		}},
		{"NoteOldBackup", func(s *store.Store, a audit.Action) error { return s.NoteOldBackup(ctx, by, start, a) }},
		{"NoteUnused", func(s *store.Store, a audit.Action) error {
			return s.NoteUnused(ctx, by, account.Key{ID: "key_1"}, a)
		}},
		{"RotateSecret", func(s *store.Store, a audit.Action) error {
			return s.RotateSecret(ctx, by, secret.Row{ID: "aaaa", Value: []byte("a"), Ends: start}, secret.Row{ID: "bbbb", Value: []byte("b"), Created: start}, a)
		}},
		{"SetCodes", func(s *store.Store, a audit.Action) error {
			return s.SetCodes(ctx, by, "mem_1", [][]byte{[]byte("1"), []byte("2"), []byte("3")}, start, "", a)
		}},
		{"SetTOTP", func(s *store.Store, a audit.Action) error {
			return s.SetTOTP(ctx, by, "mem_1", account.TOTP{Encrypted: []byte("seed"), Step: 1, Since: start}, "", a)
		}},
		{"AddPasskey", func(s *store.Store, a audit.Action) error { return s.AddPasskey(ctx, by, passkey("psk_1"), "", a) }},
		{"CreateSession", func(s *store.Store, a audit.Action) error {
			a.Name, a.Target = audit.MemberSignIn, audit.Target{Kind: audit.MemberTarget, ID: "mem_1"}
			return s.CreateSession(ctx, by, session("ses_1"), code("1"), a)
		}},
		{"Visit", func(s *store.Store, a audit.Action) error { return s.Visit(ctx, by, "ses_1", account.Default, true, a) }},
		{"ConfirmSession", func(s *store.Store, a audit.Action) error {
			return s.ConfirmSession(ctx, by, session("ses_1"), code("2"), a)
		}},
		{"EndOthers", func(s *store.Store, a audit.Action) error { return s.EndOthers(ctx, by, "mem_1", "ses_1", a) }},
		{"EndSession", func(s *store.Store, a audit.Action) error { return s.EndSession(ctx, by, "mem_1", "ses_1", a) }},
		{"RemoveTOTP", func(s *store.Store, a audit.Action) error { return s.RemoveTOTP(ctx, by, "mem_1", "", a) }},
		{"AddPasskey", func(s *store.Store, a audit.Action) error { return s.AddPasskey(ctx, by, passkey("psk_2"), "", a) }},
		{"RemovePasskey", func(s *store.Store, a audit.Action) error { return s.RemovePasskey(ctx, by, "mem_1", "psk_1", "", a) }},
		{"ResetFactors", func(s *store.Store, a audit.Action) error { return s.ResetFactors(ctx, by, "mem_1", a) }},
		{"RemoveMember", func(s *store.Store, a audit.Action) error {
			return s.RemoveMember(ctx, by, account.Default, "mem_2", a, nil)
		}},
		{"CreateAccount", func(s *store.Store, a audit.Action) error {
			owner := invitation("inv_3", "zoe@example.com")
			owner.Account = "acc_2"
			invited := a
			invited.Account = "acc_2"
			return s.CreateAccount(ctx, by, account.Account{ID: "acc_2", Name: "Two", Created: start}, owner, a, invited)
		}},
		{"UpdateAccount", func(s *store.Store, a audit.Action) error {
			return s.UpdateAccount(ctx, by, account.Account{ID: "acc_2", Name: "Three"}, a)
		}},
		{"SuspendAccount", func(s *store.Store, a audit.Action) error { return s.SuspendAccount(ctx, by, "acc_2", start, a) }},
		{"SetRetention", func(s *store.Store, a audit.Action) error { return s.SetRetention(ctx, by, account.Default, 90, a) }},
		{"ErasePersonal", func(s *store.Store, a audit.Action) error {
			_, err := s.ErasePersonal(ctx, by, account.Default, audit.Erasure{Mailbox: "ann@example.com"}, a)
			return err
		}},
		{"Retain", func(s *store.Store, a audit.Action) error {
			clock.Move(92 * 24 * time.Hour)
			_, err := s.Retain(ctx, by, account.Default, storetest.Due(t, s, clock), a)
			return err
		}},
	}
}

func panelKey(name string) redirect.Key {
	return redirect.Key{ID: "rdk_1", Account: account.Default, Name: name, Public: []byte("key"), Created: start}
}

// TestEveryCallFails makes each database call in each change that takes an
// action fail, one at a time. It checks that the change and its action are
// both stored or neither.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		must(t, s.SetMail(t.Context(), true))
		must(t, s.UseIdentity(t.Context(), by, "one", "k1", audit.Action{}))
		storetest.Exec(t, database, `INSERT INTO deliveries (id, account, seq, type, address, state, tries, status, failure, digest, message, again, created, tried, ended)
			VALUES ('msg_old', 'acc_default', 0, 'test', 'ann@example.com', 'sent', 1, 0, '', '', 'msg_old', '', 0, 0, 1)`)
		must(t, db.NoteBackup(t.Context(), database, start))
		total := 0
		for _, st := range steps(t, clock) {
			total += failEach(t, database, s, st)
		}
		must(t, storetest.Verify(t, s))
		t.Logf("%d calls were made to fail", total)
	})
}

// failEach makes each call of the step fail in turn until it needs no more,
// and returns the number of failed calls.
func failEach(t *testing.T, database string, s *store.Store, st step) int {
	t.Helper()
	a := action(audit.DomainUpdate, "x")
	a.Mailbox = "ann@example.com"
	before, n := storetest.Fingerprint(t, database), len(storetest.Entries(t, s))
	for k := 1; ; k++ {
		calls := storetest.FailCalls(s, func(n int) bool { return n == k })
		err := st.change(s, a)
		storetest.FailCalls(s, func(int) bool { return false })
		if calls() < k {
			must(t, err)
			if grown := len(withoutApprovals(storetest.Entries(t, s)[n:])); grown != 1 || k < 6 {
				t.Errorf("%s left %d actions after %d calls", st.method, grown, k-1)
			}
			return k - 1
		}
		if storetest.Fingerprint(t, database) != before {
			t.Fatalf("%s kept something, though call %d failed: %v", st.method, k, err)
		}
		if err == nil {
			t.Fatalf("call %d of %s failed, but the step didn't", k, st.method)
		}
	}
}

// TestEveryChangeIsAStep checks that steps include each method that takes an
// action.
func TestEveryChangeIsAStep(t *testing.T) {
	have := map[string]bool{"Keep": true, "Twice": true} // of these tests
	have["TouchKey"] = true                              // it seldom has an action: see TestKeyUse
	have["RenewInvitation"] = true                       // it has two: see TestRenewInvitation (account)
	for _, st := range steps(t, storetest.NewClock()) {
		have[st.method] = true
	}
	kind := reflect.TypeFor[*store.Store]()
	for m := range kind.Methods() {
		for in := range m.Type.Ins() {
			if in == reflect.TypeFor[audit.Action]() && !have[m.Name] {
				t.Errorf("%s is no step", m.Name)
			}
		}
	}
}
