package signerd

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
)

// firstInherited is the first file descriptor that systemd passes to a
// service.
const firstInherited = 3

// Listen listens on the socket, or on the one that systemd has opened: then
// requests wait there while the signer is restarted. Any local process can
// connect. The signer asks the kernel who the peer is and decides whom it
// answers.
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

// inherited returns the socket passed by systemd.
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
		return nil, errors.New("signer: the socket from systemd isn't a Unix socket; set one with ListenStream=/run/mobileconfig-signer/socket")
	}
	unix.SetUnlinkOnClose(false)
	return unix, nil
}

// removeStale removes the socket of a signer that was killed.
func removeStale(socket string) error {
	info, err := os.Lstat(socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and isn't a socket", socket)
	}
	if conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"}); err == nil {
		conn.Close()
		return fmt.Errorf("another signer listens on %s", socket)
	}
	return os.Remove(socket)
}

// Harden protects the memory of this process from other processes and from
// core dumps.
func Harden() error {
	if err := hardened(); err != nil {
		return fmt.Errorf("signer: %w", err)
	}
	return nil
}
