//go:build soak

package crashtest

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// requestGoal is the maximum time of a request, whatever happens between the
// program and its database.
const requestGoal = 15 * time.Second

// TestSoakCutOff runs two servers on one PostgreSQL, and breaks the network of
// one of them under load in each way. The other continues: at most one in
// twenty of its answers is a refusal. The first recovers by itself, and
// everything promised by either is stored, once.
func TestSoakCutOff(t *testing.T) {
	t.Parallel()
	database, _ := storetest.PostgresServer(t)
	proxy := storetest.NewProxy(t, database)
	data := filepath.Join(t.TempDir(), "data")
	well, cut := start(t, data, "--database", database), start(t, data, "--database", proxy.Database)
	kept := newJournal()
	for round, network := range storetest.Networks() {
		ofWell, ofCut := newJournal(), newJournal()
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { load(ctx, well.url, people, uint64(2*round), ofWell) })
		done.Go(func() { load(ctx, cut.url, people, uint64(2*round+1), ofCut) })
		ofWell.more(t, well, 20)
		ofCut.more(t, cut, 20)
		proxy.Set(network)
		time.Sleep(time.Duration(soak.Count(3, 60)) * time.Second)
		ofWell.more(t, well, 20)
		proxy.Set(storetest.Fault{})
		ofCut.more(t, cut, 20)
		stop()
		done.Wait()
		t.Logf("%s: the other server: %s; the one cut off: %s", network.Name, ofWell, ofCut)
		if all := ofWell.promises + ofWell.unclear; ofWell.unclear*20 > all {
			t.Errorf("%s: the other server refused %d of %d", network.Name, ofWell.unclear, all)
		}
		soak.Figure(t, fmt.Sprintf("%s: slowest answer of the other server, and of the one cut off", network.Name),
			[]time.Duration{ofWell.slowest.Round(time.Millisecond), ofCut.slowest.Round(time.Millisecond)}, requestGoal)
		kept.add(ofWell)
		kept.add(ofCut)
	}
	well.stop(t)
	cut.stop(t)
	wantKept(t, database, kept)
}
