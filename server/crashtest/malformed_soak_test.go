//go:build soak

package crashtest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

// malformedGoal is the maximum time to refuse nonsense.
const malformedGoal = 250 * time.Millisecond

// A route is a route that receives nonsense. TOKEN and TICKET stand for those
// of a valid link.
type route struct {
	pattern string // as registered
	methods string // that it supports
	path    string
	// spoil creates a request that the route has to refuse: its method, path
	// and form. Without it every request is spoiled below the route.
	spoil func(r *rand.Rand) (method, path, kind, form string)
}

var routes = []route{
	{"/healthz", "GET HEAD", "/healthz", nil},
	{"/readyz", "GET HEAD", "/readyz", nil},
	{"/", "GET HEAD", "/", func(r *rand.Rand) (string, string, string, string) {
		return "GET", "/?" + pick(r, badQueries), "", ""
	}},
	{"/start", "POST", "/start", func(r *rand.Rand) (string, string, string, string) {
		return spoiledForm(r, "/start", "name=Jane&address=", badAddresses)
	}},
	{"/start/signed", "POST", "/start/signed", func(r *rand.Rand) (string, string, string, string) {
		return spoiledForm(r, "/start/signed", "jwt=", badTokens)
	}},
	{"/s/:token", "GET HEAD", "/s/TOKEN", func(r *rand.Rand) (string, string, string, string) {
		if r.IntN(2) == 0 {
			return "GET", "/s/TOKEN?" + pick(r, badQueries), "", ""
		}
		return "GET", "/s/" + nonsense(r), "", ""
	}},
	{"/s/:token/qr.svg", "GET HEAD", "/s/TOKEN/qr.svg", func(r *rand.Rand) (string, string, string, string) {
		return "GET", "/s/" + nonsense(r) + "/qr.svg", "", ""
	}},
	{"/s/:token/qr.png", "GET HEAD", "/s/TOKEN/qr.png", func(r *rand.Rand) (string, string, string, string) {
		return "GET", "/s/" + nonsense(r) + "/qr.png", "", ""
	}},
	{"/s/:token/profile", "POST", "/s/TOKEN/profile", func(r *rand.Rand) (string, string, string, string) {
		if r.IntN(4) == 0 {
			return "POST", "/s/" + nonsense(r) + "/profile", formKind, "variant=mail&platform=iphone"
		}
		return spoiledForm(r, "/s/TOKEN/profile", "platform=iphone&variant=", []string{"", "secure", "MAIL", "%00", "mail%20", "both"})
	}},
	{"/d/:ticket/:file", "GET HEAD", "/d/TICKET/mail-example.com.mobileconfig", func(r *rand.Rand) (string, string, string, string) {
		if r.IntN(2) == 0 {
			return "GET", "/d/TICKET/" + nonsense(r), "", ""
		}
		return "GET", "/d/" + nonsense(r) + "/mail-example.com.mobileconfig", "", ""
	}},
	{"/s/:token/sheet", "GET HEAD", "/s/TOKEN/sheet", func(r *rand.Rand) (string, string, string, string) {
		return "GET", "/s/" + nonsense(r) + "/sheet", "", ""
	}},
	{"/s/:token/thunderbird.svg", "GET HEAD", "/s/TOKEN/thunderbird.svg", func(r *rand.Rand) (string, string, string, string) {
		return "GET", "/s/" + nonsense(r) + "/thunderbird.svg", "", ""
	}},
	{"/qr.svg", "GET HEAD", "/qr.svg", nil},
	{"/.well-known/security.txt", "GET HEAD", "/.well-known/security.txt", nil},
	{"/robots.txt", "GET HEAD", "/robots.txt", nil},
	{"/.well-known/autoconfig/mail/config-v1.1.xml", "GET HEAD", "/.well-known/autoconfig/mail/config-v1.1.xml", spoiledAddress("/.well-known/autoconfig/mail/config-v1.1.xml")},
	{"/mail/config-v1.1.xml", "GET HEAD", "/mail/config-v1.1.xml", spoiledAddress("/mail/config-v1.1.xml")},
	{"/.well-known/user-agent-configuration.json", "GET HEAD", "/.well-known/user-agent-configuration.json", nil},
	{"/autodiscover/autodiscover.xml", "POST", "/autodiscover/autodiscover.xml", spoiledXML("/autodiscover/autodiscover.xml")},
	{"/static/:file", "GET HEAD", "/static/x.css", func(r *rand.Rand) (string, string, string, string) {
		return "GET", "/static/" + nonsense(r), "", ""
	}},
}

