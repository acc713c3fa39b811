package db_test

import (
	"fmt"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// Short names for what the tests of this package use most.
var (
	by            = storetest.By
	action        = storetest.Action
	withDomain    = storetest.WithDomain
	withLink      = storetest.WithLink
	must          = storetest.Must
	wantFault     = storetest.WantFault
	wantUnchanged = storetest.WantUnchanged
	linkOf        = storetest.LinkOf
	actions       = storetest.Entries
	newLink       = storetest.NewLink
	await         = storetest.Await
)

func id(kind string, i int) string { return fmt.Sprintf("%s_%d", kind, i) }
