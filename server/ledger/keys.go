package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

// SigningKey returns which key signs the account's log. An account without a log
// is a NotFound fault.
func (l *Ledger) SigningKey(ctx context.Context, account string) (audit.KeyName, error) {
	var key audit.KeyName
	err := l.db.Read(ctx).Row(`SELECT key, installation FROM logs WHERE account = $1`, account).Scan(&key.ID, &key.Installation)
	if err != nil {
		return audit.KeyName{}, l.found("log", err)
	}
	return key, nil
}

// KeyChanges returns the statements that the key of the account's log was
// replaced, the oldest first.
func (l *Ledger) KeyChanges(ctx context.Context, account string) ([][]byte, error) {
	var all [][]byte
	err := l.db.Read(ctx).Each(func(r db.Row) error {
		var statement []byte
		err := r.Scan(&statement)
		all = append(all, statement)
		return err
	}, `SELECT statement FROM log_key_changes WHERE account = $1 ORDER BY seq`, account)
	if err != nil {
		return nil, fmt.Errorf("ledger: key changes: %w", l.db.Diagnose(err))
	}
	return all, nil
}

// PublicKey returns the public key of the account's log by which it's signed now.
func (l *Ledger) PublicKey(ctx context.Context, account string) (string, error) {
	name, err := l.SigningKey(ctx, account)
	if err != nil {
		return "", err
	}
	key, err := audit.KeyOf(l.signer, name)
	if err != nil {
		return "", err
	}
	return key.Public(account)
}

// Chain returns the public keys that the account's log has had, by the one that
// signs it now. If they don't lead there, the error is an *audit.Finding.
func (l *Ledger) Chain(ctx context.Context, account string) (*audit.Chain, error) {
	public, err := l.PublicKey(ctx, account)
	if err != nil {
		return nil, err
	}
	statements, err := l.KeyChanges(ctx, account)
	if err != nil {
		return nil, err
	}
	return audit.NewChain(public, statements...)
}

// ReplaceKeys has all logs signed by another key from now on, one after the other,
// and returns how many it did. If it is broken off, the next call does the rest.
func (l *Ledger) ReplaceKeys(ctx context.Context, by audit.Grant, next *audit.LogKey) (int, error) {
	for done := 0; ; {
		all, err := l.SignedByOthers(ctx, next.ID())
		if err != nil || len(all) == 0 {
			return done, err
		}
		for _, account := range all {
			err := l.ReplaceKey(ctx, by, account, next)
			if err != nil && !fault.Is(err, fault.Conflict) {
				return done, err
			}
			if err == nil {
				done++
			}
		}
	}
}

// ReplaceKey has the account's log signed by another key from now on, and keeps the
// action that says so with a statement that both keys sign. If another command has
// replaced it meanwhile, the fault is a Conflict.
func (l *Ledger) ReplaceKey(ctx context.Context, by audit.Grant, account string, next *audit.LogKey) error {
	a, err := audit.Action{Outcome: audit.Done}.RecordReplaceKey(l.signer, account, next)
	if err == nil {
		err = l.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
			var now string
			if err := t.Row(`SELECT key FROM logs WHERE account = $1`+t.Exclusive(), account).Scan(&now); err != nil {
				return nil, l.db.Found("log", err)
			}
			if now == next.ID() {
				return nil, fault.New(fault.Conflict, "The log of %s is signed by the key %s already.", account, now)
			}
			return []audit.Action{a}, nil
		})
	}
	if err != nil {
		return fmt.Errorf("ledger: replace key: %w", err)
	}
	return nil
}

// SignedByOthers returns the accounts whose logs are signed by another key than
// that, the installation's own first: new logs begin with its key.
func (l *Ledger) SignedByOthers(ctx context.Context, key string) ([]string, error) {
	var all []string
	err := l.db.Read(ctx).Each(func(r db.Row) error {
		var id string
		err := r.Scan(&id)
		all = append(all, id)
		return err
	}, `SELECT account FROM logs WHERE key <> $1 ORDER BY account`, key)
	if err != nil {
		return nil, fmt.Errorf("ledger: logs: %w", l.db.Diagnose(err))
	}
	if i := slices.Index(all, account.Installation); i > 0 {
		all = slices.Insert(slices.Delete(all, i, i+1), 0, account.Installation)
	}
	return all, nil
}

// NewLog makes the log of a new account, which is signed by the key that signs the
// installation's.
func NewLog(t *db.Tx, id string) error {
	var key audit.KeyName
	// Locked, so that a replacement of that key waits for the new log.
	err := t.Row(`SELECT key, installation FROM logs WHERE account = $1`+t.Share("logs"), account.Installation).Scan(&key.ID, &key.Installation)
	if err != nil {
		return fmt.Errorf("new log: %w", err)
	}
	_, err = t.Exec(`INSERT INTO logs (account, size, latest, key, installation) VALUES ($1, 0, 0, $2, $3)`, id, key.ID, key.Installation)
	return err
}
