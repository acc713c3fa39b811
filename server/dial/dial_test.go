package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/dial/dialtest"
)

// forbidden are addresses that nothing may connect to: the first, the last and
// a well-known one of each range, in several spellings.
const forbidden = `
0.0.0.0 0.0.0.1 0.255.255.255
10.0.0.0 10.0.0.1 10.255.255.255
100.64.0.0 100.100.100.200 100.127.255.255
127.0.0.0 127.0.0.1 127.0.0.53 127.255.255.255
168.63.129.16
169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255
172.16.0.0 172.17.0.1 172.31.255.255
192.0.0.0 192.0.0.8 192.0.0.170 192.0.0.192 192.0.0.255
192.0.2.0 192.0.2.255
192.88.99.0 192.88.99.1 192.88.99.255
192.168.0.0 192.168.1.1 192.168.255.255
198.18.0.0 198.19.255.255
198.51.100.0 198.51.100.255
203.0.113.0 203.0.113.255
224.0.0.0 224.0.0.1 239.255.255.250 239.255.255.255
240.0.0.0 250.1.2.3 255.255.255.254 255.255.255.255
:: ::1 0:0:0:0:0:0:0:1 0000:0000:0000:0000:0000:0000:0000:0001 ::2
::127.0.0.1 ::7f00:1 ::10.0.0.1 ::8.8.8.8 ::ffff
::ffff:127.0.0.1 ::ffff:7f00:1 ::FFFF:7F00:0001 0:0:0:0:0:ffff:127.0.0.1
::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::ffff:0.0.0.0 ::ffff:192.168.0.1 ::ffff:100.100.100.200
::ffff:0:127.0.0.1 ::ffff:0:7f00:1
64:ff9b:: 64:ff9b::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::169.254.169.254 64:ff9b::8.8.8.8 64:ff9b::ffff:ffff
64:ff9b:1:: 64:ff9b:1::127.0.0.1 64:ff9b:1:ffff:ffff:ffff:ffff:ffff
100:: 100::1 100::ffff:ffff:ffff:ffff 100:0:0:1::1
200::1 1000::1 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
2001:: 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1
2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff
2001:db8:: 2001:db8::1 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
2002:: 2002:7f00:1:: 2002:7f00:0001::1 2002:a00:1:: 2002:a9fe:a9fe:: 2002:808:808::1 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff
3fff:: 3fff::1 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff
4000:: 5f00::1 6000::1 8000::1 c000::1 e000::1 f000::1
fc00:: fc00::1 fd00::1 fd00:ec2::254 fd12:3456:789a::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
fe00::1 fe80:: fe80::1 fe80::1%lo fe80::1%1 fe80::a9fe:a9fe febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff
fec0:: fec0::1 feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
ff00:: ff01::1 ff02::1 ff02::1%lo ff05::2 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff`

// allowed are public addresses, many of them right beside a forbidden range.
const allowed = `
1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0
192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0
203.0.112.255 203.0.114.0 223.255.255.255 ::ffff:8.8.8.8
2000:: 2001:200:: 2001:4860:4860::8888 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9:: 2001:ffff::1
2003:: 2606:4700:4700::1111 2a00:1450:4001::1 3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3fff:1000::`

func TestRanges(t *testing.T) {
	d := New(Config{})
	no, yes := strings.Fields(forbidden), strings.Fields(allowed)
	for _, s := range no {
		if d.permits(netip.AddrPortFrom(netip.MustParseAddr(s), 443)) {
			t.Errorf("%s is permitted", s)
		}
	}
	for _, s := range yes {
		if !d.permits(netip.AddrPortFrom(netip.MustParseAddr(s), 443)) {
			t.Errorf("%s is not permitted", s)
		}
	}
	if len(no)+len(yes) < 120 {
		t.Errorf("%d addresses", len(no)+len(yes))
	}
	t.Logf("%d forbidden, %d allowed", len(no), len(yes))
}

