//go:build unix

package datadir

import (
	"os"
	"syscall"
)

// ownedAs gives a file that root has made to the owner of another.
func ownedAs(file, other string) error {
	info, err := os.Stat(other)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Chown(file, int(owner.Uid), int(owner.Gid))
}
