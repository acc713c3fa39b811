package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/maintenance"
	"github.com/updatecase/mobileconfig/server/notify"
)

var _ maintenance.Store = (*Ledger)(nil)

// EnqueueRound enqueues the round of a day, once across all servers, and once
// more if the clock was set back meanwhile and the day repeats. It is
// bookkeeping and leaves no action.
func (l *Ledger) EnqueueRound(ctx context.Context, day string) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error {
		var setbacks int64
		if err := t.Row(`SELECT setbacks FROM installation`).Scan(&setbacks); err != nil {
			return err
		}
		label := day
		if setbacks > 0 {
			label = fmt.Sprintf("%s.%d", day, setbacks)
		}
		return t.EnqueueOnce(maintenance.Round{Day: label}, maintenance.Queue)
	})
	if err != nil {
		return fmt.Errorf("ledger: round: %w", err)
	}
	return nil
}

// EnqueueJobs enqueues the day's job for each log, even if its head is gone. It
// is bookkeeping and leaves no action.
func (l *Ledger) EnqueueJobs(ctx context.Context, day string) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error {
		var all []string
		err := t.Each(func(r db.Row) error {
			var id string
			err := r.Scan(&id)
			all = append(all, id)
			return err
		}, `SELECT id FROM accounts UNION SELECT account FROM logs ORDER BY 1`)
		if err != nil {
			return err
		}
		for _, id := range all {
			if err := t.EnqueueOnce(maintenance.Job{Account: id, Day: day}, maintenance.Queue); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ledger: jobs: %w", err)
	}
	return nil
}

// ReportLog records a, a LogCheckFailed, and enqueues its notifications, unless
// the same finding has been reported since the time. If the log of the account
// is so damaged that nothing can be added, a is recorded in the installation's
// log, and if that is damaged, nowhere: the notifications are sent in any case.
// Until ClearLog the log counts as one whose check has failed.
func (l *Ledger) ReportLog(ctx context.Context, by audit.Grant, f *audit.Finding, since time.Time, a audit.Action) error {
	elsewhere := a
	elsewhere.Account = account.Installation
	var err error
	for _, keep := range []func(*db.Tx) error{
		func(t *db.Tx) error { return l.Append(t, Entry{by, a}) },
		func(t *db.Tx) error {
			if err := notifyOf(t, a, l.now()); err != nil {
				return err
			}
			return l.Append(t, Entry{by, elsewhere})
		},
		func(t *db.Tx) error { return notifyOf(t, a, l.now()) },
	} {
		err = l.db.Transact(ctx, func(t *db.Tx) error {
			n, err := t.Exec(`INSERT INTO log_findings (account, finding, reported) VALUES ($1, $2, $3)
				ON CONFLICT (account) DO UPDATE SET finding = $2, reported = $3
				WHERE log_findings.finding <> $2 OR log_findings.reported < $4 OR log_findings.reported > $5`,
				a.Account, f.Error(), db.Millis(l.now()), db.Millis(since), db.Millis(l.now().Add(audit.ClockSkew)))
			if err != nil || n == 0 {
				return err
			}
			return keep(t)
		})
		if !audit.IsFinding(err) && !l.db.Taken(err) { // it was stored, or the failure isn't the log's
			break
		}
	}
	if err != nil {
		return fmt.Errorf("ledger: report log: %w", err)
	}
	return nil
}

// ClearLog records that the check of the account's log has found nothing. It is
// bookkeeping and leaves no action.
func (l *Ledger) ClearLog(ctx context.Context, account string) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`DELETE FROM log_findings WHERE account = $1`, account)
		return err
	})
	if err != nil {
		return fmt.Errorf("ledger: clear log: %w", err)
	}
	return nil
}

// holdTime is how long the clock has to run after a jump before anything is
// removed according to it, gap is the size of a jump, and setback how far the
// clock must be set back to make days repeat.
const (
	holdTime = 24 * time.Hour
	gap      = 30 * time.Minute
	setback  = 12 * time.Hour
)

