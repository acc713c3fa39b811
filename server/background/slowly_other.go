//go:build !linux

package background

// slowly runs f: only Linux has priorities of single threads.
func slowly(f func()) { f() }

func yield() {}
