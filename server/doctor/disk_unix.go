//go:build unix

package doctor

import "syscall"

// FreeSpace returns how many bytes are free on the disk of a folder.
func FreeSpace(folder string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
