//go:build soak

package branding_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakContrast is TestContrastHolds for other colors, or all.
func TestSoakContrast(t *testing.T) {
	grounds := groundsOf(t)
	for v := 0; v < 1<<24; v += soak.Count(101, 1) {
		if problem := wrong(branding.Color{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v)}, grounds); problem != "" {
			t.Fatal(problem)
		}
	}
}
