package dialtest

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// Ports for Free. They are below those that systems give to connections and to
// listeners without a port.
const (
	firstPort, ports = 10_000, 22_000
	portsEach        = 64 // of a process
)

var freed atomic.Uint32

// Free returns a loopback address on which nothing listens, for a program that
// starts later or more than once. Tests that run at once get different ones, in
// other processes too.
func Free(t testing.TB) string {
	t.Helper()
	for range ports {
		n := os.Getpid()*portsEach + int(freed.Add(1)-1)
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", firstPort+n%ports))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
