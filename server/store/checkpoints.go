package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

var _ audit.Keeper = (*Store)(nil)

// Checkpoint returns the state of the account's log, to be signed. An account
// without a log is a NotFound fault. Where the head does not fit the log, the
// error is an *audit.Finding.
func (s *Store) Checkpoint(ctx context.Context, account string) (audit.Tree, error) {
	var size int64
	var head []byte
	err := s.db.Read(ctx).Row(`SELECT size, edge FROM logs WHERE account = $1`, account).Scan(&size, &head)
	if err != nil {
		return audit.Tree{}, s.found("log", err)
	}
	edge, err := parseEdge(head, size)
	if err != nil {
		return audit.Tree{}, fmt.Errorf("store: checkpoint: %w", err)
	}
	return edge.Tree(), nil
}

// KeepCheckpoint keeps the signed note that the account's log had the size. A
// note that is there of that size stays. It is bookkeeping and leaves no
// action.
func (s *Store) KeepCheckpoint(ctx context.Context, account string, size int64, note []byte) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error { return keepCheckpoint(t, account, size, note, s.now()) })
	if err != nil {
		return fmt.Errorf("store: keep checkpoint: %w", err)
	}
	return nil
}

func keepCheckpoint(t *db.Tx, account string, size int64, note []byte, now time.Time) error {
	_, err := t.Exec(`INSERT INTO checkpoints (account, size, note, created) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, size) DO NOTHING`, account, size, note, db.Millis(now))
	return err
}

// LatestCheckpoint returns the note of the longest log, or a NotFound fault.
func (s *Store) LatestCheckpoint(ctx context.Context, account string) (audit.KeptCheckpoint, error) {
	c, err := scanCheckpoint(s.db.Read(ctx).Row(selectCheckpoints+` ORDER BY size DESC LIMIT 1`, account))
	if err != nil {
		return audit.KeptCheckpoint{}, s.found("checkpoint", err)
	}
	return c, nil
}

// Checkpoints returns the notes that are kept of the account's log, that of
// the shortest log first.
func (s *Store) Checkpoints(ctx context.Context, account string) ([]audit.KeptCheckpoint, error) {
	var all []audit.KeptCheckpoint
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		c, err := scanCheckpoint(r)
		all = append(all, c)
		return err
	}, selectCheckpoints+` ORDER BY size`, account)
	if err != nil {
		return nil, fmt.Errorf("store: checkpoints: %w", s.db.Diagnose(err))
	}
	return all, nil
}

const selectCheckpoints = `SELECT size, note, created FROM checkpoints WHERE account = $1`

func scanCheckpoint(r db.Row) (audit.KeptCheckpoint, error) {
	var c audit.KeptCheckpoint
	var created int64
	err := r.Scan(&c.Size, &c.Note, &created)
	c.Created = db.Moment(created)
	return c, err
}

// Retained returns up to which action of the account's log the content has
// been removed, or a NotFound fault.
func (s *Store) Retained(ctx context.Context, account string) (int64, error) {
	_, retained, err := s.logBounds(ctx, account)
	if err != nil {
		return 0, s.found("log", err)
	}
	return retained, nil
}

// Rows returns at most limit rows of the account's action log, those after the
// sequence number, in the order of the log, with what stands beside them.
func (s *Store) Rows(ctx context.Context, account string, after int64, limit int) ([]audit.Row, error) {
	var all []audit.Row
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		scanned, err := scanRow(r)
		all = append(all, scanned)
		return err
	}, `SELECT `+recordColumns+`, name, outcome, actor_kind, actor_id, interface, target_kind, target_id,
		link, profile, domain, mailbox, ip FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		account, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("store: log: %w", s.db.Diagnose(err))
	}
	return all, nil
}

func scanRow(r db.Row) (audit.Row, error) {
	var a audit.Row
	var at int64
	var ip []byte
	c := &a.Columns
	err := r.Scan(&a.Seq, &at, &a.Leaf, &a.Personal, &a.Salt, &a.Hash, &c.Name, &c.Outcome, &c.ActorKind, &c.Actor,
		&c.Interface, &c.TargetKind, &c.Target, &c.Link, &c.Profile, &c.Domain, &c.Mailbox, &ip)
	a.At, c.IP = db.Moment(at), string(ip)
	return a, err
}
