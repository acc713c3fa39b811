//go:build unix

package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// asOwner refuses to run as root if the data folder belongs to another user,
// because the service couldn't use files created by root.
func asOwner(folder string) error {
	info, err := os.Stat(folder)
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || s.Uid == 0 {
		return nil
	}
	name := strconv.FormatUint(uint64(s.Uid), 10)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return usage(fmt.Errorf("%s belongs to the user %s; run this as that user: runuser -u %[2]s -- mobileconfig …", folder, name))
}
