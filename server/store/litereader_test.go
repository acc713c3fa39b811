package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// TestReaderKeepsStatements runs more statements than are kept, several times
// and at once, with other arguments and after the schema has changed.
func TestReaderKeepsStatements(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE things (id INTEGER, name TEXT); INSERT INTO things VALUES (1, 'one'), (2, 'two')`); err != nil {
		t.Fatal(err)
	}
	r := newLiteReader(db)
	read := func(i, id int) (name string, n int, err error) {
		err = r.row(t.Context(), fmt.Sprintf(`SELECT name, %d FROM things WHERE id = $1`, i), []any{id}).Scan(&name, &n)
		return name, n, err
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2 * maxKept {
				for id, want := range []string{"", "one", "two"} {
					name, n, err := read(i, id)
					if id == 0 && !errors.Is(err, sql.ErrNoRows) || id > 0 && (err != nil || name != want || n != i) {
						t.Errorf("%d of %d: %q %d %v", i, id, name, n, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := len(r.kept); n < maxKept || n > maxKept+4 {
		t.Errorf("%d statements are kept", n)
	}
	if _, err := db.Exec(`ALTER TABLE things RENAME TO hidden`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(0, 1); err == nil {
		t.Error("read of a table that is not there")
	}
	if _, err := db.Exec(`ALTER TABLE hidden RENAME TO things`); err != nil {
		t.Fatal(err)
	}
	if name, _, err := read(0, 1); err != nil || name != "one" {
		t.Errorf("afterwards: %q %v", name, err)
	}
}
