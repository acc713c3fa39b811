package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// appendAll adds actions of one account to its log, in their order. It comes
// last in a transaction, for from here to the commit the log is locked: that
// makes the sequence numbers 1, 2, 3 … without a gap, the times never run
// backwards, and the tree has one edge, whichever server writes.
func appendAll(t *db.Tx, account string, all []audit.Action, now time.Time) error {
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
		if err := notifyOf(t, a, before+int64(i)+1, db.Moment(at), hooks > 0); err != nil {
			return err
		}
	}
	return nil
}

// insertActions keeps the actions that follow the edge, which it moves on.
func insertActions(t *db.Tx, all []audit.Action, edge *audit.Edge, at int64) error {
	rows := make([]row, len(all))
	for i, a := range all {
		salt := make([]byte, audit.SaltSize)
		rand.Read(salt) // never fails
		seq := edge.Size() + 1
		leaf, personal, err := a.Encode(seq, db.Moment(at), salt)
		if err != nil {
			return err
		}
		hash := audit.HashLeaf(leaf)
		edge.Append(hash)
		rows[i] = row{a.Account, audit.Row{
			Record:  audit.Record{Seq: seq, At: db.Moment(at), Leaf: leaf, Personal: personal, Salt: salt, Hash: hash[:]},
			Columns: a.Columns(),
		}}
	}
	return actions.InsertAll(t, rows)
}
