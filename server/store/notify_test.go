package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// eachClocked runs f with a store on each database, and a clock that it can
// move.
func eachClocked(t *testing.T, f func(t *testing.T, s *store.Store, database string, clock *storetest.Clock)) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		f(t, storetest.Open(t, store.Config{Database: database, Now: clock.Now}), database, clock)
	})
}

// withStaff creates the members anna and olga, who are owners, and adam and
// audrey, who aren't.
func withStaff(t *testing.T, s *store.Store) {
	t.Helper()
	for name, role := range map[string]account.Role{"olga": account.Owner, "anna": account.Owner, "adam": account.Admin, "audrey": account.Auditor} {
		m := account.Member{ID: "mem_" + name, Account: account.Default, Email: name + "@example.com", Role: role, Operator: name == "olga", Created: start}
		must(t, s.CreateMember(t.Context(), by, m, "", did(audit.MemberJoin, "olga", "mem_"+name, name+"@example.com")))
	}
}

// did returns an action of a member on a member.
func did(name audit.Name, who, target, targetName string) audit.Action {
	return audit.Action{
		Account: account.Default, Name: name, Outcome: audit.Done,
		Actor:  audit.Actor{Kind: audit.Member, ID: "mem_" + who, Name: who + "@example.com", IP: "192.0.2.7", Client: "Safari", Interface: audit.Panel},
		Target: audit.Target{Kind: audit.MemberTarget, ID: target, Name: targetName},
	}
}

// told returns the addresses of the deliveries by email since the last call,
// sorted, with the types.
func told(t *testing.T, s *store.Store, seen map[string]bool) []string {
	t.Helper()
	all, err := s.Deliveries(t.Context(), account.Default, "")
	must(t, err)
	var fresh []string
	for _, d := range all {
		if !seen[d.ID] {
			fresh = append(fresh, string(d.Type)+" "+strings.TrimSuffix(d.Address, "@example.com"))
		}
		seen[d.ID] = true
	}
	slices.Sort(fresh)
	return fresh
}

// jobCount returns the number of jobs in the database, in any state.
func jobCount(t *testing.T, database string) int {
	t.Helper()
	return strings.Count(storetest.Dump(t, database), "river_job.kind=")
}

func TestWhoIsTold(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, clock *storetest.Clock) {
		withStaff(t, s)
		if n := jobCount(t, database); n != 0 {
			t.Fatalf("%d jobs without a mail server", n)
		}
		must(t, s.SetMail(t.Context(), true))
		topics := func(recipient string, topics ...notify.Topic) {
			must(t, s.Subscribe(t.Context(), by, account.Default, recipient, topics, did(audit.SubscriptionUpdate, "anna", recipient, "")))
		}
		topics("mem_anna", notify.Keys)
		topics("mem_adam", notify.Domains)
		topics("desk@example.com", notify.Domains, notify.Members)
		seen := map[string]bool{}
		told(t, s, seen)
		for _, tt := range []struct {
			name string
			a    audit.Action
			want []string
		}{
			{"not locked", did(audit.DomainUpdate, "anna", "dom_1", ""), []string{"domain.changed adam", "domain.changed desk", "domain.changed olga"}},
			{"locked", did(audit.KeyCreate, "adam", "key_1", ""), []string{"key.created adam", "key.created anna", "key.created olga"}},
			{"locked, turned off", did(audit.PolicyUpdate, "olga", "pol_1", ""), []string{"policy.changed anna", "policy.changed olga"}},
			{"factor", did(audit.TOTPRemove, "audrey", "mem_audrey", "audrey@example.com"), []string{"factor.changed anna", "factor.changed audrey", "factor.changed olga"}},
			{"removed member", did(audit.MemberRemove, "anna", "mem_gone", "gone@example.com"), []string{
				"member.removed anna", "member.removed desk", "member.removed gone", "member.removed olga"}},
			{"turned off", did(audit.SubscriptionUpdate, "adam", "mem_adam", ""), []string{
				"notifications.changed adam", "notifications.changed anna", "notifications.changed olga"}},
			{"nobody", did(audit.LinkOpen, "adam", "lnk_1", ""), nil},
			{"nobody either", did(audit.MemberSignOut, "adam", "mem_adam", ""), nil},
		} {
			if tt.a.Name != audit.TOTPRemove && tt.a.Name != audit.MemberRemove {
				tt.a.Target.Kind = audit.DomainTarget
			}
			must(t, record(t.Context(), s, tt.a))
			if got := told(t, s, seen); !slices.Equal(got, tt.want) {
				t.Errorf("%s: told %q, want %q", tt.name, got, tt.want)
			}
		}
		refused := did(audit.KeyCreate, "adam", "key_1", "")
		refused.Outcome, refused.Reason = audit.Refused, "forbidden"
		must(t, record(t.Context(), s, refused))
		installation := did(audit.IdentityExpiring, "", "", "")
		installation.Account, installation.Actor = account.Installation, audit.Actor{Kind: audit.System, Interface: audit.CommandLine}
		must(t, record(t.Context(), s, installation))
		if got := told(t, s, seen); got != nil {
			t.Errorf("a refusal: told %q", got)
		}
		ops, err := s.Deliveries(t.Context(), account.Installation, "")
		must(t, err)
		if len(ops) != 1 || ops[0].Address != "olga@example.com" {
			t.Errorf("the installation: %+v, want the operator", ops)
		}
		must(t, s.SetMail(t.Context(), false))
		before := jobCount(t, database)
		must(t, record(t.Context(), s, did(audit.KeyCreate, "adam", "key_2", "")))
		if n := jobCount(t, database); n != before {
			t.Error("a job without a mail server")
		}
	})
}

