package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
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
// is kept together with a as a LogErase that names them, so that where a later
// batch fails, the actions erased so far are told. The leaves and the tree stay
// as they are. Where there is nothing to erase, the fault is NotFound.
func (s *Store) ErasePersonal(ctx context.Context, by audit.Grant, account string, which audit.Erasure, a audit.Action) (int64, error) {
	condition, value := `mailbox = $2 AND mailbox <> ''`, any(which.Mailbox)
	if which.Mailbox == "" {
		condition, value = `seq = $2`, which.Seq
	}
	tree, err := s.Checkpoint(ctx, account) // actions that come later are not meant
	if err != nil {
		return 0, err
	}
	var erased int64
	for {
		n, err := s.eraseSome(ctx, by, account, a, condition, value, tree.Size)
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

func (s *Store) eraseSome(ctx context.Context, by audit.Grant, account string, a audit.Action, condition string, value any, size int64) (int64, error) {
	var seqs []int64
	err := s.write(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		seqs = nil
		err := t.Each(func(r db.Row) error {
			var seq int64
			err := r.Scan(&seq)
			seqs = append(seqs, seq)
			return err
		}, `UPDATE actions SET personal = NULL, salt = NULL, mailbox = '', ip = NULL
			WHERE account = $1 AND seq IN (SELECT seq FROM actions WHERE account = $1 AND `+condition+`
				AND seq <= $3 AND personal IS NOT NULL ORDER BY seq LIMIT $4) RETURNING seq`, account, value, size, eraseBatch)
		if err == nil && len(seqs) == 0 {
			err = fault.New(fault.NotFound, "There is no personal text to erase.")
		}
		if err != nil {
			return nil, err
		}
		slices.Sort(seqs)
		a.Account, a.Name, a.Target, a.Changes = account, audit.LogErase, logTarget(account), audit.Erased(seqs)
		return []audit.Action{a}, nil
	})
	if err != nil {
		return 0, err
	}
	return int64(len(seqs)), nil
}

func logTarget(account string) audit.Target { return audit.Target{Kind: audit.LogTarget, ID: account} }

// Retain removes the content of the account's actions from before the time:
// leaf, personal text and columns. Number, time and hash stay, so the tree does.
// It returns of how many. The first batch is kept together with a as a
// LogRetain that says how far it goes; where a later one fails, the next call
// goes on. Where there is nothing to remove, there is no action.
func (s *Store) Retain(ctx context.Context, by audit.Grant, account string, before time.Time, a audit.Action) (int64, error) {
	size, first, err := s.logBounds(ctx, account)
	if err != nil {
		return 0, s.found("log", err)
	}
	through, err := s.lastBefore(ctx, account, before, first, size)
	if err != nil {
		return 0, fmt.Errorf("store: retain: %w", s.db.Diagnose(err))
	}
	a.Account, a.Name, a.Target, a.Changes = account, audit.LogRetain, logTarget(account), audit.Retained(through, before)
	at := first
	for at < through {
		end := min(at+retainBatch, through)
		err := s.db.Transact(ctx, func(t *db.Tx) error {
			if err := stripContent(t, account, at, end); err != nil || at > first {
				return err
			}
			return record(t, by, a, s.now())
		})
		if errors.Is(err, errSame) { // another server is at it
			break
		}
		if err != nil {
			return at - first, fmt.Errorf("store: retain: %w", err)
		}
		at = end
	}
	return at - first, nil
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

// Retention returns after how many days the content of an account's actions is
// removed, for the accounts of which it ever is.
func (s *Store) Retention(ctx context.Context) (map[string]int, error) {
	days := map[string]int{}
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var account string
		var n int
		err := r.Scan(&account, &n)
		days[account] = n
		return err
	}, `SELECT id, retention_days FROM accounts WHERE retention_days > 0`)
	if err != nil {
		return nil, fmt.Errorf("store: retention: %w", s.db.Diagnose(err))
	}
	return days, nil
}

// Bounds on the days after which the content of actions is removed.
const (
	MinRetention = 90
	MaxRetention = 2557 // seven years
)

// SetRetention has the content of the account's actions removed after so many
// days, or never for 0, and keeps a as an AccountUpdate.
func (s *Store) SetRetention(ctx context.Context, by audit.Grant, account string, days int, a audit.Action) error {
	if days != 0 && (days < MinRetention || days > MaxRetention) {
		return fault.On("retention_days", fault.Invalid, "Choose %d to %d days, or 0 for ever.", MinRetention, MaxRetention)
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
		a.Account, a.Name, a.Target = account, audit.AccountUpdate, audit.Target{Kind: audit.AccountTarget, ID: account}
		a.Changes = []audit.Change{{Field: "retention_days", Old: strconv.Itoa(old), New: strconv.Itoa(days)}}
		return []audit.Action{a}, nil
	})
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("store: set retention: %w", err)
	}
	return nil
}
