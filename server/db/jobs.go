package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

// fetchCooldown is the minimum time between two fetches of a queue, and the
// time after which another job may wake it.
const fetchCooldown = 20 * time.Millisecond

// startAgain is the delay before another try if the jobs didn't start.
const startAgain = time.Second

// An inserter enqueues a job within a transaction.
type inserter func(ctx context.Context, job river.JobArgs, opts *river.InsertOpts) error

// Enqueue enqueues the job for any server that works on the queue, delay after
// the commit. A rollback leaves no job.
func (t *Tx) Enqueue(job river.JobArgs, queue string, delay time.Duration) error {
	opts := &river.InsertOpts{Queue: queue}
	if delay > 0 {
		opts.ScheduledAt = time.Now().Add(delay) // by the clock of the queue
	}
	return t.enqueue(job, opts)
}

// EnqueueBehind is Enqueue for one of many jobs: it has a lower priority than
// those from Enqueue.
func (t *Tx) EnqueueBehind(job river.JobArgs, queue string) error {
	return t.enqueue(job, &river.InsertOpts{Queue: queue, Priority: river.PriorityDefault + 1})
}

// EnqueueOnce is Enqueue for a job that runs once for its arguments, however
// often it is enqueued, until a day after it is done.
func (t *Tx) EnqueueOnce(job river.JobArgs, queue string) error {
	return t.enqueue(job, &river.InsertOpts{Queue: queue, UniqueOpts: river.UniqueOpts{ByArgs: true}})
}

func (t *Tx) enqueue(job river.JobArgs, opts *river.InsertOpts) error {
	err := t.watched("", nil)
	if err == nil {
		err = t.insert(t.ctx, job, opts)
	}
	if err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	return nil
}

// newInserter returns a client that only inserts jobs. River notifies
// PostgreSQL's listeners at most once per FetchCooldown and queue: with the
// workers' cooldown, a job that came just after another waited a second for the
// next poll. The workers wait for their own cooldown anyway.
func newInserter[T any](driver riverdriver.Driver[T]) (*river.Client[T], error) {
	return river.NewClient(driver, &river.Config{FetchCooldown: river.FetchCooldownMin, Logger: silent()})
}

// insertInto is the inserter of one transaction.
func insertInto[T any](client *river.Client[T], t T) inserter {
	return func(ctx context.Context, job river.JobArgs, opts *river.InsertOpts) error {
		_, err := client.InsertTx(ctx, t, job, opts)
		return err
	}
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A runner runs jobs.
type runner interface {
	// Start runs jobs until ctx is done and then lets the running ones finish.
	Start(ctx context.Context) error
	// Stopped is closed when everything of the runner has stopped.
	Stopped() <-chan struct{}
}

// RunJobs works on the queues of the configuration until ctx is done and then
// lets the running jobs finish. When it returns, everything that it started has
// stopped. If the database doesn't let it start, it logs that and tries again,
// because the rest of the program can run without jobs. The configuration has
// the queues, the workers, SoftStopTimeout and the Logger.
func (d *DB) RunJobs(ctx context.Context, config *river.Config) error {
	config.FetchCooldown = fetchCooldown
	for {
		r, release, err := d.kind.runner(ctx, config)
		if err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
		if err = r.Start(ctx); err == nil {
			<-r.Stopped()
		}
		release()
		if err == nil || ctx.Err() != nil {
			return nil
		}
		config.Logger.WarnContext(ctx, "jobs can't start; trying again", "error", d.Diagnose(err), "after", startAgain)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(startAgain):
		}
	}
}

// Beat records that a job is still running, for Rescue.
func (d *DB) Beat(ctx context.Context, job int64) error {
	err := d.Transact(ctx, func(t *Tx) error {
		_, err := t.Exec(d.kind.beat(), job)
		return err
	})
	if err != nil {
		return fmt.Errorf("jobs: beat: %w", err)
	}
	return nil
}

// Rescue makes those jobs of a queue run again that have been running, without
// a beat, for longer than any may: their server has died. It returns how many.
func (d *DB) Rescue(ctx context.Context, queue string, after time.Duration) (int64, error) {
	var n int64
	err := d.Transact(ctx, func(t *Tx) (err error) {
		n, err = t.Exec(d.kind.rescue(), queue, after.Seconds())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("jobs: rescue: %w", err)
	}
	return n, nil
}

// migrateJobs migrates the tables of the queues. The caller holds the lock. A
// schema that the program doesn't know is refused.
func migrateJobs[T any](ctx context.Context, driver riverdriver.Driver[T]) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: silent()})
	if err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	have, err := m.ExistingVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	know := m.AllVersions()
	if len(have) > len(know) {
		return errors.New("the schema of the jobs is newer than this program; run the newer version that has used the database")
	}
	if len(have) == len(know) {
		return nil
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	return nil
}
