package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
)

func TestCheckExitCodes(t *testing.T) {
	mail := probetest.Start(t)
	check := func(more ...string) []string { return append([]string{"check", "--roots", mail["MAIL_ROOT"]}, more...) }
	for _, tt := range []struct {
		args []string
		want int
	}{
		{check("imap.example.com:993", "--connect", mail["IMAP"]), exitGood},
		{check("smtp.example.com:587/starttls", "--connect", mail["SMTP"]), exitGood},
		{check("imap.example.com:1993", "--protocol", "imap", "--connect", mail["IMAP"]), exitGood},
		{[]string{"check", "imap.example.com:993", "--connect", mail["IMAP"]}, exitRefused},
		{check("imap.example.com:993", "--connect", mail["EXPIRED"]), exitRefused},
		{check("imap.example.com:1993", "--connect", mail["IMAP"]), exitUsage},
		{check("imap.example.com:993", "--protocol", "pop"), exitUsage},
		{check("imap.example.com:143"), exitUsage},
		{check("127.0.0.1:993"), exitUsage},
		{check("localhost"), exitUsage},
		{check("example.com", "--connect", mail["IMAP"]), exitUsage},
		{check("example.com", "--protocol", "imap"), exitUsage},
		{check("imap.example.com:993", "--roots", filepath.Join(t.TempDir(), "missing")), exitUsage},
		{[]string{"check"}, exitUsage},
	} {
		var out, err bytes.Buffer
		if got := run(tt.args, streams{&out, &err}); got != tt.want {
			t.Errorf("mobileconfig %s: exit %d, want %d\n%s%s", strings.Join(tt.args, " "), got, tt.want, out.String(), err.String())
		}
	}
}

// zone holds SRV records.
type zone map[string][]*net.SRV

func (z zone) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	records := z["_"+service+"._"+proto+"."+name]
	if records == nil {
		return "", nil, errors.New("no such name")
	}
	return "", records, nil
}

func TestNamed(t *testing.T) {
	srv := func(target string, port uint16) []*net.SRV { return []*net.SRV{{Target: target, Port: port}} }
	for name, tt := range map[string]struct {
		zone           zone
		incoming, outs []string
	}{
		"none": {},
		"both": {
			zone{"_imaps._tcp.example.com": srv("in.example.net.", 993), "_imap._tcp.example.com": srv("old.example.net.", 143), "_submissions._tcp.example.com": srv("out.example.net.", 465)},
			[]string{"in.example.net:993"}, []string{"out.example.net:465"},
		},
		"starttls only": {
			zone{"_imap._tcp.example.com": srv("in.example.net.", 143), "_submission._tcp.example.com": srv("out.example.net.", 587)},
			[]string{"in.example.net:143/starttls"}, []string{"out.example.net:587/starttls"},
		},
		"not offered": {
			zone{"_imaps._tcp.example.com": srv(".", 0), "_submissions._tcp.example.com": srv(".", 0)}, nil, nil,
		},
		"no implicit TLS": {
			zone{"_imaps._tcp.example.com": srv(".", 0), "_imap._tcp.example.com": srv("in.example.net.", 143)}, []string{"in.example.net:143/starttls"}, nil,
		},
		"hostile": {
			zone{"_imaps._tcp.example.com": srv("\x1b[31m.example.net.", 993), "_submissions._tcp.example.com": srv("127.0.0.1.", 465), "_submission._tcp.example.com": srv("out.example.net.", 25)}, nil, nil,
		},
		"many": {
			zone{"_imaps._tcp.example.com": slices.Repeat(srv("in.example.net.", 993), 50)}, slices.Repeat([]string{"in.example.net:993"}, maxServers), nil,
		},
	} {
		for kind, want := range map[probe.Kind][]string{probe.Incoming: tt.incoming, probe.Outgoing: tt.outs} {
			var got []string
			for _, s := range named(t.Context(), tt.zone, kind, "example.com") {
				got = append(got, s.String())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s %q, want %q", name, kind, got, want)
			}
		}
	}
}

// hosts is a dialer that only reaches these hosts.
type hosts map[string]string

func (h hosts) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to := h[address]
	if to == "" {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

func TestFirstReachable(t *testing.T) {
	there := probetest.Listen(t, probetest.Mail{}.Serve)
	for _, tt := range []struct {
		has  string
		kind probe.Kind
		want string
	}{
		{"imap.example.com:993", probe.Incoming, "imap.example.com:993 no_tls"},
		{"mail.example.com:993", probe.Incoming, "mail.example.com:993 no_tls"},
		{"mail.example.com:465", probe.Outgoing, "mail.example.com:465 no_tls"},
		{"example.com:465", probe.Outgoing, "example.com:465 no_tls"},
		{"else.example.com:465", probe.Outgoing, "smtp.example.com:465 unresolved"},
	} {
		r := firstReachable(t.Context(), probe.New(hosts{tt.has: there}, nil, nil), tt.kind, usual(tt.kind, "example.com"))
		if got := r.Server.String() + " " + string(r.State); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.has, got, tt.want)
		}
	}
}

func TestCheckJSON(t *testing.T) {
	mail := probetest.Start(t)
	var out, stderr bytes.Buffer
	run([]string{"check", "smtp.example.com:587/starttls", "--connect", mail["SMTP"], "--json"}, streams{&out, &stderr})
	var got struct{ Servers []checkedServer }
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || len(got.Servers) != 1 {
		t.Fatalf("%v %+v", err, got)
	}
	s := got.Servers[0]
	until := s.NotAfter
	s.NotAfter = nil
	if want := (checkedServer{"smtp", "smtp.example.com", 587, "STARTTLS", probe.CertificateUntrusted, probe.Error, probe.CertificateUntrusted.Detail(), "TLS 1.3", nil, ""}); s != want {
		t.Errorf("%+v", s)
	}
	if until == nil || until.Before(time.Now()) {
		t.Errorf("certificate until %v", until)
	}
}
