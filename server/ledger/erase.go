package ledger

import (
	"context"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

// eraseBatch is how many actions lose their personal text in one transaction,
// during which their log is locked.
const eraseBatch = 500

// ErasePersonal removes the personal text of actions of the account: those
// about a mailbox, or a single one. It returns how many. Each batch is stored
// together with a as a signed LogErase that names its actions, so if a later
// batch fails, the log says what was erased so far. The leaves and the tree
// don't change. If there is nothing to erase, it returns a NotFound fault. If
// one of the actions was tampered with, its batch stays as evidence and the
// error is an *audit.Finding.
func (l *Ledger) ErasePersonal(ctx context.Context, by audit.Grant, account string, which audit.Erasure, a audit.Action) (int64, error) {
	erase := func(texts []audit.Text) (audit.Action, error) {
		return a.RecordErase(l.signer, account, which.Reason(), texts)
	}
	tree, err := l.Checkpoint(ctx, account) // later actions aren't included
	if err != nil {
		return 0, err
	}
	var erased int64
	for {
		n, err := l.eraseSome(ctx, by, erase, account, which, tree.Size)
		erased += n
		if fault.Is(err, fault.NotFound) && erased > 0 {
			return erased, nil
		}
		if err != nil {
			return erased, fmt.Errorf("ledger: erase: %w", err)
		}
		if n < eraseBatch {
			return erased, nil
		}
	}
}

func (l *Ledger) eraseSome(ctx context.Context, by audit.Grant, erase func([]audit.Text) (audit.Action, error), account string, which audit.Erasure, size int64) (int64, error) {
	var texts []audit.Text
	err := l.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
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

// eraseTexts erases a batch of the selected personal texts among the first size
// actions. It checks each of them first and erases only unchanged ones.
func eraseTexts(t *db.Tx, account string, which audit.Erasure, size int64) ([]audit.Text, error) {
	condition, value := `mailbox = $2 AND mailbox <> ''`, any(which.Mailbox)
	if which.Mailbox == "" {
		condition, value = `seq = $2`, which.Seq
	}
	checked := map[int64]audit.Text{}
	found := ` FROM actions WHERE account = $1 AND ` + condition + ` AND seq <= $3 AND personal IS NOT NULL ORDER BY seq LIMIT $4`
	err := t.Each(func(r db.Row) error {
		rec, err := records.Scan(r)
		if err == nil {
			checked[rec.Seq], err = rec.Text(), which.Check(rec)
		}
		return err
	}, `SELECT `+records.Columns+found, account, value, size, eraseBatch)
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
