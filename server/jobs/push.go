package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/pushes"
)

// A Pusher brings batches to devices; doing a step again does no harm.
// *pushes.Service is one.
type Pusher interface {
	// Plan says which devices get what.
	Plan(ctx context.Context, batch string, round int) error
	// GiveUp ends a plan that has failed too often.
	GiveUp(ctx context.Context, batch string) error
	// Send gives NanoMDM a command. It returns how long to wait before the next
	// try; 0 if there is none.
	Send(ctx context.Context, delivery, command string) (time.Duration, error)
}

// A planWorker plans pushes.
type planWorker struct {
	river.WorkerDefaults[pushes.PlanJob]
	store  Store
	pusher Pusher
	log    *slog.Logger
}

// Timeout is that of what reads whole archives.
func (w *planWorker) Timeout(*river.Job[pushes.PlanJob]) time.Duration { return batchTimeout }

// NextRetry is soon at first: most often something has been restarted.
func (w *planWorker) NextRetry(job *river.Job[pushes.PlanJob]) time.Time {
	return nextStep(job.Attempt)
}

// Work plans one push. If it fails for the last time, the push ends.
func (w *planWorker) Work(ctx context.Context, job *river.Job[pushes.PlanJob]) error {
	end := beat(ctx, w.store, w.log, job.ID)
	err := w.pusher.Plan(ctx, job.Args.Batch, job.Args.Round)
	end()
	if err == nil || ctx.Err() != nil {
		return err
	}
	w.log.Error("plan of a push", "batch", job.Args.Batch, "attempt", job.Attempt, "error", err)
	if job.Attempt >= batchTries {
		if giveUp := w.pusher.GiveUp(ctx, job.Args.Batch); giveUp != nil {
			return giveUp
		}
		return river.JobCancel(err)
	}
	return err
}

// A sendWorker sends profiles to devices.
type sendWorker struct {
	river.WorkerDefaults[pushes.SendJob]
	store  Store
	pusher Pusher
	log    *slog.Logger
}

// Work sends one profile to one device.
func (w *sendWorker) Work(ctx context.Context, job *river.Job[pushes.SendJob]) error {
	defer beat(ctx, w.store, w.log, job.ID)()
	return later(w.pusher.Send(ctx, job.Args.Delivery, job.Args.Command))
}