func TestAllow(t *testing.T) {
	d := New(Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32"), netip.MustParsePrefix("fe80::/10"), {}}, Ports: []int{465, 993}})
	for text, want := range map[string]bool{
		"10.1.2.3:993": true, "[::ffff:10.1.2.3]:993": true, "[fd00:1::5]:465": true, "[fe80::1%eth0]:465": true, "8.8.8.8:993": true,
		"10.2.0.1:993": false, "127.0.0.1:993": false, "[fd00:2::5]:465": false, "[::10.1.2.3]:993": false,
		"10.1.2.3:22": false, "8.8.8.8:25": false, "8.8.8.8:0": false,
	} {
		if got := d.permits(netip.MustParseAddrPort(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if New(Config{}).permits(netip.MustParseAddrPort("8.8.8.8:0")) {
		t.Error("port 0 is permitted")
	}
	if New(Config{Ports: []int{}}).permits(netip.MustParseAddrPort("8.8.8.8:443")) {
		t.Error("an empty list of ports permits one")
	}
}

// A trap is a listener that no one should reach.
type trap struct {
	net.Listener
	port  string
	taken atomic.Int32
}

func listen(t *testing.T, address string) *trap {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine cannot listen there: %v", err)
	}
	x := &trap{Listener: l, port: strconv.Itoa(l.Addr().(*net.TCPAddr).Port)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			x.taken.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return x
}

// patience is the timeout if none is expected.
const patience = 5 * time.Minute

// TestSpellings dials loopback under every name that some resolver accepts for
// it, with a resolver that accepts every name for it.
func TestSpellings(t *testing.T) {
	x := listen(t, "127.0.0.1:0")
	ports := []string{x.port}
	if six, err := net.Listen("tcp", "[::1]:0"); err == nil {
		six.Close()
		ports = append(ports, listen(t, "[::1]:0").port)
	}
	d := New(Config{Timeout: patience, Resolver: dialtest.Resolver(t, func(dialtest.Question) dialtest.Answer {
		return dialtest.Addrs("127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::")
	})})
	hosts := []string{
		"", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "0", "0.0.0.0",
		"0x7f000001", "0x7f.0.0.1", "0x7f.1", "2130706433", "017700000001", "0177.0.0.1", "0177.0.0.01", "127.0.0.1.nip.io", "localtest.me",
		"127。0。0。1", "ⓛocalhost", "１２７.0.0.1", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]",
		"[::127.0.0.1]", "[::1%lo]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "good@127.0.0.1", "mail.example.com", "%31%32%37.0.0.1",
	}
	for _, port := range ports {
		for _, host := range hosts {
			for _, network := range []string{"tcp", "tcp4", "tcp6"} {
				if c, err := d.DialContext(t.Context(), network, host+":"+port); err == nil {
					c.Close()
					t.Errorf("%s %q: connected", network, host)
				}
			}
		}
	}
	if n := x.taken.Load(); n != 0 {
		t.Errorf("%d connections reached the listener", n)
	}
}

// TestForbidden expects the same error for everything that isn't allowed.
func TestForbidden(t *testing.T) {
	x := listen(t, "127.0.0.1:0")
	d := New(Config{Timeout: patience, Resolver: dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
		switch q.Name {
		case "alias.example.com":
			return dialtest.Answer{Alias: "metadata.internal", Addrs: dialtest.Addrs("127.0.0.1").Addrs}
		case "mapped.example.com":
			return dialtest.Addrs("::ffff:127.0.0.1")
		}
		return dialtest.Answer{}
	})})
	for _, tt := range []struct{ network, address string }{
		{"tcp", "alias.example.com:" + x.port},
		{"tcp", "mapped.example.com:" + x.port},
		{"tcp", "127.0.0.1:" + x.port},
		{"tcp", "127.0.0.1:0"},
		{"udp", "8.8.8.8:53"},
		{"udp", "127.0.0.1:53"},
		{"ip4:icmp", "127.0.0.1"},
		{"unix", t.TempDir() + "/socket"},
	} {
		c, err := d.DialContext(t.Context(), tt.network, tt.address)
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("%s %s: %v", tt.network, tt.address, err)
		}
	}
	if n := x.taken.Load(); n != 0 {
		t.Errorf("%d connections reached the listener", n)
	}
}

