// Package notifytest receives emails in tests.
package notifytest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A Mail is an email as it was received.
type Mail struct {
	From string
	To   []string
	Data string
}

// A Server receives emails over TLS. It implements as much of SMTP as a client
// needs.
type Server struct {
	Address profile.Server
	Roots   *x509.CertPool
	// Answer, if not nil, returns the reply to the end of an email.
	Answer func(n int) string

	tls      *tls.Config
	starttls bool
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex
	mails []Mail
	conns int
}

// New starts a server on 127.0.0.1 that stops when the test ends. With
// starttls, TLS begins by STARTTLS.
func New(t testing.TB, starttls bool) *Server {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Address: profile.Server{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, STARTTLS: starttls},
		Roots:   x509.NewCertPool(), starttls: starttls, listener: listener,
		tls: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Cert.Raw}, PrivateKey: leaf.Key}}},
	}
	s.Roots.AddCert(root.Cert)
	s.wg.Go(s.accept)
	t.Cleanup(func() {
		listener.Close()
		s.wg.Wait()
	})
	return s
}

// guard ends a test that hangs.
const guard = 2 * time.Minute

// Mails returns the emails received so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Wait returns the emails when there are n, or fails the test.
func (s *Server) Wait(t testing.TB, n int) []Mail {
	t.Helper()
	for end := time.Now().Add(guard); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if all := s.Mails(); len(all) >= n {
			return all
		}
	}
	t.Fatalf("%d emails arrived, want %d", len(s.Mails()), n)
	return nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() { s.serve(conn) })
	}
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(guard))
	secure := !s.starttls
	if secure {
		conn = tls.Server(conn, s.tls)
	}
	var m Mail
	r := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 mail.example.org ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch verb := strings.ToUpper(line); {
		case strings.HasPrefix(verb, "EHLO") && secure:
			say("250-mail.example.org\r\n250-SMTPUTF8\r\n250 8BITMIME")
		case strings.HasPrefix(verb, "EHLO"):
			say("250-mail.example.org\r\n250 STARTTLS")
		case verb == "STARTTLS" && !secure:
			say("220 go on")
			conn, secure = tls.Server(conn, s.tls), true
			r = bufio.NewReader(conn)
		case !secure:
			say("530 TLS first")
		case strings.HasPrefix(verb, "MAIL FROM:"):
			m = Mail{From: line[10:]}
			say("250 ok")
		case strings.HasPrefix(verb, "RCPT TO:"):
			m.To = append(m.To, line[8:])
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			if m.Data, err = data(r); err != nil {
				return
			}
			say(s.take(m))
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func data(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return b.String(), err
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// take stores an email, unless the answer refuses it.
func (s *Server) take(m Mail) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	if s.Answer != nil {
		if answer := s.Answer(s.conns); !strings.HasPrefix(answer, "250") {
			return answer
		}
	}
	s.mails = append(s.mails, m)
	return "250 taken"
}
