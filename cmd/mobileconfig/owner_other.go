//go:build !unix

package main

// asOwner has nothing to refuse here.
func asOwner(string) error { return nil }
