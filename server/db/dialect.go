package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A database is what differs between SQLite and PostgreSQL.
type database interface {
	// transact runs fn in one transaction. It commits if fn returns nil and
	// otherwise rolls back, also when fn panics. It may run fn again, from the
	// start, if the database aborted the transaction.
	transact(ctx context.Context, fn func(*Tx) error) error
	// reader is for single statements that write nothing.
	reader() conn
	// taken reports whether err says that a key or unique value exists already.
	taken(err error) bool
	// dangling reports whether err says that a row would refer to one that
	// doesn't exist.
	dangling(err error) bool
	// errorCode returns the code for err if it says that the database can't be
	// used, whatever the statement: StorageFull or DatabaseUnavailable. For any
	// other error it is empty.
	errorCode(err error) fault.Code
	// ping reads something on a connection that nothing else uses, and touch
	// writes something.
	ping(ctx context.Context) error
	touch(ctx context.Context) error
	// broken is DB.Broken.
	broken() (<-chan struct{}, func() error)
	// rescue is a statement that makes the lost jobs of the queue $1 run again:
	// those that have been running for longer than $2 seconds.
	rescue() string
	// beat is a statement that records that the job $1 is running.
	beat() string
	// runner returns a client that runs jobs, and a function that releases its
	// resources, to be called when it has stopped.
	runner(ctx context.Context, config *river.Config) (r runner, release func(), err error)
	close()
}

// An unavailableError says why the database can't be used although no statement
// failed.
type unavailableError string

func (e unavailableError) Error() string { return string(e) }

// errDamaged is the result of SQLite's own check.
const errDamaged = unavailableError("the check of the file failed")

// open returns the migrated database that the text names. No error repeats the
// text, which may contain a password.
func open(ctx context.Context, text string, limits timeouts) (database, error) {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return openSQLite(ctx, path, limits)
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return openPostgres(ctx, text, limits)
	}
	return nil, errors.New("the database must be sqlite:PATH or postgres://USER@HOST/NAME")
}

func (*liteDB) rescue() string {
	return `UPDATE river_job SET state = 'available', scheduled_at = datetime('now', 'subsec') WHERE state = 'running' AND queue = $1
		AND julianday(attempted_at) < julianday('now', 'subsec') - $2 / 86400.0 AND attempt < max_attempts`
}

func (*pgDB) rescue() string {
	return `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'running' AND queue = $1
		AND attempted_at < now() - make_interval(secs => $2) AND attempt < max_attempts`
}

func (*liteDB) beat() string {
	return `UPDATE river_job SET attempted_at = datetime('now', 'subsec') WHERE id = $1 AND state = 'running'`
}

func (*pgDB) beat() string {
	return `UPDATE river_job SET attempted_at = now() WHERE id = $1 AND state = 'running'`
}

func (*liteDB) taken(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE)
}

func (*liteDB) dangling(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// liteErrors are SQLite's primary error codes that no statement causes, each
// with its solution.
var liteErrors = map[int]struct {
	code fault.Code
	fix  string
}{
	sqlite3.SQLITE_FULL:     {fault.StorageFull, "there is no space left for %s; free some"},
	sqlite3.SQLITE_BUSY:     {fault.DatabaseUnavailable, "another program holds %s locked; end it and start again"},
	sqlite3.SQLITE_LOCKED:   {fault.DatabaseUnavailable, "another program holds %s locked; end it and start again"},
	sqlite3.SQLITE_PROTOCOL: {fault.DatabaseUnavailable, "another program holds %s locked; end it and start again"},
	sqlite3.SQLITE_READONLY: {fault.DatabaseUnavailable, "%s is read-only; let this user write the file and its folder"},
	sqlite3.SQLITE_PERM:     {fault.DatabaseUnavailable, "%s is read-only; let this user write the file and its folder"},
	sqlite3.SQLITE_CANTOPEN: {fault.DatabaseUnavailable, "%s can't be opened; check that it exists, that this user may write the file and its folder, and that the disk is neither full nor read-only"},
	sqlite3.SQLITE_NOTADB:   {fault.DatabaseUnavailable, "%s is not an SQLite database, or its beginning is damaged; name another file, or restore a backup"},
	sqlite3.SQLITE_CORRUPT:  {fault.DatabaseUnavailable, "%s is damaged; restore a backup"},
	sqlite3.SQLITE_IOERR:    {fault.DatabaseUnavailable, "%s can't be read or written; check the disk"},
	sqlite3.SQLITE_NOMEM:    {fault.DatabaseUnavailable, "there is no memory left to use %s"},
}

func (*liteDB) errorCode(err error) fault.Code {
	if _, ok := errors.AsType[unavailableError](err); ok {
		return fault.DatabaseUnavailable
	}
	return liteErrors[litePrimary(err)].code
}

// explain adds the solution to an error at start.
func (l *liteDB) explain(err error) error {
	code := litePrimary(err)
	if errors.Is(err, errDamaged) {
		code = sqlite3.SQLITE_CORRUPT
	}
	if a, ok := liteErrors[code]; ok {
		return fmt.Errorf("sqlite: "+a.fix+": %w", l.file.path, err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// litePrimary returns the primary result code in err, or 0. A shared-memory
// file that can't grow means a full disk.
func litePrimary(err error) int {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0
	}
	if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		return sqlite3.SQLITE_FULL
	}
	return e.Code() & 0xff
}

// liteFull reports whether err says that there is no space left.
func liteFull(err error) bool { return litePrimary(err) == sqlite3.SQLITE_FULL }

func (*pgDB) taken(err error) bool { return pgCode(err) == "23505" }

func (*pgDB) dangling(err error) bool { return pgCode(err) == "23503" }

// pgErrorClasses are the classes of PostgreSQL's error codes that no statement
// causes: connection, login, database, aborted transaction, resources,
// operator, system, and damage.
var pgErrorClasses = []string{"08", "28", "3D", "40", "53", "57", "58", "XX"}

func (*pgDB) errorCode(err error) fault.Code {
	code := pgCode(err)
	switch {
	case code == "53100":
		return fault.StorageFull
	case code == "25006", code == "55P03", code == "25P03": // read-only, a lock timeout, aborted
		return fault.DatabaseUnavailable
	case code != "":
		if slices.Contains(pgErrorClasses, code[:2]) {
			return fault.DatabaseUnavailable
		}
		return ""
	case isConnection(err):
		return fault.DatabaseUnavailable
	}
	return ""
}

// isConnection reports whether err says that there is no connection, or that it
// was lost.
func isConnection(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// givenUp reports whether PostgreSQL aborted a transaction that may succeed on
// a retry: a serialization failure, a deadlock, or one that heard nothing from
// this process for too long.
func givenUp(err error) bool {
	code := pgCode(err)
	return code == "40001" || code == "40P01" || code == "25P03"
}

func pgCode(err error) string {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return ""
	}
	return e.Code
}
