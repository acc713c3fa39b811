// Package jobs does what changes have asked to be done later: it works on the
// queues that the store keeps.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/maintenance"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/secret"
)

const (
	// jobTimeout is how long one job may take.
	jobTimeout = time.Minute
	// rescueAfter is when a job is taken to be lost whose server has died, and
	// is done again.
	rescueAfter = 2 * time.Minute
	// callTimeout is how long the job of a webhook may take, which is a little
	// more than its endpoint may. As such jobs are short, they are taken to be
	// lost after callLost, and looked for every rescueEvery: where a server has
	// died, they wait for up to half a minute.
	callTimeout = notify.CallTimeout + 3*time.Second
	callLost    = callTimeout + 2*time.Second
	rescueEvery = 5 * time.Second
	// The steps of batches may take long, and links wait for their turn to be
	// sent. So these say every beatEvery that they are under way, and are taken to
	// be lost after beatLost without.
	beatEvery = 5 * time.Second
	beatLost  = 30 * time.Second
	// stopTimeout is how long jobs may go on when the server stops.
	stopTimeout = 20 * time.Second

	mailWorkers    = 4
	webhookWorkers = 16
	mailingWorkers = 4
	pushWorkers    = 8

	// maintenanceTimeout is how long the work on one log may take, and
	// maintenanceTries how often it is tried until it is left to the next day:
	// for some hours.
	maintenanceTimeout = time.Hour
	maintenanceTries   = 9

	// batchWorkers is how many steps of batches a server works on at a time: some
	// make files on all cores, while others read and write. A step is short, so
	// the queue is asked for the next one more often than others are.
	batchWorkers = 4
	batchPause   = 20 * time.Millisecond
	batchPoll    = 200 * time.Millisecond
	// archiveWorkers is how many archives a server writes at a time, which most of
	// all wait for files to put into them.
	archiveWorkers = 4
	// batchTimeout is how long reading a list and writing an archive may take, from
	// the first file of the batch on.
	batchTimeout = time.Hour
	// batchTries is how often a step is tried, for some twenty minutes.
	batchTries = 25
)

// A Store keeps the queues.
type Store interface {
	// RunJobs works on the queues until ctx is done. When it returns, all that
	// it started has stopped.
	RunJobs(ctx context.Context, config *river.Config) error
	// Rescue has the jobs of a queue done again that have been under way for
	// longer.
	Rescue(ctx context.Context, queue string, after time.Duration) (int64, error)
	// Beat notes that a job is still under way, for Rescue.
	Beat(ctx context.Context, job int64) error
}

// A Deliverer makes deliveries. It returns how long to wait before the next
// try; 0 if there is none. *notify.Notifier is one.
type Deliverer interface {
	Mail(ctx context.Context, delivery string) (time.Duration, error)
	Call(ctx context.Context, delivery string) (time.Duration, error)
}

// A LinkSender sends setup links by mail. It returns how long to wait before the
// next try; 0 if there is none. *mailing.Sender is one.
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

// A Batcher does the steps of batches; doing one again does no harm.
// *batches.Service is one.
type Batcher interface {
	// Resume enqueues what servers that died have left.
	Resume(ctx context.Context) error
	// Check reads a list.
	Check(ctx context.Context, batch string) error
	// Chunk makes the files of a chunk.
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

// Work are those who do the jobs. All fields are required.
type Work struct {
	Deliverer  Deliverer
	LinkSender LinkSender
	Maintainer Maintainer
	Batcher    Batcher
	Rewriter   Rewriter
	Pusher     Pusher
}

// Run works on jobs until ctx is done and then lets those under way finish.
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
		addStep(workers, batch, jobTimeout, func(j batches.ChunkJob) string { return j.Batch }, func(ctx context.Context, j batches.ChunkJob) error {
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
		log.Error("batches can't go on until their jobs are found again", "error", err)
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
			maintenance.Queue:    {MaxWorkers: 1}, // it reads whole logs: people come first
		},
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      stopTimeout,
		Logger:               slog.New(quiet{log.Handler()}),
	})
}

// beat says that a job is under way, until end is called.
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
				log.Warn("a job may be done twice", "error", err)
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
				log.Info("jobs are done again whose server has died", "queue", queue, "jobs", n)
			}
		}
	}
}

// A quiet handler leaves out what River logs for those who work on River, among
// which other lines are lost: all but warnings and errors.
type quiet struct{ slog.Handler }

// Enabled reports whether a record of the level is kept.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs returns a handler that is as quiet.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup returns a handler that is as quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

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

// Timeout is so short that a lost call is soon made again.
func (w *webhookWorker) Timeout(*river.Job[notify.WebhookJob]) time.Duration { return callTimeout }

// Work calls one webhook.
func (w *webhookWorker) Work(ctx context.Context, job *river.Job[notify.WebhookJob]) error {
	return later(w.deliverer.Call(ctx, job.Args.Delivery))
}

// A linkWorker sends setup links by mail.
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

// Timeout is longer than that of jobs that somebody waits for.
func (w *logWorker) Timeout(*river.Job[maintenance.Job]) time.Duration { return maintenanceTimeout }

// Work does the maintenance of one log.
func (w *logWorker) Work(ctx context.Context, job *river.Job[maintenance.Job]) error {
	err := w.maintainer.Run(ctx, job.Args.Account)
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

// Timeout is longer than that of jobs that somebody waits for.
func (w *rewriteWorker) Timeout(*river.Job[secret.Job]) time.Duration { return maintenanceTimeout }

// Work does it.
func (w *rewriteWorker) Work(ctx context.Context, _ *river.Job[secret.Job]) error {
	err := w.rewriter.Rewrite(ctx, w.log)
	if err != nil && ctx.Err() == nil {
		w.log.Error("values are still encrypted under an old version of the secret", "error", err)
	}
	return err
}

// later has a job done again after wait, if that is not 0.
func later(wait time.Duration, err error) error {
	if err == nil && wait > 0 {
		return river.JobSnooze(wait)
	}
	return err
}
