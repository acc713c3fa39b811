package probe_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/dial"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

const host = "mail.example.com"

// to is a dialer that always connects to one address.
type to string

func (d to) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, string(d))
}

// named sets the host name and a lifetime of 90 days in a certificate, and
// applies change.
func named(change func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.DNSNames = []string{host}
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
		if change != nil {
			change(c)
		}
	}
}

// A pki is a root, an intermediate authority, and its roots as a pool.
type pki struct {
	root, middle signingtest.Pair
	pool         *x509.CertPool
}

func newPKI(t *testing.T) pki {
	root := signingtest.Root(t, "p256")
	p := pki{root, root.Intermediate(t, "p256"), x509.NewCertPool()}
	p.pool.AddCert(root.Cert)
	return p
}

// leaf returns a configuration with a new certificate and the whole chain.
func (p pki) leaf(t *testing.T, kind string, change func(*x509.Certificate)) *tls.Config {
	return probetest.Certificates(p.middle.Leaf(t, kind, named(change)), p.middle)
}

func fetchable(c *x509.Certificate) {
	c.IssuingCertificateURL = []string{"http://ca.example.com/middle.der"}
}

// with returns c after change.
func with(c *tls.Config, change func(*tls.Config)) *tls.Config {
	c = c.Clone()
	change(c)
	return c
}

