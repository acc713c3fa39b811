package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// recordColumns are what scanRecord scans.
const recordColumns = `seq, at, leaf, personal, salt, hash`

// Actions returns at most limit records of the account's action log, those
// after the sequence number, in the order of the log.
func (s *Store) Actions(ctx context.Context, account string, after int64, limit int) ([]audit.Record, error) {
	var records []audit.Record
	err := s.read(ctx).each(func(r row) error {
		rec, err := scanRecord(r)
		records = append(records, rec)
		return err
	}, `SELECT `+recordColumns+` FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		account, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("store: actions: %w", s.diagnose(err))
	}
	return records, nil
}

func scanRecord(r row) (audit.Record, error) {
	var rec audit.Record
	var at int64
	err := r.Scan(&rec.Seq, &at, &rec.Leaf, &rec.Personal, &rec.Salt, &rec.Hash)
	rec.At = moment(at)
	return rec, err
}

// Record keeps an action that goes with no other change.
func (s *Store) Record(ctx context.Context, a audit.Action) error {
	if err := s.change(ctx, a, func(*tx) error { return nil }); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// record adds a to the log of its account. It comes last in a transaction,
// for from here to the commit the log is locked: that makes the sequence
// numbers 1, 2, 3 … without a gap, the times never run backwards, and the tree
// has one edge, whichever server writes.
func (t *tx) record(a audit.Action, now time.Time) error {
	if err := t.claim(a, now); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	var seq, at int64
	var head []byte
	err := t.row(`UPDATE logs SET size = size + 1, latest = CASE WHEN latest > $1 THEN latest ELSE $1 END
		WHERE account = $2 RETURNING size, latest, hooks, edge`, millis(now), a.Account).Scan(&seq, &at, &t.hooks, &head)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("record: the account %q has no log", a.Account)
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	edge, err := t.edge(a.Account, head, seq-1)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	leaf, err := t.insertAction(a, seq, at)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	edge.Append(leaf)
	if err := t.setEdge(a.Account, edge); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return t.notify(a, seq, at)
}

// insertAction returns the hash of the leaf.
func (t *tx) insertAction(a audit.Action, seq, at int64) (audit.Hash, error) {
	salt := make([]byte, audit.SaltSize)
	rand.Read(salt) // never fails
	leaf, personal, err := a.Encode(seq, moment(at), salt)
	if err != nil {
		return audit.Hash{}, err
	}
	hash, c := audit.HashLeaf(leaf), a.Columns()
	_, err = t.exec(`INSERT INTO actions (account, seq, at, name, outcome, actor_kind, actor_id, interface,
		target_kind, target_id, link, profile, domain, mailbox, ip, leaf, personal, salt, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		a.Account, seq, at, string(c.Name), string(c.Outcome), string(c.ActorKind), c.Actor, string(c.Interface),
		string(c.TargetKind), c.Target, c.Link, c.Profile, c.Domain, c.Mailbox, orNull(c.IP), leaf, personal, salt, hash[:])
	return hash, err
}

// orNull is how an address is stored. No address is NULL.
func orNull(ip string) []byte {
	if ip == "" {
		return nil
	}
	return []byte(ip)
}
