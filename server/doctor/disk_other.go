//go:build !unix

package doctor

// FreeSpace returns false: free space is unknown on this system.
func FreeSpace(string) (uint64, bool) { return 0, false }