func TestCheck(t *testing.T) {
	p := newPKI(t)
	good := p.leaf(t, "p256", nil)
	lifetime := func(from, until time.Duration) *tls.Config {
		return p.leaf(t, "p256", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until) })
	}
	self := signingtest.Pair{}
	stranger := signingtest.Root(t, "p256")
	const day = 24 * time.Hour
	tests := []struct {
		name string
		mail probetest.Mail
		want probe.State
	}{
		{"imap", probetest.Mail{TLS: good}, probe.Good},
		{"imap starttls", probetest.Mail{TLS: good, STARTTLS: true}, probe.Good},
		{"smtp", probetest.Mail{TLS: good, SMTP: true}, probe.Good},
		{"smtp starttls", probetest.Mail{TLS: good, SMTP: true, STARTTLS: true}, probe.Good},
		{"rsa", probetest.Mail{TLS: p.leaf(t, "rsa-2048", nil)}, probe.Good},
		{"root of the chain sent too", probetest.Mail{TLS: probetest.Certificates(p.middle.Leaf(t, "p256", named(nil)), p.middle, p.root)}, probe.Good},
		{"greeting in lower case", probetest.Mail{TLS: good, Greeting: "* ok hello"}, probe.Good},
		{"signed in already", probetest.Mail{TLS: good, Greeting: "* PREAUTH hello"}, probe.Good},
		{"old form of AUTH", probetest.Mail{TLS: good, SMTP: true, Offers: "AUTH=LOGIN"}, probe.Good},
		{"AUTH twice", probetest.Mail{TLS: good, SMTP: true, Offers: "AUTH PLAIN\nAUTH GSSAPI"}, probe.Good},
		{"LOGIN off, PLAIN on", probetest.Mail{TLS: good, Offers: "IMAP4rev1 LOGINDISABLED AUTH=PLAIN"}, probe.Good},
		{"LOGIN alone", probetest.Mail{TLS: good, Offers: "IMAP4rev1"}, probe.Good},

		{"expires in 13 days", probetest.Mail{TLS: lifetime(-77*day, 13*day)}, probe.ExpiresSoon},
		{"expires in 15 days", probetest.Mail{TLS: lifetime(-75*day, 15*day)}, probe.Good},
		{"six days in all, five left", probetest.Mail{TLS: lifetime(-day, 5*day)}, probe.Good},
		{"six days in all, one left", probetest.Mail{TLS: lifetime(-5*day, day)}, probe.ExpiresSoon},
		{"expires soon, no password", probetest.Mail{TLS: lifetime(-77*day, 13*day), Offers: "LOGINDISABLED"}, probe.NoPasswordSignIn},

		{"expired", probetest.Mail{TLS: lifetime(-2*day, -day)}, probe.CertificateExpired},
		{"expired starttls", probetest.Mail{TLS: lifetime(-2*day, -day), SMTP: true, STARTTLS: true}, probe.CertificateExpired},
		{"intermediate expired", probetest.Mail{TLS: expiredMiddle(t, p)}, probe.CertificateExpired},
		{"not yet valid", probetest.Mail{TLS: lifetime(day, 2*day)}, probe.CertificateNotYetValid},
		{"wrong name", probetest.Mail{TLS: p.leaf(t, "p256", func(c *x509.Certificate) { c.DNSNames = []string{"other.example.com"} })}, probe.CertificateWrongName},
		{"name in the subject alone", probetest.Mail{TLS: p.leaf(t, "p256", func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, host })}, probe.CertificateWrongName},
		{"self-signed", probetest.Mail{TLS: probetest.Certificates(self.Leaf(t, "p256", named(nil)))}, probe.CertificateUntrusted},
		{"self-signed, fetchable", probetest.Mail{TLS: probetest.Certificates(self.Leaf(t, "p256", named(fetchable)))}, probe.CertificateUntrusted},
		{"self-signed, wrong name", probetest.Mail{TLS: probetest.Certificates(self.Leaf(t, "p256", nil))}, probe.CertificateUntrusted},
		{"unknown authority", probetest.Mail{TLS: probetest.Certificates(stranger.Leaf(t, "p256", named(fetchable)), stranger)}, probe.CertificateUntrusted},
		{"intermediate missing", probetest.Mail{TLS: probetest.Certificates(p.middle.Leaf(t, "p256", named(fetchable)))}, probe.CertificateIncomplete},
		{"another one instead", probetest.Mail{TLS: probetest.Certificates(p.middle.Leaf(t, "p256", named(fetchable)), stranger)}, probe.CertificateIncomplete},
		{"not known to be missing", probetest.Mail{TLS: probetest.Certificates(p.middle.Leaf(t, "p256", named(nil)))}, probe.CertificateUntrusted},
		{"short key", probetest.Mail{TLS: p.leaf(t, "rsa-1024", nil)}, probe.CertificateUnsuitable},
		{"for clients", probetest.Mail{TLS: p.leaf(t, "p256", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })}, probe.CertificateUnsuitable},

		{"TLS 1.2", probetest.Mail{TLS: with(good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })}, probe.Good},
		{"TLS 1.1", probetest.Mail{TLS: with(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })}, probe.TLSOld},
		{"TLS 1.0 starttls", probetest.Mail{SMTP: true, STARTTLS: true, TLS: with(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 })}, probe.TLSOld},
		{"3DES", probetest.Mail{TLS: with(p.leaf(t, "rsa-2048", nil), func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}
		})}, probe.TLSOld},
		{"plain RSA", probetest.Mail{TLS: with(p.leaf(t, "rsa-2048", nil), func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		})}, probe.Good},

		{"no sign-in", probetest.Mail{TLS: good, SMTP: true, Offers: "PIPELINING"}, probe.NoPasswordSignIn},
		{"no password", probetest.Mail{TLS: good, SMTP: true, Offers: "AUTH GSSAPI CRAM-MD5"}, probe.NoPasswordSignIn},
		{"PLAIN in another line", probetest.Mail{TLS: good, SMTP: true, Offers: "AUTH GSSAPI\nX PLAIN"}, probe.NoPasswordSignIn},
		{"LOGIN off", probetest.Mail{TLS: good, Offers: "IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"}, probe.NoPasswordSignIn},
		{"turned away", probetest.Mail{TLS: good, SMTP: true, Greeting: "554 no"}, probe.Broken},
		{"turned away by IMAP", probetest.Mail{TLS: good, Greeting: "* BYE busy"}, probe.Broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, kind := profile.Server{Host: host, Port: 993, STARTTLS: tt.mail.STARTTLS}, probe.Incoming
			if tt.mail.SMTP {
				kind = probe.Outgoing
			}
			heard := &heard{}
			tt.mail.Heard = heard.add
			r := probe.New(to(probetest.Listen(t, tt.mail.Serve)), p.pool, nil).Check(t.Context(), kind, s)
			if r.State != tt.want || r.Server != s || r.Kind != kind {
				t.Errorf("%+v, want %s", r, tt.want)
			}
			if r.TLSVersion == "" || !r.NotAfter.Equal(leafOf(t, tt.mail.TLS).NotAfter) {
				t.Errorf("%q, certificate until %v", r.TLSVersion, r.NotAfter)
			}
			heard.check(t)
		})
	}
}

func expiredMiddle(t *testing.T, p pki) *tls.Config {
	middle := p.root.Leaf(t, "p256", func(c *x509.Certificate) {
		signingtest.Expired(c)
		c.Subject, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = pkix.Name{CommonName: "Old"}, true, true, x509.KeyUsageCertSign
	})
	return probetest.Certificates(middle.Leaf(t, "p256", named(nil)), middle)
}

