package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
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
	race          = storetest.Race
	raced         = storetest.RaceWith
)

// actions returns the log of the default account without the approvals of
// servers that come with every domain.
func actions(t testing.TB, s *store.Store) []audit.Record {
	t.Helper()
	return withoutApprovals(storetest.Entries(t, s))
}

func withoutApprovals(log []audit.Record) []audit.Record {
	return slices.DeleteFunc(log, func(r audit.Record) bool {
		var leaf audit.Leaf
		return json.Unmarshal(r.Leaf, &leaf) == nil && leaf.Name == audit.HostApprove
	})
}

func id(kind string, i int) string { return fmt.Sprintf("%s_%d", kind, i) }
