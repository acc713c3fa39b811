//go:build !linux

package background

import "runtime"

// lower does nothing, because only Linux has priorities of single threads.
func lower() { runtime.UnlockOSThread() }
