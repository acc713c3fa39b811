//go:build soak

package api_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakAPIMalformed sends thousands of malformed bodies to the API.
func TestSoakAPIMalformed(t *testing.T) { malformed(t, soak.Count(100, 2500)) }
