package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

var _ audit.Keeper = (*Ledger)(nil)

// Checkpoint returns the state of the account's log, to be signed. An account
// without a log is a NotFound fault. If the head doesn't match the log, the
// error is an *audit.Finding.
func (l *Ledger) Checkpoint(ctx context.Context, account string) (audit.Tree, error) {
	var size int64
	var head []byte
	err := l.db.Read(ctx).Row(`SELECT size, edge FROM logs WHERE account = $1`, account).Scan(&size, &head)
	if err != nil {
		return audit.Tree{}, l.found("log", err)
	}
	edge, err := parseEdge(head, size)
	if err != nil {
		return audit.Tree{}, fmt.Errorf("ledger: checkpoint: %w", err)
	}
	return edge.Tree(), nil
}

// SignCheckpoint returns the state of the account's log and the signed note of it.
// Which key signs is read together with the state, so it is the key that signs for
// a log of that size, also if it is replaced at this moment.
func (l *Ledger) SignCheckpoint(ctx context.Context, account string) (audit.Tree, []byte, error) {
	var size int64
	var head []byte
	var name audit.KeyName
	err := l.db.Read(ctx).Row(`SELECT size, edge, key, installation FROM logs WHERE account = $1`, account).
		Scan(&size, &head, &name.ID, &name.Installation)
	if err != nil {
		return audit.Tree{}, nil, l.found("log", err)
	}
	edge, err := parseEdge(head, size)
	if err != nil {
		return audit.Tree{}, nil, fmt.Errorf("ledger: checkpoint: %w", err)
	}
	key, err := audit.KeyOf(l.signer, name)
	if err != nil {
		return audit.Tree{}, nil, err
	}
	note, err := key.Checkpoint(account, edge.Tree())
	return edge.Tree(), note, err
}

// KeepCheckpoint stores the signed note that the account's log had the size. An
// existing note of that size stays. It is bookkeeping and leaves no action.
func (l *Ledger) KeepCheckpoint(ctx context.Context, account string, size int64, note []byte) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error { return keepCheckpoint(t, account, size, note, l.now()) })
	if err != nil {
		return fmt.Errorf("ledger: keep checkpoint: %w", err)
	}
	return nil
}

func keepCheckpoint(t *db.Tx, account string, size int64, note []byte, now time.Time) error {
	_, err := t.Exec(`INSERT INTO checkpoints (account, size, note, created) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, size) DO NOTHING`, account, size, note, db.Millis(now))
	return err
}

// LatestCheckpoint returns the note of the longest log, or a NotFound fault.
func (l *Ledger) LatestCheckpoint(ctx context.Context, account string) (audit.KeptCheckpoint, error) {
	c, err := scanCheckpoint(l.db.Read(ctx).Row(selectCheckpoints+` ORDER BY size DESC LIMIT 1`, account))
	if err != nil {
		return audit.KeptCheckpoint{}, l.found("checkpoint", err)
	}
	return c, nil
}

// Checkpoints returns the stored notes of the account's log, that of the
// shortest log first.
func (l *Ledger) Checkpoints(ctx context.Context, account string) ([]audit.KeptCheckpoint, error) {
	var all []audit.KeptCheckpoint
	err := l.db.Read(ctx).Each(func(r db.Row) error {
		c, err := scanCheckpoint(r)
		all = append(all, c)
		return err
	}, selectCheckpoints+` ORDER BY size`, account)
	if err != nil {
		return nil, fmt.Errorf("ledger: checkpoints: %w", l.db.Diagnose(err))
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
