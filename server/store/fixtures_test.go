package store_test

import (
	"fmt"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// Short names for what the tests of this package use most.
var (
	start         = storetest.Start
	newDomain     = storetest.NewDomain
	newPolicy     = storetest.NewPolicy
	newLink       = storetest.NewLink
	newTicket     = storetest.NewTicket
	by            = storetest.By
	action        = storetest.Action
	record        = storetest.Record
	withDomain    = storetest.WithDomain
	withPolicy    = storetest.WithPolicy
	secondAccount = storetest.SecondAccount
	withLink      = storetest.WithLink
	withTicket    = storetest.WithTicket
	must          = storetest.Must
	wantFault     = storetest.WantFault
	wantUnchanged = storetest.WantUnchanged
	linkOf        = storetest.LinkOf
	await         = storetest.Await
	actions       = storetest.Entries
	race          = storetest.Race
	raced         = storetest.RaceWith
)

func id(kind string, i int) string { return fmt.Sprintf("%s_%d", kind, i) }
