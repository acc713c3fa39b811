// Package hashing hashes passwords with argon2id. It is internal so that only
// accounttest can make hashes cheaper, which no part of the program may import.
package hashing

import (
	"fmt"

	"github.com/alexedwards/argon2id"
)

// Cost is the cost of new hashes: 46 MiB and about 50 ms (OWASP's second choice
// for argon2id). It must not change while passwords are hashed.
var Cost = argon2id.Params{Memory: 46 << 10, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Create returns the hash of a password in PHC form, with a random salt.
func Create(password string) (string, error) {
	return argon2id.CreateHash(password, &Cost)
}

// Check reports whether a hash is the password's. It takes the time that the
// hash was created with. It fails if the hash can't be read.
func Check(password, hash string) (bool, error) {
	return argon2id.ComparePasswordAndHash(password, hash)
}

// Absent returns a hash that no password matches. Checking it takes as long as
// checking a new one.
func Absent() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$bm90IGEgbWVtYmVyIGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Cost.Memory, Cost.Iterations, Cost.Parallelism)
}
