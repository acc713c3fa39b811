package signerd

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
)

// firstInherited is the first file that systemd hands to what it starts.
const firstInherited = 3

// Listen listens on the socket, or on the one that systemd has opened: then
// questions wait there while the signer is started again. Everybody on the machine
// may connect; who is answered is decided by the kernel's word for who that is.
func Listen(socket string) (*net.UnixListener, error) {
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) && os.Getenv("LISTEN_FDS") == "1" {
		return inherited()
	}
	if err := removeStale(socket); err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		listener.Close()
		return nil, fmt.Errorf("signer: %w", err)
	}
	return listener, nil
}

// inherited is the socket of systemd's.
func inherited() (*net.UnixListener, error) {
	file := os.NewFile(firstInherited, "socket")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("signer: the socket of systemd: %w", err)
	}
	unix, ok := listener.(*net.UnixListener)
	if !ok {
		listener.Close()
		return nil, errors.New("signer: the socket of systemd is no Unix socket; name one by ListenStream=/run/mobileconfig-signer/socket")
	}
	unix.SetUnlinkOnClose(false)
	return unix, nil
}

// removeStale removes what a signer that was killed has left.
func removeStale(socket string) error {
	info, err := os.Lstat(socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket", socket)
	}
	if conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"}); err == nil {
		conn.Close()
		return fmt.Errorf("another signer listens on %s", socket)
	}
	return os.Remove(socket)
}

// Harden keeps other processes, and files of crashes, from the memory of this one.
func Harden() error {
	if err := hardened(); err != nil {
		return fmt.Errorf("signer: %w", err)
	}
	return nil
}
