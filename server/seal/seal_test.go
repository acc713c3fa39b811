package seal_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/updatecase/mobileconfig/server/seal"
)

var secret = bytes.Repeat([]byte("s"), 32)

func newSeal(t *testing.T, secret []byte, purpose string) *seal.Seal {
	t.Helper()
	s, err := seal.New(secret, purpose)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSeal wants a text opened by nobody but whom it was closed for.
func TestSeal(t *testing.T) {
	s := newSeal(t, secret, "totp seed")
	closed := s.Close([]byte("text"), "mem_1")
	if got, err := s.Open(closed, "mem_1"); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}
	if bytes.Equal(closed, s.Close([]byte("text"), "mem_1")) || bytes.Contains(closed, []byte("text")) {
		t.Error("the same text looks the same, or shows")
	}
	for name, other := range map[string]*seal.Seal{"purpose": newSeal(t, secret, "webhook secret"), "secret": newSeal(t, bytes.Repeat([]byte("t"), 32), "totp seed")} {
		if _, err := other.Open(closed, "mem_1"); err == nil {
			t.Errorf("opened under another %s", name)
		}
	}
	if _, err := s.Open(closed, "mem_2"); err == nil {
		t.Error("opened for another member")
	}
	for i := range closed {
		bad := bytes.Clone(closed)
		bad[i] ^= 1
		if _, err := s.Open(bad, "mem_1"); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
}

// TestKey holds the derivation: what is kept was closed by it.
func TestKey(t *testing.T) {
	got, err := seal.Key(secret, "totp seed")
	if want := "237f5f6c1f7b01eef121df952f89baf402ca5f3727144df1e1a407e5982167ed"; err != nil || hex.EncodeToString(got) != want {
		t.Errorf("got %x, %v, want %s", got, err, want)
	}
}