// TestRebinding answers with an allowed address first and then always with
// loopback, and with both at once.
func TestRebinding(t *testing.T) {
	inside := listen(t, "127.0.0.1:0")
	outside := listen(t, "127.0.0.2:"+inside.port) // stands for a public one
	var asked int
	d := New(Config{
		Timeout: patience,
		Allow:   []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32"), netip.MustParsePrefix("127.0.0.3/32")},
		Resolver: dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
			switch {
			case q.IPv6:
				return dialtest.Answer{}
			case q.Name == "both.example.com":
				return dialtest.Addrs("127.0.0.3", "127.0.0.1") // nobody listens on the first
			}
			asked++
			if asked == 1 {
				return dialtest.Addrs("127.0.0.2")
			}
			return dialtest.Addrs("127.0.0.1")
		}),
	})
	c, err := d.DialContext(t.Context(), "tcp", "rebind.example.com:"+inside.port)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	for range 3 {
		if _, err := d.DialContext(t.Context(), "tcp", "rebind.example.com:"+inside.port); !errors.Is(err, ErrForbidden) {
			t.Errorf("after the answer changed: %v", err)
		}
	}
	if _, err := d.DialContext(t.Context(), "tcp", "both.example.com:"+inside.port); err == nil {
		t.Error("connected to the second address")
	}
	if inside.taken.Load() != 0 || outside.taken.Load() > 1 {
		t.Errorf("%d connections inside, %d outside", inside.taken.Load(), outside.taken.Load())
	}
}

// TestClient checks that neither a proxy nor a redirect nor HTTP/2 is used.
func TestClient(t *testing.T) {
	proxy := listen(t, "127.0.0.1:0")
	elsewhere := listen(t, "127.0.0.1:0")
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:"+proxy.port)
	}
	server := listenHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:"+elsewhere.port+"/", http.StatusFound)
	})
	resolver := dialtest.Resolver(t, func(dialtest.Question) dialtest.Answer { return dialtest.Addrs("127.0.0.1") })
	open := New(Config{Timeout: patience, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Resolver: resolver})
	res, err := open.Client().Get("http://hook.example.com:" + server)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusFound || res.ProtoMajor != 1 {
		t.Errorf("status %d by HTTP/%d", res.StatusCode, res.ProtoMajor)
	}
	if _, err := New(Config{Timeout: patience, Resolver: resolver}).Client().Get("http://hook.example.com:" + server); !errors.Is(err, ErrForbidden) {
		t.Errorf("loopback: %v", err)
	}
	if proxy.taken.Load() != 0 || elsewhere.taken.Load() != 0 {
		t.Errorf("%d connections to the proxy, %d along the redirect", proxy.taken.Load(), elsewhere.taken.Load())
	}
	if tr := open.Transport(); tr.Proxy != nil || tr.Protocols.HTTP2() || tr.MaxResponseHeaderBytes == 0 {
		t.Error("proxy, HTTP/2 or boundless headers")
	}
}

// TestClientBounds ends answers that are too large or too slow.
func TestClientBounds(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	patient, hasty := New(Config{Allow: allow, Timeout: patience}), New(Config{Allow: allow, Timeout: 300 * time.Millisecond})
	large := listenHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) })
	slow := listenHTTP(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	stuck := listenHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for _, tt := range []struct {
		name, port string
		dialer     *Dialer
		timeout    bool
	}{
		{"large headers", large, patient, false},
		{"no answer", slow, hasty, true},
		{"an answer without end", stuck, hasty, true},
	} {
		res, err := tt.dialer.Client().Get("http://127.0.0.1:" + tt.port)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if timeout, ok := errors.AsType[net.Error](err); err == nil || (ok && timeout.Timeout()) != tt.timeout {
			t.Errorf("%s: %v, want a timeout: %v", tt.name, err, tt.timeout)
		}
	}
}

func listenHTTP(t *testing.T, handle http.HandlerFunc) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handle}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(l)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// TestTimeout checks the timeout of a dial whose names are never answered.
func TestTimeout(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	silent := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-end // whatever the resolver's own timeout
		return nil, io.EOF
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	_, err := New(Config{Resolver: silent, Timeout: 200 * time.Millisecond}).DialContext(ctx, "tcp", "mail.example.com:993")
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() || ctx.Err() != nil {
		t.Errorf("%v, want a timeout", err)
	}
}
