package batch

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriting makes the disk write what a file has so far, while the rest is
// created. Otherwise Linux writes almost nothing until the file is synced. Where
// this fails, it only takes longer.
func startWriting(f *os.File) {
	const whole = 0 // to the end
	_ = unix.SyncFileRange(int(f.Fd()), 0, whole, unix.SYNC_FILE_RANGE_WRITE)
}
