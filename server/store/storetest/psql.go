package storetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/updatecase/mobileconfig/server/prepared"
)

// Psql returns the path of psql. Without it, Psql skips the test, or fails it if
// MOBILECONFIG_TEST_ALL is set.
func Psql(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("psql"); err == nil {
		return path
	}
	folder, err := programs()
	path := filepath.Join(folder, "psql")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		prepared.Missing(t, "psql isn't installed")
	}
	return path
}
