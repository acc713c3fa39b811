//go:build !race

package pages_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const formType = "application/x-www-form-urlencoded"

// An own is a domain that is set up, and the ways to write it. All others are
// foreign.
type own struct {
	name, ascii string
	spellings   []string
}

var owns = []own{
	{"example.com", "example.com", []string{"example.com", "EXAMPLE.COM", "Example.Com", "example.com \r\n"}},
	{"müller.example", "xn--mller-kva.example", []string{"müller.example", "MÜLLER.Example", "mu\u0308ller.example", "xn--mller-kva.example", "XN--MLLER-KVA.EXAMPLE", "müller.example\t"}},
}

// is reports whether the name is the domain after all.
func (o own) is(name string) bool {
	name = profile.Trim(name)
	return strings.EqualFold(name, o.name) || strings.EqualFold(name, o.ascii)
}

// eachOwn runs f with a server of each of the own domains on each kind of
// database.
func eachOwn(t *testing.T, f func(t *testing.T, s *servertest.Server, database string, o own)) {
	t.Helper()
	for _, o := range owns {
		storetest.EachDatabase(t, func(t *testing.T, database string) {
			clock := storetest.NewClock()
			f(t, servertest.New(t, database, func(c *server.Config) {
				c.First, c.Now, c.BaseURL = servertest.First(t, o.ascii), clock.Now, "https://setup.example.com"
			}), database, o)
		})
	}
}

// form returns a form with alternating names and values.
func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// asks returns the requests that can contain a foreign domain: those that are
// always sent, and one of the others, by turn.
func (o own) asks(domain, link string, turn int) []ask {
	address, known := "jane@"+domain, "jane@"+o.ascii
	others := []ask{
		{target: configFile + query(address)},
		{target: wellKnown + query(domain)},
		{target: wellKnown + "?emailaddress=" + address},
		{target: configFile, host: domain},
		{target: configFile, host: "autoconfig." + domain},
		{target: paccFile, host: "ua-auto-config." + domain},
		{method: "POST", target: autodiscover, kind: "text/xml", body: outlookAsks(address)},
		{method: "POST", target: autodiscover, kind: "text/xml", body: strings.Replace(outlookAsks("MARK"), "MARK", address, 1)},
		{target: autodiscoverJSON + "?Protocol=AutodiscoverV1&Email=" + url.QueryEscape(address)},
		{target: autodiscoverJSON + "/v1.0/" + address + "?Protocol=AutodiscoverV1"},
		{target: autodiscoverJSON + "?Email=" + known + "&Protocol=" + url.QueryEscape(domain)},
		{method: "POST", target: link + "/profile", kind: formType, body: form("variant", domain, "platform", "iphone", "agree", domain)},
		{method: "POST", target: link + "/profile", kind: formType, body: form("variant", "mail", "platform", domain)},
		{method: "POST", target: link + "/profile", kind: formType, body: form("variant", "mail", "platform", "iphone", "imap", domain)},
		{method: "POST", target: "/s/" + domain + "/profile", kind: formType, body: form("variant", "mail", "platform", "iphone")},
	}
	other := others[turn%len(others)]
	host, _, _ := strings.Cut(domain, ":") // a host's port is ignored
	raw, _ := url.QueryUnescape(domain)
	if o.is(host) || o.is(raw) {
		other = others[0]
	}
	return []ask{
		{method: "POST", target: "/start", kind: formType, body: form("address", address, "name", "Jane")},
		{target: "/?address=" + strings.ReplaceAll(url.QueryEscape(address), "+", "%20")},
		other,
	}
}

// answered are the distinct bodies of all responses, with their requests.
type answered struct {
	mu     sync.Mutex
	bodies map[string]ask
}

// addressBox is where the form shows the entered address again.
const addressBox = `name="address" value="`

// proposal is where the start page suggests an existing domain that is spelled
// almost like the entered one.
var proposal = regexp.MustCompile(`(?s)<form class="card" method="post" action="/start">\s*<p>Did you mean.*?</form>`)

