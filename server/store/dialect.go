package store

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A database is what SQLite and PostgreSQL do differently.
type database interface {
	// transact runs fn in one transaction. It commits if fn returns nil and
	// otherwise rolls back, also when fn panics. It may run fn again, from the
	// start, where the database gave up the transaction.
	transact(ctx context.Context, fn func(*tx) error) error
	// reader is for single statements that write nothing.
	reader() conn
	// taken reports whether err says that a key or unique value is in use.
	taken(err error) bool
	close()
}

// open returns the database that the text names, its schema up to date. No
// error repeats the text, which may hold a password.
func open(ctx context.Context, text string) (database, error) {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return openSQLite(ctx, path)
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return openPostgres(ctx, text)
	}
	return nil, errors.New("the database is given as sqlite:PATH or postgres://USER@HOST/NAME")
}

func (*liteDB) taken(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE)
}

func (*pgDB) taken(err error) bool { return pgCode(err) == "23505" }

// givenUp reports whether PostgreSQL gave up a transaction that may succeed
// when it is run again: a serialization failure or a deadlock.
func givenUp(err error) bool {
	code := pgCode(err)
	return code == "40001" || code == "40P01"
}

func pgCode(err error) string {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return ""
	}
	return e.Code
}
