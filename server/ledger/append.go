package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/notify"
)

// appendAll adds actions of one account to its log, in order. It comes last in
// a transaction, because the log is locked from the lock of the head to the
// commit: that makes the sequence numbers 1, 2, 3 … without a gap, and the tree
// has one edge, whichever server writes. Whatever can be read or written
// earlier, is; the rest is sent with the commit.
//
// The time of an action is the clock's. If the log is ahead of it by no more
// than the clocks of several servers may differ, the time stands still; if it
// is ahead by more, a clock was wrong, and the log steps back.
func appendAll(t *db.Tx, account string, all []audit.Action, now time.Time) error {
	var key audit.KeyName
	told, in := make([][]notify.Delivery, len(all)), newReader(t, account)
	events := make([][]notify.Type, len(all))
	for i, a := range all {
		var err error
		if events[i], told[i], err = notify.Decide(in, a, now); err != nil {
			return err
		}
		if err := enqueueAll(t, told[i]); err != nil {
			return err
		}
	}
	var size, latest, stepped int64
	var head []byte
	err := t.Head(`SELECT size, latest, stepped, edge, key, installation FROM logs WHERE account = $1`+t.Exclusive(), account).
		Scan(&size, &latest, &stepped, &head, &key.ID, &key.Installation)
	if errors.Is(err, db.ErrNoRows) {
		return fmt.Errorf("record: the account %q has no log", account)
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	edge, err := parseEdge(head, size)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	at := db.Millis(now)
	switch {
	case latest-at > audit.ClockSkew.Milliseconds():
		stepped = size + 1
	case latest > at:
		at = latest
	}
	if err := insertActions(t, all, events, &edge, key, db.Moment(at)); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	err = t.Finally(`UPDATE logs SET size = $2, latest = $3, stepped = $4, edge = $5 WHERE account = $1`,
		account, edge.Size(), at, stepped, edge.Bytes())
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for i := range told {
		if err := keepAll(t, told[i], size+int64(i)+1); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	return nil
}

// insertActions inserts the actions that follow the edge, and advances the
// edge. The key
// signs them until one replaces it.
func insertActions(t *db.Tx, all []audit.Action, events [][]notify.Type, edge *audit.Edge, key audit.KeyName, at time.Time) error {
	rows := make([]row, len(all))
	for i, a := range all {
		salt := make([]byte, audit.SaltSize)
		rand.Read(salt) // never fails
		seq := edge.Size() + 1
		a = a.SignedBy(key)
		leaf, personal, err := a.Encode(seq, at, salt)
		if err != nil {
			return err
		}
		hash := audit.HashLeaf(leaf)
		edge.Append(hash)
		rows[i] = row{a.Account, events[i], audit.Row{
			Record:  audit.Record{Seq: seq, At: at, Leaf: leaf, Personal: personal, Salt: salt, Hash: hash[:]},
			Columns: a.Columns(),
		}}
		if key, err = changeKey(t, a, leaf, edge, key); err != nil {
			return err
		}
	}
	return actions.InsertAllFinally(t, rows)
}

// changeKey returns which key signs the log after an action whose leaf is the last
// of the tree with the edge. If it is another than before, the statement of that is kept.
func changeKey(t *db.Tx, a audit.Action, leaf []byte, edge *audit.Edge, key audit.KeyName) (audit.KeyName, error) {
	statement, next, changes, err := a.KeyChange(leaf, edge)
	if err != nil || !changes {
		return key, err
	}
	err = t.Finally(`INSERT INTO log_key_changes (account, seq, statement) VALUES ($1, $2, $3)`, a.Account, edge.Size(), statement)
	if err == nil {
		err = t.Finally(`UPDATE logs SET key = $2, installation = $3 WHERE account = $1`, a.Account, next.ID, next.Installation)
	}
	return next, err
}
