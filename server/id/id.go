// Package id creates the identifiers of everything that is stored.
package id

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// size is the randomness of an identifier in bytes, which becomes 16
// characters.
const size = 10

// New returns a new identifier, for example "lnk_k3v7q2m4x5r6t7ab".
func New(prefix string) string {
	b := make([]byte, size)
	rand.Read(b) // never fails
	return prefix + "_" + strings.ToLower(base32.StdEncoding.EncodeToString(b))
}
