// Package maintenance does the scheduled work on the action logs, once a day:
// it checks each log, removes the content of old actions, and sends a signed
// checkpoint.
package maintenance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Queue is the name of the job queue.
const Queue = "maintenance"

// A Round enqueues the jobs of one day. There is one for each day.
type Round struct {
	// Day is the value that the function Day returns, with a number appended
	// if the clock was set back and the day repeats.
	Day string `json:"day"`
}

// Kind is the job's name in the queue.
func (Round) Kind() string { return "maintenance.round" }

// A Job processes one log. There is one for each log and day.
type Job struct {
	Account string `json:"account"`
	Day     string `json:"day"`
}

// Kind is the job's name in the queue.
func (Job) Kind() string { return "maintenance.log" }

const (
	day  = 24 * time.Hour
	week = 7 * day
	// slack is how much less than a week may have passed since the last weekly
	// mail. Rounds don't start at exactly the same time.
	slack = day / 2
	// hour is when a round begins, in UTC.
	hour = time.Hour
)

// Day returns the day of the latest round.
func Day(now time.Time) string { return now.UTC().Add(-hour).Format(time.DateOnly) }

// A Store stores the logs. *store.Store is one.
type Store interface {
	audit.Keeper
	// EnqueueJobs enqueues the day's job for each log.
	EnqueueJobs(ctx context.Context, day string) error
	// ReportLog records a, a LogCheckFailed, and notifies its recipients,
	// unless the same finding has been reported since the given time.
	ReportLog(ctx context.Context, by audit.Grant, f *audit.Finding, since time.Time, a audit.Action) error
	// ClearLog records that the check of the log found nothing.
	ClearLog(ctx context.Context, account string) error
	// Steady reports whether the clock has run for a day without a jump.
	Steady(ctx context.Context) (bool, error)
	// Retain removes the content of the account's actions that r names. If
	// there was any, it records a as a signed LogRetain.
	Retain(ctx context.Context, by audit.Grant, account string, r audit.Retention, a audit.Action) (int64, error)
	// PublicKey returns the public key of the log by which it's signed now.
	PublicKey(ctx context.Context, account string) (string, error)
	// SignCheckpoint returns what the log is now, and the signed note of it.
	SignCheckpoint(ctx context.Context, account string) (audit.Tree, []byte, error)
	// SendCheckpoint stores the note and sends it, unless a note of this size
	// was sent before. It sends it by email only if none was emailed since the
	// given time.
	SendCheckpoint(ctx context.Context, account string, size int64, note []byte, mailed time.Time) error
}

// A Runner does the work. All fields are required.
type Runner struct {
	Store Store
	Log   *slog.Logger
	Now   func() time.Time
}

// Begin enqueues the day's job for each log.
func (r *Runner) Begin(ctx context.Context, day string) error {
	if err := r.Store.EnqueueJobs(ctx, day); err != nil {
		return fmt.Errorf("maintenance: %w", err)
	}
	return nil
}

// Run processes the account's log; running it again does no harm. If the check
// fails, Run reports that and does nothing else: possible evidence stays, and
// no checkpoint vouches for such a log.
func (r *Runner) Run(ctx context.Context, account string) error {
	report, err := r.check(ctx, account)
	if f, ok := errors.AsType[*audit.Finding](err); ok {
		r.Log.Error("the check of an action log failed", "account", account, "finding", f.Error())
		by := audit.ByProgram()
		return r.Store.ReportLog(ctx, by, f, r.Now().Add(slack-week), audit.Action{
			Account: account,
			Name:    audit.LogCheckFailed,
			Outcome: audit.Done,
			Actor:   by.Actor,
			Target:  audit.Target{Kind: audit.LogTarget, ID: account},
			Changes: audit.Failed(f),
		})
	}
	if err != nil {
		return fmt.Errorf("maintenance: %w", err)
	}
	if err = r.Store.ClearLog(ctx, account); err == nil {
		err = r.retain(ctx, account, report)
	}
	if err == nil {
		err = r.checkpoint(ctx, account)
	}
	if err != nil {
		return fmt.Errorf("maintenance: %w", err)
	}
	return nil
}

// check verifies the log.
func (r *Runner) check(ctx context.Context, account string) (audit.Report, error) {
	var report audit.Report
	public, err := r.Store.PublicKey(ctx, account)
	if err == nil {
		report, err = audit.Verify(ctx, r.Store, account, public)
	}
	if fault.Is(err, fault.NotFound) {
		err = &audit.Finding{First: 1, Last: 1, Detail: "the head of the log is missing"}
	}
	return report, err
}

// retain removes content that is older than the log's own setting allows. It
// requires a log that has just been verified and a clock that can be trusted.
func (r *Runner) retain(ctx context.Context, account string, report audit.Report) error {
	what, due := report.Retention(r.Now())
	if !due {
		return nil
	}
	if steady, err := r.Store.Steady(ctx); err != nil || !steady {
		return err
	}
	by := audit.ByProgram()
	_, err := r.Store.Retain(ctx, by, account, what, audit.Action{Outcome: audit.Done, Actor: by.Actor})
	return err
}

// checkpoint sends a checkpoint of the log. By email it does so once a week.
func (r *Runner) checkpoint(ctx context.Context, account string) error {
	tree, note, err := r.Store.SignCheckpoint(ctx, account)
	if err != nil || tree.Size == 0 {
		return err
	}
	return r.Store.SendCheckpoint(ctx, account, tree.Size, note, r.Now().Add(slack-week))
}
