package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/jobs"
	"github.com/updatecase/mobileconfig/server/maintenance"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A worker records the jobs that reach it. It stands for the notifier and the
// maintenance, which are tested elsewhere: here it matters which job reaches
// whom, and what becomes of the answer.
type worker struct {
	mu   sync.Mutex
	came []string
	// answer, if not nil, returns the answer for the nth job.
	answer func(n int) (time.Duration, error)
}

func (w *worker) take(job string) (time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.came = append(w.came, job)
	if w.answer == nil {
		return 0, nil
	}
	return w.answer(len(w.came))
}

func (w *worker) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.came))
}

func (w *worker) Mail(_ context.Context, delivery string) (time.Duration, error) {
	return w.take("mail " + delivery)
}

func (w *worker) Call(_ context.Context, delivery string) (time.Duration, error) {
	return w.take("call " + delivery)
}

func (w *worker) Send(_ context.Context, mail string) (time.Duration, error) {
	return w.take("link " + mail)
}

func (w *worker) Begin(_ context.Context, day string) error {
	_, err := w.take("begin " + day)
	return err
}

func (w *worker) Run(_ context.Context, account string) error {
	_, err := w.take("run " + account)
	return err
}

func (w *worker) Resume(context.Context) error { return nil }

func (w *worker) Check(_ context.Context, batch string) error {
	_, err := w.take("check " + batch)
	return err
}

func (w *worker) Chunk(_ context.Context, batch string, number int) error {
	_, err := w.take(fmt.Sprintf("chunk %s %d", batch, number))
	return err
}

func (w *worker) Archive(_ context.Context, batch string, number int) error {
	_, err := w.take(fmt.Sprintf("archive %s %d", batch, number))
	return err
}

func (w *worker) GiveUp(_ context.Context, batch string) error {
	_, err := w.take("give up " + batch)
	return err
}

// pushing is a jobs.Pusher that records its calls, if it can.
type pushing struct{ jobs.Batcher }

func (p pushing) note(what string) (time.Duration, error) {
	if w, ok := p.Batcher.(*worker); ok {
		return w.take(what)
	}
	return 0, nil
}

func (p pushing) Plan(_ context.Context, batch string, round int) error {
	_, err := p.note(fmt.Sprintf("plan %s %d", batch, round))
	return err
}

func (p pushing) Send(_ context.Context, delivery, command string) (time.Duration, error) {
	return p.note("push " + delivery + " " + command)
}

// run works on the store's jobs and returns a function that stops that and
// waits until it has stopped.
func run(t *testing.T, s *store.Store, w interface {
	jobs.Deliverer
	jobs.LinkSender
	jobs.Maintainer
	jobs.Batcher
}, log *slog.Logger) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- jobs.Run(ctx, s.Database(), jobs.Work{Deliverer: w, LinkSender: w, Maintainer: w, Batcher: w, Pusher: pushing{w}}, log)
	}()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// add enqueues an email and a webhook call.