func TestSubscriptions(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, _ string, _ *storetest.Clock) {
		withStaff(t, s)
		a := did(audit.SubscriptionUpdate, "olga", "", "")
		must(t, s.Subscribe(t.Context(), by, account.Default, "mem_adam", []notify.Topic{notify.Keys}, a))
		must(t, s.Subscribe(t.Context(), by, account.Default, "mem_anna", nil, a))
		must(t, s.Subscribe(t.Context(), by, account.Default, "x@example.com", []notify.Topic{notify.Log}, a))
		must(t, s.Subscribe(t.Context(), by, account.Default, "y@example.com", []notify.Topic{notify.Log}, a))
		must(t, s.Subscribe(t.Context(), by, account.Default, "y@example.com", nil, a))
		wantFault(t, s.Subscribe(t.Context(), by, account.Default, "mem_none", nil, a), fault.NotFound)
		all, err := s.Subscriptions(t.Context(), account.Default)
		must(t, err)
		var got []string
		for _, n := range all {
			got = append(got, fmt.Sprint(n.Email, " ", len(n.Topics)))
		}
		want := []string{"adam@example.com 1", "anna@example.com 0", "audrey@example.com 0", fmt.Sprint("olga@example.com ", len(notify.Topics())), "x@example.com 1"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for i := range notify.MaxAddresses - 1 {
			must(t, s.Subscribe(t.Context(), by, account.Default, fmt.Sprintf("a%d@example.com", i), []notify.Topic{notify.Log}, a))
		}
		wantFault(t, s.Subscribe(t.Context(), by, account.Default, "one@example.com", []notify.Topic{notify.Log}, a), fault.Conflict)
	})
}

// TestRolledBackTellsNobody checks that a change that is rolled back leaves no
// delivery and no job.
func TestRolledBackTellsNobody(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, _ *storetest.Clock) {
		withStaff(t, s)
		withHook(t, s, "whk_1", notify.KeyCreated)
		must(t, s.SetMail(t.Context(), true))
		before := jobCount(t, database)
		for _, owner := range []string{account.Default, "acc_none"} {
			a := did(audit.KeyCreate, "olga", "key_1", "")
			a.Account = owner
			wantUnchanged(t, database, func() {
				err := s.Twice(t.Context(), a, errors.New("no"))
				if err == nil {
					t.Error("it was kept")
				}
			})
		}
		if n := jobCount(t, database); n != before {
			t.Errorf("%d jobs more", n-before)
		}
		must(t, record(t.Context(), s, did(audit.KeyCreate, "olga", "key_1", "")))
		if n := jobCount(t, database); n != before+3 { // two owners, one webhook
			t.Errorf("%d jobs more, want 3", n-before)
		}
	})
}

