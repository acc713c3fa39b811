// Package soak scales tests. A soak test lives in a file *_soak_test.go with
// the build tag soak, and its name begins with TestSoak. "make soak" runs all
// of them at full size, "make soak SIZE=short" runs a short round of each.
// Only soak tests may measure time; they print a figure beside its goal and
// fail only on lost data, wrong answers, leaks and panics.
package soak

import (
	"os"
	"testing"
)

// Size is the environment variable that selects full size with the value
// "full".
const Size = "MOBILECONFIG_SOAK"

// Count returns full in a full soak, and short in any other run.
func Count(short, full int) int {
	if os.Getenv(Size) == "full" {
		return full
	}
	return short
}

// Figure logs a measured value beside its goal from docs/performance.md or
// docs/security.md. It never fails the test: the machine may be busy.
func Figure(t testing.TB, what string, got, goal any) {
	t.Helper()
	t.Logf("FIGURE %s: %v (goal %v)", what, got, goal)
}
