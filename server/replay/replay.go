// Package replay is about requests that a client may send again, by the name
// that it gave them, and that are done once.
package replay

import (
	"context"
	"errors"
	"time"
)

// Life is for how long a request can be sent again.
const Life = 24 * time.Hour

// ErrDone says that a request was done before: nothing is kept.
var ErrDone = errors.New("the request was done before")

// A Request of an API key is done once, however often it is sent.
type Request struct {
	Key         string // the API key's ID
	Name        []byte // SHA-256 of the name that the client gave the request
	Fingerprint []byte // SHA-256 of what the request asks for
	// Answer is what the request was answered with, encrypted. It is empty until
	// that is known.
	Answer []byte
}

type contextKey struct{}

// With returns a context in which a change is made for the request. The store
// keeps in the transaction of the change that the request is done; if it was
// done before, the change fails with ErrDone.
func With(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}

// Of returns the request that a change in ctx is made for, if there is one.
func Of(ctx context.Context) (Request, bool) {
	r, ok := ctx.Value(contextKey{}).(Request)
	return r, ok
}
