package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"sync"
)

// A liteReader is a conn on the reading connections. It caches the statements
// that find rows by their keys, of which the program has about a dozen: parsing
// one takes several times as long as running it. ctx doesn't interrupt them,
// because that would cost more than the statement itself.
type liteReader struct {
	liteConn
	db *sql.DB

	mu   sync.RWMutex
	kept map[string]*sql.Stmt // by their text
}

func newLiteReader(db *sql.DB) *liteReader {
	return &liteReader{liteConn: liteConn{db}, db: db, kept: map[string]*sql.Stmt{}}
}

func (r *liteReader) byKey(ctx context.Context, query string, args []any) Row {
	stmt, err := r.statement(ctx, query)
	if err != nil || ctx.Err() != nil {
		return r.row(ctx, query, args) // which reports the same error
	}
	return stmt.QueryRowContext(context.WithoutCancel(ctx), args...)
}

func (r *liteReader) byKeys(ctx context.Context, query string, keys []string) (rows, error) {
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	stmt, err := r.statement(ctx, query)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.WithoutCancel(ctx), string(list))
}

func (r *liteReader) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.RLock()
	stmt := r.kept[query]
	r.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.kept[query]; first != nil {
		stmt.Close()
		return first, nil
	}
	r.kept[query] = stmt
	return stmt, nil
}
