package ledger_test

import (
	"fmt"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// separator separates the columns that EachRow reads as one value.
const separator = "\x1f"

// TestColumnsWithSeparator records actions with separators in their texts among
// others. Reading must return the columns of each, and the log is sound.
func TestColumnsWithSeparator(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []audit.Columns
		for i := range 12 {
			a := download(i)
			a.Actor.IP = fmt.Sprintf("2001:db8::%d", i)
			switch i {
			case 4:
				a.Target.ID = "tkt" + separator + "4"
			case 5:
				a.Mailbox, a.Profile = separator, separator+separator
			case 9:
				a.Domain = separator + "example.com"
			case 10:
				a.Link, a.Profile, a.Domain, a.Mailbox, a.Actor.IP = "", "", "", "", ""
			}
			must(t, record(t.Context(), s, a))
			want = append(want, a.Columns())
		}
		for after := range len(want) {
			for limit := range len(want) + 1 {
				rows := rowsAfter(t, s, int64(after), limit)
				if len(rows) != min(limit, len(want)-after) {
					t.Fatalf("after %d there are %d rows with the limit %d", after, len(rows), limit)
				}
				for i, r := range rows {
					if r.Seq != int64(after+i+1) || r.Columns != want[after+i] {
						t.Fatalf("after %d, row %d is %d with %+v\nand not %+v", after, i, r.Seq, r.Columns, want[after+i])
					}
				}
			}
		}
		must(t, verify(t, s))
	})
}

// TestShiftedColumns moves the text of each column into the one before it, with
// and without a separator.
func TestShiftedColumns(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 3)
		columns := []string{"name", "outcome", "actor_kind", "actor_id", "interface", "target_kind", "target_id", "link", "profile", "domain", "mailbox"}
		for i, column := range columns[1:] {
			before := columns[i]
			for _, between := range []string{"", separator} {
				was := storetest.Column(t, database, "SELECT "+before+" FROM actions WHERE seq = 2")[0]
				is := storetest.Column(t, database, "SELECT "+column+" FROM actions WHERE seq = 2")[0]
				set := fmt.Sprintf("UPDATE actions SET %s = $1, %s = $2 WHERE seq = 2", before, column)
				storetest.Exec(t, database, set, was+between+is, "")
				wantFinding(t, column+" in "+before, verify(t, s), 2)
				storetest.Exec(t, database, set, was, is)
				must(t, verify(t, s))
			}
		}
	})
}
