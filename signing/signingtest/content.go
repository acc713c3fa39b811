package signingtest

import (
	"bytes"
	"testing"
)

// Content returns the profile in a signed one, without verifying anything: tests
// that compare thousands of profiles verify some of them.
func Content(t testing.TB, signed []byte) []byte {
	t.Helper()
	const first, last = "<?xml", "</plist>"
	from, to := bytes.Index(signed, []byte(first)), bytes.LastIndex(signed, []byte(last))
	if from < 0 || to < from {
		t.Fatalf("it has no profile: %.100q", signed)
	}
	return signed[from : to+len(last)]
}
