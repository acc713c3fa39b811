// Package jobs runs the work that changes have enqueued: it works on the queues
// of the store.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/background"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/maintenance"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/secret"
)

const (
	// jobTimeout is the maximum time of a job.
	jobTimeout = time.Minute
	// rescueAfter is when a job is considered lost because its server has died,
	// and runs again.
	rescueAfter = 2 * time.Minute
	// callTimeout is the maximum time of a webhook's job, a little more than
	// its endpoint may take. Because such jobs are short, they are considered
	// lost after callLost, and checked every rescueEvery: if a server has died,
	// they wait for up to half a minute.
	callTimeout = notify.CallTimeout + 3*time.Second
	callLost    = callTimeout + 2*time.Second
	rescueEvery = 5 * time.Second
	// The steps of batches may take long, and links wait for their turn to be
	// sent. So these jobs report every beatEvery that they are running, and are
	// considered lost after beatLost without a report.
	beatEvery = 5 * time.Second
	beatLost  = 30 * time.Second
	// stopTimeout is how long jobs may continue when the server stops.
	stopTimeout = 20 * time.Second

	mailWorkers    = 4
	webhookWorkers = 16
	mailingWorkers = 4
	pushWorkers    = 8

	// maintenanceTimeout is the maximum time of the work on one log, and
	// maintenanceTries how often it is tried until it is left to the next day:
	// for some hours.
	maintenanceTimeout = time.Hour
	maintenanceTries   = 9

	// batchWorkers is how many steps of batches a server runs at a time: some
	// create files on all cores, while others read and write. A step is short,
	// so the queue is polled more often than others.
	batchWorkers = 4
	batchPause   = 20 * time.Millisecond
	batchPoll    = 200 * time.Millisecond
	// archiveWorkers is how many archives a server writes at a time. They
	// mostly wait for files to put into them.
	archiveWorkers = 4
	// batchTimeout is the maximum time for reading a list and for writing an
	// archive, counted from the first file of the batch.
	batchTimeout = time.Hour
	// chunkTimeout is the maximum time of a chunk: thousands of times what it
	// takes, because other programs may keep it from the processor.
	chunkTimeout = 10 * time.Minute
	// batchTries is how often a step is tried, for about twenty minutes.
	batchTries = 25
)

// A Store keeps the queues.
type Store interface {
	// RunJobs works on the queues until ctx is done. When it returns,
	// everything that it started has stopped.
	RunJobs(ctx context.Context, config *river.Config) error
	// Rescue makes the jobs of a queue run again that have been running for
	// longer.
	Rescue(ctx context.Context, queue string, after time.Duration) (int64, error)
	// Beat records that a job is still running, for Rescue.
	Beat(ctx context.Context, job int64) error
}

// A Deliverer makes deliveries. It returns how long to wait before the next
// try; 0 if there is none. *notify.Notifier is one.
type Deliverer interface {
	Mail(ctx context.Context, delivery string) (time.Duration, error)
	Call(ctx context.Context, delivery string) (time.Duration, error)
}

// A LinkSender sends setup links by email. It returns how long to wait before
// the next try; 0 if there is none. *mailing.Sender is one.
type LinkSender interface {
	Send(ctx context.Context, mail string) (time.Duration, error)
}

// A Maintainer does the scheduled work on the action logs. *maintenance.Runner
// is one.
type Maintainer interface {
	// Begin enqueues the day's job for each log.
	Begin(ctx context.Context, day string) error
	// Run works on the account's log.
	Run(ctx context.Context, account string) error
}

// A Batcher runs the steps of batches, which can be repeated. *batches.Service
// is one.
type Batcher interface {
	// Resume enqueues what servers that died have left.
	Resume(ctx context.Context) error
	// Check reads a list.
	Check(ctx context.Context, batch string) error
	// Chunk creates the files of a chunk.
	Chunk(ctx context.Context, batch string, number int) error
	// Archive puts files into an archive.
	Archive(ctx context.Context, batch string, number int) error
	// GiveUp ends a batch whose step has failed too often.
	GiveUp(ctx context.Context, batch string) error
}

// A Rewriter encrypts again what is encrypted under old versions of the secret.
// *secret.Keeper is one.
type Rewriter interface {
	Rewrite(ctx context.Context, log *slog.Logger) error
}

