package db

import (
	"context"
	"database/sql"
	"sync"
)

// A liteReader is a conn over the connections that read. It keeps the
// statements that find a row by its key, of which the program has a dozen: to
// parse one costs several times what it costs to run it.
type liteReader struct {
	liteConn
	db *sql.DB

	mu   sync.RWMutex
	kept map[string]*sql.Stmt // by their text
}

func newLiteReader(db *sql.DB) *liteReader {
	return &liteReader{liteConn: liteConn{db}, db: db, kept: map[string]*sql.Stmt{}}
}

// byKey does not let ctx interrupt the statement, which would cost more than
// the statement itself.
func (r *liteReader) byKey(ctx context.Context, query string, args []any) Row {
	stmt, err := r.statement(ctx, query)
	if err != nil || ctx.Err() != nil {
		return r.row(ctx, query, args) // which says so again
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
