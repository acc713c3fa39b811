package discovery_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/dial"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/discovery"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A world is what answers: fit servers as "kind host:port", and files by URL.
type world struct {
	fit   []string
	files map[string]string
	asked chan string // kinds and servers that were probed
}

func (w *world) Check(_ context.Context, kind probe.Kind, s profile.Server) probe.Result {
	w.asked <- string(kind) + " " + s.String()
	r := probe.Result{Kind: kind, Server: s, State: probe.Refused}
	if slices.Contains(w.fit, string(kind)+" "+s.String()) {
		r.State = probe.Good
	}
	return r
}

// RoundTrip serves the files.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	text, ok := w.files[r.URL.Scheme+"://"+r.URL.Host+r.URL.Path]
	if !ok {
		return nil, fmt.Errorf("nothing at %s", r.URL)
	}
	body := http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}
	if to, ok := strings.CutPrefix(text, "Location: "); ok {
		body.StatusCode = http.StatusFound
		body.Header.Set("Location", to)
		return &body, nil
	}
	body.Body = readCloser{strings.NewReader(text)}
	return &body, nil
}

func client(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: discovery.CheckRedirect}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

const file = `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="example.com">
<incomingServer type="pop3"><hostname>pop.example.com</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="imap"><hostname>plain.example.com</hostname><port>143</port><socketType>plain</socketType></incomingServer>
<incomingServer type="imap"><hostname>auto.example.com</hostname><port>993</port><socketType>SSL</socketType><username>%EMAILLOCALPART%</username></incomingServer>
<outgoingServer type="smtp"><hostname>auto.example.com</hostname><port>587</port><socketType>STARTTLS</socketType></outgoingServer>
</emailProvider></clientConfig>`

// TestFind prefers service records to autoconfig, that to the MX hosts, and
// these to common names; from each it uses what answers.
func TestFind(t *testing.T) {
	records := map[string]dialtest.Answer{
		"_imaps._tcp.example.com":       {Services: []net.SRV{{Target: "imap.example.com.", Port: 993}}},
		"_submissions._tcp.example.com": {Services: []net.SRV{{Target: "smtp.example.com.", Port: 465}}},
		"_caldavs._tcp.example.com":     {Services: []net.SRV{{Target: "dav.example.com.", Port: 443}}},
		"_imap._tcp.example.com":        {Services: []net.SRV{{Target: ".", Port: 0}}},
	}
	mx := map[string]dialtest.Answer{"example.com": {Exchanges: []net.MX{{Host: "mx1.provider.example.net.", Pref: 10}}}}
	auto := map[string]string{"https://autoconfig.example.com/mail/config-v1.1.xml": file}
	for _, tt := range []struct {
		name     string
		dns      map[string]dialtest.Answer
		files    map[string]string
		fit      []string
		want     []string // source, kind and server
		outcomes string
		local    bool
	}{
		{"service records", records, auto, []string{"imap imap.example.com:993", "smtp smtp.example.com:465", "caldav dav.example.com:443", "imap auto.example.com:993"},
			[]string{"srv imap imap.example.com:993", "srv smtp smtp.example.com:465", "srv caldav dav.example.com:443"}, "used unfit skipped skipped", false},
		{"autoconfig alone", nil, auto, []string{"imap auto.example.com:993", "smtp auto.example.com:587/starttls"},
			[]string{"autoconfig imap auto.example.com:993", "autoconfig smtp auto.example.com:587/starttls"}, "nothing used skipped skipped", true},
		{"autoconfig at the domain, by a redirect", nil, map[string]string{"https://example.com/.well-known/autoconfig/mail/config-v1.1.xml": "Location: https://www.example.com/c.xml", "https://www.example.com/c.xml": file},
			[]string{"imap auto.example.com:993", "smtp auto.example.com:587/starttls"}, []string{"autoconfig imap auto.example.com:993", "autoconfig smtp auto.example.com:587/starttls"}, "nothing used skipped skipped", true},
		{"a redirect without TLS", nil, map[string]string{"https://example.com/.well-known/autoconfig/mail/config-v1.1.xml": "Location: http://www.example.com/c.xml", "http://www.example.com/c.xml": file},
			[]string{"imap auto.example.com:993"}, nil, "nothing nothing nothing unfit", false},
		{"records that nothing answers behind", records, nil, []string{"imap mail.example.com:993", "smtp mail.example.com:465"},
			[]string{"names imap mail.example.com:993", "names smtp mail.example.com:465"}, "unfit nothing nothing used", false},
		{"a provider", mx, nil, []string{"imap imap.provider.example.net:993", "imap imap.example.net:993", "smtp smtp.example.net:465"},
			[]string{"mx imap imap.example.net:993", "mx smtp smtp.example.net:465"}, "nothing nothing used unfit", false},
		{"one kind from the records, the other by its name", map[string]dialtest.Answer{"_imaps._tcp.example.com": records["_imaps._tcp.example.com"]}, nil, []string{"imap imap.example.com:993", "smtp smtp.example.com:587/starttls"},
			[]string{"srv imap imap.example.com:993", "names smtp smtp.example.com:587/starttls"}, "used nothing nothing used", false},
		{"nothing", nil, map[string]string{"https://autoconfig.example.com/mail/config-v1.1.xml": "<html>no</html>"}, nil, nil, "nothing nothing nothing unfit", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{fit: tt.fit, files: tt.files, asked: make(chan string, 100)}
			dns := dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer { return tt.dns[q.Name] })
			found, err := discovery.New(dns, w, client(w)).Find(t.Context(), "example.com")
			if err != nil {
				t.Fatal(err)
			}
			var got, outcomes []string
			for _, s := range found.Servers {
				got = append(got, fmt.Sprint(s.Source, " ", s.Kind, " ", s.Server))
			}
			for _, l := range found.Looks {
				outcomes = append(outcomes, string(l.Outcome))
			}
			if !slices.Equal(got, tt.want) || strings.Join(outcomes, " ") != tt.outcomes || found.LocalPart != tt.local {
				t.Errorf("got %q, %q, %v", got, outcomes, found.LocalPart)
			}
			close(w.asked)
			seen := map[string]bool{}
			for server := range w.asked {
				if seen[server] || strings.Contains(server, "pop.") || strings.Contains(server, "plain.") {
					t.Errorf("probed %s, or twice", server)
				}
				seen[server] = true
			}
		})
	}
}

