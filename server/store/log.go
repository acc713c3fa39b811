package store

import (
	"context"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
)

// fillBatch is how many actions of an older program are completed at once.
const fillBatch = 500

// fill gives actions that an older program wrote what they lack: their hashes,
// columns, and the edge of their log. Their log is locked meanwhile, a batch at
// a time, so any number of servers may do it at once, also while an older one
// still writes.
func (s *Store) fill(ctx context.Context) error {
	heads := map[string]bool{} // those whose edge is behind
	err := s.read(ctx).each(func(r row) error {
		var account string
		var size int64
		var head []byte
		if err := r.Scan(&account, &size, &head); err != nil {
			return err
		}
		edge, err := audit.ParseEdge(head) // one that cannot be read is for the check of the log
		if err == nil && edge.Size() < size {
			heads[account] = true
		}
		return nil
	}, `SELECT account, size, edge FROM logs`)
	if err != nil {
		return fmt.Errorf("complete the action log: %w", s.diagnose(err))
	}
	for account := range heads {
		if err := s.fillLog(ctx, account); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) fillLog(ctx context.Context, account string) error {
	for more := true; more; {
		var err error
		if more, err = s.fillSome(ctx, account); err != nil {
			return fmt.Errorf("complete the action log: %w", err)
		}
	}
	return nil
}

// fillSome completes the next actions of the log and reports whether there are
// more.
func (s *Store) fillSome(ctx context.Context, account string) (more bool, err error) {
	err = s.transact(ctx, func(t *tx) error {
		var size int64
		var head []byte
		err := t.row(`UPDATE logs SET size = size WHERE account = $1 RETURNING size, edge`, account).Scan(&size, &head)
		if err != nil {
			return err
		}
		edge, err := audit.ParseEdge(head)
		if err != nil {
			return err
		}
		if edge, err = t.catchUp(account, edge, min(size, edge.Size()+fillBatch)); err != nil {
			return err
		}
		more = edge.Size() < size
		return t.setEdge(account, edge)
	})
	return more, err
}

// edge reads the edge in the head of a log of the size. Where an older program
// has written since, it goes through what that wrote.
func (t *tx) edge(account string, head []byte, size int64) (audit.Edge, error) {
	edge, err := audit.ParseEdge(head)
	if err != nil {
		return edge, errHead(size)
	}
	if edge.Size() > size {
		return edge, errShrunk(size, edge.Size())
	}
	return t.catchUp(account, edge, size)
}

// errShrunk says that the head of a log was set back.
func errShrunk(size, had int64) error {
	return &audit.Finding{First: size + 1, Last: had, Detail: fmt.Sprintf("the head of the log was set back from %d actions to %d", had, size)}
}

// errHead says that the head of a log of the size was changed.
func errHead(size int64) error {
	return &audit.Finding{First: 1, Last: size, Detail: "the head of the log was changed: it cannot be read"}
}

func (t *tx) setEdge(account string, edge audit.Edge) error {
	_, err := t.exec(`UPDATE logs SET edge = $1 WHERE account = $2`, edge.Bytes(), account)
	return err
}

// catchUp moves the edge on to the size and completes the actions on its way.
// One that is missing counts as a hash that none has: the check of the log
// will name it, and the log can go on.
func (t *tx) catchUp(account string, edge audit.Edge, size int64) (audit.Edge, error) {
	for edge.Size() < size {
		end := min(size, edge.Size()+fillBatch)
		records, err := t.records(account, edge.Size(), end)
		if err != nil {
			return edge, err
		}
		for _, r := range records {
			for edge.Size() < r.Seq-1 {
				edge.Append(audit.Hash{})
			}
			hash, err := t.complete(account, r)
			if err != nil {
				return edge, err
			}
			edge.Append(hash)
		}
		for edge.Size() < end {
			edge.Append(audit.Hash{})
		}
	}
	return edge, nil
}

// records returns the actions after one and up to another.
func (t *tx) records(account string, after, to int64) ([]audit.Record, error) {
	var records []audit.Record
	err := t.each(func(r row) error {
		rec, err := scanRecord(r)
		records = append(records, rec)
		return err
	}, `SELECT `+recordColumns+` FROM actions WHERE account = $1 AND seq > $2 AND seq <= $3 ORDER BY seq`, account, after, to)
	return records, err
}

// complete fills in what an older program did not know of, and returns the
// hash of the action.
func (t *tx) complete(account string, r audit.Record) (audit.Hash, error) {
	if len(r.Hash) == len(audit.Hash{}) {
		return audit.Hash(r.Hash), nil
	}
	var c audit.Columns
	if e, err := r.Read(); err == nil { // else the check of the log will name it
		c = e.Columns()
	}
	hash := audit.HashLeaf(r.Leaf)
	_, err := t.exec(`UPDATE actions SET hash = $3, interface = $4, profile = $5, domain = $6, mailbox = $7, ip = $8
		WHERE account = $1 AND seq = $2`, account, r.Seq, hash[:], string(c.Interface), c.Profile, c.Domain, c.Mailbox, orNull(c.IP))
	return hash, err
}
