package dialtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// Ports for Free. They are below those that systems give to connections and to
// listeners without a port.
const firstPort, ports = 10_000, 22_000

// The ports of a process follow each other from a random one.
var (
	random = rand.IntN(ports)
	given  atomic.Uint32
)

// Free returns a loopback address on which nothing listens, for a program that
// starts later or more than once. No address comes twice in a process, and
// hardly one to two processes at a time.
func Free(t testing.TB) string {
	t.Helper()
	for range ports {
		port := firstPort + (random+int(given.Add(1)))%ports
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
