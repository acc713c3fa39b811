package db

import (
	"context"
	"database/sql/driver"
)

// maxKept is how many statements the writing connection keeps. The program has
// fewer whose text is fixed.
const maxKept = 256

// kept are the parsed statements of a connection, by their text: parsing one
// often takes longer than running it. Like the connection, they are used by one
// goroutine at a time.
type kept map[string]*keptStmt

// A wholeStmt is everything that database/sql uses of a statement.
type wholeStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// A keptStmt is a statement that can be used again after Close.
type keptStmt struct {
	wholeStmt
	inUse bool
}

// Close ends the use of the statement. Its rows must be closed.
func (s *keptStmt) Close() error {
	s.inUse = false
	return nil
}

// statement returns a parsed statement, which isn't kept if there are too many
// or if its text is in use.
func (k kept) statement(ctx context.Context, conn driver.ConnPrepareContext, query string) (driver.Stmt, error) {
	have := k[query]
	if have != nil && !have.inUse {
		have.inUse = true
		return have, nil
	}
	stmt, err := conn.PrepareContext(ctx, query)
	if err != nil || have != nil || len(k) >= maxKept {
		return stmt, err
	}
	whole := &keptStmt{stmt.(wholeStmt), true}
	k[query] = whole
	return whole, nil
}

// close closes all of the statements.
func (k kept) close() (err error) {
	for query, s := range k {
		if e := s.wholeStmt.Close(); err == nil {
			err = e
		}
		delete(k, query)
	}
	return err
}
