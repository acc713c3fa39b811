// Package replay describes requests that a client may repeat and that the
// server executes once. The client gives each of them a name.
package replay

import (
	"context"
	"errors"
	"time"
)

// Life is how long a request can be repeated.
const Life = 24 * time.Hour

// ErrDone reports that a request was executed before and nothing was stored.
var ErrDone = errors.New("the request was done before")

// A Request of an API key is executed once, however often it is sent.
type Request struct {
	Key         string // the API key's ID
	Name        []byte // SHA-256 of the name that the client gave the request
	Fingerprint []byte // SHA-256 of the request
	// Answer is the response to the request, encrypted. It's empty until the
	// response is known.
	Answer []byte
}

type contextKey struct{}

// With returns a context for a change that belongs to the request. The store
// marks the request as executed in the transaction of the change. If it was
// executed before, the change fails with ErrDone.
func With(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}

// Of returns the request that ctx belongs to, if any.
func Of(ctx context.Context) (Request, bool) {
	r, ok := ctx.Value(contextKey{}).(Request)
	return r, ok
}
