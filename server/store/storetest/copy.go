package storetest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Copy returns a new database with the content of another one, on which no
// store may be open. It drops the copy when the test ends.
func Copy(t testing.TB, database string) string {
	t.Helper()
	path, lite := strings.CutPrefix(database, "sqlite:")
	if !lite {
		return newPostgres(t, adminURL(t), strings.TrimPrefix(pathOf(database), "/"))
	}
	to := filepath.Join(t.TempDir(), liteName)
	for _, ending := range []string{"", ".state"} {
		data, err := os.ReadFile(path + ending)
		if err == nil {
			err = os.WriteFile(to+ending, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return "sqlite:" + to
}

// A Row is a row of a table, whose columns are text.
type Row struct {
	Table string
	// Text is the row's content, as `column="value" …`.
	Text string
}

// Rows returns the rows of all tables, including jobs but not migrations, in a
// fixed order. It leaves out the columns and tables in without, given as
// "table.column" or "table".
func Rows(t testing.TB, database string, without ...string) []Row {
	t.Helper()
	db := connect(t, database)
	defer db.Close()
	var all []Row
	for _, table := range tables(t, db, database) {
		if slices.Contains(without, table) {
			continue
		}
		found, err := rowsOf(t, db, table)
		if err != nil {
			t.Fatalf("read the table %s: %v", table, err)
		}
		for _, values := range found {
			var text []byte
			for _, v := range values {
				if !slices.Contains(without, v.column) {
					text = append(text, v.column[len(table)+1:]...)
					text = append(strconv.AppendQuote(append(text, '='), v.text), ' ')
				}
			}
			all = append(all, Row{table, string(text)})
		}
	}
	return all
}
