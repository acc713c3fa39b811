package store

import (
	"context"
	"database/sql"
	"sync"
)

// maxKept is how many statements a liteReader keeps. The program has some
// dozen; those that filters put together have no end.
const maxKept = 128

// A liteReader is a conn over the connections that read. It keeps the
// statements that look for one row: to parse one costs several times what it
// costs to run it.
type liteReader struct {
	liteConn
	db *sql.DB

	mu   sync.RWMutex
	kept map[string]*sql.Stmt // by their text
}

func newLiteReader(db *sql.DB) *liteReader {
	return &liteReader{liteConn: liteConn{db}, db: db, kept: map[string]*sql.Stmt{}}
}

func (r *liteReader) row(ctx context.Context, query string, args []any) row {
	if stmt := r.statement(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return r.liteConn.row(ctx, query, args)
}

// statement returns the statement of the text, or nil if it is to be run
// without: there is no room for more, or it cannot be parsed now.
func (r *liteReader) statement(ctx context.Context, query string) *sql.Stmt {
	r.mu.RLock()
	stmt, full := r.kept[query], len(r.kept) >= maxKept
	r.mu.RUnlock()
	if stmt != nil || full {
		return stmt
	}
	stmt, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.kept[query]; first != nil {
		stmt.Close()
		return first
	}
	r.kept[query] = stmt
	return stmt
}
