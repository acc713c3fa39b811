package jobs_test

import (
	"context"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/background"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// nice is a worker that records the niceness of the threads on which jobs run.
type nice struct {
	*worker
	seen sync.Map // niceness by job
}

func (n *nice) note(job string) { n.seen.Store(job, niceness()) }

func niceness() int {
	raw, _ := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	return 20 - raw // the system call's way to avoid negative results
}

func (n *nice) Mail(context.Context, string) (time.Duration, error) {
	n.note("mail")
	return 0, nil
}

func (n *nice) Run(_ context.Context, owner string) error {
	n.note("log of " + owner)
	return nil
}

func (n *nice) Chunk(context.Context, string, int) error {
	n.note("chunk")
	return nil
}

// TestPriorities checks that batches and the work on logs leave the processor
// to requests, and that emails, which people wait for, do not.
func TestPriorities(t *testing.T) {
	s := storetest.Open(t, store.Config{Database: storetest.SQLite(t)})
	add(t, s)
	storetest.Must(t, s.EnqueueJobs(t.Context(), "2026-03-01"))
	storetest.Must(t, s.Database().Transact(t.Context(), func(tx *db.Tx) error {
		return tx.EnqueueOnce(batches.ChunkJob{Batch: "bat_1"}, batches.Queue)
	}))
	n := &nice{worker: &worker{}}
	stop := run(t, s, n, slog.New(slog.DiscardHandler))
	defer stop()
	for job, want := range map[string]int{"mail": niceness(), "log of " + account.Default: background.Niceness, "chunk": background.Niceness} {
		var got any
		servertest.Eventually(t, job, func() (came bool) {
			got, came = n.seen.Load(job)
			return came
		})
		if got != want {
			t.Errorf("%s: niceness %v, want %d", job, got, want)
		}
	}
}