const formKind = "application/x-www-form-urlencoded"

var (
	badQueries   = []string{"lang=%zz", "address=%z", "lang=%ff", "password=x", "a;b", "Passwort=1", "lang=a&lang=b", "%", "lang=%f0%28%8c%28", "imap_password="}
	badAddresses = []string{"", "jane", "%40", "jane%40", "%40example.com", "jane%40example.com%00", "jane%40elsewhere.example", "a%40b%40example.com", "jane%40127.0.0.1", "jane%40%5B%3A%3A1%5D",
		"%3Cscript%3E%40example.com", "jane%40example.com%0D%0ABcc%3A+x", strings.Repeat("x", 300) + "%40example.com", "%E2%80%AEjane%40example.com", "jane%40exаmple.com"}
	badTokens = []string{"", ".", "..", "e30.e30.", "e30.e30.AAAA", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.e30.AAAA", "eyJhbGciOiJFZERTQSIsImtpZCI6InJka194In0.e30.AAAA",
		"eyJhbGciOiJFZERTQSJ9.bnVsbA.AAAA", "%00.%00.%00", "W10.W10.W10", strings.Repeat("e30.", 2000), strings.Repeat("A", 9000), "%FF%FE"}
)

// spoiledAddress is a mail program's request for an address that isn't hosted
// here.
func spoiledAddress(path string) func(r *rand.Rand) (string, string, string, string) {
	return func(r *rand.Rand) (string, string, string, string) {
		if r.IntN(4) == 0 {
			return "GET", path + "?emailaddress=jane%40example.com&" + pick(r, []string{"password=x", "%", "a;b", "emailaddress=x", "emailaddress=%ff"}), "", ""
		}
		return "GET", path + "?emailaddress=" + pick(r, badAddresses), "", ""
	}
}

// spoiledXML is an invalid Autodiscover request, or one for an address that
// isn't hosted here.
func spoiledXML(path string) func(r *rand.Rand) (string, string, string, string) {
	const before, after = "<Autodiscover><Request><EMailAddress>", "</EMailAddress></Request></Autodiscover>"
	whole := before + "jane@example.com" + after
	return func(r *rand.Rand) (string, string, string, string) {
		switch r.IntN(7) {
		case 0:
			return "POST", path, pick(r, []string{"", formKind, "text/html", "application/json", ";;", "text/xml; charset"}), whole
		case 1:
			return "POST", path, "text/xml", whole[:r.IntN(len(whole)-1)]
		case 2:
			return "POST", path, "text/xml", `<!DOCTYPE x [<!ENTITY a "` + strings.Repeat("x", r.IntN(4000)) + `"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>` + before + "&c;&b;" + after
		case 3:
			return "POST", path, "text/xml", strings.Repeat("<Autodiscover>", 1+r.IntN(500))
		case 4:
			return "POST", path, "text/xml", before + strings.Repeat("x", r.IntN(30<<10)) + after
		case 5:
			noise := make([]byte, 1+r.IntN(500))
			for i := range noise {
				noise[i] = byte(r.IntN(256))
			}
			return "POST", path, "application/xml", string(noise)
		}
		address := pick(r, []string{"jane", "@example.com", "jane@elsewhere.example", "a@b@example.com", "jane@127.0.0.1", "jane@[::1]", "\u202ejane@example.com", "jane@exаmple.com", "&lt;/string&gt;@example.com"})
		return "POST", path, "text/xml", before + address + after
	}
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// nonsense returns a path segment that is neither a token nor a file.
func nonsense(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(60) {
		switch r.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "%%%02x", r.IntN(256))
		case 1:
			b.WriteByte("abcdefghijklmnopqrstuvwxyz234567"[r.IntN(32)])
		default:
			b.WriteByte("ABCXYZ0189-._~!$&'()*+,;=:@"[r.IntN(27)])
		}
	}
	return "x" + b.String() // not "." or ".."
}

