package store

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

// How many actions lose their personal text or their content in one
// transaction, for whose length their log is locked.
const (
	eraseBatch  = 500
	retainBatch = 500
)

// ErasePersonal removes the personal text of actions of the account: those
// about a mailbox, or a single one. It returns of how many. Each batch of them
// is kept together with a as a signed LogErase that names them, so that if a
// later batch fails, the log says what was erased so far. The leaves and the
// tree stay as they are. If there is nothing to erase, the fault is NotFound. If
// one of the actions isn't what it was, its batch stays as evidence and the
// error is an *audit.Finding.
func (s *Store) ErasePersonal(ctx context.Context, by audit.Grant, account string, which audit.Erasure, a audit.Action) (int64, error) {
	erase := func(texts []audit.Text) (audit.Action, error) {
		return a.RecordErase(s.signer, account, which.Reason(), texts)
	}
	tree, err := s.Checkpoint(ctx, account) // actions that come later are not meant
	if err != nil {
		return 0, err
	}
	var erased int64
	for {
		n, err := s.eraseSome(ctx, by, erase, account, which, tree.Size)
		erased += n
		if fault.Is(err, fault.NotFound) && erased > 0 {
			return erased, nil
		}
		if err != nil {
			return erased, fmt.Errorf("store: erase: %w", err)
		}
		if n < eraseBatch {
			return erased, nil
		}
	}
}

func (s *Store) eraseSome(ctx context.Context, by audit.Grant, erase func([]audit.Text) (audit.Action, error), account string, which audit.Erasure, size int64) (int64, error) {
	var texts []audit.Text
	err := s.write(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		var err error
		if texts, err = eraseTexts(t, account, which, size); err != nil {
			return nil, err
		}
		if len(texts) == 0 {
			return nil, fault.New(fault.NotFound, "There is no personal text to erase.")
		}
		done, err := erase(texts)
		return []audit.Action{done}, err
	})
	if err != nil {
		return 0, err
	}
	return int64(len(texts)), nil
}

// eraseTexts erases a batch of the personal texts that are meant, of the first
// size actions. It looks at each before: only what is what it was is erased.
func eraseTexts(t *db.Tx, account string, which audit.Erasure, size int64) ([]audit.Text, error) {
	condition, value := `mailbox = $2 AND mailbox <> ''`, any(which.Mailbox)
	if which.Mailbox == "" {
		condition, value = `seq = $2`, which.Seq
	}
	checked := map[int64]audit.Text{}
	found := ` FROM actions WHERE account = $1 AND ` + condition + ` AND seq <= $3 AND personal IS NOT NULL ORDER BY seq LIMIT $4`
	err := t.Each(func(r db.Row) error {
		rec, err := scanRecord(r)
		if err == nil {
			checked[rec.Seq], err = rec.Text(), which.Check(rec)
		}
		return err
	}, `SELECT `+recordColumns+found, account, value, size, eraseBatch)
	if err != nil {
		return nil, err
	}
	var texts []audit.Text
	err = t.Each(func(r db.Row) error {
		var seq int64
		err := r.Scan(&seq)
		text, ok := checked[seq]
		if err == nil && !ok {
			err = fmt.Errorf("action %d was changed meanwhile", seq)
		}
		texts = append(texts, text)
		return err
	}, `UPDATE actions SET personal = NULL, salt = NULL, mailbox = '', ip = NULL
		WHERE account = $1 AND seq IN (SELECT seq`+found+`) AND personal IS NOT NULL RETURNING seq`, account, value, size, eraseBatch)
	return texts, err
}

// Retain removes the content of the account's actions that r names: leaf,
// personal text and columns. Number, time and hash stay, so the tree does. It
// returns of how many. The first batch is kept together with a as a signed
// LogRetain that says how far it goes; if a later one fails, the next call goes
// on. If there is nothing to remove, or if the setting may have changed since
// the log was checked, nothing happens.
func (s *Store) Retain(ctx context.Context, by audit.Grant, account string, r audit.Retention, a audit.Action) (int64, error) {
	size, first, err := s.logBounds(ctx, account)
	if err != nil {
		return 0, s.found("log", err)
	}
	if r.Through > size {
		return 0, fmt.Errorf("store: retain: through %d of %d actions", r.Through, size)
	}
	a, err = a.RecordRetain(s.signer, account, first+1, r)
	if err != nil {
		return 0, fmt.Errorf("store: retain: %w", err)
	}
	at := first
	for at < r.Through {
		end := min(at+retainBatch, r.Through)
		err := s.db.Transact(ctx, func(t *db.Tx) error {
			if at > first {
				return errors.Join(checkGrant(t, by, s.now()), stripContent(t, account, at, end))
			}
			return s.writeIn(t, by, func(t *db.Tx) ([]audit.Action, error) {
				if err := stripContent(t, account, at, end); err != nil {
					return nil, err
				}
				return []audit.Action{a}, sameRetention(t, account, r)
			})
		})
		if errors.Is(err, errSame) { // another server is at it, or the setting changed
			break
		}
		if err != nil {
			return at - first, fmt.Errorf("store: retain: %w", err)
		}
		at = end
	}
	return at - first, nil
}

