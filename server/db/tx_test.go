package db_test

import (
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestTable checks that a statement can read any values as a table, none too.
func TestTable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, want := range [][]string{nil, {}, {"one"}, {"", "NULL", `"'\{},`, "ümlaut", "one", "one"}} {
			var got []string
			must(t, s.Database().Transact(t.Context(), func(x *db.Tx) error {
				from, arg := x.Table(2, want)
				return x.Each(func(r db.Row) error {
					var value string
					err := r.Scan(&value)
					got = append(got, value)
					return err
				}, `SELECT value FROM `+from+` WHERE 'x' = $1`, "x", arg)
			}))
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}
