package store_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestCreateTicket(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		want := newTicket("tkt_1", "lnk_1")
		want.Variant, want.Platform = settings.Mail, profile.Mac
		withTicket(t, s, newLink("lnk_1"), want)
		p, err := s.Permit(t.Context(), "tkt_1")
		must(t, err)
		got, l := p.Ticket, p.Link
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if l != linkOf(t, s, "lnk_1") {
			t.Errorf("the link is %+v", l)
		}
		if l.Tickets != 1 || l.Downloads != 0 || l.State(start) != setup.Opened {
			t.Errorf("the link has %d tickets, %d downloads and is %s", l.Tickets, l.Downloads, l.State(start))
		}
		if n := len(actions(t, s)); n != 3 {
			t.Errorf("the log has %d entries, want 3", n)
		}
		wantUnchanged(t, database, func() {
			wantFault(t, s.CreateTicket(t.Context(), by, want, action(audit.LinkOpen, "lnk_1")), fault.Conflict)
		})
	})
}

func TestTicketIsNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p, err := s.Permit(t.Context(), "tkt_none")
		wantFault(t, err, fault.NotFound)
		if !reflect.DeepEqual(p, setup.Permit{}) {
			t.Errorf("got %+v with the fault", p)
		}
	})
}

// TestPermit checks that a link and a ticket have the settings of their
// domain, and that neither works once its account is suspended.
func TestPermit(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTicket(t, s, newLink("lnk_1"), newTicket("tkt_1", "lnk_1"))
		storetest.Exec(t, database, `INSERT INTO policies (id, account, name, min_length, max_failed_attempts, reset_minutes, auto_lock_minutes,
			grace_minutes, min_complex, alphanumeric, max_age_days, history, created, updated)
			VALUES ('pol_1', 'acc_default', 'Strict', 9, 7, 3, 2, 0, 1, 1, 30, 4, 0, 0)`)
		storetest.Exec(t, database, `UPDATE domains SET policy_id = 'pol_1'`)
		want, err := s.Domain(t.Context(), "example.com")
		must(t, err)
		if want.DevicePolicy.MinLength != 9 {
			t.Fatalf("the policy is %+v", want.DevicePolicy)
		}
		wantDomain := func(got settings.Domain, err error) {
			t.Helper()
			if must(t, err); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}
		p, err := s.Permit(t.Context(), "tkt_1")
		wantDomain(p.Domain, err)
		_, domain, err := s.LinkAndDomain(t.Context(), "lnk_1")
		wantDomain(domain, err)

		storetest.Exec(t, database, `UPDATE accounts SET suspended = 1 WHERE id = 'acc_default'`)
		_, err = s.Permit(t.Context(), "tkt_1")
		wantFault(t, err, fault.NotFound)
		_, _, err = s.LinkAndDomain(t.Context(), "lnk_1")
		wantFault(t, err, fault.NotFound)
	})
}

func TestCreateTicketOfALinkThatIsNotLive(t *testing.T) {
	tests := map[string]func(*setup.Link){
		"another id": func(l *setup.Link) { l.ID = "lnk_2" },
		"expired":    func(l *setup.Link) { l.Expires = start },
		"long ago":   func(l *setup.Link) { l.Expires = start.Add(-time.Hour) },
		"revoked":    func(l *setup.Link) { l.Revoked = start.Add(-time.Minute) },
		"used":       func(l *setup.Link) { l.Tickets = l.MaxDownloads },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				s := storetest.Open(t, store.Config{Database: database})
				l := newLink("lnk_1")
				change(&l)
				withLink(t, s, l)
				wantUnchanged(t, database, func() {
					wantFault(t, s.CreateTicket(t.Context(), by, newTicket("tkt_1", "lnk_1"), action(audit.LinkOpen, "lnk_1")), fault.NotFound)
				})
			})
		})
	}
}

func TestCreateTicketUntilTheLastMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLink("lnk_1")
		l.Expires = start.Add(time.Millisecond)
		withTicket(t, s, l, newTicket("tkt_1", "lnk_1"))
	})
}

