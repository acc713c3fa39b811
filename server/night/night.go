// Package night does what is done to each action log by itself, once a night:
// it checks the log, removes the content of what is too old, and has a signed
// checkpoint sent out.
package night

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Queue is the queue of the jobs.
const Queue = "night"

// A Job does the night's work on one log.
type Job struct {
	Account string `json:"account"`
}

// Kind names the job in the queue.
func (Job) Kind() string { return "night.log" }

const (
	day  = 24 * time.Hour
	week = 7 * day
	// slack is by how much one night can come earlier than another.
	slack = day / 2
	// hour is when a night begins, in UTC.
	hour = time.Hour
)

// Begin is when the night began that is now, or was last.
func Begin(now time.Time) time.Time { return now.UTC().Add(-hour).Truncate(day).Add(hour) }

// A Store keeps the logs. *store.Store is one.
type Store interface {
	audit.Keeper
	// ReportLog keeps a, a LogCheckFailed, and has those told who are to be,
	// unless the same finding was reported since the time.
	ReportLog(ctx context.Context, by audit.Grant, f *audit.Finding, since time.Time, a audit.Action) error
	// ClearLog says that the check of the log has found nothing.
	ClearLog(ctx context.Context, account string) error
	// Retain removes the content of the account's actions that r names, and
	// keeps a as a signed LogRetain if there was any.
	Retain(ctx context.Context, by audit.Grant, account string, r audit.Retention, a audit.Action) (int64, error)
	// SendCheckpoint keeps the note and sends it out, unless that of this size
	// was; by mail only if none was mailed since the time.
	SendCheckpoint(ctx context.Context, account string, size int64, note []byte, mailed time.Time) error
}

// A Night does the work. All fields are required.
type Night struct {
	Store Store
	Key   *audit.LogKey
	Log   *slog.Logger
	Now   func() time.Time
}

// Tend does the night's work on the account's log; doing it again does no
// harm. Where the check finds something, that is reported, and nothing else is
// done: what may be evidence stays, and no checkpoint vouches for such a log.
func (n *Night) Tend(ctx context.Context, account string) error {
	report, err := n.check(ctx, account)
	if f, ok := errors.AsType[*audit.Finding](err); ok {
		n.Log.Error("the check of an action log failed", "account", account, "finding", f.Error())
		by := audit.ByProgram()
		return n.Store.ReportLog(ctx, by, f, n.Now().Add(slack-week), audit.Action{
			Account: account,
			Name:    audit.LogCheckFailed,
			Outcome: audit.Done,
			Actor:   by.Actor,
			Target:  audit.Target{Kind: audit.LogTarget, ID: account},
			Changes: audit.Failed(f),
		})
	}
	if err != nil {
		return fmt.Errorf("night: %w", err)
	}
	if err = n.Store.ClearLog(ctx, account); err == nil {
		err = n.retain(ctx, account, report)
	}
	if err == nil {
		err = n.checkpoint(ctx, account)
	}
	if err != nil {
		return fmt.Errorf("night: %w", err)
	}
	return nil
}

// check verifies the log.
func (n *Night) check(ctx context.Context, account string) (audit.Report, error) {
	public, err := n.Key.Public(account)
	if err != nil {
		return audit.Report{}, err
	}
	report, err := audit.Verify(ctx, n.Store, account, public)
	if fault.Is(err, fault.NotFound) {
		err = &audit.Finding{First: 1, Last: 1, Detail: "the head of the log is missing"}
	}
	return report, err
}

// retain removes what the log's own setting says is too old, by the check that
// has just found the log good.
func (n *Night) retain(ctx context.Context, account string, report audit.Report) error {
	r, due := report.Retention(n.Now())
	if !due {
		return nil
	}
	by := audit.ByProgram()
	_, err := n.Store.Retain(ctx, by, account, r, audit.Action{Outcome: audit.Done, Actor: by.Actor})
	return err
}

// checkpoint has it sent out what the log is now. By mail that is weekly.
func (n *Night) checkpoint(ctx context.Context, account string) error {
	tree, err := n.Store.Checkpoint(ctx, account)
	if err != nil || tree.Size == 0 {
		return err
	}
	note, err := n.Key.Checkpoint(account, tree)
	if err != nil {
		return err
	}
	return n.Store.SendCheckpoint(ctx, account, tree.Size, note, n.Now().Add(slack-week))
}
