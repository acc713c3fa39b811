//go:build !unix

package doctor

// FreeSpace doesn't know how many bytes are free here.
func FreeSpace(string) (uint64, bool) { return 0, false }