// TestFindBounded checks a few servers of a domain that names hundreds, and
// runs no more searches at once than allowed.
func TestFindBounded(t *testing.T) {
	var many []net.SRV
	for i := range 40 {
		many = append(many, net.SRV{Target: fmt.Sprintf("imap%d.example.com.", i), Port: 993})
	}
	w := &world{asked: make(chan string, 1000)}
	dns := dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
		if q.Name == "_imaps._tcp.example.com" {
			return dialtest.Answer{Services: many[:12]} // as many as fit a packet
		}
		return dialtest.Answer{}
	})
	if _, err := discovery.New(dns, w, client(w)).Find(t.Context(), "example.com"); err != nil {
		t.Fatal(err)
	}
	if n := len(w.asked); n > 12 {
		t.Errorf("%d servers were probed", n)
	}

	slow := &held{begun: make(chan string, 100), release: make(chan struct{})}
	f := discovery.New(dns, slow, client(w))
	done := make(chan error, 2)
	for _, domain := range []string{"example.com", "example.net"} {
		go func() { _, err := f.Find(t.Context(), domain); done <- err }()
		for !strings.HasSuffix(<-slow.begun, domain) {
		}
	}
	third := make(chan error, 1)
	go func() { _, err := f.Find(t.Context(), "example.org"); third <- err }()
	for refused := false; !refused; {
		select {
		case host := <-slow.begun:
			if strings.HasSuffix(host, "example.org") {
				close(slow.release)
				t.Fatal("a third search begins")
			}
		case err := <-third:
			if refused = true; !fault.Is(err, fault.Limited) || fault.Of(err).RetryAfter <= 0 {
				t.Errorf("a third search: %v", err)
			}
		}
	}
	close(slow.release)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// held is a prober that answers when it is released.
type held struct {
	begun   chan string // hosts
	release chan struct{}
}

func (h *held) Check(_ context.Context, kind probe.Kind, s profile.Server) probe.Result {
	select {
	case h.begun <- s.Host:
	default:
	}
	<-h.release
	return probe.Result{Kind: kind, Server: s, State: probe.Timeout}
}

// TestFindReal finds real servers in a real DNS, but not one with a certificate
// of another authority.
func TestFindReal(t *testing.T) {
	root, other := signingtest.Root(t, "p256"), signingtest.Root(t, "p256")
	listen := func(root signingtest.Pair, smtp bool) net.SRV {
		leaf := root.Leaf(t, "p256", func(c *x509.Certificate) { c.DNSNames = []string{"mail.example.com"} })
		_, port, _ := net.SplitHostPort(probetest.Listen(t, probetest.Mail{TLS: probetest.Certificates(leaf), SMTP: smtp}.Serve))
		n, _ := strconv.Atoi(port)
		return net.SRV{Target: "mail.example.com.", Port: uint16(n)}
	}
	imap, smtp := listen(other, false), listen(root, true)
	good := listen(root, false)
	good.Priority = 20 // the resolver sorts
	dns := dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
		switch q.Name {
		case "_imaps._tcp.example.com":
			return dialtest.Answer{Services: []net.SRV{imap, good}}
		case "_submissions._tcp.example.com":
			return dialtest.Answer{Services: []net.SRV{smtp}}
		case "mail.example.com":
			return dialtest.Addrs("127.0.0.1")
		}
		return dialtest.Answer{}
	})
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	dialer := dial.New(dial.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Resolver: dns})
	found, err := discovery.New(dns, probe.New(dialer, roots, time.Now), client(dialer.Transport())).Find(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	in, ok := found.Of(probe.Incoming)
	out, ok2 := found.Of(probe.Outgoing)
	if !ok || !ok2 || in.Server.Port != int(good.Port) || out.Server.Port != int(smtp.Port) || in.NotAfter.IsZero() {
		t.Errorf("%+v", found)
	}
}
