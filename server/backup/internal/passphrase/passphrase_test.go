package passphrase_test

import (
	"bytes"
	"regexp"
	"testing"

	"filippo.io/age"

	"github.com/updatecase/mobileconfig/server/backup/internal/passphrase"
)

// TestCost checks what guessing a passphrase costs, as each backup says it.
func TestCost(t *testing.T) {
	to, _, err := passphrase.Keys("lampshade orbit cucumber 47")
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	if _, err := age.Encrypt(&sealed, to); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^-> scrypt \S+ 18$`).Match(sealed.Bytes()) {
		t.Errorf("%.200q", sealed.Bytes())
	}
}