// NoteClock records the current time. It is bookkeeping and leaves no action.
func (l *Ledger) NoteClock(ctx context.Context) error {
	now := l.now()
	err := l.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE installation SET clock = $1, steady = CASE WHEN clock BETWEEN $2 AND $3 THEN steady ELSE $1 END,
				setbacks = setbacks + CASE WHEN clock > $5 THEN 1 ELSE 0 END
			WHERE clock NOT BETWEEN $4 AND $1`,
			db.Millis(now), db.Millis(now.Add(-gap)), db.Millis(now.Add(audit.ClockSkew)), db.Millis(now.Add(-gap/6)), db.Millis(now.Add(setback)))
		return err
	})
	if err != nil {
		return fmt.Errorf("ledger: clock: %w", err)
	}
	return nil
}

// Steady reports whether the clock has run for a day, as recorded, without a
// jump. A stop of all servers counts as one.
func (l *Ledger) Steady(ctx context.Context) (bool, error) {
	now := l.now()
	var steady int64
	err := l.db.Read(ctx).Row(`SELECT CASE WHEN clock BETWEEN $1 AND $2 THEN steady ELSE $2 END FROM installation`,
		db.Millis(now.Add(-gap)), db.Millis(now.Add(audit.ClockSkew))).Scan(&steady)
	if err != nil {
		return false, fmt.Errorf("ledger: clock: %w", l.db.Diagnose(err))
	}
	return now.Sub(db.Moment(steady)) >= holdTime, nil
}

// Ahead returns by how much the latest action of any log is ahead of the clock,
// or 0 if that is within the normal difference of clocks.
func (l *Ledger) Ahead(ctx context.Context) (time.Duration, error) {
	var latest int64
	if err := l.db.Read(ctx).Row(`SELECT COALESCE(MAX(latest), 0) FROM logs`).Scan(&latest); err != nil {
		return 0, fmt.Errorf("ledger: clock: %w", l.db.Diagnose(err))
	}
	ahead := db.Moment(latest).Sub(l.now())
	if ahead <= audit.ClockSkew {
		return 0, nil
	}
	return ahead, nil
}

// FailedLogs returns the number of logs whose last check has failed.
func (l *Ledger) FailedLogs(ctx context.Context) (int, error) {
	var n int
	err := l.db.Read(ctx).Row(`SELECT COUNT(*) FROM log_findings`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("ledger: failed logs: %w", l.db.Diagnose(err))
	}
	return n, nil
}

// SendCheckpoint stores the signed note that the account's log had the size,
// and sends it, unless one of this size was sent: to webhooks, and by email
// unless one was emailed since the time. It is bookkeeping and leaves no
// action.
func (l *Ledger) SendCheckpoint(ctx context.Context, account string, size int64, note []byte, mailed time.Time) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error {
		n, err := t.Exec(`INSERT INTO checkpoint_notices (account, size) VALUES ($1, $2)
			ON CONFLICT (account) DO UPDATE SET size = $2 WHERE checkpoint_notices.size <> $2`, account, size)
		if err != nil || n == 0 {
			return err
		}
		if err := keepCheckpoint(t, account, size, note, l.now()); err != nil {
			return err
		}
		mail, err := t.Exec(`UPDATE checkpoint_notices SET mailed = $2 WHERE account = $1 AND (mailed < $3 OR mailed > $4)`,
			account, db.Millis(l.now()), db.Millis(mailed), db.Millis(l.now().Add(audit.ClockSkew)))
		if err != nil {
			return err
		}
		all, err := notify.DecideCheckpoint(looking(t, account), account, mail == 1, l.now())
		if err != nil {
			return err
		}
		return deliverAll(t, all, size)
	})
	if err != nil {
		return fmt.Errorf("ledger: send checkpoint: %w", err)
	}
	return nil
}
