package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// recordColumns are what scanRecord scans.
const recordColumns = `seq, at, leaf, personal, salt, hash`

// Actions returns at most limit records of the account's action log, those
// after the sequence number, in the order of the log.
func (s *Store) Actions(ctx context.Context, account string, after int64, limit int) ([]audit.Record, error) {
	var records []audit.Record
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		rec, err := scanRecord(r)
		records = append(records, rec)
		return err
	}, `SELECT `+recordColumns+` FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		account, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("store: actions: %w", s.db.Diagnose(err))
	}
	return records, nil
}

func scanRecord(r db.Row) (audit.Record, error) {
	var rec audit.Record
	var at int64
	err := r.Scan(&rec.Seq, &at, &rec.Leaf, &rec.Personal, &rec.Salt, &rec.Hash)
	rec.At = db.Moment(at)
	return rec, err
}

// Record keeps an action that goes with no other change.
func (s *Store) Record(ctx context.Context, by audit.Grant, a audit.Action) error {
	if err := s.change(ctx, by, a, func(*db.Tx) error { return nil }); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// record adds a to the log of its account.
func record(t *db.Tx, by audit.Grant, a audit.Action, now time.Time) error {
	if err := covers(by, a); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	a.Actor = by.Actor
	if err := claimRequest(t, by, a, now); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return recordAll(t, a.Account, []audit.Action{a}, now)
}

// recordAll adds actions of one account to its log, in their order. It comes
// last in a transaction, for from here to the commit the log is locked: that
// makes the sequence numbers 1, 2, 3 … without a gap, the times never run
// backwards, and the tree has one edge, whichever server writes.
func recordAll(t *db.Tx, account string, all []audit.Action, now time.Time) error {
	var size, at, hooks int64
	var head []byte
	err := t.Row(`UPDATE logs SET size = size + $3, latest = CASE WHEN latest > $1 THEN latest ELSE $1 END
		WHERE account = $2 RETURNING size, latest, hooks, edge`, db.Millis(now), account, len(all)).Scan(&size, &at, &hooks, &head)
	if errors.Is(err, db.ErrNoRows) {
		return fmt.Errorf("record: the account %q has no log", account)
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	before := size - int64(len(all))
	edge, err := parseEdge(head, before)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if err := insertActions(t, all, &edge, at); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if err := setEdge(t, account, edge); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for i, a := range all {
		if err := notifyOf(t, a, before+int64(i)+1, at, hooks > 0); err != nil {
			return err
		}
	}
	return nil
}

// insertActions keeps the actions that follow the edge, which it moves on.
func insertActions(t *db.Tx, all []audit.Action, edge *audit.Edge, at int64) error {
	runs := make([][]any, len(all))
	for i, a := range all {
		salt := make([]byte, audit.SaltSize)
		rand.Read(salt) // never fails
		seq := edge.Size() + 1
		leaf, personal, err := a.Encode(seq, db.Moment(at), salt)
		if err != nil {
			return err
		}
		hash, c := audit.HashLeaf(leaf), a.Columns()
		edge.Append(hash)
		runs[i] = []any{a.Account, seq, at, string(c.Name), string(c.Outcome), string(c.ActorKind), c.Actor, string(c.Interface),
			string(c.TargetKind), c.Target, c.Link, c.Profile, c.Domain, c.Mailbox, orNull(c.IP), leaf, personal, salt, hash[:]}
	}
	return t.Many(nil, `INSERT INTO actions (account, seq, at, name, outcome, actor_kind, actor_id, interface,
		target_kind, target_id, link, profile, domain, mailbox, ip, leaf, personal, salt, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`, runs)
}

// orNull is how an address is stored. No address is NULL.
func orNull(ip string) []byte {
	if ip == "" {
		return nil
	}
	return []byte(ip)
}
