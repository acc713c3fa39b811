package hashing_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account/internal/hashing"
)

func TestCost(t *testing.T) {
	hash, err := hashing.Create("lampshade orbit cucumber 47")
	if err != nil {
		t.Fatal(err)
	}
	// OWASP's second choice, written as PHC's format has it.
	const cost = "$argon2id$v=19$m=47104,t=1,p=1$"
	for name, hash := range map[string]string{"a new hash": hash, "that of no member": hashing.Absent()} {
		if !strings.HasPrefix(hash, cost) {
			t.Errorf("%s: got %s, want %s…", name, hash, cost)
		}
	}
	for password, want := range map[string]bool{"lampshade orbit cucumber 47": true, "lampshade orbit cucumber 48": false, "": false} {
		if got, err := hashing.Check(password, hash); got != want || err != nil {
			t.Errorf("%q: got %v, %v", password, got, err)
		}
		if got, err := hashing.Check(password, hashing.Absent()); got || err != nil {
			t.Errorf("%q, no member: got %v, %v", password, got, err)
		}
	}
}