func TestUseTicket(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		k := newTicket("tkt_1", "lnk_1")
		k.MaxFetches = 2
		withTicket(t, s, newLink("lnk_1"), k)
		last := k.Expires.Add(-time.Millisecond)
		for i := 1; i <= 2; i++ {
			must(t, s.UseTicket(t.Context(), by, "tkt_1", last, action(audit.ProfileDownload, "tkt_1")))
			p, err := s.Permit(t.Context(), "tkt_1")
			must(t, err)
			got, l := p.Ticket, p.Link
			if got.Fetches != i || l.Downloads != 1 || l.Tickets != 1 {
				t.Errorf("after %d fetches: %d on the ticket, %d downloads and %d tickets on the link", i, got.Fetches, l.Downloads, l.Tickets)
			}
		}
		wantUnchanged(t, database, func() {
			wantFault(t, s.UseTicket(t.Context(), by, "tkt_1", start, action(audit.ProfileDownload, "tkt_1")), fault.Gone)
			wantFault(t, s.UseTicket(t.Context(), by, "tkt_2", start, action(audit.ProfileDownload, "tkt_2")), fault.NotFound)
		})
		if n := len(actions(t, s)); n != 5 {
			t.Errorf("the log has %d entries, want 5", n)
		}
	})
}

func TestDownloadsOfTwoTickets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		withTicket(t, s, newLink("lnk_1"), newTicket("tkt_1", "lnk_1"))
		must(t, s.CreateTicket(t.Context(), by, newTicket("tkt_2", "lnk_1"), action(audit.LinkOpen, "lnk_1")))
		for i, ticket := range []string{"tkt_2", "tkt_2", "tkt_1"} {
			must(t, s.UseTicket(t.Context(), by, ticket, start, action(audit.ProfileDownload, ticket)))
			if l := linkOf(t, s, "lnk_1"); l.Downloads != []int{1, 1, 2}[i] {
				t.Errorf("after fetch %d the link has %d downloads", i+1, l.Downloads)
			}
		}
	})
}

func TestUseTicketIsGone(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		k := newTicket("tkt_1", "lnk_1")
		withTicket(t, s, newLink("lnk_1"), k)
		use := func(at time.Time) error {
			return s.UseTicket(t.Context(), by, "tkt_1", at, action(audit.ProfileDownload, "tkt_1"))
		}
		wantUnchanged(t, database, func() { wantFault(t, use(k.Expires), fault.Gone) })
		// It doesn't matter that the link has expired, only that it was
		// revoked.
		storetest.Exec(t, database, `UPDATE links SET expires = $1`, start.UnixMilli())
		must(t, use(start.Add(time.Minute)))
		storetest.Exec(t, database, `UPDATE links SET revoked = $1`, start.UnixMilli())
		wantUnchanged(t, database, func() { wantFault(t, use(start), fault.Gone) })
	})
}

func TestUseTicketRace(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTicket(t, s, newLink("lnk_1"), newTicket("tkt_1", "lnk_1"))
		n := race(t, database, 200, fault.Gone, func(s *store.Store, i int) error {
			return s.UseTicket(t.Context(), by, "tkt_1", start, action(audit.ProfileDownload, "tkt_1"))
		})
		p, err := s.Permit(t.Context(), "tkt_1")
		must(t, err)
		k, l := p.Ticket, p.Link
		log := len(actions(t, s)) - 3
		if n != k.MaxFetches || k.Fetches != n || log != n || l.Downloads != 1 {
			t.Errorf("%d succeeded of %d, the ticket counts %d, the log %d, the link %d", n, k.MaxFetches, k.Fetches, log, l.Downloads)
		}
	})
}

func TestCreateTicketRace(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		link := newLink("lnk_1")
		link.MaxDownloads = 7
		withLink(t, s, link)
		n := race(t, database, 200, fault.NotFound, func(s *store.Store, i int) error {
			return s.CreateTicket(t.Context(), by, newTicket(id("tkt", i), "lnk_1"), action(audit.LinkOpen, "lnk_1"))
		})
		l := linkOf(t, s, "lnk_1")
		if log := len(actions(t, s)) - 2; n != 7 || l.Tickets != 7 || log != 7 {
			t.Errorf("%d succeeded of 7, the link counts %d, the log %d", n, l.Tickets, log)
		}
	})
}

