//go:build !race

package notify_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// special are the IPv4 networks that aren't part of the public Internet, with
// an interesting address in each.
var special = map[string]string{
	"0.0.0.0/8": "0.0.0.0", "10.0.0.0/8": "10.0.0.1", "100.64.0.0/10": "100.100.100.200", "127.0.0.0/8": "127.0.0.1",
	"168.63.129.16/32": "168.63.129.16", "169.254.0.0/16": "169.254.169.254", "172.16.0.0/12": "172.17.0.1", "192.0.0.0/24": "192.0.0.192",
	"192.0.2.0/24": "192.0.2.1", "192.88.99.0/24": "192.88.99.1", "192.168.0.0/16": "192.168.1.1", "198.18.0.0/15": "198.18.0.1",
	"198.51.100.0/24": "198.51.100.1", "203.0.113.0/24": "203.0.113.1", "224.0.0.0/4": "224.0.0.1", "240.0.0.0/4": "255.255.255.255",
}

// special6 are addresses of IPv6 that aren't part of the public Internet and
// contain no IPv4 address.
const special6 = `:: ::1 0:0:0:0:0:0:0:1 0000:0000:0000:0000:0000:0000:0000:0001 ::2 100::1 200::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
2001:2::1 2001:10::1 2001:20::1 2001:db8::1 3fff::1 4000::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 ff05::2 ff0e::1`

// spellings are ways to write an IPv4 address that some resolver accepts.
func spellings(a netip.Addr) []string {
	b := a.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	hi, lo := n>>16, n&0xffff
	return []string{
		a.String(), a.String() + ".",
		fmt.Sprint(n), fmt.Sprintf("0%o", n), fmt.Sprintf("0x%x", n), fmt.Sprintf("0X%08X", n),
		fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]), fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%d.%d", b[0], n&0xffffff), fmt.Sprintf("%d.%d.%d", b[0], b[1], lo), fmt.Sprintf("%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3]),
		"[::ffff:" + a.String() + "]", fmt.Sprintf("[::ffff:%x:%x]", hi, lo), fmt.Sprintf("[0:0:0:0:0:FFFF:%04X:%04X]", hi, lo),
		fmt.Sprintf("[::%x:%x]", hi, lo), "[::ffff:0:" + a.String() + "]",
		"[64:ff9b::" + a.String() + "]", fmt.Sprintf("[64:ff9b:1::%x:%x]", hi, lo), fmt.Sprintf("[2002:%x:%x::]", hi, lo),
		fmt.Sprintf("[2001::%x:%x]", hi^0xffff, lo^0xffff), strings.ReplaceAll(a.String(), ".", "-") + ".sslip.example",
	}
}

// tricks are authorities and more that make some parsers see another host than
// the one that is called. %s is the port.
var tricks = []string{
	"localhost:%s", "LOCALHOST:%s", "localhost.:%s", "localhost.localdomain:%s", "ip6-localhost:%s", "127.1:%s", "127.0.1:%s", "0:%s", "0x7f.1:%s",
	"0177.1:%s", "0x7f000001.:%s", "127.0.0.1.nip.example:%s", "localtest.example:%s", "[::1%%25lo]:%s", "[::1%%25eth0]:%s", "[::1%%lo]:%s",
	"example.com@127.0.0.1:%s", "example.com:443@127.0.0.1:%s", "@127.0.0.1:%s", ":@127.0.0.1:%s", "a:b@c@127.0.0.1:%s", "127.0.0.1:%s@127.0.0.2",
	"example.com\\@127.0.0.1:%s", "127.0.0.1\\.example.com:%s", "127.0.0.1:%s#@example.com", "example.com#@127.0.0.1:%s", "127.0.0.1:%s?@example.com",
	"127。0。0。1:%s", "127．0．0．1:%s", "１２７.0.0.1:%s", "①②⑦.⓪.⓪.①:%s", "ⓛocalhost:%s", "ⓁⓄⒸⒶⓁⒽⓄⓈⓉ:%s", "loc\u00adalhost:%s", "localhost\u200b:%s", "𝟏𝟐𝟕.𝟎.𝟎.𝟏:%s",
	"%%E2%%91%%A0%%E2%%91%%A1%%E2%%91%%A6.0.0.1:%s", "127%%E3%%80%%82" + "0.0.1:%s", "%%31%%32%%37.0.0.1:%s", "%%6c%%6f%%63alhost:%s", "127.0.0.1%%00.example.com:%s",
	"127.0.0.1%%20:%s", "127.0.0.1%%0d%%0a:%s", "127.0.0.1\t:%s", " 127.0.0.1:%s", "127.0.0.1\n:%s", "127.0.0.1 :%s", "[127.0.0.1]:%s", "[::1]@[::1]:%s", "[::1].example.com:%s",
	"[[::1]]:%s", "::1:%s", "127.0.0.1:%s:443", "127.0.0.1:0%s", "127.0.0.1:+%s", "127.0.0.1:%s/../..//", "127.0.0.1:%s/;@example.com", "127.0.0.1:%s\x00", "xn--localhost-.example:%s",
}

