package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPerRequest checks that the slow calls of a request share the time of one,
// and that work for several requests isn't limited by one of them.
func TestPerRequest(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		d := storetest.Open(t, store.Config{Database: database}).Database()
		read := func(ctx context.Context) error {
			var n int
			return d.Diagnose(d.Read(ctx).Row(`SELECT 1`).Scan(&n))
		}
		write := func(ctx context.Context) error { return d.Transact(ctx, func(*db.Tx) error { return nil }) }
		ctx := db.PerRequest(t.Context())
		for range 3 {
			if err := errors.Join(read(ctx), write(ctx)); err != nil {
				t.Fatal(err)
			}
		}
		used := db.UsedUp(ctx)
		for name, err := range map[string]error{"read": read(used), "write": write(used)} {
			if !fault.Is(err, fault.DatabaseUnavailable) {
				t.Errorf("%s without time left: %v", name, err)
			}
		}
		if err := d.Writes(); err != nil {
			t.Errorf("a write that wasn't tried counts as failed: %v", err)
		}
		if err := errors.Join(read(db.PerCall(used)), write(db.PerCall(used)), read(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowCallsAdd checks what counts: calls that used all of their time, until
// one was fast.
func TestSlowCallsAdd(t *testing.T) {
	ctx := db.PerRequest(t.Context())
	_, end := db.LimitOf(time.Hour, ctx)
	end()
	if used := db.Used(ctx); used != 0 {
		t.Errorf("a fast call counts %v", used)
	}
	slow, end := db.LimitOf(time.Millisecond, ctx)
	<-slow.Done()
	end()
	if used := db.Used(ctx); used < time.Millisecond {
		t.Errorf("a slow call counts %v", used)
	}
	for range 2 {
		next, end := db.LimitOf(time.Millisecond, ctx)
		if next.Err() == nil {
			t.Error("the next call has time left")
		}
		end()
	}
	_, end = db.LimitOf(time.Hour, ctx)
	end()
	if used := db.Used(ctx); used != 0 {
		t.Errorf("after a fast call: %v", used)
	}
}