func withHook(t *testing.T, s *store.Store, id string, types ...notify.Type) {
	t.Helper()
	must(t, s.CreateWebhook(t.Context(), by, notify.Webhook{
		ID: id, Account: account.Default, URL: "https://example.com/" + id, Types: types, Secret: []byte("encrypted"), Created: start, Updated: start,
	}, did(audit.WebhookCreate, "olga", id, "")))
}

func TestWebhookDeliveries(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, clock *storetest.Clock) {
		withStaff(t, s)
		withHook(t, s, "whk_1", notify.LinkOpened, notify.WebhookFailing)
		withHook(t, s, "whk_2", notify.KeyCreated)
		deliveries := func(id string) []notify.Delivery {
			all, err := s.Deliveries(t.Context(), account.Default, id)
			must(t, err)
			return all
		}
		must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
		if n, m := len(deliveries("whk_1")), len(deliveries("whk_2")); n != 1 || m != 0 {
			t.Fatalf("%d and %d deliveries, want 1 and 0", n, m)
		}
		d := deliveries("whk_1")[0]
		fail := notify.Outcome{State: notify.Waiting, Failure: notify.Timeout}
		try := func(o notify.Outcome, disable notify.Reason) {
			got, err := s.BeginTry(t.Context(), d.ID)
			must(t, err)
			if r, err := got.Record.Read(); err != nil || r.Name != audit.LinkOpen {
				t.Errorf("the record is %v, %v", r, err)
			}
			must(t, s.EndCall(t.Context(), by, got.Delivery, o, disable))
		}
		try(fail, "")
		clock.Move(notify.FailingLong)
		try(fail, "")
		try(fail, "")
		all := deliveries("whk_1")
		if len(all) != 2 || all[0].Type != notify.WebhookFailing || all[1].Tries != 3 || all[1].Failure != notify.Timeout {
			t.Errorf("after a day: %+v", all)
		}
		must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_2")))
		try(notify.Outcome{State: notify.GivenUp, Status: 410, Failure: notify.BadStatus}, notify.EndpointGone)
		w, err := s.Webhook(t.Context(), account.Default, "whk_1")
		must(t, err)
		if w.Disabled.IsZero() || w.Reason != notify.EndpointGone {
			t.Errorf("the webhook is %+v", w)
		}
		for _, d := range deliveries("whk_1") {
			if d.State == notify.Waiting {
				t.Errorf("%s waits for a webhook that is disabled", d.Type)
			}
		}
		_, err = s.BeginTry(t.Context(), d.ID)
		wantFault(t, err, fault.NotFound)
		before := jobCount(t, database)
		must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_3")))
		if jobCount(t, database) != before {
			t.Error("a job for a webhook that is disabled")
		}
		must(t, s.DeleteWebhook(t.Context(), by, account.Default, "whk_1", nil, did(audit.WebhookDelete, "olga", "whk_1", "")))
		wantFault(t, s.DeleteWebhook(t.Context(), by, "acc_2", "whk_2", nil, did(audit.WebhookDelete, "olga", "whk_2", "")), fault.NotFound)
	})
}

