//go:build race

package storetest

// racing is whether the race detector looks on.
const racing = true
