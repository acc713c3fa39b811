//go:build race

package storetest

// racing is whether the race detector is on.
const racing = true
