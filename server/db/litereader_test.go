package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// TestReaderKeepsStatements runs statements several times and concurrently,
// with different arguments, after their caller has gone and after the schema
// has changed.
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
	read := func(ctx context.Context, i, id int) (name string, n int, err error) {
		err = r.byKey(ctx, fmt.Sprintf(`SELECT name, %d FROM things WHERE id = $1`, i), []any{id}).Scan(&name, &n)
		return name, n, err
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				for id, want := range []string{"", "one", "two"} {
					name, n, err := read(t.Context(), i%10, id)
					if id == 0 && !errors.Is(err, sql.ErrNoRows) || id > 0 && (err != nil || name != want || n != i%10) {
						t.Errorf("%d of %d: %q %d %v", i%10, id, name, n, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := len(r.kept); n != 10 {
		t.Errorf("%d statements are kept, want 10", n)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, i := range []int{0, 10} {
		if _, _, err := read(gone, i, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("%d for one who has gone: %v", i, err)
		}
	}
	if _, err := db.Exec(`ALTER TABLE things RENAME TO hidden`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t.Context(), 0, 1); err == nil {
		t.Error("read of a table that is not there")
	}
	if _, err := db.Exec(`ALTER TABLE hidden RENAME TO things`); err != nil {
		t.Fatal(err)
	}
	if name, _, err := read(t.Context(), 0, 1); err != nil || name != "one" {
		t.Errorf("afterwards: %q %v", name, err)
	}
}
