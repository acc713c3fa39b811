// Package probetest runs mail servers for tests.
package probetest

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A Mail is a mail server that supports everything up to the sign-in. Its zero
// value, with TLS set, is a good IMAP server.
type Mail struct {
	TLS      *tls.Config // nil: it doesn't support TLS
	SMTP     bool
	STARTTLS bool // TLS begins by STARTTLS, not at once
	// Greeting replaces the usual one.
	Greeting string
	// Offers replaces the usual IMAP capabilities, or the usual lines after
	// EHLO, except STARTTLS.
	Offers string
	// After is sent right after the answer to STARTTLS.
	After string
	// Heard, if not nil, is called with each line from the client.
	Heard func(line string)
}

// Certificates returns a TLS configuration with the certificate of leaf,
// followed by the rest.
func Certificates(leaf signingtest.Pair, rest ...signingtest.Pair) *tls.Config {
	c := tls.Certificate{PrivateKey: leaf.Key, Certificate: [][]byte{leaf.Cert.Raw}}
	for _, r := range rest {
		c.Certificate = append(c.Certificate, r.Cert.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

// Listen serves with handle on a port of loopback until the test ends.
func Listen(t testing.TB, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{listener: listener, handle: handle, open: map[net.Conn]bool{}}
	s.all.Go(s.accept)
	t.Cleanup(s.stop)
	return listener.Addr().String()
}

// A server tracks its connections, to close them when the test ends.
type server struct {
	listener net.Listener
	handle   func(net.Conn)
	all      sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		s.all.Go(func() {
			s.handle(conn)
			conn.Close()
		})
	}
}

func (s *server) stop() {
	s.listener.Close()
	s.mu.Lock()
	for conn := range s.open {
		conn.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

// Serve talks to one client until it disconnects.
func (m Mail) Serve(conn net.Conn) {
	defer conn.Close()
	if m.TLS != nil && !m.STARTTLS {
		conn = tls.Server(conn, m.TLS)
	}
	if m.say(conn, m.greeting()) != nil {
		return
	}
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if m.Heard != nil {
			m.Heard(line)
		}
		if m.say(conn, m.answer(line)) != nil {
			return
		}
		if strings.HasSuffix(line, "STARTTLS") && m.STARTTLS {
			conn = tls.Server(conn, m.TLS)
			r = bufio.NewReader(conn)
			m.STARTTLS = false
		}
	}
}

func (m Mail) say(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

func (m Mail) greeting() string {
	switch {
	case m.Greeting != "":
		return m.Greeting + "\r\n"
	case m.SMTP:
		return "220-mail.example.com\r\n220 ESMTP ready\r\n"
	}
	return "* OK ready\r\n"
}

// answer returns the server's response to a line.
func (m Mail) answer(line string) string {
	tag, _, _ := strings.Cut(line, " ")
	switch {
	case strings.HasSuffix(line, "STARTTLS") && m.STARTTLS && m.SMTP:
		return "220 go on\r\n" + m.After
	case strings.HasSuffix(line, "STARTTLS") && m.STARTTLS:
		return tag + " OK go on\r\n" + m.After
	case tag == "EHLO":
		return m.extensions()
	case strings.HasSuffix(line, " CAPABILITY"):
		return "* CAPABILITY " + m.capabilities() + "\r\n" + tag + " OK done\r\n"
	case line == "QUIT":
		return "221 bye\r\n"
	case m.SMTP:
		return "502 not known\r\n"
	case strings.HasSuffix(line, " LOGOUT"):
		return "* BYE\r\n" + tag + " OK bye\r\n"
	}
	return tag + " BAD not known\r\n"
}

func (m Mail) capabilities() string {
	words := "IMAP4rev1 LITERAL+ IDLE AUTH=PLAIN AUTH=LOGIN"
	if m.Offers != "" {
		words = m.Offers
	}
	if m.STARTTLS {
		words += " STARTTLS"
	}
	return words
}

func (m Mail) extensions() string {
	lines := []string{"PIPELINING", "SIZE 10240000", "AUTH PLAIN LOGIN"}
	if m.Offers != "" {
		lines = strings.Split(m.Offers, "\n")
	}
	if m.STARTTLS {
		lines = append(lines, "STARTTLS")
	}
	return "250-mail.example.com\r\n250-" + strings.Join(lines, "\r\n250-") + "\r\n250 HELP\r\n"
}