// whole are URLs with another scheme or form.
var whole = []string{
	"http://127.0.0.1:%s", "HTTPS://127.0.0.1:%s", "hTTps://127.1:%s", "https:127.0.0.1:%s", "https:/127.0.0.1:%s", "https:///127.0.0.1:%s", "https:\\\\127.0.0.1:%s", "//127.0.0.1:%s",
	"file://127.0.0.1:%s/etc/passwd", "gopher://127.0.0.1:%s/_x", "ftp://127.0.0.1:%s", "ldap://127.0.0.1:%s", "unix:///tmp/s:%s", "dict://127.0.0.1:%s", "javascript://127.0.0.1:%s",
	"data:text/plain,%s", "https+unix://127.0.0.1:%s", "ws://127.0.0.1:%s", "\thttps://127.0.0.1:%s", "https://https://127.0.0.1:%s", "127.0.0.1:%s",
}

// insides returns URLs that the service must not connect to, each once, all
// with the port.
func insides(port string) []string {
	var all []string
	add := func(host string) { all = append(all, "https://"+host+":"+port+"/hook") }
	for network, famous := range special {
		p := netip.MustParsePrefix(network)
		add(last(p).String())
		add(p.Addr().Next().String())
		for _, host := range spellings(netip.MustParseAddr(famous)) {
			add(host)
		}
	}
	for host := range strings.FieldsSeq(special6) {
		add("[" + host + "]")
	}
	for _, name := range names {
		add(name)
	}
	for _, trick := range tricks {
		all = append(all, "https://"+fmt.Sprintf(trick, port))
	}
	for _, address := range whole {
		all = append(all, fmt.Sprintf(address, port))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// last is the last address of a network of IPv4.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// names are the answers of a resolver that lies.
var names = []string{
	"private.example", "mapped.example", "alias.example", "six.example", "mixed.example", "mixed6.example", "metadata.example", "zero.example", "nat64.example", "sixtofour.example",
	"nobody.example", "silent.example",
}

// lies answers for names, and resolves any other name to loopback.
func lies(q dialtest.Question) dialtest.Answer {
	switch q.Name {
	case "nobody.example":
		return dialtest.Answer{}
	case "silent.example":
		return dialtest.Answer{Fails: true}
	case "private.example":
		return dialtest.Addrs("10.0.0.1", "192.168.0.1", "fd00::1")
	case "mapped.example":
		return dialtest.Addrs("::ffff:127.0.0.1", "::ffff:169.254.169.254")
	case "alias.example":
		return dialtest.Answer{Alias: "metadata.internal", Addrs: dialtest.Addrs("169.254.169.254").Addrs}
	case "six.example":
		return dialtest.Addrs("::1")
	case "mixed.example": // nobody listens on the allowed addresses
		return dialtest.Addrs("127.0.0.9", "127.0.0.1", "127.0.0.2")
	case "mixed6.example":
		return dialtest.Addrs("127.0.0.9", "::1", "127.0.0.2")
	case "metadata.example":
		return dialtest.Addrs("169.254.169.254", "fd00:ec2::254")
	case "zero.example":
		return dialtest.Addrs("0.0.0.0", "::")
	case "nat64.example":
		return dialtest.Addrs("64:ff9b::7f00:1")
	case "sixtofour.example":
		return dialtest.Addrs("2002:7f00:1::")
	}
	return dialtest.Addrs("127.0.0.1", "127.0.0.2", "::1")
}

// closedPort returns a port on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// An outsider creates webhooks with private addresses.
type outsider struct {
	t     *testing.T
	fresh func() servertest.Client // with a new API key
}

// tried is the outcome of a webhook, as the API shows it.
type tried struct {
	status   int // 422, or 201
	delivery map[string]any
}

// try creates webhooks, as many at a time as an account can have, has each
// called, and returns the outcomes.
func (o outsider) try(urls []string) map[string]tried {
	o.t.Helper()
	out := map[string]tried{}
	for chunk := range slices.Chunk(urls, 20) {
		c := o.fresh()
		made := map[string]string{} // IDs by URL
		for _, url := range chunk {
			body, err := json.Marshal(map[string]any{"url": url, "events": []string{"key.revoked"}})
			if err != nil {
				o.t.Fatal(err)
			}
			a := c.Do(http.MethodPost, "/webhooks", string(body))
			out[url] = tried{status: a.Status}
			if a.Status != http.StatusCreated {
				continue
			}
			var h servertest.Hook
			servertest.Decode(o.t, a, &h)
			made[url] = h.ID
			c.Want(o.t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
		}
		for url, id := range made {
			out[url] = tried{http.StatusCreated, o.ended(c, id)}
			c.Want(o.t, http.StatusNoContent, http.MethodDelete, "/webhooks/"+id, "")
		}
	}
	return out
}

// ended returns the only delivery of a webhook after its first attempt.
func (o outsider) ended(c servertest.Client, id string) map[string]any {
	o.t.Helper()
	var shown struct{ Deliveries []map[string]any }
	servertest.Eventually(o.t, "a try", func() bool {
		shown.Deliveries = nil
		servertest.Decode(o.t, c.Want(o.t, http.StatusOK, http.MethodGet, "/webhooks/"+id+"/deliveries?limit=500", ""), &shown)
		failure := shown.Deliveries[0]["reason"]
		return shown.Deliveries[0]["tries"] != 0.0 && failure != "interrupted"
	})
	return shown.Deliveries[0]
}

func newOutsider(t *testing.T, database string, change func(*server.Config)) outsider {
	s := servertest.Notifying(t, database, nil, change)
	keys := account.NewKeys(storetest.Open(t, store.Config{Database: database}), time.Now)
	return outsider{t, func() servertest.Client {
		spec := account.KeySpec{Account: account.Default, Name: "x", Scopes: []string{"webhooks:read", "webhooks:write"}}
		_, key, err := keys.Create(t.Context(), audit.ByOperator(), spec)
		if err != nil {
			t.Fatal(err)
		}
		return servertest.NewClient(s, key)
	}}
}

// TestWebhookPrivateAddresses creates webhooks with addresses that the service
// must not connect to. It checks that nothing is connected to, and that the
// results don't reveal whether something is there.
func TestWebhookPrivateAddresses(t *testing.T) {
	t.Parallel()
	x := servertest.NewTrap(t)
	o := newOutsider(t, storetest.SQLite(t), func(c *server.Config) {
		c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")} // stands for a public one
		c.HostResolver = dialtest.Resolver(t, lies)
	})
	open := insides(x.Port)
	if len(open) < 400 {
		t.Errorf("only %d addresses", len(open))
	}
	ended := o.try(open)
	count := map[string]int{}
	for url, e := range ended {
		failure, _ := e.delivery["reason"].(string)
		count[fmt.Sprint(e.status, failure)]++
		switch {
		case e.status == http.StatusUnprocessableEntity:
		case e.status == http.StatusCreated && (failure == "no_public_address" || failure == "unreachable") && e.delivery["status"] == nil:
		default:
			t.Errorf("%q: %d, %v", url, e.status, e.delivery)
		}
	}
	t.Logf("%d addresses: %v", len(open), count)

	some := []string{"https://127.0.0.1:%s", "https://127.0.0.2:%s", "https://[::1]:%s", "https://[::ffff:127.0.0.1]:%s", "https://0.0.0.0:%s", "https://localhost:%s",
		"https://any.example:%s", "https://six.example:%s", "https://zero.example:%s", "https://mixed.example:%s", "https://mixed6.example:%s", "https://2130706433:%s"}
	wantNoOracle(t, o, some, x.Port, closedPort(t))
	wantNoLookup(t, o, x.Port)
	if n := x.Taken.Load(); n > 0 {
		t.Errorf("%d connections", n)
	}
}

// wantNoLookup checks that names of private addresses, names that don't exist
// and names that fail to resolve look the same.
func wantNoLookup(t *testing.T, o outsider, port string) {
	t.Helper()
	var urls []string
	for _, name := range []string{"nobody.example", "silent.example", "private.example", "alias.example", "six.example"} {
		urls = append(urls, "https://"+name+":"+port+"/hook")
	}
	ended := o.try(urls)
	for _, url := range urls {
		e := ended[url]
		for _, own := range []string{"id", "message", "created_at", "tried_at", "tries"} {
			delete(e.delivery, own)
		}
		if want := fmt.Sprint(ended[urls[0]]); fmt.Sprint(e) != want || e.delivery["reason"] != "no_public_address" {
			t.Errorf("%s shows %v, a name that doesn't exist %s", url, e, want)
		}
	}
}

// wantNoOracle checks that an open and a closed port look the same.
func wantNoOracle(t *testing.T, o outsider, addresses []string, open, closed string) {
	t.Helper()
	for _, a := range addresses {
		var one, other tried
		// Between the two looks the next attempt of one may begin, but not
		// each time.
		for range 5 {
			urls := []string{fmt.Sprintf(a, open), fmt.Sprintf(a, closed)}
			ended := o.try(urls)
			one, other = ended[urls[0]], ended[urls[1]]
			if fmt.Sprint(one.delivery["tries"]) == fmt.Sprint(other.delivery["tries"]) {
				break
			}
		}
		for _, e := range []tried{one, other} {
			if got := slices.Sorted(maps.Keys(e.delivery)); !slices.Equal(got, []string{"created_at", "event", "id", "message", "reason", "state", "tried_at", "tries"}) {
				t.Errorf("%s: fields %q", a, got)
			}
			for _, own := range []string{"id", "message", "created_at", "tried_at"} {
				delete(e.delivery, own)
			}
		}
		if fmt.Sprint(one) != fmt.Sprint(other) {
			t.Errorf("%s: an open port shows %v, a closed one %v", a, one, other)
		}
	}
}
