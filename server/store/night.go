package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/night"
	"github.com/updatecase/mobileconfig/server/notify"
)

var _ night.Store = (*Store)(nil)

// Marks of what happens by itself. Those that end in a space have more after
// it.
const (
	nightMark    = "night"
	failedMark   = "log check "
	sentMark     = "checkpoint "
	mailedMark   = "checkpoint mail "
	identityMark = "identity "
)

// setMarkIfOlder sets a mark to now and reports true, unless it was set since the time.
func setMarkIfOlder(t *db.Tx, name string, now, since time.Time) (bool, error) {
	n, err := t.Exec(`INSERT INTO marks (name, at) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET at = $2 WHERE marks.at < $3`, name, db.Millis(now), db.Millis(since))
	return n == 1, err
}

// clearMarks takes away all marks that begin so, but one.
func clearMarks(t *db.Tx, begin, except string) error {
	_, err := t.Exec(`DELETE FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND name <> $2`, begin, except)
	return err
}

// BeginNight has the night's work done on every log, unless it was begun since
// the time by any server. It is bookkeeping and leaves no action.
func (s *Store) BeginNight(ctx context.Context, since time.Time) error {
	var begun int64
	err := s.db.Read(ctx).Row(`SELECT COALESCE(MAX(at), 0) FROM marks WHERE name = $1`, nightMark).Scan(&begun)
	if err == nil && begun >= db.Millis(since) {
		return nil // as nearly always
	}
	if err == nil {
		err = s.db.Transact(ctx, func(t *db.Tx) error {
			fresh, err := setMarkIfOlder(t, nightMark, s.now(), since)
			if err != nil || !fresh {
				return err
			}
			return enqueueNight(t)
		})
	}
	if err != nil {
		return fmt.Errorf("store: night: %w", s.db.Diagnose(err))
	}
	return nil
}

// enqueueNight makes a job for each log, also where its head is gone.
func enqueueNight(t *db.Tx) error {
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
		if err := t.Enqueue(night.Job{Account: id}, night.Queue, 0); err != nil {
			return err
		}
	}
	return nil
}

// ReportLog keeps a, a LogCheckFailed, and has those told who are to be,
// unless the same finding was reported since the time. Where the log of the
// account is damaged so that nothing can be added to it, a is kept in the log
// of the installation, and where that is, nowhere: they are told all the same.
// Until ClearLog the log counts as one whose check has failed.
func (s *Store) ReportLog(ctx context.Context, by audit.Grant, f *audit.Finding, since time.Time, a audit.Action) error {
	sum := sha256.Sum256([]byte(f.Error()))
	begin := failedMark + a.Account + " "
	name := begin + hex.EncodeToString(sum[:8])
	elsewhere := a
	elsewhere.Account = account.Installation
	var err error
	for _, keep := range []func(*db.Tx) error{
		func(t *db.Tx) error { return record(t, by, a, s.now()) },
		func(t *db.Tx) error {
			if err := tellUnrecorded(t, a, s.now()); err != nil {
				return err
			}
			return record(t, by, elsewhere, s.now())
		},
		func(t *db.Tx) error { return tellUnrecorded(t, a, s.now()) },
	} {
		err = s.db.Transact(ctx, func(t *db.Tx) error {
			fresh, err := setMarkIfOlder(t, name, s.now(), since)
			if err != nil || !fresh {
				return err
			}
			if err := clearMarks(t, begin, name); err != nil {
				return err
			}
			return keep(t)
		})
		if !audit.IsFinding(err) && !s.db.Taken(err) { // it was kept, or it is not for the log that it was not
			break
		}
	}
	if err != nil {
		return fmt.Errorf("store: report log: %w", err)
	}
	return nil
}

// tellUnrecorded tells of an action that is not kept: that it happened, and no more.
func tellUnrecorded(t *db.Tx, a audit.Action, now time.Time) error {
	e, ok := notify.EventOf(a)
	if !ok {
		return nil
	}
	return tell(t, a, e, 0, db.Millis(now), true)
}

// ClearLog says that the check of the account's log has found nothing. It is
// bookkeeping and leaves no action.
func (s *Store) ClearLog(ctx context.Context, account string) error {
	if err := s.db.Transact(ctx, func(t *db.Tx) error { return clearMarks(t, failedMark+account+" ", "") }); err != nil {
		return fmt.Errorf("store: clear log: %w", err)
	}
	return nil
}

// FailedLogs returns how many logs there are whose last check has failed.
func (s *Store) FailedLogs(ctx context.Context) (int, error) {
	var n int
	err := s.db.Read(ctx).Row(`SELECT COUNT(*) FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1`, failedMark).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("store: failed logs: %w", s.db.Diagnose(err))
	}
	return n, nil
}

// SendCheckpoint keeps the signed note that the account's log had the size,
// and sends it out, unless that of this size was: to webhooks, and by mail
// unless one was mailed since the time. It is bookkeeping and leaves no action.
func (s *Store) SendCheckpoint(ctx context.Context, account string, size int64, note []byte, mailed time.Time) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		begin := sentMark + account + " "
		name := begin + strconv.FormatInt(size, 10)
		fresh, err := mark(t, name, s.now())
		if err != nil || !fresh {
			return err
		}
		if err := clearMarks(t, begin, name); err != nil {
			return err
		}
		if err := keepCheckpoint(t, account, size, note, s.now()); err != nil {
			return err
		}
		e := notify.Event{Type: notify.LogCheckpoint}
		mail, err := setMarkIfOlder(t, mailedMark+account, s.now(), mailed)
		if err != nil {
			return err
		}
		if mail {
			e.Topic = notify.Log
		}

		return tell(t, audit.Action{Account: account}, e, size, db.Millis(s.now()), true)
	})
	if err != nil {
		return fmt.Errorf("store: send checkpoint: %w", err)
	}
	return nil
}

// UseIdentity notes that profiles are signed by the certificate of the
// fingerprint. Where it was another before, on whatever server, it keeps a as
// an IdentityChange.
func (s *Store) UseIdentity(ctx context.Context, by audit.Grant, fingerprint string, a audit.Action) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		name := identityMark + fingerprint
		fresh, err := mark(t, name, s.now())
		if err != nil || !fresh {
			return err
		}
		var old string
		err = t.Row(`SELECT COALESCE(MAX(name), '') FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND name <> $2`,
			identityMark, name).Scan(&old)
		if err != nil || old == "" {
			return err
		}
		if err := clearMarks(t, identityMark, name); err != nil {
			return err
		}
		a.Name, a.Changes = audit.IdentityChange, []audit.Change{{Field: "fingerprint", Old: old[len(identityMark):], New: fingerprint}}
		return record(t, by, a, s.now())
	})
	if err != nil {
		return fmt.Errorf("store: use identity: %w", err)
	}
	return nil
}