func leafOf(t *testing.T, c *tls.Config) *x509.Certificate {
	leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// heard records what a server received.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) add(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
}

// check checks that the client sent only these lines, so no credentials.
func (h *heard) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, line := range h.lines {
		switch line {
		case "C CAPABILITY", "S STARTTLS", "Q LOGOUT", "EHLO [127.0.0.1]", "STARTTLS", "QUIT":
		default:
			t.Errorf("the server heard %q", line)
		}
	}
}

// says returns a server that says one thing and then listens.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		fmt.Fprint(c, text)
		drain(c)
	}
}

// script returns a server that greets, and answers each line with the next.
func script(greeting string, answers ...string) func(net.Conn) {
	return func(c net.Conn) {
		fmt.Fprint(c, greeting+"\r\n")
		r := bufio.NewReader(c)
		for _, answer := range answers {
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
			fmt.Fprint(c, answer+"\r\n")
		}
	}
}

func drain(c net.Conn) {
	buffer := make([]byte, 4096)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

// over returns a server that speaks like that inside TLS.
func over(config *tls.Config, handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) { handle(tls.Server(c, config)) }
}

func TestCheckRefuses(t *testing.T) {
	p := newPKI(t)
	good := p.leaf(t, "p256", nil)
	later := func(c net.Conn) {
		m := probetest.Mail{TLS: good, STARTTLS: true}
		m.Heard = func(line string) {
			if line == "S STARTTLS" {
				fmt.Fprint(c, "S OK go on\r\n")
				_, _ = c.Read(make([]byte, 1)) // TLS has begun
				fmt.Fprint(c, "* OK injected\r\n")
				drain(c)
			}
		}
		m.Serve(c)
	}
	tests := []struct {
		name     string
		kind     probe.Kind
		starttls bool
		handle   func(net.Conn)
		want     probe.State
	}{
		{"IMAP without TLS", probe.Incoming, false, probetest.Mail{}.Serve, probe.NoTLS},
		{"STARTTLS where TLS should be", probe.Outgoing, false, probetest.Mail{TLS: good, SMTP: true, STARTTLS: true}.Serve, probe.NoTLS},
		{"HTTP", probe.Incoming, false, says("HTTP/1.1 400 Bad Request\r\n\r\n"), probe.NoTLS},
		{"HTTP inside TLS", probe.Incoming, false, over(good, says("HTTP/1.1 400 Bad Request\r\n\r\n")), probe.NotMail},
		{"POP inside TLS", probe.Incoming, false, over(good, says("+OK\r\n")), probe.NotMail},
		{"SMTP for IMAP", probe.Incoming, false, over(good, says("220 hello\r\n")), probe.NotMail},
		{"IMAP for SMTP", probe.Outgoing, false, over(good, says("* OK hello\r\n")), probe.NotMail},
		{"SSH", probe.Outgoing, true, says("SSH-2.0-OpenSSH_9.9\r\n"), probe.NotMail},
		{"IMAP knows no STARTTLS", probe.Incoming, true, probetest.Mail{}.Serve, probe.StartTLSMissing},
		{"SMTP knows no STARTTLS", probe.Outgoing, true, probetest.Mail{SMTP: true}.Serve, probe.StartTLSMissing},
		{"IMAP refuses STARTTLS", probe.Incoming, true, probetest.Mail{Offers: "STARTTLS"}.Serve, probe.StartTLSMissing},
		{"SMTP refuses STARTTLS", probe.Outgoing, true, probetest.Mail{SMTP: true, Offers: "STARTTLS"}.Serve, probe.StartTLSMissing},
		{"IMAP injection", probe.Incoming, true, probetest.Mail{TLS: good, STARTTLS: true, After: "* OK injected\r\n"}.Serve, probe.StartTLSInjected},
		{"SMTP injection", probe.Outgoing, true, probetest.Mail{TLS: good, SMTP: true, STARTTLS: true, After: "250 AUTH PLAIN\r\n"}.Serve, probe.StartTLSInjected},
		{"injection afterwards", probe.Incoming, true, later, probe.StartTLSInjected},
		{"STARTTLS that was not offered", probe.Incoming, true, script("* OK hello", "* CAPABILITY IMAP4rev1\r\nC OK done", "S OK go on"), probe.StartTLSMissing},
		{"EHLO refused", probe.Outgoing, true, script("220 FTP server", "500 what"), probe.Broken},
		{"closes", probe.Incoming, false, func(net.Conn) {}, probe.Broken},
		{"closes after the greeting", probe.Outgoing, true, func(c net.Conn) { fmt.Fprint(c, "220 hello\r\n") }, probe.Broken},
		{"alert", probe.Incoming, false, says("\x15\x03\x03\x00\x02\x02\x28"), probe.Broken},
		{"wants a certificate", probe.Incoming, false, probetest.Mail{TLS: with(good, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })}.Serve, probe.Broken},
		{"codes that differ", probe.Outgoing, false, over(good, says("220-a\r\n250 b\r\n")), probe.NotMail},
		{"untagged nonsense", probe.Incoming, false, over(good, says("* OK hello\r\nnonsense here\r\n")), probe.Broken},
		{"refused capability", probe.Incoming, false, over(good, says("* OK hello\r\nC BAD no\r\n")), probe.Broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := profile.Server{Host: host, Port: 143, STARTTLS: tt.starttls}
			r := probe.New(to(probetest.Listen(t, tt.handle)), p.pool, nil).Check(t.Context(), tt.kind, s)
			if r.State != tt.want {
				t.Errorf("%+v, want %s", r, tt.want)
			}
		})
	}
}