// TestFlood sends 57 emails to one address within an hour: 20 arrive, then one
// digest of the other 37.
func TestFlood(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, clock *storetest.Clock) {
		withStaff(t, s)
		must(t, s.SetMail(t.Context(), true))
		for range 57 {
			must(t, record(t.Context(), s, did(audit.DomainUpdate, "olga", "dom_1", "")))
		}
		ids := func(where string) []string {
			return storetest.Column(t, database, `SELECT id FROM deliveries WHERE address = 'anna@example.com' AND `+where)
		}
		begin := func(id string) notify.Try {
			try, err := s.BeginTry(t.Context(), id)
			must(t, err)
			if try.State == notify.Waiting {
				must(t, s.EndTry(t.Context(), try.Delivery, notify.Outcome{State: notify.Sent}))
			}
			return try
		}
		for _, id := range ids(`state = 'waiting'`) {
			begin(id)
			clock.Move(time.Second)
		}
		if sent, held := len(ids(`state = 'sent'`)), len(ids(`state = 'held'`)); sent != 20 || held != 37 {
			t.Errorf("%d sent, %d held", sent, held)
		}
		digests := ids(`type = 'digest'`)
		if len(digests) != 1 {
			t.Fatalf("%d digests", len(digests))
		}
		clock.Move(time.Hour)
		if try := begin(digests[0]); try.Held != 37 {
			t.Errorf("the digest stands for %d", try.Held)
		}

		// Emails sent while the clock was wrong don't count.
		send := func(n int) {
			for range n {
				must(t, record(t.Context(), s, did(audit.DomainUpdate, "olga", "dom_1", "")))
			}
			for _, id := range ids(`state = 'waiting'`) {
				begin(id)
			}
		}
		const ahead = 3650 * 24 * time.Hour
		clock.Move(ahead)
		send(20)
		clock.Move(2*time.Hour - ahead)
		send(1)
		if held := len(ids(`state = 'held'`)); held != 37 {
			t.Errorf("%d held after the clock was put right, want the 37 of before", held)
		}
	})
}

func TestSignInsAreTold(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, _ string, clock *storetest.Clock) {
		withStaff(t, s)
		must(t, s.SetMail(t.Context(), true))
		seen := map[string]bool{}
		signIn := func(client, ip, method string, outcome audit.Outcome) []string {
			a := did(audit.MemberSignIn, "olga", "mem_olga", "olga@example.com")
			a.Actor.Client, a.Actor.IP, a.Outcome = client, ip, outcome
			a.Changes = []audit.Change{{Field: "method", New: method}}
			must(t, record(t.Context(), s, a))
			return told(t, s, seen)
		}
		both := func(kind string) []string { return []string{kind + " anna", kind + " olga"} }
		for _, tt := range []struct {
			client, ip, method string
			want               []string
		}{
			{"Safari", "192.0.2.7", "totp", nil}, // the first ever
			{"Safari", "192.0.2.99", "totp", nil},
			{"Firefox", "192.0.2.7", "totp", both("sign_in.new_device")},
			{"Firefox", "192.0.2.7", "totp", nil},
			{"Safari", "198.51.100.7", "passkey", both("sign_in.new_device")},
			{"Safari", "198.51.100.7", "recovery", both("sign_in.recovery_code")},
		} {
			if got := signIn(tt.client, tt.ip, tt.method, audit.Done); !slices.Equal(got, tt.want) {
				t.Errorf("%+v: told %q", tt, got)
			}
		}
		count := 0
		for range 25 {
			count += len(signIn("x", "203.0.113.1", "", audit.Refused))
		}
		clock.Move(time.Hour + time.Second)
		for range 9 {
			count += len(signIn("x", "203.0.113.1", "", audit.Refused))
		}
		if count != 2 {
			t.Errorf("%d emails of refused sign-ins, want one for each of two owners", count)
		}
	})
}

func TestNoteExpiry(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, _ string, _ *storetest.Clock) {
		for range 3 {
			must(t, s.NoteExpiry(t.Context(), by, "ff", 30, did(audit.IdentityExpiring, "olga", "", "")))
		}
		if n := len(actions(t, s)); n != 1 {
			t.Errorf("%d actions, want 1", n)
		}
	})
}

