package audit

import (
	"errors"
	"time"
)

// RepeatLife is for how long a request can be sent again.
const RepeatLife = 24 * time.Hour

// ErrRepeated says that a request was done before: nothing is kept.
var ErrRepeated = errors.New("the request was done before")

// A Repeat is a request of an API key that may be sent again and is done once.
type Repeat struct {
	Key         string // the API key's ID
	Name        []byte // SHA-256 of the name that the client gave the request
	Fingerprint []byte // SHA-256 of what the request asks for
	// Target is the ID of what was made. Whoever keeps the action fills it in.
	Target string
	// Answer is what the request was answered with, where that cannot be made
	// again.
	Answer []byte
}