// TestUnreached checks the reported reason for a missing connection.
func TestUnreached(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	loopback := dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
		if q.Name != host {
			return dialtest.Answer{}
		}
		return dialtest.Addrs("127.0.0.1")
	})
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, tt := range []struct {
		ctx    context.Context
		config dial.Config
		host   string
		want   probe.State
	}{
		{t.Context(), dial.Config{Resolver: loopback}, host, probe.Forbidden},
		{t.Context(), dial.Config{Resolver: loopback, Allow: allow}, host, probe.Refused},
		{t.Context(), dial.Config{Resolver: loopback}, "nowhere.example.com", probe.Unresolved},
		{t.Context(), dial.Config{Resolver: dialtest.Nothing()}, host, probe.Unresolved},
		{past, dial.Config{Allow: allow}, "127.0.0.1", probe.Timeout},
	} {
		r := probe.New(dial.New(tt.config), nil, nil).Check(tt.ctx, probe.Incoming, profile.Server{Host: tt.host, Port: port})
		if r.State != tt.want || r.TLSVersion != "" || !r.NotAfter.IsZero() {
			t.Errorf("%+v, want %s", r, tt.want)
		}
	}
}

// TestNothingOfThePeer checks that no text from a server, from its certificate
// or from errors about them is reported.
func TestNothingOfThePeer(t *testing.T) {
	const canary = "CANARY\x1b[31m"
	var logged bytes.Buffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(&logged)
	p := newPKI(t)
	good := p.leaf(t, "p256", nil)
	dirty := probetest.Certificates(signingtest.Pair{}.Leaf(t, "p256", func(c *x509.Certificate) {
		c.Subject, c.DNSNames = pkix.Name{CommonName: canary}, []string{"canary.example.com"}
	}))
	for _, handle := range []func(net.Conn){
		probetest.Mail{TLS: good, Greeting: "* OK " + canary, Offers: canary}.Serve,
		probetest.Mail{TLS: good, Greeting: "* " + canary}.Serve,
		probetest.Mail{TLS: good, Offers: "LOGINDISABLED\r\n" + canary}.Serve,
		probetest.Mail{TLS: dirty}.Serve,
		says(canary),
	} {
		r := probe.New(to(probetest.Listen(t, handle)), p.pool, nil).Check(t.Context(), probe.Incoming, profile.Server{Host: host, Port: 993})
		out := fmt.Sprintf("%+v %#v %s %s", r, r, r.State.Detail(), r.State.Severity()) + logged.String()
		if strings.Contains(strings.ToUpper(out), "CANARY") || strings.Contains(out, "\x1b") {
			t.Errorf("%s", out)
		}
	}
}

// TestMeanings checks that every state says what is wrong and what to do.
func TestMeanings(t *testing.T) {
	seen := map[probe.State]bool{}
	for _, m := range probe.Meanings() {
		if seen[m.State] || m.State == "" || m.Text == "" || (m.Do == "") != (m.State == probe.Good) {
			t.Errorf("%+v", m)
		}
		seen[m.State] = true
		if m.State.Severity() != m.Severity || !strings.HasPrefix(m.State.Detail(), m.Text) || !strings.HasSuffix(m.State.Detail(), m.Do) {
			t.Errorf("%s: %s %q", m.State, m.State.Severity(), m.State.Detail())
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d states", len(seen))
	}
}
