package ledger_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// Short names for what the tests of this package use most.
var (
	start         = storetest.Start
	newLink       = storetest.NewLink
	newTicket     = storetest.NewTicket
	by            = storetest.By
	action        = storetest.Action
	record        = storetest.Record
	withDomain    = storetest.WithDomain
	secondAccount = storetest.SecondAccount
	must          = storetest.Must
	wantFault     = storetest.WantFault
	wantUnchanged = storetest.WantUnchanged
	actions       = storetest.Entries
	race          = storetest.Race
	verify        = storetest.Verify
	publicKey     = storetest.PublicKey
)

// rowsAfter returns at most limit rows of the log.
func rowsAfter(t *testing.T, s *store.Store, after int64, limit int) (rows []audit.Row) {
	t.Helper()
	must(t, s.EachRow(t.Context(), account.Default, after, limit, func(r *audit.Row) error {
		kept := *r
		for _, b := range []*[]byte{&kept.Leaf, &kept.Personal, &kept.Salt, &kept.Hash} {
			*b = bytes.Clone(*b)
		}
		rows = append(rows, kept)
		return nil
	}))
	return rows
}

func id(kind string, i int) string { return fmt.Sprintf("%s_%d", kind, i) }
