//go:build soak

package branding_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/branding"
)

// TestSoakContrast is TestContrastHolds for every possible color.
func TestSoakContrast(t *testing.T) {
	grounds := groundsOf(t)
	for v := range 1 << 24 {
		if problem := wrong(branding.Color{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v)}, grounds); problem != "" {
			t.Fatal(problem)
		}
	}
}
