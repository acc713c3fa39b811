package db_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestCheckKnowsWrites makes writes fail while reads work: the database isn't
// ready until a write works again, and a write is tried only while that is in
// doubt.
func TestCheckKnowsWrites(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		d := s.Database()
		write := func() error {
			return d.Transact(t.Context(), func(x *db.Tx) error {
				_, err := x.Exec(`DELETE FROM limits WHERE key = 'none'`)
				return err
			})
		}
		check := func(when string, ready bool) {
			t.Helper()
			if err := d.Check(t.Context()); (err == nil) != ready {
				t.Errorf("%s: %v", when, err)
			}
			if err := d.Writes(); (err == nil) != ready {
				t.Errorf("%s the writes: %v", when, err)
			}
		}
		failing := true
		d.Watch(func(c db.Call) error {
			if failing && !c.Reads {
				return fault.New(fault.StorageFull, "full")
			}
			return nil
		})
		check("before any write", true)
		if err := write(); !fault.Is(err, fault.StorageFull) {
			t.Fatal(err)
		}
		db.ProbeNow(d, false)
		check("after a failed write", false)
		failing = false
		check("before the next try", false)
		db.ProbeNow(d, true)
		check("after a try", true)

		failing = true
		if err := write(); err == nil {
			t.Fatal("it was written")
		}
		db.ProbeNow(d, false)
		check("after another failed write", false)
		failing = false
		must(t, write())
		check("after a write", true)
	})
}

// TestCheckReplaced checks that a replaced file is noticed before any write.
func TestCheckReplaced(t *testing.T) {
	database := storetest.SQLite(t)
	d := storetest.Open(t, store.Config{Database: database}).Database()
	path := strings.TrimPrefix(database, "sqlite:")
	must(t, os.Rename(path, path+".away"))
	if err := d.Check(t.Context()); !fault.Is(err, fault.DatabaseUnavailable) {
		t.Errorf("without the file: %v", err)
	}
	must(t, os.Rename(path+".away", path))
	must(t, d.Check(t.Context()))
}

// TestCheckBesideWriters expects an answer while transactions hold all
// connections.
func TestCheckBesideWriters(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		d := storetest.Open(t, store.Config{Database: database}).Database()
		ctx, cancel := context.WithCancel(t.Context())
		const writers = 16
		began, ended := make(chan struct{}, writers), make(chan error, writers)
		for range writers {
			go func() {
				ended <- d.Transact(ctx, func(*db.Tx) error {
					began <- struct{}{}
					<-ctx.Done()
					return ctx.Err()
				})
			}()
		}
		<-began
		if err := d.Check(t.Context()); err != nil {
			t.Error(err)
		}
		cancel()
		for range writers {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}
