//go:build soak && !race

package db_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakTwoProcesses is TestTwoProcesses with more databases.
func TestSoakTwoProcesses(t *testing.T) { twoProcesses(t, soak.Count(40, 400)) }
