package servertest

import (
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// A Trap counts the connections to a port on several loopback addresses.
type Trap struct {
	Port  string
	Taken atomic.Int32
}

// NewTrap starts a trap that ends with the test.
func NewTrap(t *testing.T) *Trap {
	t.Helper()
	x := &Trap{Port: "0"}
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, x.Port))
		if err != nil && host != "127.0.0.1" {
			t.Logf("nobody listens: %v", err) // the system has no such alias, or no IPv6
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		x.Port = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				x.Taken.Add(1)
				conn.Close()
			}
		}()
		t.Cleanup(func() {
			l.Close()
			<-done
		})
	}
	return x
}
