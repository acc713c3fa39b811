package main

import "syscall"

// imageUser runs a program in its own root, as in the image.
func imageUser(root string) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