// Work has the implementations of the jobs. All fields are required.
type Work struct {
	Deliverer  Deliverer
	LinkSender LinkSender
	Maintainer Maintainer
	Batcher    Batcher
	Rewriter   Rewriter
	Pusher     Pusher
}

// Run works on jobs until ctx is done and then lets the running ones finish.
func Run(ctx context.Context, store Store, w Work, log *slog.Logger) error {
	workers := river.NewWorkers()
	batch, push := steps{ctx, store, w.Batcher.GiveUp, log}, steps{ctx, store, w.Pusher.GiveUp, log}
	for _, err := range []error{
		river.AddWorkerSafely(workers, &mailWorker{deliverer: w.Deliverer}),
		river.AddWorkerSafely(workers, &webhookWorker{deliverer: w.Deliverer}),
		river.AddWorkerSafely(workers, &linkWorker{store: store, sender: w.LinkSender, log: log}),
		river.AddWorkerSafely(workers, &roundWorker{maintainer: w.Maintainer, log: log}),
		river.AddWorkerSafely(workers, &logWorker{maintainer: w.Maintainer, log: log}),
		river.AddWorkerSafely(workers, &rewriteWorker{rewriter: w.Rewriter, log: log}),
		river.AddWorkerSafely(workers, &sendWorker{store: store, pusher: w.Pusher, log: log}),
		addStep(workers, batch, batchTimeout, func(j batches.CheckJob) string { return j.Batch }, func(ctx context.Context, j batches.CheckJob) error {
			return w.Batcher.Check(ctx, j.Batch)
		}),
		addStep(workers, batch, chunkTimeout, func(j batches.ChunkJob) string { return j.Batch }, func(ctx context.Context, j batches.ChunkJob) error {
			return w.Batcher.Chunk(ctx, j.Batch, j.Number)
		}),
		addStep(workers, batch, batchTimeout, func(j batches.ArchiveJob) string { return j.Batch }, func(ctx context.Context, j batches.ArchiveJob) error {
			return w.Batcher.Archive(ctx, j.Batch, j.Number)
		}),
		addStep(workers, push, batchTimeout, func(j pushes.PlanJob) string { return j.Batch }, func(ctx context.Context, j pushes.PlanJob) error {
			return w.Pusher.Plan(ctx, j.Batch, j.Round)
		}),
	} {
		if err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
	}
	if err := w.Batcher.Resume(ctx); err != nil && ctx.Err() == nil {
		log.Error("batches can't continue until their jobs are enqueued again", "error", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var rescuing sync.WaitGroup
	defer rescuing.Wait()
	defer cancel()
	rescuing.Go(func() { rescue(ctx, store, log) })
	return store.RunJobs(ctx, &river.Config{
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			notify.MailQueue:     {MaxWorkers: mailWorkers},
			notify.WebhookQueue:  {MaxWorkers: webhookWorkers},
			mailing.Queue:        {MaxWorkers: mailingWorkers},
			batches.Queue:        {MaxWorkers: batchWorkers, FetchCooldown: batchPause, FetchPollInterval: batchPoll},
			batches.ArchiveQueue: {MaxWorkers: archiveWorkers, FetchCooldown: batchPause, FetchPollInterval: batchPoll},
			pushes.Queue:         {MaxWorkers: pushWorkers},
			maintenance.Queue:    {MaxWorkers: 1}, // it reads whole logs, so jobs that people wait for come first
		},
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      stopTimeout,
		Logger:               slog.New(quiet{log.Handler()}),
	})
}

// beat reports that a job is running, until end is called.
func beat(ctx context.Context, store Store, log *slog.Logger, job int64) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		next := time.NewTicker(beatEvery)
		defer next.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
			}
			if err := store.Beat(ctx, job); err != nil && ctx.Err() == nil {
				log.Warn("a job may run twice", "error", err)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// rescue looks for jobs whose server has died until ctx is done.
func rescue(ctx context.Context, store Store, log *slog.Logger) {
	look := time.NewTicker(rescueEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for queue, lost := range map[string]time.Duration{notify.WebhookQueue: callLost, batches.Queue: beatLost, batches.ArchiveQueue: beatLost, mailing.Queue: beatLost, pushes.Queue: beatLost} {
			if n, err := store.Rescue(ctx, queue, lost); err != nil && ctx.Err() == nil {
				log.Error("rescue", "error", err)
			} else if n > 0 {
				log.Info("jobs of a dead server run again", "queue", queue, "jobs", n)
			}
		}
	}
}

// A quiet handler drops River's debugging records, in which others get lost:
// everything except warnings and errors.
type quiet struct{ slog.Handler }

// Enabled reports whether a record of the level is kept.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs returns a handler that is just as quiet.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup returns a handler that is just as quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

// A mailWorker sends emails.
type mailWorker struct {
	river.WorkerDefaults[notify.MailJob]
	deliverer Deliverer
}

// Work sends one email.
func (w *mailWorker) Work(ctx context.Context, job *river.Job[notify.MailJob]) error {
	return later(w.deliverer.Mail(ctx, job.Args.Delivery))
}

// A webhookWorker calls webhooks.
type webhookWorker struct {
	river.WorkerDefaults[notify.WebhookJob]
	deliverer Deliverer
}

// Timeout is short, so that a lost call is soon repeated.
func (w *webhookWorker) Timeout(*river.Job[notify.WebhookJob]) time.Duration { return callTimeout }

// Work calls one webhook.
func (w *webhookWorker) Work(ctx context.Context, job *river.Job[notify.WebhookJob]) error {
	return later(w.deliverer.Call(ctx, job.Args.Delivery))
}

// A linkWorker sends setup links by email.
type linkWorker struct {
	river.WorkerDefaults[mailing.Job]
	store  Store
	sender LinkSender
	log    *slog.Logger
}

// Work sends one link.
func (w *linkWorker) Work(ctx context.Context, job *river.Job[mailing.Job]) error {
	defer beat(ctx, w.store, w.log, job.ID)()
	return later(w.sender.Send(ctx, job.Args.Mail))
}

// A roundWorker begins a round of maintenance.
type roundWorker struct {
	river.WorkerDefaults[maintenance.Round]
	maintainer Maintainer
	log        *slog.Logger
}

// Work begins the round.
func (w *roundWorker) Work(ctx context.Context, job *river.Job[maintenance.Round]) error {
	err := w.maintainer.Begin(ctx, job.Args.Day)
	if err != nil && ctx.Err() == nil {
		w.log.Error("maintenance", "day", job.Args.Day, "error", err)
	}
	return err
}

// A logWorker does the maintenance of one log.
type logWorker struct {
	river.WorkerDefaults[maintenance.Job]
	maintainer Maintainer
	log        *slog.Logger
}

// Timeout is longer than that of jobs that someone waits for.
func (w *logWorker) Timeout(*river.Job[maintenance.Job]) time.Duration { return maintenanceTimeout }

// Work does the maintenance of one log.
func (w *logWorker) Work(ctx context.Context, job *river.Job[maintenance.Job]) error {
	err := background.Do(ctx, func(ctx context.Context) error { return w.maintainer.Run(ctx, job.Args.Account) })
	if err == nil || ctx.Err() != nil {
		return err
	}
	w.log.Error("maintenance", "account", job.Args.Account, "error", err)
	if job.Attempt >= maintenanceTries {
		return river.JobCancel(err)
	}
	return err
}

// A rewriteWorker encrypts again what is encrypted under old versions of the
// secret.
type rewriteWorker struct {
	river.WorkerDefaults[secret.Job]
	rewriter Rewriter
	log      *slog.Logger
}

// Timeout is longer than that of jobs that someone waits for.
func (w *rewriteWorker) Timeout(*river.Job[secret.Job]) time.Duration { return maintenanceTimeout }

// Work encrypts a batch of values again.
func (w *rewriteWorker) Work(ctx context.Context, _ *river.Job[secret.Job]) error {
	err := w.rewriter.Rewrite(ctx, w.log)
	if err != nil && ctx.Err() == nil {
		w.log.Error("values are still encrypted under an old version of the secret", "error", err)
	}
	return err
}

// later makes a job run again after wait, if that isn't 0.
func later(wait time.Duration, err error) error {
	if err == nil && wait > 0 {
		return river.JobSnooze(wait)
	}
	return err
}