// TestPermitAsksOnce has several downloads read their tickets while the database
// can't be reached. None waits for more than one statement: with two, a download
// would wait for several time limits.
func TestPermitAsksOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var asked atomic.Int64
		s.Database().Watch(func(db.Call) error {
			asked.Add(1)
			return fault.New(fault.DatabaseUnavailable, "away")
		})
		const downloads = 16
		errs := make(chan error, downloads)
		for range downloads {
			go func() {
				_, err := s.Permit(t.Context(), "tkt_1")
				errs <- err
			}()
		}
		for range downloads {
			wantFault(t, <-errs, fault.DatabaseUnavailable)
		}
		if n := asked.Load(); n > downloads {
			t.Errorf("%d statements for %d downloads", n, downloads)
		}
	})
}

// TestPermitsTogether reads tickets in one statement: good ones, one twice, and
// one that doesn't exist. If the database is away, all calls fail, without
// another statement. If a row can't be read, only its own call fails. A call
// whose time is over doesn't wait.
func TestPermitsTogether(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 3)
		storetest.Exec(t, database, `UPDATE links SET locale = 'de', metadata = '{"floor":"1"}' WHERE id = 'lnk_1'`)
		ids := []string{"tkt_0", "tkt_1", "tkt_9", "tkt_2", "tkt_1"}
		alone := make([]setup.Permit, len(ids))
		for i, id := range ids {
			alone[i], _ = s.Permit(t.Context(), id)
		}
		for name, tt := range map[string]struct {
			first      error // of the statements
			statements int
			code       fault.Code // of all calls
		}{
			"good":       {nil, 1, ""},
			"away":       {fault.New(fault.DatabaseUnavailable, "away"), 1, fault.DatabaseUnavailable},
			"unreadable": {errors.New("one row can't be read"), 1 + len(ids), ""},
		} {
			var statements atomic.Int64
			s.Database().Watch(func(c db.Call) error {
				if !strings.Contains(c.Query, "FROM tickets") || statements.Add(1) > 1 {
					return nil
				}
				return tt.first
			})
			permits, errs := permitsTogether(t, s, ids)
			s.Database().Watch(nil)
			if n := int(statements.Load()); n != tt.statements {
				t.Errorf("%s: %d statements, want %d", name, n, tt.statements)
			}
			for i, id := range ids {
				switch {
				case tt.code != "":
					wantFault(t, errs[i], tt.code)
				case id == "tkt_9":
					wantFault(t, errs[i], fault.NotFound)
				case errs[i] != nil || permits[i].Ticket.ID != id || !reflect.DeepEqual(permits[i], alone[i]):
					t.Errorf("%s: %s: got %+v, %v, want %+v", name, id, permits[i], errs[i], alone[i])
				}
			}
		}
	})
}

// TestUnreadableTicket damages a row as SQLite permits it.
func TestUnreadableTicket(t *testing.T) {
	database := storetest.SQLite(t)
	s := storetest.Open(t, store.Config{Database: database})
	withTickets(t, s, 2)
	storetest.Exec(t, database, `UPDATE tickets SET expires = 'tomorrow' WHERE id = 'tkt_0'`)
	if _, errs := permitsTogether(t, s, []string{"tkt_0", "tkt_1"}); errs[0] == nil || errs[1] != nil {
		t.Errorf("got %v and %v, want an error and none", errs[0], errs[1])
	}
}

// permitsTogether reads the tickets in one group, which another caller leaves
// before it starts.
func permitsTogether(t *testing.T, s *store.Store, ids []string) ([]setup.Permit, []error) {
	t.Helper()
	release := store.HoldReads(s)
	permits, errs := make([]setup.Permit, len(ids)), make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { permits[i], errs[i] = s.Permit(t.Context(), id) })
	}
	gone, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := s.Permit(gone, "tkt_0")
		left <- err
	}()
	await(t, func() bool { return store.Reading(s) == len(ids)+1 })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("for one who has gone: %v", err)
	}
	release()
	wg.Wait()
	return permits, errs
}
