// Package jobs does what changes have asked to be done later: it works on the
// queues that the store keeps.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/notify"
)

const (
	// jobTimeout is how long one job may take.
	jobTimeout = time.Minute
	// rescueAfter is when a job is taken to be lost whose server has died, and
	// is done again.
	rescueAfter = 2 * time.Minute
	// stopTimeout is how long jobs may go on when the server stops.
	stopTimeout = 20 * time.Second

	mailWorkers    = 4
	webhookWorkers = 16
)

// A Store keeps the queues.
type Store interface {
	// RunJobs works on the queues until ctx is done. When it returns, all that
	// it started has stopped.
	RunJobs(ctx context.Context, config *river.Config) error
}

// A Deliverer makes deliveries. It returns how long to wait before the next
// try; 0 if there is none. *notify.Notifier is one.
type Deliverer interface {
	Mail(ctx context.Context, delivery string) (time.Duration, error)
	Call(ctx context.Context, delivery string) (time.Duration, error)
}

// Run works on jobs until ctx is done and then lets those under way finish.
func Run(ctx context.Context, store Store, deliverer Deliverer, log *slog.Logger) error {
	workers := river.NewWorkers()
	for _, err := range []error{
		river.AddWorkerSafely(workers, &mailWorker{deliverer: deliverer}),
		river.AddWorkerSafely(workers, &webhookWorker{deliverer: deliverer}),
	} {
		if err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
	}
	return store.RunJobs(ctx, &river.Config{
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			notify.MailQueue:    {MaxWorkers: mailWorkers},
			notify.WebhookQueue: {MaxWorkers: webhookWorkers},
		},
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      stopTimeout,
		Logger:               log,
	})
}

// A mailWorker sends mails.
type mailWorker struct {
	river.WorkerDefaults[notify.MailJob]
	deliverer Deliverer
}

// Work sends one mail.
func (w *mailWorker) Work(ctx context.Context, job *river.Job[notify.MailJob]) error {
	return later(w.deliverer.Mail(ctx, job.Args.Delivery))
}

// A webhookWorker calls webhooks.
type webhookWorker struct {
	river.WorkerDefaults[notify.WebhookJob]
	deliverer Deliverer
}

// Work calls one webhook.
func (w *webhookWorker) Work(ctx context.Context, job *river.Job[notify.WebhookJob]) error {
	return later(w.deliverer.Call(ctx, job.Args.Delivery))
}

// later has a job done again after wait, if that is not 0.
func later(wait time.Duration, err error) error {
	if err == nil && wait > 0 {
		return river.JobSnooze(wait)
	}
	return err
}
