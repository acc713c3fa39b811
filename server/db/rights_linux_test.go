package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// withoutRights runs fn as a user who may not enter the folder.
func withoutRights(t *testing.T, folder string, fn func()) {
	t.Helper()
	must(t, os.Chmod(folder, 0))
	defer func() { must(t, os.Chmod(folder, 0o700)) }()
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // the user of files is that of the thread
		defer runtime.UnlockOSThread()
		must(t, syscall.Setfsuid(65534))
		defer func() { must(t, syscall.Setfsuid(0)) }()
	}
	fn()
}

// TestFolderWithoutRights removes the permission to enter the folder of an open
// database: no file was deleted, and the error says what is wrong.
func TestFolderWithoutRights(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(folder, 0o700))
	database := "sqlite:" + filepath.Join(folder, "x.db")
	s := storetest.Open(t, store.Config{Database: database})
	write := func() error {
		return s.Database().Transact(t.Context(), func(t *db.Tx) error {
			_, err := t.Exec(`DELETE FROM limits WHERE key IS NULL`)
			return err
		})
	}
	withoutRights(t, folder, func() {
		if err := errors.Unwrap(write()); err == nil || !strings.Contains(err.Error(), "this user may not enter the folder") {
			t.Errorf("a write: %v", err)
		}
		if _, err := db.Open(t.Context(), database, 0); err == nil || !strings.Contains(err.Error(), "this user may not enter the folder") {
			t.Errorf("a start: %v", err)
		}
	})
	if err := write(); err != nil {
		t.Errorf("with the right again: %v", err)
	}
}
