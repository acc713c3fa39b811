// Package accounttest makes hashes of passwords cheap in programs that import
// it: otherwise they would take a fifth of the time of many tests.
package accounttest

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/account/internal/hashing"
)

const cheap = 64 // KiB

var usual = hashing.Cost.Memory

func init() { hashing.Cost.Memory = cheap }

// Costly makes new hashes take as long as in the program until the test ends. No
// other test may run at the same time.
func Costly(t testing.TB) {
	hashing.Cost.Memory = usual
	t.Cleanup(func() { hashing.Cost.Memory = cheap })
}
