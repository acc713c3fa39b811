//go:build soak

package main

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakAgree is TestAgree with all combinations.
func TestSoakAgree(t *testing.T) { agree(t, soak.Count(40, 500)) }