// TestNoteOldBackup reports a backup once, and not after there is a newer one.
func TestNoteOldBackup(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, database string, clock *storetest.Clock) {
		first := clock.Now()
		must(t, db.NoteBackup(t.Context(), database, first))
		note := func(at time.Time, want int) {
			t.Helper()
			storetest.RaceWith(t, database, 3, func(s *store.Store, _ int) error {
				return s.NoteOldBackup(t.Context(), by, at, did(audit.BackupOverdue, "olga", "", ""))
			})
			if n := len(actions(t, s)); n != want {
				t.Errorf("%d actions, want %d", n, want)
			}
			if at, err := s.UnreportedBackup(t.Context()); err != nil || !at.IsZero() {
				t.Errorf("to report: %v, %v", at, err)
			}
		}
		note(first, 1)
		second := clock.Move(time.Hour)
		must(t, db.NoteBackup(t.Context(), database, second))
		if at, err := s.UnreportedBackup(t.Context()); err != nil || !at.Equal(second) {
			t.Errorf("to report: %v, %v", at, err)
		}
		must(t, s.NoteOldBackup(t.Context(), by, first, did(audit.BackupOverdue, "olga", "", "")))
		note(second, 2)
	})
}

// A worker records when a job arrives.
type worker struct {
	river.WorkerDefaults[notify.WebhookJob]
	came  chan string
	ended chan struct{} // closed when RunJobs has returned
}

func (w *worker) Work(_ context.Context, job *river.Job[notify.WebhookJob]) error {
	w.came <- job.Args.Delivery
	return nil
}

// working starts the jobs of the store, with a webhook for opened links. Stop
// ends them.
func working(t *testing.T, s *store.Store) (w *worker, stop func()) {
	t.Helper()
	return workingWith(t, s, slog.New(slog.DiscardHandler))
}

// workingWith is working with a log.
func workingWith(t *testing.T, s *store.Store, log *slog.Logger) (w *worker, stop func()) {
	t.Helper()
	withStaff(t, s)
	withHook(t, s, "whk_1", notify.LinkOpened)
	w = &worker{came: make(chan string, 100), ended: make(chan struct{})}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		defer close(w.ended)
		done <- s.Database().RunJobs(ctx, &river.Config{
			Workers: workers, Queues: map[string]river.QueueConfig{notify.WebhookQueue: {MaxWorkers: 4}},
			Logger: log, SoftStopTimeout: time.Minute,
		})
	}()
	return w, func() { cancel(); must(t, <-done) }
}

// next opens a link and waits for the job of that.
func (w *worker) next(t *testing.T, s *store.Store, link string) (delivery string) {
	t.Helper()
	must(t, record(t.Context(), s, action(audit.LinkOpen, link)))
	select {
	case delivery = <-w.came:
	case <-time.After(3 * time.Minute):
		t.Fatal("no job came")
	}
	return delivery
}

// TestRunJobs checks that a job is done once, and that nothing runs any more
// when RunJobs returns.
func TestRunJobs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w, stop := working(t, s)
		seen := map[string]bool{}
		for i := range 8 {
			delivery := w.next(t, s, fmt.Sprint("lnk_", i))
			if seen[delivery] {
				t.Errorf("%s came twice", delivery)
			}
			seen[delivery] = true
		}
		stop()
	})
}

// TestRunJobsAgain starts the jobs while their table is missing, as when the
// database is locked or starts later. The jobs must begin when the table is
// there.
func TestRunJobsAgain(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		storetest.Exec(t, database, `ALTER TABLE river_queue RENAME TO away`)
		said := make(chan string, 100)
		w, stop := workingWith(t, s, slog.New(slog.NewTextHandler(lines(said), nil)))
		for again := false; !again; {
			select {
			case line := <-said:
				again = strings.Contains(line, "jobs can't start")
			case <-w.ended:
				t.Fatal("the jobs have ended")
			}
		}
		storetest.Exec(t, database, `ALTER TABLE away RENAME TO river_queue`)
		w.next(t, s, "lnk_1")
		stop()
	})
}

// lines sends each line that is written, as long as there is room.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}
