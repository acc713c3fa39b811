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

// A database is what SQLite and PostgreSQL do differently.
type database interface {
	// transact runs fn in one transaction. It commits if fn returns nil and
	// otherwise rolls back, also when fn panics. It may run fn again, from the
	// start, where the database gave up the transaction.
	transact(ctx context.Context, fn func(*Tx) error) error
	// reader is for single statements that write nothing.
	reader() conn
	// taken reports whether err says that a key or unique value is in use.
	taken(err error) bool
	// dangling reports whether err says that a row would refer to one that is
	// not there.
	dangling(err error) bool
	// ailment returns the code for err if it says that the database cannot be
	// used as it is, whatever the statement: StorageFull or
	// DatabaseUnavailable. For any other error it is empty.
	ailment(err error) fault.Code
	// ping reads something on a connection that nothing else uses, and touch
	// writes something.
	ping(ctx context.Context) error
	touch(ctx context.Context) error
	// broken is that of DB.
	broken() (<-chan struct{}, func() error)
	// rescue is a statement that has the lost jobs of the queue $1 done again:
	// those under way for longer than $2 seconds.
	rescue() string
	// beat is a statement that notes of the job $1 that it is under way.
	beat() string
	// runner returns what works on jobs, and a function that lets go of what
	// it needs, to be called when it has stopped.
	runner(ctx context.Context, config *river.Config) (r runner, release func(), err error)
	close()
}

// An awayError says why the database cannot be used though no statement
// failed.
type awayError string

func (e awayError) Error() string { return string(e) }

// errDamaged is what SQLite's own check found.
const errDamaged = awayError("the check of the file failed")

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

// liteAilments are the primary codes of SQLite that are no statement's fault,
// each with what mends it.
var liteAilments = map[int]struct {
	code fault.Code
	mend string
}{
	sqlite3.SQLITE_FULL:     {fault.StorageFull, "there is no space left for %s; free some"},
	sqlite3.SQLITE_BUSY:     {fault.DatabaseUnavailable, "another program holds %s locked; end it and start again"},
	sqlite3.SQLITE_LOCKED:   {fault.DatabaseUnavailable, "another program holds %s locked; end it and start again"},
	sqlite3.SQLITE_PROTOCOL: {fault.DatabaseUnavailable, "another program holds %s locked; end it and start again"},
	sqlite3.SQLITE_READONLY: {fault.DatabaseUnavailable, "%s is read-only; let this user write the file and its folder"},
	sqlite3.SQLITE_PERM:     {fault.DatabaseUnavailable, "%s is read-only; let this user write the file and its folder"},
	sqlite3.SQLITE_CANTOPEN: {fault.DatabaseUnavailable, "%s cannot be opened; see that it is there, that this user may write the file and its folder, and that the disk is neither full nor read-only"},
	sqlite3.SQLITE_NOTADB:   {fault.DatabaseUnavailable, "%s is not an SQLite database, or its beginning is damaged; name another file, or restore a backup"},
	sqlite3.SQLITE_CORRUPT:  {fault.DatabaseUnavailable, "%s is damaged; restore a backup"},
	sqlite3.SQLITE_IOERR:    {fault.DatabaseUnavailable, "%s cannot be read or written; look after the disk"},
	sqlite3.SQLITE_NOMEM:    {fault.DatabaseUnavailable, "there is no memory left to use %s"},
}

func (*liteDB) ailment(err error) fault.Code {
	if _, ok := errors.AsType[awayError](err); ok {
		return fault.DatabaseUnavailable
	}
	return liteAilments[litePrimary(err)].code
}

// explain adds to an error at start what mends it.
func (l *liteDB) explain(err error) error {
	code := litePrimary(err)
	if errors.Is(err, errDamaged) {
		code = sqlite3.SQLITE_CORRUPT
	}
	if a, ok := liteAilments[code]; ok {
		return fmt.Errorf("sqlite: "+a.mend+": %w", l.file.path, err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// litePrimary is the primary result code in err, or 0. A file in shared memory
// that can't grow is a full disk.
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

// pgAilments are the classes of PostgreSQL's error codes that are no
// statement's fault: connection, login, database, transaction given up,
// resources, operator, system, and damage.
var pgAilments = []string{"08", "28", "3D", "40", "53", "57", "58", "XX"}

func (*pgDB) ailment(err error) fault.Code {
	code := pgCode(err)
	switch {
	case code == "53100":
		return fault.StorageFull
	case code == "25006", code == "55P03", code == "25P03": // read-only, a lock not had in time, given up
		return fault.DatabaseUnavailable
	case code != "":
		if slices.Contains(pgAilments, code[:2]) {
			return fault.DatabaseUnavailable
		}
		return ""
	case isConnection(err):
		return fault.DatabaseUnavailable
	}
	return ""
}

// isConnection reports whether err says that there is no connection, or none
// any more.
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

// givenUp reports whether PostgreSQL gave up a transaction that may succeed
// when it is run again: a serialization failure, a deadlock, or one that heard
// nothing from this process for too long.
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
