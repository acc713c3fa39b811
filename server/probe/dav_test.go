package probe_test

import (
	"net"
	"net/http"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
)

// one is a listener with a single connection.
type one struct {
	conn chan net.Conn
	net.Listener
}

func (l one) Accept() (net.Conn, error) {
	c, ok := <-l.conn
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (one) Close() error   { return nil }
func (one) Addr() net.Addr { return &net.TCPAddr{} }

// TestDAV checks real web servers with calendars and contacts.
func TestDAV(t *testing.T) {
	p := newPKI(t)
	good := p.leaf(t, "p256", nil)
	for _, tt := range []struct {
		name    string
		kind    probe.Kind
		port    int
		handler http.HandlerFunc
		want    probe.State
	}{
		{"sends on", probe.CalDAV, 443, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/dav/", http.StatusMovedPermanently)
		}, probe.Good},
		{"asks to sign in", probe.CardDAV, 8443, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, probe.Good},
		{"answers", probe.CalDAV, 443, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusMultiStatus) }, probe.Good},
		{"knows nothing", probe.CalDAV, 443, http.NotFound, probe.NotDAV},
		{"knows no PROPFIND", probe.CardDAV, 443, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }, probe.NotDAV},
		{"is broken", probe.CardDAV, 443, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) }, probe.Broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantHost := host
			if tt.port != 443 {
				wantHost += ":8443"
			}
			handler := func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "PROPFIND" || r.URL.Path != "/.well-known/"+string(tt.kind) || r.Host != wantHost || r.Header.Get("Authorization") != "" {
					t.Errorf("asked with %s %s %s", r.Method, r.Host, r.URL)
				}
				tt.handler(w, r)
			}
			serve := over(good, func(c net.Conn) {
				l := one{conn: make(chan net.Conn, 1)}
				l.conn <- c
				close(l.conn)
				answered := make(chan bool)
				server := http.Server{Handler: http.HandlerFunc(handler), ConnState: func(_ net.Conn, state http.ConnState) {
					if state == http.StateClosed {
						close(answered)
					}
				}}
				server.Serve(l)
				<-answered
			})
			s := profile.Server{Host: host, Port: tt.port}
			r := probe.New(to(probetest.Listen(t, serve)), p.pool, nil).Check(t.Context(), tt.kind, s)
			if r.State != tt.want || r.Kind != tt.kind || r.TLSVersion == "" {
				t.Errorf("%+v, want %s", r, tt.want)
			}
		})
	}
	for name, handle := range map[string]func(net.Conn){
		"IMAP":      probetest.Mail{TLS: good}.Serve,
		"no status": over(good, says("HTTP/1.1\r\n\r\n")),
	} {
		if r := probe.New(to(probetest.Listen(t, handle)), p.pool, nil).Check(t.Context(), probe.CalDAV, profile.Server{Host: host, Port: 443}); r.State != probe.NotDAV {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestTargets checks that calendars and contacts are included only if they are
// set.
func TestTargets(t *testing.T) {
	imap, smtp := profile.Server{Host: "imap.example.com", Port: 993}, profile.Server{Host: "smtp.example.com", Port: 465}
	dav := profile.DAVServer{Host: "dav.example.com", Port: 8443}
	if got := probe.Targets(imap, smtp, profile.DAVServer{}, profile.DAVServer{}); len(got) != 2 || got[0] != (probe.Target{Kind: probe.Incoming, Server: imap}) {
		t.Errorf("%+v", got)
	}
	got := probe.Targets(imap, smtp, dav, dav)
	if len(got) != 4 || got[2] != (probe.Target{Kind: probe.CalDAV, Server: profile.Server{Host: "dav.example.com", Port: 8443}}) || got[3].Kind != probe.CardDAV {
		t.Errorf("%+v", got)
	}
	checked, err := probe.NewChecker(probe.New(to("127.0.0.1:1"), nil, nil)).Check(t.Context(), "example.com", got)
	if err != nil || len(checked) != 4 || checked[3].Kind != probe.CardDAV || checked[3].State != probe.Refused {
		t.Errorf("%v %+v", err, checked)
	}
}
