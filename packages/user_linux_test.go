package main

import "syscall"

// imageUser runs a program in a root of its own, as the image does.
func imageUser(root string) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
