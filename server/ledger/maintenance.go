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

// EnqueueRound enqueues the round of a day, once over all servers. It is
// bookkeeping and leaves no action.
func (l *Ledger) EnqueueRound(ctx context.Context, day string) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error { return t.EnqueueOnce(maintenance.Round{Day: day}, maintenance.Queue) })
	if err != nil {
		return fmt.Errorf("ledger: round: %w", err)
	}
	return nil
}

// EnqueueJobs enqueues the day's job for each log, also where its head is gone.
// It is bookkeeping and leaves no action.
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

// ReportLog keeps a, a LogCheckFailed, and has those told who are to be,
// unless the same finding was reported since the time. Where the log of the
// account is damaged so that nothing can be added to it, a is kept in the log
// of the installation, and where that is, nowhere: they are told all the same.
// Until ClearLog the log counts as one whose check has failed.
func (l *Ledger) ReportLog(ctx context.Context, by audit.Grant, f *audit.Finding, since time.Time, a audit.Action) error {
	elsewhere := a
	elsewhere.Account = account.Installation
	var err error
	for _, keep := range []func(*db.Tx) error{
		func(t *db.Tx) error { return l.Append(t, Entry{by, a}) },
		func(t *db.Tx) error {
			if err := notifyOf(t, a, 0, l.now(), true); err != nil {
				return err
			}
			return l.Append(t, Entry{by, elsewhere})
		},
		func(t *db.Tx) error { return notifyOf(t, a, 0, l.now(), true) },
	} {
		err = l.db.Transact(ctx, func(t *db.Tx) error {
			n, err := t.Exec(`INSERT INTO log_findings (account, finding, reported) VALUES ($1, $2, $3)
				ON CONFLICT (account) DO UPDATE SET finding = $2, reported = $3
				WHERE log_findings.finding <> $2 OR log_findings.reported < $4`,
				a.Account, f.Error(), db.Millis(l.now()), db.Millis(since))
			if err != nil || n == 0 {
				return err
			}
			return keep(t)
		})
		if !audit.IsFinding(err) && !l.db.Taken(err) { // it was kept, or it is not for the log that it was not
			break
		}
	}
	if err != nil {
		return fmt.Errorf("ledger: report log: %w", err)
	}
	return nil
}

// ClearLog says that the check of the account's log has found nothing. It is
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

// FailedLogs returns how many logs there are whose last check has failed.
func (l *Ledger) FailedLogs(ctx context.Context) (int, error) {
	var n int
	err := l.db.Read(ctx).Row(`SELECT COUNT(*) FROM log_findings`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("ledger: failed logs: %w", l.db.Diagnose(err))
	}
	return n, nil
}

// SendCheckpoint keeps the signed note that the account's log had the size,
// and sends it out, unless that of this size was: to webhooks, and by mail
// unless one was mailed since the time. It is bookkeeping and leaves no action.
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
		mail, err := t.Exec(`UPDATE checkpoint_notices SET mailed = $2 WHERE account = $1 AND mailed < $3`,
			account, db.Millis(l.now()), db.Millis(mailed))
		if err != nil {
			return err
		}
		all, err := notify.DecideCheckpoint(reader{t, true}, account, size, mail == 1, l.now())
		if err != nil {
			return err
		}
		return deliverAll(t, all)
	})
	if err != nil {
		return fmt.Errorf("ledger: send checkpoint: %w", err)
	}
	return nil
}
