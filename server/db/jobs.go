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

// fetchCooldown is how long a queue waits at least before it looks for jobs
// again, and after how long one job more may wake it.
const fetchCooldown = 20 * time.Millisecond

// startAgain is how long jobs that did not start wait for the next try.
const startAgain = time.Second

// An inserter puts a job into its queue within a transaction.
type inserter func(ctx context.Context, job river.JobArgs, opts *river.InsertOpts) error

// Enqueue has the job done after the transaction is kept: by whatever server
// works on the queue, delay later. What is rolled back leaves no job.
func (t *Tx) Enqueue(job river.JobArgs, queue string, delay time.Duration) error {
	opts := &river.InsertOpts{Queue: queue}
	if delay > 0 {
		opts.ScheduledAt = time.Now().Add(delay) // by the clock that the queue goes by
	}
	return t.enqueue(job, opts)
}

// EnqueueBehind is Enqueue for one of many jobs: those that are put in by Enqueue
// are done first.
func (t *Tx) EnqueueBehind(job river.JobArgs, queue string) error {
	return t.enqueue(job, &river.InsertOpts{Queue: queue, Priority: river.PriorityDefault + 1})
}

// EnqueueOnce is Enqueue for a job that is done once for its arguments, whoever
// asks: as long as the queue knows of it, which is a day after it is done.
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

// newInserter returns a client that puts jobs in and works on none. River
// notifies PostgreSQL's listeners at most once per FetchCooldown and queue: with
// that of the workers, a job that came just after another waited a second for
// the next poll. The workers wait for their own cooldown anyway.
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

// A runner works on jobs.
type runner interface {
	// Start works until ctx is done and then lets the jobs under way finish.
	Start(ctx context.Context) error
	// Stopped is closed when nothing of the runner runs any more.
	Stopped() <-chan struct{}
}

// RunJobs works on the queues of the configuration until ctx is done and then
// lets the jobs under way finish. When it returns, all that it started has
// stopped. Where the database does not let it begin, it says so and tries again:
// what waits for jobs is no reason to end what does not. The configuration
// brings the queues, the workers, SoftStopTimeout and the Logger.
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
		config.Logger.WarnContext(ctx, "the jobs do not start: they are tried again", "error", d.Diagnose(err), "after", startAgain)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(startAgain):
		}
	}
}

// Beat notes that a job is still under way, for Rescue.
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

// Rescue has the jobs of a queue done again that have been under way, without a
// beat, for longer than any may be: their server has died. It returns how many.
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

// migrateJobs brings the tables of the queues up to date. The caller holds the
// lock. A schema that the program does not know yet is refused.
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
		return errors.New("the schema of the jobs is that of a newer program, which has used the database; run that one")
	}
	if len(have) == len(know) {
		return nil
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	return nil
}
