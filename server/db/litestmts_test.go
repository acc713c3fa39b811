package db

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// TestWriterKeepsStatements runs a statement in several transactions: while it
// is in use, after it failed, after the schema has changed, and more of them
// than are kept.
func TestWriterKeepsStatements(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	writer, err := openFused(path, "file:"+path, &fuse{blown: make(chan struct{})})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	writer.SetMaxOpenConns(1)
	change := func(fn func(c liteConn) error) error {
		tx, err := writer.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := fn(liteConn{tx}); err != nil {
			return err
		}
		return tx.Commit()
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const insert = `INSERT INTO things (id) VALUES ($1) RETURNING id`
	add := func(c liteConn, ids ...int) error {
		runs := make([][]any, len(ids))
		for i, id := range ids {
			runs[i] = []any{id}
		}
		return c.many(t.Context(), nil, insert, runs)
	}
	if _, err := writer.Exec(`CREATE TABLE things (id INTEGER PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	must(change(func(c liteConn) error {
		return c.many(t.Context(), func(i int, _ Row) error { return add(c, 11+i) }, insert, [][]any{{1}, {2}})
	}))
	if change(func(c liteConn) error { return add(c, 3, 1) }) == nil {
		t.Error("the same ID twice")
	}
	must(change(func(c liteConn) error { return add(c, 3) }))
	_, err = writer.Exec(`ALTER TABLE things ADD COLUMN name TEXT`)
	must(err)
	must(change(func(c liteConn) error { return add(c, 4) }))
	must(change(func(c liteConn) error {
		for i := range maxKept + 10 {
			var n int
			if err := c.head(t.Context(), fmt.Sprintf(`SELECT %d FROM things WHERE id = $1`, i), []any{1}).Scan(&n); err != nil || n != i {
				return fmt.Errorf("%d: %d, %w", i, n, err)
			}
		}
		return nil
	}))
	if ids := numbers(t, writer); !slices.Equal(ids, []int{1, 2, 3, 4, 11, 12}) {
		t.Errorf("stored %v", ids)
	}
	conn, err := writer.Conn(t.Context())
	must(err)
	defer conn.Close()
	must(conn.Raw(func(c any) error {
		k := c.(fusedConn).kept
		if len(k) != maxKept || k[insert] == nil || k[insert].inUse {
			t.Errorf("%d statements are kept, and the first is %+v", len(k), k[insert])
		}
		return nil
	}))
}

func numbers(t *testing.T, db *sql.DB) (ids []int) {
	t.Helper()
	rows, err := db.Query(`SELECT id FROM things ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}
