package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/background"
)

// steps is what every step of batches and of their pushes needs.
type steps struct {
	serving context.Context // until the server stops
	store   Store
	giveUp  func(ctx context.Context, batch string) error
	log     *slog.Logger
}

// A stepWorker does one kind of step.
type stepWorker[J river.JobArgs] struct {
	river.WorkerDefaults[J]
	steps
	timeout time.Duration
	batch   func(J) string
	step    func(context.Context, J) error
}

func addStep[J river.JobArgs](workers *river.Workers, s steps, timeout time.Duration, batch func(J) string, step func(context.Context, J) error) error {
	return river.AddWorkerSafely(workers, &stepWorker[J]{steps: s, timeout: timeout, batch: batch, step: step})
}

// Timeout returns the maximum time of the step.
func (w *stepWorker[J]) Timeout(*river.Job[J]) time.Duration { return w.timeout }

// NextRetry is soon at first, because usually something has been restarted.
func (w *stepWorker[J]) NextRetry(job *river.Job[J]) time.Time {
	return time.Now().Add(min(time.Duration(job.Attempt*job.Attempt)*time.Second, time.Minute))
}

// Work runs the step. If it fails for the last time, the batch, or its push,
// ends. When the server stops, the step is left to the next one: it may be
// waiting for others.
func (w *stepWorker[J]) Work(ctx context.Context, job *river.Job[J]) error {
	doing, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.serving, cancel)()
	end := beat(ctx, w.store, w.log, job.ID)
	err := background.Do(doing, func(ctx context.Context) error { return w.step(ctx, job.Args) })
	end()
	if err != nil && w.serving.Err() != nil {
		return river.JobSnooze(0)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	w.log.Error("step of a batch", "batch", w.batch(job.Args), "job", job.Kind, "attempt", job.Attempt, "error", err)
	if job.Attempt >= batchTries {
		if giveUp := w.giveUp(ctx, w.batch(job.Args)); giveUp != nil {
			return giveUp
		}
		return river.JobCancel(err)
	}
	return err
}
