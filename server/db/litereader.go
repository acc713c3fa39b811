package db

import (
	"context"
	"database/sql"
	"sync"
)

// A liteReader is a conn on the reading connections. It caches the statements
// that find a row by its key, of which the program has about a dozen: parsing
// one takes several times as long as running it.
type liteReader struct {
	liteConn
	db *sql.DB

	mu   sync.RWMutex
	kept map[string]*sql.Stmt // by their text
}

func newLiteReader(db *sql.DB) *liteReader {
	return &liteReader{liteConn: liteConn{db}, db: db, kept: map[string]*sql.Stmt{}}
}

// byKey doesn't let ctx interrupt the statement: that would cost more than the
// statement itself.
func (r *liteReader) byKey(ctx context.Context, query string, args []any) Row {
	stmt, err := r.statement(ctx, query)
	if err != nil || ctx.Err() != nil {
		return r.row(ctx, query, args) // which reports the same error
	}
	return stmt.QueryRowContext(context.WithoutCancel(ctx), args...)
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
