// Package accounttest makes hashes of passwords cheap in programs that import
// it: otherwise they would take a fifth of the time of many tests.
package accounttest

import "github.com/updatecase/mobileconfig/server/account/internal/hashing"

func init() { hashing.Cost.Memory = 64 } // KiB
