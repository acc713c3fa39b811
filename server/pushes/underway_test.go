package pushes_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/push"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// files are those of a batch. Tests can make them fail.
type files struct {
	pushes.Files
	look func() error
}

func (f files) Look(ctx context.Context, account, id, name string) (batches.File, error) {
	if err := f.look(); err != nil {
		return batches.File{}, err
	}
	return f.Files.Look(ctx, account, id, name)
}

// service returns a Service on the same database, like that of another server.
// Before it reads a file, it calls look.
func (r *rig) service(look func() error) (*pushes.Service, *store.Store) {
	r.t.Helper()
	s := storetest.Open(r.t, store.Config{Database: r.database})
	keeper, err := secret.Open(r.t.Context(), s, servertest.Secret, time.Now)
	storetest.Must(r.t, err)
	archive, err := blob.Open(r.t.Context(), r.archive, blob.S3Options{})
	storetest.Must(r.t, err)
	return pushes.New(pushes.Config{Store: s, Files: files{&batches.Service{Store: s, Files: archive}, look}, Secret: keeper.Secret, Client: r.nano.Client(), Now: time.Now}), s
}

func operator() audit.Grant {
	by := audit.ByOperator()
	by.Account = account.Default
	return by
}

const (
	phone = "00008110-000000000000000A"
	one   = "email,udid\njane@example.com," + phone + "\n"
)

// pushed creates and pushes a batch for one device, and returns its ID with
// the IDs of its delivery and of the command that NanoMDM got.
func (r *rig) pushed() (batch, delivery, command string) {
	r.t.Helper()
	batch = r.batch(one, "")
	r.client.Want(r.t, 202, "POST", "/batches/"+batch+"/push", "")
	r.until(batch, "queued 1")
	d := r.show(batch, "").Deliveries[0]
	return batch, d.ID, d.Command
}

// TestHeldEvent replaces the secret of the webhook, and disconnects NanoMDM,
// while an event that was signed with the old secret is being processed.
func TestHeldEvent(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, database)
		r.enrolled()
		batch, _, command := r.pushed()
		s, _ := r.service(nil)
		hook := r.hook[strings.LastIndex(r.hook, "/")+1:]
		held := func(event string, meanwhile func() error) error {
			t.Helper()
			signature := signed(r.secret, event)
			return s.Hear(t.Context(), hook, signature, func() ([]byte, error) { return []byte(event), meanwhile() })
		}
		known := func() string {
			return strings.Join(storetest.Column(t, database, `SELECT id FROM enrollments ORDER BY id`), " ")
		}
		before, enrolls := known(), `{"topic":"mdm.TokenUpdate","checkin_event":{"udid":"X","ids":{"id":"X"}}}`
		for name, event := range map[string]string{
			"an enrollment": enrolls, "leaving": `{"topic":"mdm.CheckOut","checkin_event":{"ids":{"id":"00008110-000000000000000B"}}}`, "an answer": answered(command, phone, "Acknowledged", ""),
		} {
			var fresh string
			err := held(event, func() (err error) {
				fresh, err = s.Rotate(t.Context(), operator(), account.Default)
				return err
			})
			if !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s by a secret that was replaced meanwhile: %v", name, err)
			}
			r.secret = fresh
		}
		if now := known(); now != before {
			t.Errorf("the enrollments are %s, were %s", now, before)
		}
		r.until(batch, "queued 1")
		err := held(enrolls, func() error { return s.Disconnect(t.Context(), operator(), account.Default) })
		if now := known(); !fault.Is(err, fault.NotFound) || now != "" {
			t.Errorf("after disconnecting: %v, and %s are known", err, now)
		}
	})
}

// TestOtherAccount has the NanoMDM of another account report devices and
// commands that don't belong to it.
func TestOtherAccount(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, database)
		r.enrolled()
		batch, _, command := r.pushed()
		hook, key := r.connect(r.owner.Customer("Other", "eva@example.net"))
		before := storetest.Column(t, database, `SELECT account || id || udid || serial || heard FROM enrollments ORDER BY id`)
		for _, event := range []string{
			answered(command, phone, "Acknowledged", ""), answered(command, phone, "Error", complaint),
			`{"topic":"mdm.CheckOut","checkin_event":{"udid":"00008110-000000000000000B","ids":{"id":"00008110-000000000000000B"}}}`,
		} {
			if own, theirs := r.tellAt(hook, r.secret, event), r.tellAt(hook, key, event); own != 401 || theirs != 204 {
				t.Errorf("%d by the key of the other account, %d by its own: %s", own, theirs, event)
			}
		}
		if code := r.tellAt(hook, key, `{"topic":"mdm.TokenUpdate","checkin_event":{"udid":"X","ids":{"id":"00008110-000000000000000B"}}}`); code != 204 {
			t.Errorf("an enrollment: %d", code)
		}
		if after := storetest.Column(t, database, `SELECT account || id || udid || serial || heard FROM enrollments WHERE account = '`+account.Default+`' ORDER BY id`); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("the enrollments are %v, were %v", after, before)
		}
		r.until(batch, "queued 1")
		if _, n := r.nano.last(phone); n != 1 {
			t.Errorf("%d commands, want 1", n)
		}
	})
}

