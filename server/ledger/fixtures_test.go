package ledger_test

import (
	"fmt"

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

func id(kind string, i int) string { return fmt.Sprintf("%s_%d", kind, i) }