// sameRetention returns errSame if the account's setting may be another than
// that of r. The head of the log must be locked.
func sameRetention(t *db.Tx, account string, r audit.Retention) error {
	var days int
	var changed int64
	err := t.Row(`SELECT retention_days, (SELECT COUNT(*) FROM actions WHERE account = $1 AND seq > $2 AND name = $3)
		FROM accounts WHERE id = $1`, account, r.Checked, string(audit.AccountUpdate)).Scan(&days, &changed)
	if err == nil && (days != r.Days || changed > 0) {
		err = errSame
	}
	return err
}

// logBounds returns how many actions the log has, and up to which of them the
// content has been removed.
func (s *Store) logBounds(ctx context.Context, account string) (size, retained int64, err error) {
	err = s.db.Read(ctx).Row(`SELECT size, retained FROM logs WHERE account = $1`, account).Scan(&size, &retained)
	return size, retained, err
}

// lastBefore returns the last action from before the time, of those after one
// and up to another; if there is none, the one that it begins after. Times
// never run backwards in a log, so it looks at a few.
func (s *Store) lastBefore(ctx context.Context, account string, before time.Time, after, to int64) (int64, error) {
	var failed error
	n := sort.Search(int(to-after), func(i int) bool {
		var at int64
		err := s.db.Read(ctx).Row(`SELECT at FROM actions WHERE account = $1 AND seq >= $2 ORDER BY seq LIMIT 1`,
			account, after+int64(i)+1).Scan(&at)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			failed = err
		}
		return err != nil || at >= db.Millis(before)
	})
	return after + int64(n), failed
}

// stripContent removes the content of the actions after one and up to another, unless
// it is not there that the removal has got to.
func stripContent(t *db.Tx, account string, after, to int64) error {
	n, err := t.Exec(`UPDATE logs SET retained = $3 WHERE account = $1 AND retained = $2`, account, after, to)
	if err == nil && n == 0 {
		err = errSame
	}
	if err != nil {
		return err
	}
	_, err = t.Exec(`UPDATE actions SET name = '', outcome = '', actor_kind = '', actor_id = '', interface = '',
		target_kind = '', target_id = '', link = '', profile = '', domain = '', mailbox = '', ip = NULL,
		leaf = NULL, personal = NULL, salt = NULL WHERE account = $1 AND seq > $2 AND seq <= $3`, account, after, to)
	return err
}

// Retention returns after how many days the content of the account's actions
// is removed; 0: never. An account that isn't there is a NotFound fault.
func (s *Store) Retention(ctx context.Context, account string) (int, error) {
	var days int
	err := s.db.Read(ctx).Row(`SELECT retention_days FROM accounts WHERE id = $1`, account).Scan(&days)
	if err != nil {
		return 0, s.found("account", err)
	}
	return days, nil
}

// SetRetention has the content of the account's actions removed after so many
// days, or never for 0, and keeps a as a signed AccountUpdate.
func (s *Store) SetRetention(ctx context.Context, by audit.Grant, account string, days int, a audit.Action) error {
	if err := audit.CheckRetention(days); err != nil {
		return err
	}
	err := s.write(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		if err := lockAccount(t, account); err != nil {
			return nil, err
		}
		var old int
		err := t.Row(`SELECT retention_days FROM accounts WHERE id = $1`, account).Scan(&old)
		if err == nil && old == days {
			err = errSame
		}
		if err != nil {
			return nil, err
		}
		if _, err := t.Exec(`UPDATE accounts SET retention_days = $2 WHERE id = $1`, account, days); err != nil {
			return nil, err
		}
		done, err := a.RecordRetention(s.signer, account, old, days)
		return []audit.Action{done}, err
	})
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("store: set retention: %w", err)
	}
	return nil
}
