//go:build soak

package openapi

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

func TestSoakFuzz(t *testing.T) { fuzz(t, soak.Count(1000, 5000), 2) }