// spoiledForm returns a form that is invalid in one field, or as a whole.
func spoiledForm(r *rand.Rand, path, good string, values []string) (string, string, string, string) {
	form := good + pick(r, values)
	whole := good + "mail"
	if strings.HasSuffix(good, "address=") {
		whole = good + "jane%40example.com"
	}
	switch r.IntN(8) {
	case 0:
		return "POST", path, pick(r, []string{"", "text/plain", "application/json", "multipart/form-data", "x", "application/x-www-form-urlencoded; charset", ";;"}), whole
	case 1:
		return "POST", path, formKind, whole + "&" + pick(r, []string{"password=x", "more=x", "name=%zz", "=", "%00=1", "a;b"})
	case 2:
		return "POST", path, formKind, whole + "&" + whole
	case 3:
		return "POST", path, formKind, whole + strings.Repeat("x", 17<<10)
	case 4:
		return "POST", path, formKind, whole + "%ff"
	}
	return "POST", path, formKind, form
}

// spoiledBelow returns a request that is invalid HTTP, or has a method that the
// route doesn't support. It is complete: the server doesn't need to wait for
// anything.
func spoiledBelow(r *rand.Rand, way route) string {
	method, _, _ := strings.Cut(way.methods, " ")
	line, host := method+" "+way.path+" HTTP/1.1\r\n", "Host: setup.example.com\r\nConnection: close\r\n"
	other := []string{"PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "BREW", "get", "X"}
	if way.methods == "POST" {
		other = append(other, "GET", "HEAD")
	} else {
		other = append(other, "POST")
	}
	switch r.IntN(13) {
	case 0:
		return pick(r, other) + " " + way.path + " HTTP/1.1\r\n" + host + "\r\n"
	case 1:
		return line + pick(r, []string{"", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: a\x01\r\n", "Host: <x>\r\n"}) + "\r\n"
	case 2:
		return line + host + pick(r, []string{"no colon\r\n", "X A: b\r\n", "X-A : b\r\n", ": b\r\n", "X\x00: b\r\n", "X-A: b\x00\r\n", "X-A: b\x7f\r\n", "X-\xe4: b\r\n"}) + "\r\n"
	case 3:
		return line + host + "Content-Length: " + pick(r, []string{"-1", "x", "1, 2", "99999999999999999999", "+1", "0x10", "1\r\nContent-Length: 2"}) + "\r\n\r\n"
	case 4:
		return line + host + "X-Large: " + strings.Repeat("x", 40<<10+r.IntN(60<<10)) + "\r\n\r\n"
	case 5:
		return line + host + strings.Repeat("X-Many: y\r\n", 5000+r.IntN(5000)) + "\r\n"
	case 6:
		return pick(r, []string{method, method + " ", method + " " + way.path, method + "  " + way.path + " HTTP/1.1", "G@T " + way.path + " HTTP/1.1", way.path + " " + method + " HTTP/1.1",
			method + " " + way.path + " HTTP/x.y", method + " " + way.path + " HTTPS/1.1", method + " " + way.path + " x HTTP/1.1"}) + "\r\n" + host + "\r\n"
	case 7:
		return method + " " + way.path + pick(r, []string{"%", "%zz", "%1", "\x00", "\x7f", " x"}) + " HTTP/1.1\r\n" + host + "\r\n"
	case 8:
		return method + " " + pick(r, []string{"http://[::1", "http://a b/", "://", "http://%zz/", "x", "?", "http://a:b:c/"}) + " HTTP/1.1\r\n" + host + "\r\n"
	case 9:
		return line + host + pick(r, []string{"X-A: a\rb\r\n", "X-A: \x1b[2J\r\n", "X-A: a\x0bb\r\n"}) + "\r\n"
	case 10:
		return line + pick(r, []string{" folded: b\r\n", "\tfolded: b\r\n"}) + host + "\r\n"
	case 11:
		return method + " /" + strings.Repeat("x", 30<<10) + " HTTP/1.1\r\n" + host + "\r\n"
	}
	noise := make([]byte, 10+r.IntN(200))
	for i := range noise {
		noise[i] = byte(128 + r.IntN(128))
	}
	return string(noise) + "\r\n\r\n"
}

// bytesOf returns a request to the route that has to be refused.
func bytesOf(r *rand.Rand, way route) string {
	if way.spoil == nil || r.IntN(2) == 0 {
		return spoiledBelow(r, way)
	}
	method, path, kind, form := way.spoil(r)
	head := method + " " + path + " HTTP/1.1\r\nHost: setup.example.com\r\nConnection: close\r\n" +
		fmt.Sprintf("X-Forwarded-For: 10.%d.%d.%d\r\n", r.IntN(256), r.IntN(256), r.IntN(256)) // no network reaches its limit
	if kind != "" {
		head += "Content-Type: " + kind + "\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(form), form)
}

// send returns the status of the answer and the response time.
func send(addr, request string) (status int, took time.Duration, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(guard)); err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	if _, err := conn.Write([]byte(request)); err != nil {
		return 0, 0, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, 0, err
	}
	res.Body.Close()
	return res.StatusCode, time.Since(begun), nil
}

// TestSoakMalformedRequests sends nonsense to every route. Each answer is a
// 4xx, nothing is stored, and nothing breaks.
func TestSoakMalformedRequests(t *testing.T) {
	random := chance(t)
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data)
	visitor := person{url: p.url, client: plain(), random: random, journal: newJournal()}
	link, token := visitor.start()
	_, path := visitor.ask(link, token)
	ticket := strings.Split(path, "/")[2]
	each, statuses := soak.Count(100, 2500), map[int]int{}
	var slowest time.Duration
	var mu sync.Mutex
	var done sync.WaitGroup
	turns := make(chan bool, 2) // routes at once
	for _, way := range routes {
		seed := random.Uint64()
		done.Go(func() {
			turns <- true
			defer func() { <-turns }()
			r := rand.New(rand.NewPCG(seed, 0))
			for range each {
				request := strings.NewReplacer("TOKEN", token, "TICKET", ticket).Replace(bytesOf(r, way))
				status, took, err := send(strings.TrimPrefix(p.url, "http://"), request)
				mu.Lock()
				statuses[status]++
				slowest = max(slowest, took)
				mu.Unlock()
				if err != nil || status < 400 || status >= 500 {
					t.Errorf("%s: %d, %v for %.200q", way.pattern, status, err, request)
					return
				}
			}
		})
	}
	done.Wait()
	t.Logf("%d requests to each of %d routes: %v", each, len(routes), statuses)
	soak.Figure(t, "slowest refusal of nonsense", slowest, malformedGoal)
	if a := visitor.do("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("not ready after that: %d", a.status)
	}
	if strings.Contains(p.errors.String(), "panic") {
		t.Error("it panicked")
	}
	p.kill()
	wantKept(t, copied(t, data), visitor.journal)
	if c := read(t, copied(t, data)); len(c.links) != 1 || len(c.tickets) != 1 {
		t.Errorf("%d links and %d tickets were kept", len(c.links), len(c.tickets))
	}
}

// TestSoakUnknownProtocol checks the two answers above 499 that HTTP requires
// for nonsense: for an unknown version and for an unknown transfer coding.
func TestSoakUnknownProtocol(t *testing.T) {
	t.Parallel()
	p := start(t, filepath.Join(t.TempDir(), "data"))
	for request, want := range map[string]int{
		"GET / HTTP/9.9\r\nHost: x\r\n\r\n":                               http.StatusHTTPVersionNotSupported,
		"POST /start HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n": http.StatusNotImplemented,
	} {
		if status, _, err := send(strings.TrimPrefix(p.url, "http://"), request); err != nil || status != want {
			t.Errorf("%q: %d, %v", request, status, err)
		}
	}
}

// TestSoakRoutesAreAll checks that the list above has every route of the
// source.
func TestSoakRoutesAreAll(t *testing.T) {
	registered := regexp.MustCompile(`e\.(?:Match\(read, |GET\(|POST\(|PUT\(|PATCH\(|DELETE\()"([^"]+)"`)
	for _, file := range []string{"../routes.go", "../pages/pages.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range registered.FindAllStringSubmatch(string(source), -1) {
			if !slices.ContainsFunc(routes, func(r route) bool { return r.pattern == m[1] }) {
				t.Errorf("%s: nothing malformed is sent to %s", file, m[1])
			}
		}
	}
}