// take checks the response for a foreign domain. The input may appear only in
// the field where it was entered.
func (d *answered) take(t *testing.T, a ask, typed string, w *httptest.ResponseRecorder) {
	filledIn := w.Code == http.StatusOK && strings.HasPrefix(a.target, "/?")
	if !filledIn && (w.Code < 400 || w.Code >= 500 || w.Code == http.StatusTooManyRequests) {
		t.Errorf("%q: %d %s", a, w.Code, w.Body)
	}
	body := proposal.ReplaceAllString(w.Body.String(), "")
	if before, rest, ok := strings.Cut(body, addressBox); ok {
		shown, after, _ := strings.Cut(rest, `"`)
		typed = strings.ReplaceAll(typed, "\x00", "\ufffd") // HTML has no NUL
		if text := html.UnescapeString(shown); text != "" && profile.Trim(text) != profile.Trim(typed) {
			t.Errorf("%q: shows %q", a, text)
		}
		body = before + after
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bodies[body] = a
}

var (
	hostLike = regexp.MustCompile(`(?i)[a-z0-9-]+(?:\.[a-z0-9-]+)+`)
	noHost   = regexp.MustCompile(`^[\d.]+$|^schemas\.microsoft\.com$`) // a version, a time, a namespace
)

// TestForeignDomains requests thousands of domains that aren't set up from the
// public routes. Most of them imitate the one that is. None may get settings,
// break anything, or change a response.
func TestForeignDomains(t *testing.T) { foreignDomains(t, 1500) }

// foreignDomains requests this many domains with each of the own domains.
func foreignDomains(t *testing.T, most int) {
	t.Helper()
	const seed = 1
	t.Logf("seed %d", seed)
	eachOwn(t, func(t *testing.T, s *servertest.Server, database string, o own) {
		all := foreign(o, rand.New(rand.NewPCG(seed, 0)), most)
		if strings.HasPrefix(database, "postgres") {
			all = all[:100] // the database always gets the same queries
		}
		link := s.Link("jane@" + o.ascii)
		var known []string // from a path that contains no domain
		for _, a := range []ask{
			{target: "/"}, {target: "/nowhere"}, {target: configFile}, {target: link}, {method: "POST", target: "/start", kind: formType, body: "address=jane"},
		} {
			known = append(known, hostLike.FindAllString(strings.ToLower(a.to(s).Body.String()), -1)...)
		}
		before, done := storetest.Fingerprint(t, database), answered{bodies: map[string]ask{}}
		var wg sync.WaitGroup
		const workers = 4
		for worker := range workers {
			wg.Go(func() {
				for i := worker; i < len(all); i += workers {
					for _, a := range o.asks(all[i], link, i) {
						a.from = fmt.Sprintf("10.%d.%d.1", i/250, i%250)
						done.take(t, a, "jane@"+all[i], a.to(s))
					}
				}
			})
		}
		wg.Wait()
		for body, a := range done.bodies {
			for _, host := range hostLike.FindAllString(strings.ToLower(body), -1) {
				if !slices.Contains(known, host) && !noHost.MatchString(host) {
					t.Errorf("%q: the answer has the host %q", a, host)
				}
			}
		}
		if n := len(done.bodies); n > 24 {
			t.Errorf("%d different answers", n)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("asking changed the database")
		}
	})
}

// settingsOf returns the value of each key of a profile, in order.
func settingsOf(t *testing.T, profile []byte) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	d := xml.NewDecoder(bytes.NewReader(profile))
	var name, key, text string
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v: %s", err, profile)
		}
		switch part := token.(type) {
		case xml.StartElement:
			name, text = part.Name.Local, ""
		case xml.CharData:
			text += string(part)
		case xml.EndElement:
			if part.Name.Local != name {
				continue
			}
			if name == "key" {
				key = text
				continue
			}
			all[key] = append(all[key], name+" "+text)
		}
	}
}

// TestOnlyTheDomainsServers sends everything that a visitor can enter for the
// own domain, in each spelling, with every way to name a host in a request.
// The result must be a refusal, or a profile with the same keys and the
// domain's servers.
func TestOnlyTheDomainsServers(t *testing.T) {
	eachOwn(t, func(t *testing.T, s *servertest.Server, database string, o own) {
		plain := settingsOf(t, s.Content(o.profile(t, s, "jane@"+o.ascii, "Jane", "192.0.2.1").Body.Bytes()))
		made, tries := 0, 0
		try := func(address, name string) (ok bool) {
			tries++
			file := o.profile(t, s, address, name, fmt.Sprintf("10.1.%d.%d", tries/250, tries%250))
			if file == nil {
				return false
			}
			made++
			got := settingsOf(t, s.Content(file.Body.Bytes()))
			for key, want := range map[string]string{"IncomingMailServerHostName": "imap." + o.ascii, "OutgoingMailServerHostName": "smtp." + o.ascii} {
				if !slices.Equal(got[key], []string{"string " + want}) {
					t.Errorf("%q, %q: %s is %q, want %q", address, name, key, got[key], want)
				}
			}
			if box := got["EmailAddress"]; len(box) != 1 || !strings.HasSuffix(box[0], "@"+o.ascii) || strings.Count(box[0], "@") != 1 {
				t.Errorf("%q, %q: the mailbox is %q", address, name, box)
			}
			if name = profile.Plain(name); name == "" {
				got["EmailAccountName"] = nil // has no name
			}
			if keys, want := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(plain)); !slices.Equal(keys, want) {
				t.Errorf("%q, %q: keys %q, want %q", address, name, keys, want)
			}
			return true
		}
		for i, spelling := range o.spellings {
			if !try(fmt.Sprintf("j%d@%s", i, spelling), "Jane") {
				t.Errorf("%q is refused", spelling)
			}
		}
		for i, more := range slices.Concat(unseen, injected) {
			spelling, box := o.spellings[i%len(o.spellings)], fmt.Sprintf("jane%d", i)
			for _, local := range []string{more, box + more, more + box, "ja" + more + box, box + "@evil.test" + more} {
				try(local+"@"+spelling, "Jane")
			}
			try(box+"@"+spelling, "Jane"+more+"Doe")
			try(box+"@"+spelling, more)
		}
		if made < 50 || made > tries-50 {
			t.Errorf("%d profiles of %d tries", made, tries)
		}
	})
}

