package store_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestLease checks that one owner at a time gets the lease, until it expires
// or its owner ends it.
func TestLease(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, _ string, clock *storetest.Clock) {
		ctx := t.Context()
		want := func(owner string, want bool) {
			t.Helper()
			won, err := s.Lease(ctx, owner, time.Minute)
			must(t, err)
			if won != want {
				t.Errorf("%s won %v, want %v", owner, won, want)
			}
		}
		want("a", true)
		want("b", false)
		want("a", true)
		clock.Move(59 * time.Second)
		want("b", false)
		clock.Move(2 * time.Second)
		want("b", true)
		must(t, s.EndLease(ctx, "a")) // a doesn't own it any more
		want("a", false)
		must(t, s.EndLease(ctx, "b"))
		want("a", true)
	})
}

// TestCertificateValues stores values, some with a lifetime.
func TestCertificateValues(t *testing.T) {
	eachClocked(t, func(t *testing.T, s *store.Store, _ string, clock *storetest.Clock) {
		ctx := t.Context()
		must(t, s.SetCertificateValue(ctx, "kept", []byte("one"), 0))
		must(t, s.SetCertificateValue(ctx, "kept", []byte("two"), 0))
		must(t, s.SetCertificateValue(ctx, "challenge", []byte("three"), time.Minute))
		want := func(name, want string) {
			t.Helper()
			value, err := s.CertificateValue(ctx, name)
			if want == "" && !fault.Is(err, fault.NotFound) || want != "" && (err != nil || string(value) != want) {
				t.Errorf("%s: %q %v, want %q", name, value, err, want)
			}
		}
		want("kept", "two")
		want("challenge", "three")
		clock.Move(time.Hour)
		want("kept", "two")
		want("challenge", "")
		must(t, s.Prune(ctx))
		want("kept", "two")
		must(t, s.DeleteCertificateValue(ctx, "kept"))
		must(t, s.DeleteCertificateValue(ctx, "kept"))
		want("kept", "")
	})
}
