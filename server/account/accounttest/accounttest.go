// Package accounttest makes hashes of passwords cheap in programs that import
// it: otherwise they would take a fifth of the time of many tests.
package accounttest

import "github.com/updatecase/mobileconfig/server/account/internal/hashing"

func init() { hashing.Cost.Memory = 64 } // KiB

// Costly is a hash of the password "lampshade orbit cucumber 47" that takes the
// time of the program's own hashes to check.
const Costly = "$argon2id$v=19$m=47104,t=1,p=1$o+muTaPstHiRECfnXHxv8A$0qwwp9XTvRbauM8KOW/fFaOl0aL4HtGCjK2zrYKcIsk"
