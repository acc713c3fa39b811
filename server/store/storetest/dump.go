package storetest

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Dump returns all rows of all tables as text, each value on a line after the
// names of its table and column, bytes unchanged, including jobs. It leaves
// out the tables of migrations. Tests search it for data that must not be
// stored.
func Dump(t testing.TB, database string) string {
	t.Helper()
	var b strings.Builder
	for _, v := range values(t, database) {
		fmt.Fprintf(&b, "%s=%s\n", v.column, v.text)
	}
	return b.String()
}

// Fingerprint returns a hash of all rows of all tables, except those of the
// migrations and of the jobs, which are a server's own bookkeeping. It is the
// same as before if and only if nothing has changed.
func Fingerprint(t testing.TB, database string) string {
	t.Helper()
	if !strings.HasPrefix(database, "sqlite:") {
		return postgresFingerprint(t, database)
	}
	h := sha256.New()
	for _, v := range values(t, database) {
		if strings.HasPrefix(v.column, "river_") {
			continue
		}
		fmt.Fprintf(h, "%q=%q\n", v.column, v.text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// postgresFingerprint is Fingerprint in one statement, in which the server
// hashes each table.
func postgresFingerprint(t testing.TB, database string) string {
	t.Helper()
	db, done := use(t, database)
	defer done()
	var parts []string
	for _, table := range tables(t, db, database) {
		if !strings.HasPrefix(table, "river_") {
			parts = append(parts, fmt.Sprintf(`SELECT '%[1]s ' || md5(COALESCE(string_agg(r::text, chr(10) ORDER BY r::text), '')) FROM "%[1]s" r`, table))
		}
	}
	return strings.Join(Column(t, database, strings.Join(parts, " UNION ALL ")), "\n")
}

// Exec runs a statement outside of any store, with placeholders $1, $2 ….
// Tests use it to create states that no method creates.
func Exec(t testing.TB, database, statement string, args ...any) {
	t.Helper()
	db, done := use(t, database)
	defer done()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// Column returns the first column of a query's result, as text.
func Column(t testing.TB, database, query string) []string {
	t.Helper()
	db, done := use(t, database)
	defer done()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// Plan returns the steps by which the database would run a query. PostgreSQL
// accepts settings, such as "enable_seqscan = off".
func Plan(t testing.TB, database, query string, args []any, settings ...string) []string {
	t.Helper()
	db, done := use(t, database)
	defer done()
	tx, err := db.BeginTx(t.Context(), nil)
	Must(t, err)
	defer tx.Rollback()
	explain := `EXPLAIN QUERY PLAN `
	if !strings.HasPrefix(database, "sqlite:") {
		explain = `EXPLAIN `
		for _, s := range settings {
			_, err := tx.ExecContext(t.Context(), `SET LOCAL `+s)
			Must(t, err)
		}
	}
	rows, err := tx.QueryContext(t.Context(), explain+query, args...)
	Must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	Must(t, err)
	var steps []string
	for rows.Next() {
		var step string // in the last column
		to := make([]any, len(columns))
		for i := range to {
			to[i] = new(any)
		}
		to[len(to)-1] = &step
		Must(t, rows.Scan(to...))
		steps = append(steps, strings.TrimSpace(step))
	}
	Must(t, rows.Err())
	return steps
}

// A value is one column of one row.
type value struct{ column, text string }

// values returns every value, with tables and rows in a fixed order.
func values(t testing.TB, database string) []value {
	t.Helper()
	db, done := use(t, database)
	defer done()
	var all []value
	for _, table := range tables(t, db, database) {
		found, err := rowsOf(t, db, table)
		if err != nil {
			t.Fatalf("read the table %s: %v", table, err)
		}
		for _, row := range found {
			all = append(all, row...)
		}
	}
	return all
}

// use returns the database for one query or statement. SQLite is closed after
// each, because the last connection to close cleans up the files.
func use(t testing.TB, database string) (db *sql.DB, done func()) {
	t.Helper()
	if strings.HasPrefix(database, "sqlite:") {
		db = connect(t, database)
		return db, func() { db.Close() }
	}
	return keep(t, database), func() {}
}

// connect opens the database. The caller closes it.
func connect(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, err := openDatabase(database)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func openDatabase(database string) (*sql.DB, error) {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()+"?_pragma=busy_timeout(240000)&_pragma=foreign_keys(1)")
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // tests change tables between statements
	return stdlib.OpenDB(*config), nil
}

// kept are the open connections to PostgreSQL by the URL of their database.
// Opening one costs the server more than most queries of a test.
var kept = struct {
	sync.Mutex
	open map[string]*sql.DB
}{open: map[string]*sql.DB{}}

// keep opens a PostgreSQL database until the test ends.
func keep(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, opened, err := keepOpen(database)
	if err != nil {
		t.Fatal(err)
	}
	if opened {
		t.Cleanup(func() { release(database) })
	}
	return db
}

// keepOpen opens a PostgreSQL database, unless it's open, until it is released
// or the process ends.
func keepOpen(database string) (db *sql.DB, opened bool, err error) {
	kept.Lock()
	defer kept.Unlock()
	if db := kept.open[database]; db != nil {
		return db, false, nil
	}
	if db, err = openDatabase(database); err != nil {
		return nil, false, err
	}
	db.SetMaxIdleConns(1)
	kept.open[database] = db
	return db, true, nil
}

// release closes what is kept open. A database can't be copied while
// someone is connected to it.
func release(database string) {
	kept.Lock()
	defer kept.Unlock()
	if db := kept.open[database]; db != nil {
		delete(kept.open, database)
		db.Close()
	}
}

func tables(t testing.TB, db *sql.DB, database string) []string {
	t.Helper()
	query := `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	if strings.HasPrefix(database, "sqlite:") {
		query = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	}
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if name != "goose_db_version" && name != "river_migration" {
			names = append(names, name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func rowsOf(t testing.TB, db *sql.DB, table string) ([][]value, error) {
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		names[i] = table + "." + name
	}
	cells, into := make([]any, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	var all [][]value
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, textOf(names, cells))
	}
	slices.SortFunc(all, func(a, b []value) int {
		return slices.CompareFunc(a, b, func(x, y value) int { return strings.Compare(x.text, y.text) })
	})
	return all, rows.Err()
}

func textOf(columns []string, cells []any) []value {
	texts := make([]value, len(cells))
	for i, cell := range cells {
		text := ""
		switch v := cell.(type) {
		case nil:
			text = "NULL"
		case []byte:
			text = string(v)
		case string:
			text = v
		case int64:
			text = strconv.FormatInt(v, 10)
		default:
			text = fmt.Sprint(v)
		}
		texts[i] = value{columns[i], text}
	}
	return texts
}