// profile does what a visitor from a network does, with foreign hosts wherever
// a request can name one, and returns the profile, or nil if it gets none.
func (o own) profile(t *testing.T, s *servertest.Server, address, name, from string) *httptest.ResponseRecorder {
	t.Helper()
	step := func(method, target, body string) *httptest.ResponseRecorder {
		w := ask{method: method, target: target, host: "imap.evil.test", from: from, kind: formType, body: body}.to(s)
		if w.Code >= 500 || w.Code == http.StatusTooManyRequests {
			t.Errorf("%q, %q: %d %s", address, name, w.Code, w.Body)
		}
		return w
	}
	start := step("POST", "/start", form("address", address, "name", name))
	if start.Code != http.StatusSeeOther {
		return nil
	}
	link := start.Header().Get("Location")
	ticket := step("POST", link+"/profile", form("variant", "mail", "platform", "iphone")).Header().Get("Location")
	file := step("GET", ticket, "")
	if !strings.HasPrefix(link, "/s/") || !strings.HasPrefix(ticket, "/d/") || file.Code != http.StatusOK {
		t.Fatalf("%q, %q: to %q, to %q, %d", address, name, link, ticket, file.Code)
	}
	return file
}

// TestMailboxesLookAlike compares a mailbox that has had a link with another
// name and a download to one that nobody knows.
func TestMailboxesLookAlike(t *testing.T) {
	eachOwn(t, func(t *testing.T, s *servertest.Server, database string, o own) {
		known, unknown := "jane@"+o.ascii, "jack@"+o.ascii
		if o.profile(t, s, known, "Jane Doe", "192.0.2.1") == nil {
			t.Fatal("no profile")
		}
		answers := func(address string) (all []string) {
			var link string
			see := func(a ask) *httptest.ResponseRecorder {
				a.from = "192.0.2.2"
				w := a.to(s)
				said := fmt.Sprintln(a.target, w.Code, w.Header(), w.Body)
				for _, own := range []string{url.QueryEscape(address), address, strings.TrimPrefix(link, "/s/"), w.Header().Get("Location")} {
					if own != "" {
						said = strings.ReplaceAll(said, own, fmt.Sprintf("(%d)", len(own)))
					}
				}
				all = append(all, said)
				return w
			}
			link = see(ask{method: "POST", target: "/start", kind: formType, body: form("address", address)}).Header().Get("Location")
			see(ask{target: "/?address=" + url.QueryEscape(address)})
			see(ask{target: link})
			see(ask{target: link + "/sheet"})
			see(ask{method: "POST", target: link + "/profile", kind: formType, body: form("variant", "secure", "platform", "iphone")})
			see(ask{method: "POST", target: link + "/profile", kind: formType, body: form("variant", "mail", "platform", "iphone")})
			see(ask{target: configFile + query(address)})
			see(ask{target: wellKnown + query(address)})
			see(ask{target: autodiscoverJSON + "?Protocol=AutodiscoverV1&Email=" + url.QueryEscape(address)})
			see(ask{method: "POST", target: autodiscover, kind: "text/xml", body: outlookAsks(address)})
			return all
		}
		got, want := answers(known), answers(unknown)
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("known:\n%s\nunknown:\n%s", got[i], want[i])
			}
		}
		if !strings.Contains(got[0], " 303 ") || !strings.Contains(got[len(got)-1], " 200 ") {
			t.Errorf("got %q", got)
		}
	})
}
