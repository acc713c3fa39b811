//go:build soak

package api_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakAPIMalformed sends thousands of spoilt bodies to the API.
func TestSoakAPIMalformed(t *testing.T) { malformed(t, soak.Count(100, 2500)) }
