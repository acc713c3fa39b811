package db

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// ScriptName is the file with a snapshot of PostgreSQL.
const ScriptName = "database.sql"

// Snapshot writes a consistent state of the database to w, while others
// continue to write to it, and returns the name that the file should have.
// SQLite gives a database file, PostgreSQL a psql script that fills an empty
// database. The schema isn't migrated. Temporary files are in the folder tmp.
//
// In the snapshot, but not in the database, the column restored of the table
// installation is set to at, so the program that opens it learns that it may be
// out of date.
func Snapshot(ctx context.Context, database, tmp string, at time.Time, w io.Writer) (name string, err error) {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		name, err = "mobileconfig.db", snapshotSQLite(ctx, path, tmp, at, w)
	} else {
		name, err = ScriptName, snapshotPostgres(ctx, database, at, w)
	}
	if err != nil {
		return "", fmt.Errorf("snapshot: %w", err)
	}
	return name, nil
}

// NoteBackup records in the database that a backup of it was written. If the
// schema is older than this note, it changes nothing and returns an error.
func NoteBackup(ctx context.Context, database string, at time.Time) error {
	const note = `UPDATE installation SET backup = $1 WHERE backup < $1`
	var err error
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		err = execSQLite(ctx, path, note, Millis(at))
	} else {
		err = execPostgres(ctx, database, note, Millis(at))
	}
	if err != nil {
		return fmt.Errorf("note backup: %w", err)
	}
	return nil
}

func execSQLite(ctx context.Context, path, statement string, args ...any) error {
	path, err := checkPath(path)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", liteDSN(path, readWrite, newTimeouts(0)))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement, args...)
	return errors.Join(err, db.Close())
}

func execPostgres(ctx context.Context, text, statement string, args ...any) error {
	cfg, err := pgConfig(text, newTimeouts(0))
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement, args...)
	return err
}

// markRestored marks a snapshot; the verb is a number, because scripts have no
// arguments.
const markRestored = `UPDATE installation SET restored = %d`

func snapshotSQLite(ctx context.Context, path, tmp string, at time.Time, w io.Writer) error {
	path, err := checkPath(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", liteDSN(path, readOnly, newTimeouts(0)))
	if err != nil {
		return err
	}
	defer db.Close()
	folder, err := os.MkdirTemp(tmp, ".snapshot-*") // only for the owner
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	copied := filepath.Join(folder, "db")
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, copied); err != nil {
		return err
	}
	if err := execSQLite(ctx, copied, fmt.Sprintf(markRestored, Millis(at))); err != nil {
		return err
	}
	f, err := os.Open(copied)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

func snapshotPostgres(ctx context.Context, text string, at time.Time, w io.Writer) error {
	cfg, err := pgConfig(text, newTimeouts(0))
	if err != nil {
		return err
	}
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = "0"
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	t, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer rollback(ctx, t)
	out := bufio.NewWriter(w)
	if err := script(ctx, t, at, out); err != nil {
		return err
	}
	return out.Flush()
}

// script writes the schema, from the migrations that were applied to the
// database, and then the rows.
func script(ctx context.Context, t pgx.Tx, at time.Time, out *bufio.Writer) error {
	var version int64
	if err := t.QueryRow(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
		return err
	}
	tables, err := tablesInOrder(ctx, t)
	if err != nil {
		return err
	}
	// Only errors are printed, not the results of statements.
	out.WriteString("\\set ON_ERROR_STOP on\n\\set QUIET on\n\\o /dev/null\nSET client_min_messages = warning;\n")
	if err := writeJobMigrations(ctx, t, out); err != nil {
		return err
	}
	out.WriteString("BEGIN;\n")
	if err := writeMigrations(out, version); err != nil {
		return err
	}
	fmt.Fprintf(out, "TRUNCATE %s;\n", strings.Join(tables, ", "))
	for _, table := range tables {
		fmt.Fprintf(out, "COPY %s FROM stdin;\n", table)
		if err := out.Flush(); err != nil {
			return err
		}
		if _, err := t.Conn().PgConn().CopyTo(ctx, out, "COPY "+table+" TO STDOUT"); err != nil {
			return err
		}
		out.WriteString("\\.\n")
	}
	if slices.Contains(tables, "river_job") {
		for _, table := range []string{"river_job", "river_notification"} {
			fmt.Fprintf(out, "SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM %[1]s));\n", table)
		}
	}
	_, err = fmt.Fprintf(out, markRestored+";\nCOMMIT;\n", Millis(at))
	return err
}

// writeJobMigrations writes the schema of the jobs. Each of its steps is a
// transaction, because some require that an earlier one has been committed.
func writeJobMigrations(ctx context.Context, t pgx.Tx, out *bufio.Writer) error {
	var there bool
	if err := t.QueryRow(ctx, `SELECT to_regclass('river_migration') IS NOT NULL`).Scan(&there); err != nil || !there {
		return err
	}
	var version int
	if err := t.QueryRow(ctx, `SELECT MAX(version) FROM river_migration`).Scan(&version); err != nil {
		return err
	}
	m, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Logger: silent()})
	if err != nil {
		return err
	}
	for _, step := range m.AllVersions() {
		if step.Version > version {
			break
		}
		fmt.Fprintf(out, "BEGIN;\n%s\n;\nCOMMIT;\n", strings.ReplaceAll(step.SQLUp, "/* TEMPLATE: schema */", ""))
	}
	return nil
}

// gooseTable is the table in which goose stores the applied migrations.
const gooseTable = `CREATE TABLE goose_db_version (
    id         INTEGER   PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    version_id BIGINT    NOT NULL,
    is_applied BOOLEAN   NOT NULL,
    tstamp     TIMESTAMP NOT NULL DEFAULT now()
);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true);
`

func writeMigrations(out *bufio.Writer, version int64) error {
	out.WriteString(gooseTable)
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, file := range files {
		number, _, _ := strings.Cut(filepath.Base(file), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return err
		}
		if n > version {
			break
		}
		text, err := fs.ReadFile(migrations, file)
		if err != nil {
			return err
		}
		out.Write(text)
		fmt.Fprintf(out, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true);\n", n)
	}
	return nil
}

// tablesInOrder lists the tables, each after those that it refers to.
func tablesInOrder(ctx context.Context, t pgx.Tx) ([]string, error) {
	rows, err := t.Query(ctx, `SELECT c.relname, COALESCE(array_agg(r.relname) FILTER (WHERE r.relname IS NOT NULL), '{}')
		FROM pg_class c
		LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid
		LEFT JOIN pg_class r ON r.oid = f.confrelid
		WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname <> 'goose_db_version'
		GROUP BY c.relname ORDER BY c.relname`)
	if err != nil {
		return nil, err
	}
	refers := map[string][]string{}
	var names []string
	var name string
	var to []string
	_, err = pgx.ForEachRow(rows, []any{&name, &to}, func() error {
		names, refers[name] = append(names, name), slices.Clone(to)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var order []string
	var add func(name string)
	add = func(name string) {
		if slices.Contains(order, name) {
			return
		}
		for _, other := range refers[name] {
			add(other)
		}
		order = append(order, name)
	}
	for _, name := range names {
		add(name)
	}
	return order, nil
}