// TestUnderWay removes what a job needs while it runs: temporarily, so that
// another attempt succeeds, and permanently.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, database)
		batch, delivery, command := r.pushed()
		waiting := func() {
			storetest.Exec(t, database, `UPDATE push_deliveries SET state = 'waiting', detail = ''`)
		}
		plan := func(look func() error) error {
			storetest.Exec(t, database, `UPDATE pushes SET planned = 0`)
			storetest.Exec(t, database, `UPDATE push_deliveries SET state = 'failed'`)
			s, _ := r.service(look)
			return s.Plan(t.Context(), batch, 1)
		}
		for name, away := range map[string]error{
			"the files": errors.New("/srv/private: input/output error"), "the database": func() error {
				f := fault.New(fault.DatabaseUnavailable, "Try again.")
				f.RetryAfter = time.Second
				return f
			}(),
		} {
			waiting()
			s, _ := r.service(func() error { return away })
			_, err := s.Send(t.Context(), delivery, command)
			if d := r.show(batch, "").Deliveries[0]; err == nil || d.State != "waiting" || d.Detail != "" {
				t.Errorf("without %s: %v, %+v", name, err, d)
			}
			err = plan(func() error { return away })
			if p := r.show(batch, ""); err == nil || p.Planned || p.Detail != "" {
				t.Errorf("a plan without %s: %v, %+v", name, err, p)
			}
		}
		disconnect := sync.OnceValue(func() error {
			s, _ := r.service(nil)
			return s.Disconnect(t.Context(), operator(), account.Default)
		})
		if err := plan(disconnect); err != nil {
			t.Error(err)
		}
		if p := r.show(batch, ""); !p.Planned || !strings.Contains(p.Detail, "No NanoMDM is connected") || p.States["failed"] != 1 {
			t.Errorf("disconnected from a plan: %+v", p)
		}
		waiting()
		s, _ := r.service(func() error { return nil })
		_, err := s.Send(t.Context(), delivery, command)
		if d := r.show(batch, "").Deliveries[0]; err != nil || d.State != "failed" || !strings.Contains(d.Detail, "No NanoMDM is connected") {
			t.Errorf("disconnected: %v, %+v", err, d)
		}
		r.connect(r.owner)
		waiting()
		_, before := r.nano.last(phone)
		s, _ = r.service(func() error { r.client.Want(t, 204, "DELETE", "/batches/"+batch, ""); return nil })
		if _, err := s.Send(t.Context(), delivery, command); err != nil {
			t.Errorf("the batch is deleted: %v", err)
		}
		if _, n := r.nano.last(phone); n != before {
			t.Errorf("%d commands of a batch that is deleted", n-before)
		}
		if err := s.Plan(t.Context(), batch, 1); err != nil {
			t.Errorf("the plan of a batch that is deleted: %v", err)
		}
	})
}

// TestTwoPushes plans two batches for the same devices at the same time. Each
// device must get one of them.
func TestTwoPushes(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, database)
		var all [2][]pushes.Delivery
		var pushOf [2]pushes.Push
		_, s := r.service(nil)
		for n := range all {
			batch, _, _ := r.pushed()
			p, err := s.AnyPush(t.Context(), batch)
			storetest.Must(t, err)
			pushOf[n] = p
			for i := range 100 {
				all[n] = append(all[n], pushes.Delivery{
					ID: fmt.Sprint("psh_", n, "_", i), Account: account.Default, Batch: batch, Enrollment: fmt.Sprint("DEVICE", i), Identifier: "com.example.a",
					Command: fmt.Sprint("command-", n, "-", i), Attempt: 1, State: pushes.Waiting,
				})
			}
		}
		var planned sync.WaitGroup
		for n := range all {
			planned.Go(func() {
				if err := s.PlanDeliveries(t.Context(), pushOf[n], all[n]); err != nil {
					t.Error(err)
				}
			})
		}
		planned.Wait()
		states := map[push.State]int{}
		for _, state := range storetest.Column(t, database, `SELECT CASE state WHEN 'replaced' THEN 'replaced' ELSE 'waiting' END FROM push_deliveries WHERE identifier = 'com.example.a'`) {
			states[push.State(state)]++
		}
		if states[pushes.Replaced] != 100 || states[pushes.Waiting] != 100 {
			t.Errorf("got %v, want half of them replaced", states)
		}
	})
}
