package crypt

import (
	"bytes"
	"encoding/hex"
	"testing"
)

var secret = bytes.Repeat([]byte("s"), 32)

func newCipher(t *testing.T, secret []byte, purpose string) *Cipher {
	t.Helper()
	c, err := NewCipher(secret, purpose)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCipher wants a text decrypted for nothing but what it was encrypted for.
func TestCipher(t *testing.T) {
	c := newCipher(t, secret, "totp seed")
	data := c.Encrypt([]byte("text"), "mem_1")
	if got, err := c.Decrypt(data, "mem_1"); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}
	if bytes.Equal(data, c.Encrypt([]byte("text"), "mem_1")) || bytes.Contains(data, []byte("text")) {
		t.Error("the same text looks the same, or shows")
	}
	for name, other := range map[string]*Cipher{"purpose": newCipher(t, secret, "webhook secret"), "secret": newCipher(t, bytes.Repeat([]byte("t"), 32), "totp seed")} {
		if _, err := other.Decrypt(data, "mem_1"); err == nil {
			t.Errorf("decrypted with another %s", name)
		}
	}
	if _, err := c.Decrypt(data, "mem_2"); err == nil {
		t.Error("decrypted for another member")
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if _, err := c.Decrypt(bad, "mem_1"); err == nil {
			t.Errorf("decrypted with byte %d changed", i)
		}
	}
}

// TestKey holds the derivation, by which what is kept was encrypted, and the
// codes of which tokens are made.
func TestKey(t *testing.T) {
	got, err := key(secret, "totp seed")
	if want := "237f5f6c1f7b01eef121df952f89baf402ca5f3727144df1e1a407e5982167ed"; err != nil || hex.EncodeToString(got) != want {
		t.Errorf("got %x, %v, want %s", got, err, want)
	}
	m, err := NewMAC(secret, "token lnk_")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(m.Sum("lnk_aaaaaaaaaaaaaaaa")), "3f665e4ce9675f8af8c06b6b9182e0e345c6b50110e3493a92aa49d3b265b5af"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestNoSecret wants nothing derived from an empty secret.
func TestNoSecret(t *testing.T) {
	if _, err := NewCipher(nil, "totp seed"); err == nil {
		t.Error("there is a cipher without a secret")
	}
	if _, err := NewMAC([]byte{}, "totp seed"); err == nil {
		t.Error("there is a MAC without a secret")
	}
}
