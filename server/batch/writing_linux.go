package batch

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriting makes the disk write part of a file while the next is created.
// Otherwise Linux writes almost nothing until the file is synced. Where this fails,
// it only takes longer.
func startWriting(f *os.File, from, size int64) {
	_ = unix.SyncFileRange(int(f.Fd()), from, size, unix.SYNC_FILE_RANGE_WRITE)
}
