// Package id creates the identifiers of everything that is stored.
package id

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
)

// size is the randomness of an identifier in bytes, which becomes 16
// characters.
const size = 10

// New returns a new identifier, for example "lnk_k3v7q2m4x5r6t7ab".
func New(prefix string) string { return prefix + "_" + text(size) }

// Together returns n new identifiers, in their order. Their first halves are the
// same, so that a database finds their places in an index next to each other.
func Together(prefix string, n int) []string { return together(prefix, n, size/2) }

// together returns identifiers that differ in the given number of random bytes.
func together(prefix string, n, different int) []string {
	same := prefix + "_" + text(size-size/2)
	all := make([]string, 0, n)
	for len(all) < n {
		for range n - len(all) {
			all = append(all, same+text(different))
		}
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}

// text returns the given number of random bytes as text.
func text(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails
	return strings.ToLower(encoding.EncodeToString(b))
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)
