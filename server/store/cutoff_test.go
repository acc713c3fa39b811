//go:build !race

package store_test

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestCutOff cuts the network of one of two stores while it holds the head of
// the log and writes as much as it can. The other store must continue, no call
// may hang, the first store must recover, and the log must contain each change
// once.
func TestCutOff(t *testing.T) {
	for _, network := range storetest.Networks() {
		t.Run(network.Name, func(t *testing.T) {
			t.Parallel()
			cutOff(t, storetest.Postgres(t), network)
		})
	}
}

func cutOff(t *testing.T, database string, network storetest.Fault) {
	well := storetest.Open(t, store.Config{Database: database, CallTimeout: db.CallTimeout})
	withDomain(t, well)
	proxy := storetest.NewProxy(t, database)
	cut := storetest.Open(t, store.Config{Database: proxy.Database, CallTimeout: db.CallTimeout})
	link := func(s *store.Store) error {
		return s.CreateLink(t.Context(), by, newLink("lnk_"+rand.Text()), nil, action(audit.LinkCreate, "lnk"))
	}
	var held atomic.Bool
	holding := make(chan struct{})
	cut.Database().Watch(func(c db.Call) error {
		if strings.HasPrefix(c.Query, "UPDATE logs SET size") && held.CompareAndSwap(false, true) {
			proxy.Set(network) // it has the head and goes no further
			close(holding)
		}
		return nil
	})
	var made, unclear atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for ctx.Err() == nil {
				switch err := link(cut); {
				case err == nil:
					made.Add(1)
				case fault.Is(err, fault.DatabaseUnavailable):
					unclear.Add(1)
				default:
					t.Errorf("in the cut off store: %v", err)
					return
				}
			}
		})
	}
	<-holding
	const writes = 12
	for i := range writes {
		if err := link(well); err != nil {
			t.Errorf("write %d of the other store: %v", i+1, err)
		}
		if err := well.Check(t.Context()); err != nil {
			t.Errorf("after write %d the other store is not ready: %v", i+1, err)
		}
	}
	stop()
	writers.Wait() // for no call that hangs
	proxy.Set(storetest.Fault{})
	for link(cut) != nil {
		unclear.Add(1)
	}
	log := actions(t, well)
	most := int64(len(log)) - 1 - writes - 1 // a domain comes first, one link last
	if most < made.Load() || most > made.Load()+unclear.Load() {
		t.Errorf("%d links of the cut off store are in the log, %d were created and %d are unclear", most, made.Load(), unclear.Load())
	}
	if _, err := audit.Verify(t.Context(), well, account.Default, ""); err != nil {
		t.Error(err)
	}
	t.Logf("%d made, %d unclear", made.Load(), unclear.Load())
}
