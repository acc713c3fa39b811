package signerd

import (
	"net"
	"syscall"
)

// hardened protects the memory of this process from other processes of the
// same user, and keeps it out of core dumps.
func hardened() error {
	const setDumpable = 4 // PR_SET_DUMPABLE
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setDumpable, 0, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// peerOf asks the kernel who the peer is.
func peerOf(conn *net.UnixConn) (peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var found *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		found, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return peer{}, err
	}
	return peer{found.Uid, found.Gid, found.Pid}, nil
}
