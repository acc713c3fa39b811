//go:build soak

package signing_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestSoakOpenRefuses measures the time to refuse the messages of
// TestOpenRefuses.
func TestSoakOpenRefuses(t *testing.T) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	id, err := signing.New(leaf.Key, chain(leaf), pool(root), nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := id.Sign(t.Context(), cleared(t))
	if err != nil {
		t.Fatal(err)
	}
	var slowest time.Duration
	var slow string
	for name, data := range refused(t, signed, leaf) {
		for range soak.Count(1, 20) {
			begun := time.Now()
			if _, err := signing.Open(data); err == nil {
				t.Errorf("%s: accepted", name)
			}
			if took := time.Since(begun); took > slowest {
				slowest, slow = took, name
			}
		}
	}
	soak.Figure(t, "slowest refusal of a message, "+slow, slowest, 2*time.Second)
}
