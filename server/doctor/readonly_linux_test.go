package doctor_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/updatecase/mobileconfig/server/doctor"
)

// asUser continues as a user who owns all files of the test, if it ran as root,
// whom no permission stops.
func asUser(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	folder := filepath.Dir(t.TempDir())
	must(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}))
	runtime.LockOSThread() // the user of files is that of the thread
	must(t, syscall.Setfsuid(nobody))
	t.Cleanup(func() {
		must(t, syscall.Setfsuid(0))
		runtime.UnlockOSThread()
	})
}

// TestReadOnlyFile has a database file that the service's user may only read. It
// is a copy, because SQLite shares open files within a process.
func TestReadOnlyFile(t *testing.T) {
	i := healthy(t, "")
	file := filepath.Join(i.Data, "copy.db")
	i.exec(`VACUUM INTO '` + file + `'`)
	must(t, os.Chmod(file, 0o400))
	asUser(t)
	i.Server.Database = "sqlite:" + file
	i.finds(doctor.NoWrites)
}
