package probe_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"io"
	"math/big"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
)

// A pipe dials a server at the other end of a pipe, and counts the bytes read
// from it.
type pipe struct {
	serve func(net.Conn)
	read  atomic.Int64
}

func (p *pipe) DialContext(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		p.serve(server)
	}()
	closed := make(chan struct{})
	c := counted{client, p, make(chan []byte, 64), closed, sync.OnceFunc(func() { close(closed) })}
	go c.send()
	return c, nil
}

// counted is the client's end. It buffers what it writes, as a network does.
type counted struct {
	net.Conn
	pipe   *pipe
	out    chan []byte
	closed chan struct{}
	end    func() // closes closed; a connection may be closed twice at once
}

func (c counted) Write(p []byte) (int, error) {
	c.out <- bytes.Clone(p)
	return len(p), nil
}

func (c counted) send() {
	for {
		select {
		case p := <-c.out:
			c.Conn.Write(p)
		case <-c.closed:
			return
		}
	}
}

func (c counted) Close() error {
	c.end()
	return c.Conn.Close()
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.pipe.read.Add(int64(n))
	return n, err
}

// endless writes the text until nobody reads any more.
func endless(first, text string) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, first)
		for err == nil {
			_, err = io.WriteString(c, text)
		}
	}
}

// dripping writes a byte of the text each second.
func dripping(text string) func(net.Conn) {
	return func(c net.Conn) {
		for {
			for i := range len(text) {
				if _, err := io.WriteString(c, text[i:i+1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}
	}
}

// longKey is an RSA key of 16384 bits, which is slow to compute with.
type longKey struct{}

func (longKey) Public() crypto.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 16383), big.NewInt(1)), E: 65537}
}

func (longKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 2048), nil
}

// TestHostile limits what malicious servers can do: the duration of a check,
// the bytes read, and the memory used.
func TestHostile(t *testing.T) {
	p := newPKI(t)
	now := time.Now()
	good := with(p.leaf(t, "p256", nil), func(c *tls.Config) { c.SessionTicketsDisabled = true }) // a pipe doesn't buffer
	long := with(good, func(c *tls.Config) {
		c.Certificates = slices.Clone(c.Certificates)
		for range 200 {
			c.Certificates[0].Certificate = append(c.Certificates[0].Certificate, p.middle.Cert.Raw)
		}
	})
	heavy := with(probetest.Certificates(p.middle.LeafFor(t, longKey{}, named(nil)), p.middle), func(c *tls.Config) { c.SessionTicketsDisabled = true })
	answering := func(answer string) func(net.Conn) {
		return func(c net.Conn) {
			fmt.Fprint(c, "220 hello\r\n")
			c.Read(make([]byte, 100))
			endless("", answer)(c)
		}
	}
	line := strings.Repeat("x", 64<<10)
	tests := []struct {
		name     string
		kind     probe.Kind
		starttls bool
		serve    func(net.Conn)
		want     probe.State
	}{
		{"endless banner", probe.Outgoing, true, endless("", "220-hello\r\n"), probe.Broken},
		{"endless banner inside TLS", probe.Outgoing, false, over(good, endless("", "220-hello\r\n")), probe.Broken},
		{"endless offers", probe.Outgoing, true, answering("250-X\r\n"), probe.Broken},
		{"endless capabilities", probe.Incoming, false, over(good, endless("* OK\r\n", "* CAPABILITY A B C D E F G\r\n")), probe.Broken},
		{"short lines without end", probe.Incoming, false, over(good, endless("* OK\r\n", "* A\n")), probe.Broken},
		{"line of any length", probe.Incoming, true, endless("* OK ", line), probe.Broken},
		{"line of any length inside TLS", probe.Incoming, false, over(good, endless("* OK ", line)), probe.Broken},
		{"noise where TLS should be", probe.Incoming, false, endless("", line), probe.NoTLS},
		{"records without end", probe.Incoming, false, endless("", "\x16\x03\x03\x40\x00"+line[:16<<10]), probe.Broken},
		{"empty records", probe.Incoming, false, endless("", "\x16\x03\x03\x00\x00"), probe.Broken},
		{"alerts", probe.Incoming, false, endless("", "\x15\x03\x03\x00\x02\x01\x00"), probe.Broken},
		{"200 certificates", probe.Incoming, false, probetest.Mail{TLS: long}.Serve, probe.Good},
		{"RSA of 16384 bits", probe.Incoming, false, probetest.Mail{TLS: heavy}.Serve, probe.Broken},
		{"a byte each second", probe.Incoming, true, dripping("* OK hello hello hello\r\n"), probe.Timeout},
		{"a byte each second inside TLS", probe.Outgoing, false, over(good, dripping("220-hello\r\n")), probe.Timeout},
		{"TLS by a byte each second", probe.Incoming, false, dripping("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"), probe.Timeout},
		{"silent", probe.Incoming, false, drain, probe.Timeout},
		{"silent without TLS", probe.Outgoing, true, drain, probe.Timeout},
		{"silent inside TLS", probe.Outgoing, false, over(good, drain), probe.Timeout},
		{"hears nothing", probe.Incoming, false, func(c net.Conn) { time.Sleep(time.Hour) }, probe.Timeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var before, after runtime.MemStats
				deadline, dialer := time.Now().Add(probe.Deadline), &pipe{serve: tt.serve} // by the clock of synctest
				runtime.ReadMemStats(&before)
				r := probe.New(dialer, p.pool, func() time.Time { return now }).Check(t.Context(), tt.kind, profile.Server{Host: host, Port: 993, STARTTLS: tt.starttls})
				runtime.ReadMemStats(&after)
				memory := after.TotalAlloc - before.TotalAlloc
				if r.State != tt.want {
					t.Errorf("%s, want %s", r.State, tt.want)
				}
				if time.Now().After(deadline) || dialer.read.Load() > 256<<10 || memory > 8<<20 {
					t.Errorf("it ended at %v, the deadline was %v; %d bytes read, %d bytes of memory in all", time.Now(), deadline, dialer.read.Load(), memory)
				}
				time.Sleep(2 * time.Hour) // until the server has ended too
				t.Logf("%s, %d bytes read, %d KiB allocated", r.State, dialer.read.Load(), memory>>10)
			})
		})
	}
}
