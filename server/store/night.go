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

// due sets a mark to now and reports true, unless it was set since the time.
func (t *tx) due(name string, now, since time.Time) (bool, error) {
	n, err := t.exec(`INSERT INTO marks (name, at) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET at = $2 WHERE marks.at < $3`, name, millis(now), millis(since))
	return n == 1, err
}

// unmark takes away all marks that begin so, but one.
func (t *tx) unmark(begin, except string) error {
	_, err := t.exec(`DELETE FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND name <> $2`, begin, except)
	return err
}

// BeginNight has the night's work done on every log, unless it was begun since
// the time by any server. It is bookkeeping and leaves no action.
func (s *Store) BeginNight(ctx context.Context, since time.Time) error {
	var begun int64
	err := s.read(ctx).row(`SELECT COALESCE(MAX(at), 0) FROM marks WHERE name = $1`, nightMark).Scan(&begun)
	if err == nil && begun >= millis(since) {
		return nil // as nearly always
	}
	if err == nil {
		err = s.transact(ctx, func(t *tx) error {
			fresh, err := t.due(nightMark, s.now(), since)
			if err != nil || !fresh {
				return err
			}
			return t.enqueueNight()
		})
	}
	if err != nil {
		return fmt.Errorf("store: night: %w", s.diagnose(err))
	}
	return nil
}

// enqueueNight makes a job for each log, also where its head is gone.
func (t *tx) enqueueNight() error {
	var all []string
	err := t.each(func(r row) error {
		var id string
		err := r.Scan(&id)
		all = append(all, id)
		return err
	}, `SELECT id FROM accounts UNION SELECT account FROM logs ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, id := range all {
		if err := t.enqueue(night.Job{Account: id}, night.Queue, 0); err != nil {
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
	for _, keep := range []func(*tx) error{
		func(t *tx) error { return t.record(by, a, s.now()) },
		func(t *tx) error {
			if err := t.tellBare(a, s.now()); err != nil {
				return err
			}
			return t.record(by, elsewhere, s.now())
		},
		func(t *tx) error { return t.tellBare(a, s.now()) },
	} {
		err = s.transact(ctx, func(t *tx) error {
			fresh, err := t.due(name, s.now(), since)
			if err != nil || !fresh {
				return err
			}
			if err := t.unmark(begin, name); err != nil {
				return err
			}
			return keep(t)
		})
		if !audit.IsFinding(err) && !s.db.taken(err) { // it was kept, or it is not for the log that it was not
			break
		}
	}
	if err != nil {
		return fmt.Errorf("store: report log: %w", err)
	}
	return nil
}

// tellBare tells of an action that is not kept: that it happened, and no more.
func (t *tx) tellBare(a audit.Action, now time.Time) error {
	e, ok := notify.EventOf(a)
	if !ok {
		return nil
	}
	t.hooks = 1 // there may be some
	return t.tell(a, e, 0, millis(now))
}

// ClearLog says that the check of the account's log has found nothing. It is
// bookkeeping and leaves no action.
func (s *Store) ClearLog(ctx context.Context, account string) error {
	if err := s.transact(ctx, func(t *tx) error { return t.unmark(failedMark+account+" ", "") }); err != nil {
		return fmt.Errorf("store: clear log: %w", err)
	}
	return nil
}

// FailedLogs returns how many logs there are whose last check has failed.
func (s *Store) FailedLogs(ctx context.Context) (int, error) {
	var n int
	err := s.read(ctx).row(`SELECT COUNT(*) FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1`, failedMark).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("store: failed logs: %w", s.diagnose(err))
	}
	return n, nil
}

// SendCheckpoint keeps the signed note that the account's log had the size,
// and sends it out, unless that of this size was: to webhooks, and by mail
// unless one was mailed since the time. It is bookkeeping and leaves no action.
func (s *Store) SendCheckpoint(ctx context.Context, account string, size int64, note []byte, mailed time.Time) error {
	err := s.transact(ctx, func(t *tx) error {
		begin := sentMark + account + " "
		name := begin + strconv.FormatInt(size, 10)
		fresh, err := t.mark(name, s.now())
		if err != nil || !fresh {
			return err
		}
		if err := t.unmark(begin, name); err != nil {
			return err
		}
		if err := t.keepCheckpoint(account, size, note, s.now()); err != nil {
			return err
		}
		e := notify.Event{Type: notify.LogCheckpoint}
		mail, err := t.due(mailedMark+account, s.now(), mailed)
		if err != nil {
			return err
		}
		if mail {
			e.Topic = notify.Log
		}
		t.hooks = 1 // there may be some
		return t.tell(audit.Action{Account: account}, e, size, millis(s.now()))
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
	err := s.transact(ctx, func(t *tx) error {
		name := identityMark + fingerprint
		fresh, err := t.mark(name, s.now())
		if err != nil || !fresh {
			return err
		}
		var old string
		err = t.row(`SELECT COALESCE(MAX(name), '') FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND name <> $2`,
			identityMark, name).Scan(&old)
		if err != nil || old == "" {
			return err
		}
		if err := t.unmark(identityMark, name); err != nil {
			return err
		}
		a.Name, a.Changes = audit.IdentityChange, []audit.Change{{Field: "fingerprint", Old: old[len(identityMark):], New: fingerprint}}
		return t.record(by, a, s.now())
	})
	if err != nil {
		return fmt.Errorf("store: use identity: %w", err)
	}
	return nil
}