func add(t *testing.T, s *store.Store) {
	t.Helper()
	now := time.Now()
	a := audit.Action{Name: audit.WebhookCreate, Outcome: audit.Done, Account: account.Default}
	hook := notify.Webhook{ID: "whk_1", Account: account.Default, URL: "https://example.com/hook", Types: []notify.Type{notify.KeyCreated}, Secret: []byte("s"), Created: now, Updated: now}
	for _, err := range []error{
		s.SetMail(t.Context(), true),
		s.CreateWebhook(t.Context(), audit.ByProgram(), hook, a),
		s.TestWebhook(t.Context(), audit.ByProgram(), notify.Delivery{ID: "msg_1", Account: account.Default, Type: notify.TestEvent, Webhook: "whk_1", Created: now}, a),
		s.TestMail(t.Context(), audit.ByProgram(), notify.Delivery{ID: "msg_2", Message: "msg_2", Account: account.Default, Type: notify.TestEvent, Address: "ann@example.com", Created: now}, a),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func states(t *testing.T, database string) []string {
	t.Helper()
	return storetest.Column(t, database, `SELECT kind || ' ' || CAST(state AS TEXT) FROM river_job ORDER BY kind, state`)
}

// TestRun checks that each job of each queue runs once, and reaches the right
// worker.
func TestRun(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		add(t, s)
		for range 2 {
			err := errors.Join(s.EnqueueRound(t.Context(), "2026-03-01"), s.EnqueueJobs(t.Context(), "2026-03-01"))
			if err != nil {
				t.Fatal(err)
			}
		}
		w := &worker{}
		stop := run(t, s, w, slog.New(slog.DiscardHandler))
		defer stop()
		done := []string{"maintenance.log completed", "maintenance.log completed", "maintenance.round completed", "notify.mail completed", "notify.webhook completed"}
		servertest.Eventually(t, "all jobs", func() bool { return slices.Equal(states(t, database), done) })
		stop()
		want := []string{"begin 2026-03-01", "call msg_1", "mail msg_2", "run " + account.Default, "run " + account.Installation}
		if got := w.all(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestRescue checks that a call whose server seems to have died is repeated,
// but not one that was reported as running.
func TestRescue(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		add(t, s)
		again := make(chan struct{})
		var calls atomic.Int64
		w := &caller{call: func(ctx context.Context) {
			if calls.Add(1) == 1 {
				select {
				case <-again:
				case <-ctx.Done():
				}
				return
			}
			close(again)
		}}
		stop := run(t, s, w, slog.New(slog.DiscardHandler))
		defer stop()
		rescue := func(queue string, after time.Duration) int64 {
			n, err := s.Database().Rescue(t.Context(), queue, after)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		servertest.Eventually(t, "the first call", func() bool { return calls.Load() == 1 })
		if n := rescue(notify.WebhookQueue, time.Hour) + rescue(maintenance.Queue, 0); n != 0 {
			t.Errorf("%d jobs were rescued that are not lost", n)
		}
		age := `UPDATE river_job SET attempted_at = datetime('now', '-1 day') WHERE state = 'running'`
		if strings.HasPrefix(database, "postgres") {
			age = `UPDATE river_job SET attempted_at = now() - interval '1 day' WHERE state = 'running'`
		}
		storetest.Exec(t, database, age)
		for _, job := range storetest.Column(t, database, `SELECT CAST(id AS TEXT) FROM river_job WHERE state = 'running'`) {
			id, err := strconv.ParseInt(job, 10, 64)
			storetest.Must(t, err)
			storetest.Must(t, s.Database().Beat(t.Context(), id))
		}
		if n := rescue(notify.WebhookQueue, time.Hour); n != 0 {
			t.Errorf("%d running jobs were rescued", n)
		}
		storetest.Exec(t, database, age)
		if n := rescue(notify.WebhookQueue, time.Hour); n != 1 {
			t.Errorf("%d calls were rescued, want the lost one", n)
		}
		<-again
	})
}

// A caller makes calls by a function.
type caller struct {
	worker
	call func(context.Context)
}

// Call makes a call.
func (c *caller) Call(ctx context.Context, _ string) (time.Duration, error) {
	c.call(ctx)
	return 0, nil
}

// TestAgainLater checks that a delivery that asks for another try gets it.
func TestAgainLater(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		add(t, s)
		w := &worker{answer: func(n int) (time.Duration, error) {
			if n <= 2 {
				return time.Millisecond, nil
			}
			return 0, nil
		}}
		stop := run(t, s, w, slog.New(slog.DiscardHandler))
		defer stop()
		done := []string{"notify.mail completed", "notify.webhook completed"}
		servertest.Eventually(t, "the second tries", func() bool { return slices.Equal(states(t, database), done) })
		if got := w.all(); len(got) != 4 || !slices.Contains(got, "call msg_1") || !slices.Contains(got, "mail msg_2") {
			t.Errorf("got %q, want two more tries", got)
		}
	})
}

// A waiter's archives never finish.
type waiter struct {
	worker
	begun chan bool
	once  sync.Once
	ended error
}

func (w *waiter) Archive(ctx context.Context, _ string, _ int) error {
	w.once.Do(func() { close(w.begun) }) // the queue may already be fetching when the job is free again
	<-ctx.Done()
	w.ended = context.Cause(ctx)
	return w.ended
}

// TestStopped checks that a step of a batch ends as soon as the server stops,
// not only when it is forced to, and runs again as if it had never begun.
func TestStopped(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		storetest.Must(t, s.Database().Transact(t.Context(), func(tx *db.Tx) error {
			return tx.EnqueueOnce(batches.ArchiveJob{Batch: "bat_1", Number: 1}, batches.ArchiveQueue)
		}))
		w := &waiter{begun: make(chan bool)}
		stop := run(t, s, w, slog.New(slog.DiscardHandler))
		<-w.begun
		stop()
		if w.ended != context.Canceled {
			t.Errorf("the step ended by %v", w.ended)
		}
		got := storetest.Column(t, database, `SELECT CAST(state AS TEXT) || CASE WHEN errors IS NULL THEN '' ELSE ' after an error' END FROM river_job`)
		if want := []string{"available"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestMaintenanceGivesUp checks that failed maintenance is logged and retried,
// and left to the next day after the ninth try.
func TestMaintenanceGivesUp(t *testing.T) {
	for tries, want := range map[int]string{0: "retryable", 8: string(rivertype.JobStateCancelled)} {
		storetest.EachDatabase(t, func(t *testing.T, database string) {
			s := storetest.Open(t, store.Config{Database: database})
			if err := s.EnqueueJobs(t.Context(), "2026-03-01"); err != nil {
				t.Fatal(err)
			}
			storetest.Exec(t, database, `UPDATE river_job SET attempt = $1`, tries)
			w := &worker{answer: func(int) (time.Duration, error) { return 0, errors.New("the log is locked") }}
			var log servertest.Log
			stop := run(t, s, w, slog.New(slog.NewTextHandler(&log, nil)))
			defer stop()
			servertest.Eventually(t, "both logs", func() bool { return len(w.all()) >= 2 })
			stop()
			ended := states(t, database)
			for _, state := range ended {
				// A job that failed once waits for its turn, or has it already.
				if state != "maintenance.log "+want && (tries != 0 || state != "maintenance.log available") {
					t.Errorf("after %d tries: %q, want %s", tries+1, ended, want)
				}
			}
			if text := log.String(); !strings.Contains(text, "the log is locked") || !strings.Contains(text, "account="+account.Default) {
				t.Errorf("the log lacks what failed: %s", text)
			}
		})
	}
}

// TestStepGivesUp checks that a step that fails for the last time ends its
// batch, or its push.
func TestStepGivesUp(t *testing.T) {
	for queue, job := range map[string]river.JobArgs{batches.Queue: batches.ChunkJob{Batch: "bat_1"}, pushes.Queue: pushes.PlanJob{Batch: "bat_1"}} {
		storetest.EachDatabase(t, func(t *testing.T, database string) {
			s := storetest.Open(t, store.Config{Database: database})
			storetest.Must(t, s.Database().Transact(t.Context(), func(tx *db.Tx) error { return tx.EnqueueOnce(job, queue) }))
			storetest.Exec(t, database, `UPDATE river_job SET attempt = 24`)
			w := &worker{answer: func(n int) (time.Duration, error) {
				if n == 1 {
					return 0, errors.New("the disk is full")
				}
				return 0, nil
			}}
			stop := run(t, s, w, slog.New(slog.DiscardHandler))
			defer stop()
			var ended []string
			servertest.Eventually(t, "the end", func() bool {
				ended = states(t, database)
				return !strings.HasSuffix(ended[0], "available") && !strings.HasSuffix(ended[0], "running")
			})
			if got := w.all(); !slices.Contains(got, "give up bat_1") || !slices.Equal(ended, []string{job.Kind() + " " + string(rivertype.JobStateCancelled)}) {
				t.Errorf("got %q, the job is %q", got, ended)
			}
		})
	}
}
