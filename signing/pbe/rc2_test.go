package pbe

import (
	"encoding/hex"
	"testing"
)

// TestRC2 checks the vectors of RFC 2268, section 5, whose effective length is
// the key's length.
func TestRC2(t *testing.T) {
	for _, tt := range []struct{ key, plain, cipher string }{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		key, _ := hex.DecodeString(tt.key)
		data, _ := hex.DecodeString(tt.cipher)
		c, err := newRC2(key)
		if err != nil {
			t.Fatal(err)
		}
		c.Decrypt(data, data)
		if got := hex.EncodeToString(data); got != tt.plain {
			t.Errorf("%s with the key %s: got %s, want %s", tt.cipher, tt.key, got, tt.plain)
		}
	}
}
