// Package replay is about requests that a client may send again, by the name
// that it gave them, and that are done once.
package replay

import (
	"errors"
	"time"
)

// Life is for how long a request can be sent again.
const Life = 24 * time.Hour

// ErrDone says that a request was done before: nothing is kept.
var ErrDone = errors.New("the request was done before")

// A Request of an API key is done once, however often it is sent. Where one is
// a parameter, nil stands for a request that is done each time.
type Request struct {
	Key         string // the API key's ID
	Name        []byte // SHA-256 of the name that the client gave the request
	Fingerprint []byte // SHA-256 of what the request asks for
	// Target is the ID of what was created.
	Target string
	// Answer is what the request was answered with, where that cannot be made
	// again.
	Answer []byte
}
