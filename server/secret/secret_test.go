package secret_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

var root = bytes.Repeat([]byte("s"), 32)

var silent = slog.New(slog.DiscardHandler)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// each runs f on both databases with a keeper.
func each(t *testing.T, f func(t *testing.T, k *secret.Keeper, s *store.Store, clock *storetest.Clock)) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		f(t, open(t, s, clock), s, clock)
	})
}

func open(t *testing.T, s secret.Store, clock *storetest.Clock) *secret.Keeper {
	t.Helper()
	k, err := secret.Open(t.Context(), s, root, clock.Now)
	must(t, err)
	return k
}

func rotate(t *testing.T, k *secret.Keeper, overlap time.Duration) secret.Status {
	t.Helper()
	status, err := k.Rotate(t.Context(), audit.ByOperator(), overlap)
	must(t, err)
	return status
}

// broken fails from the n-th write on.
type broken struct {
	secret.Store
	left int
}

var errBroken = errors.New("broken")

func (b *broken) Reencrypt(ctx context.Context, p secret.Place, old secret.Value, data []byte) error {
	if b.left--; b.left < 0 {
		return errBroken
	}
	return b.Store.Reencrypt(ctx, p, old, data)
}

// TestRewrite interrupts the work in the middle and has another server finish
// it. It checks that nothing is lost, unreadable values stay, and the old
// version is deleted only after it has ended and nothing uses it.
func TestRewrite(t *testing.T) {
	each(t, func(t *testing.T, k *secret.Keeper, s *store.Store, clock *storetest.Clock) {
		const values = 450
		name := func(i int) string { return "v" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }
		for i := range values {
			must(t, s.SetCertificateValue(t.Context(), name(i), k.Cipher(crypt.Certificate).Encrypt([]byte(name(i)), name(i)), 0))
		}
		must(t, s.SetCertificateValue(t.Context(), "junk", []byte("no such version"), 0))
		_, err := s.Lease(t.Context(), "somebody", time.Hour)
		must(t, err)

		status := rotate(t, k, time.Hour)
		if len(status.Old) != 1 || status.Old[0].Values != values || status.Created.IsZero() {
			t.Fatalf("%+v", status)
		}
		breaking := &broken{s, 300}
		if err := open(t, breaking, clock).Rewrite(t.Context(), silent); !errors.Is(err, errBroken) {
			t.Fatalf("got %v", err)
		}
		status, err = k.Status(t.Context())
		must(t, err)
		if status.Old[0].Values != values-300 {
			t.Errorf("%d are left", status.Old[0].Values)
		}
		must(t, k.Rewrite(t.Context(), silent))
		for i := range values {
			data, err := s.CertificateValue(t.Context(), name(i))
			must(t, err)
			if string(data[:crypt.IDSize]) != status.Current {
				t.Errorf("%s is encrypted under %s", name(i), data[:crypt.IDSize])
			}
			if text, err := k.Cipher(crypt.Certificate).Decrypt(data, name(i)); err != nil || string(text) != name(i) {
				t.Errorf("%s: %q, %v", name(i), text, err)
			}
		}
		if data, err := s.CertificateValue(t.Context(), "junk"); err != nil || string(data) != "no such version" {
			t.Errorf("what can't be read is %q, %v", data, err)
		}
		for _, step := range []struct {
			after time.Duration
			old   int
		}{{59 * time.Minute, 1}, {59 * time.Minute, 1}, {3 * time.Minute, 0}} {
			clock.Move(step.after)
			must(t, k.Rewrite(t.Context(), silent))
			if status, err := k.Status(t.Context()); err != nil || len(status.Old) != step.old {
				t.Errorf("%+v, %v, want %d old versions", status, err, step.old)
			}
		}
		// The first version is deleted. The root secret doesn't replace it.
		if k := open(t, s, clock); len(k.Versions()) != 1 || bytes.Equal(k.Current().Secret, root) {
			t.Error("the first version is back")
		}
	})
}

// TestValuesKeepVersion checks that a version is kept as long as a value is
// encrypted under it.
func TestValuesKeepVersion(t *testing.T) {
	each(t, func(t *testing.T, k *secret.Keeper, s *store.Store, clock *storetest.Clock) {
		data := k.Cipher(crypt.Certificate).Encrypt([]byte("text"), "other")
		rotate(t, k, 0)
		clock.Move(48 * time.Hour)
		// The value of a server that didn't know about the rotation, or of
		// another installation.
		must(t, s.SetCertificateValue(t.Context(), "value", data, 0))
		must(t, k.Rewrite(t.Context(), silent))
		if status, err := k.Status(t.Context()); err != nil || len(status.Old) != 1 || status.Old[0].Values != 1 {
			t.Errorf("%+v, %v", status, err)
		}
		must(t, s.DeleteCertificateValue(t.Context(), "value"))
		must(t, k.Rewrite(t.Context(), silent))
		if status, err := k.Status(t.Context()); err != nil || len(status.Old) != 0 {
			t.Errorf("%+v, %v", status, err)
		}
	})
}

// TestTwoRotations checks that one of two simultaneous rotations is refused,
// and that consecutive ones keep all versions that haven't ended.
func TestTwoRotations(t *testing.T) {
	each(t, func(t *testing.T, k *secret.Keeper, s *store.Store, clock *storetest.Clock) {
		rows := func() []secret.Row {
			all, err := s.SecretVersions(t.Context())
			must(t, err)
			return all
		}
		first := rotate(t, k, time.Hour)
		stale := rows()
		second := rotate(t, k, 2*time.Hour)
		if len(second.Old) != 2 || second.Current == first.Current {
			t.Errorf("%+v", second)
		}
		for _, old := range stale {
			next := secret.Row{ID: "zzzz", Value: []byte("x"), Created: clock.Now()}
			a := audit.Action{Account: "acc_installation", Name: audit.SecretRotate, Outcome: audit.Done}
			if err := s.RotateSecret(t.Context(), audit.ByOperator(), old, next, a); !fault.Is(err, fault.Conflict) {
				t.Errorf("after another: %v", err)
			}
		}
		if got := rows(); len(got) != 3 {
			t.Errorf("%d versions", len(got))
		}
	})
}

// TestOtherRoot checks that a server with another secret doesn't start.
func TestOtherRoot(t *testing.T) {
	each(t, func(t *testing.T, k *secret.Keeper, s *store.Store, clock *storetest.Clock) {
		rotate(t, k, time.Hour)
		if _, err := secret.Open(t.Context(), s, bytes.Repeat([]byte("t"), 32), clock.Now); err == nil {
			t.Error("it starts")
		}
	})
}
