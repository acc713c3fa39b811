package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func newPending(name string) settings.Pending {
	return settings.Pending{Account: account.Default, Name: name, Created: start, Updated: start,
		Spec: settings.DomainSpec{Name: name, Incoming: "imap.example.com", Outgoing: "smtp.example.com", Policy: settings.Offered, Login: settings.AddressLogin}}
}

// TestPending stores a domain without proof per account, with an action for
// each change, until the domain exists.
func TestPending(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		storetest.SecondAccount(t, database)
		var other string
		for _, id := range storetest.Column(t, database, `SELECT id FROM accounts`) {
			if id != account.Default && id != "acc_installation" {
				other = id
			}
		}
		p := newPending("example.net")
		theirs := p
		theirs.Account = other
		a := action(audit.DomainRequest, "")
		must(t, s.KeepPending(t.Context(), by, p, a))
		must(t, s.KeepPending(t.Context(), by, theirs, action2(a, other)))
		if n := len(actions(t, s)); n != 1 {
			t.Errorf("%d actions", n)
		}
		must(t, s.KeepPending(t.Context(), by, p, a)) // the same once more
		p.Spec.DisplayName, p.Updated = "Example", start.Add(time.Hour)
		must(t, s.KeepPending(t.Context(), by, p, a))
		log := actions(t, s)
		if len(log) != 2 || !slices.Equal(log[1].View().Changes, []audit.Change{{Field: "display_name", New: "Example"}}) {
			t.Errorf("the log has %+v", log)
		}
		got, err := s.PendingDomain(t.Context(), account.Default, "example.net")
		if err != nil || got.Spec.DisplayName != "Example" || !got.Updated.Equal(p.Updated) || !got.Created.Equal(start) {
			t.Errorf("%+v, %v", got, err)
		}
		bad := p
		bad.Spec.PolicyID = "pol_nobody"
		wantFault(t, s.KeepPending(t.Context(), by, bad, a), fault.PolicyUnknown)

		d := newDomain("example.net")
		must(t, s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.ID)))
		_, err = s.PendingDomain(t.Context(), account.Default, "example.net")
		wantFault(t, err, fault.NotFound)
		if _, err := s.PendingDomain(t.Context(), other, "example.net"); err != nil {
			t.Errorf("another account's is gone too: %v", err)
		}
		wantFault(t, s.KeepPending(t.Context(), by, p, a), fault.Conflict)
		wantFault(t, s.DeletePending(t.Context(), by, account.Default, "example.net", a), fault.NotFound)
		must(t, s.DeletePending(t.Context(), by, other, "example.net", action2(a, other)))

		for i := range settings.MaxPending {
			must(t, s.KeepPending(t.Context(), by, newPending(fmt.Sprintf("d%d.example.net", i)), a))
		}
		wantFault(t, s.KeepPending(t.Context(), by, newPending("more.example.net"), a), fault.Conflict)
		must(t, s.KeepPending(t.Context(), by, newPending("d1.example.net"), a))
	})
}

// action2 returns the action in the log of another account.
func action2(a audit.Action, account string) audit.Action {
	a.Account = account
	return a
}

// TestChecksKept stores the latest checks of a domain, and none of a deleted
// one.
func TestChecksKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDomain("example.com")
		must(t, s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.ID)))
		before := len(actions(t, s))
		if c, err := s.Checks(t.Context(), d.ID); err != nil || !c.ServersAt.IsZero() || c.Servers != nil {
			t.Errorf("%+v, %v", c, err)
		}
		for _, state := range []string{"refused", "good"} {
			must(t, s.KeepServerChecks(t.Context(), d.ID, start, []settings.ServerCheck{{Kind: "imap", Server: "imap.example.com:993", State: state, NotAfter: start}}))
		}
		must(t, s.KeepRecordChecks(t.Context(), d.ID, start.Add(time.Hour), []settings.RecordCheck{{Name: "x", Type: "TXT", Value: "y", State: "found"}}))
		c, err := s.Checks(t.Context(), d.ID)
		must(t, err)
		if len(c.Servers) != 1 || c.Servers[0].State != "good" || !c.Servers[0].NotAfter.Equal(start) || !c.ServersAt.Equal(start) || len(c.Records) != 1 || !c.RecordsAt.Equal(start.Add(time.Hour)) {
			t.Errorf("%+v", c)
		}
		if n := len(actions(t, s)); n != before {
			t.Error("a check left an action")
		}
		must(t, s.DeleteDomain(t.Context(), by, account.Default, "example.com", nil, action(audit.DomainDelete, d.ID)))
		must(t, s.KeepServerChecks(t.Context(), d.ID, start, nil))
		if c, err := s.Checks(t.Context(), d.ID); err != nil || !c.ServersAt.IsZero() {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// TestFirstRun follows a link to its first download.
func TestFirstRun(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		want := func(created, opened, downloaded bool) {
			t.Helper()
			r, err := s.FirstRun(t.Context(), account.Default)
			if err != nil || r.Created != created || r.Opened != opened || r.Downloaded != downloaded {
				t.Errorf("%+v, %v", r, err)
			}
		}
		want(false, false, false)
		storetest.WithDomain(t, s)
		storetest.WithLink(t, s, newLink("lnk_1"))
		want(true, false, false)
		storetest.Exec(t, database, `UPDATE links SET tickets = 1`)
		want(true, true, false)
		storetest.Exec(t, database, `UPDATE links SET downloads = 1`)
		want(true, true, true)
	})
}
