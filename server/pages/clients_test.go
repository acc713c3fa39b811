package pages_test

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const (
	wellKnown    = "/.well-known/autoconfig/mail/config-v1.1.xml"
	configFile   = "/mail/config-v1.1.xml"
	paccFile     = "/.well-known/user-agent-configuration.json"
	autodiscover = "/autodiscover/autodiscover.xml"

	autodiscoverJSON = "/autodiscover/autodiscover.json"
)

// outlookAsks returns the request for a mailbox.
func outlookAsks(address string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(address))
	return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>` +
		b.String() + `</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`
}

// An ask is the request of a mail program, below HTTP: with any host, from any
// network.
type ask struct{ method, target, host, from, kind, body string }

func (a ask) to(s *servertest.Server) *httptest.ResponseRecorder {
	r := httptest.NewRequest(a.method, "/", strings.NewReader(a.body))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(a.target, "?")
	if r.Host = a.host; a.host == "" {
		r.Host = "setup.example.com"
	}
	if a.from != "" {
		r.RemoteAddr = a.from + ":1234"
	}
	if a.kind != "" {
		r.Header.Set("Content-Type", a.kind)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func query(address string) string {
	return "?emailaddress=" + strings.ReplaceAll(url.QueryEscape(address), "+", "%20")
}

// TestMailClients sends requests as mail programs do: for a mailbox, by a
// host's name, with GET and HEAD, and for what doesn't exist.
func TestMailClients(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		before := storetest.Fingerprint(t, database)
		const xmlType, jsonType = "text/xml; charset=utf-8", "application/json"
		for _, tt := range []struct {
			ask
			status int
			kind   string
			says   string
		}{
			{ask{target: configFile + query("jane@example.com")}, 200, xmlType, "<hostname>imap.example.com</hostname>"},
			{ask{target: wellKnown + query("nobody.at-all@EXAMPLE.com")}, 200, xmlType, "<username>%EMAILADDRESS%</username>"},
			{ask{target: configFile, host: "autoconfig.example.com"}, 200, xmlType, "<socketType>SSL</socketType>"},
			{ask{target: wellKnown, host: "example.com:443"}, 200, xmlType, "<domain>example.com</domain>"},
			{ask{target: paccFile, host: "ua-auto-config.example.com"}, 200, jsonType, `"imap":{"host":"imap.example.com"}`},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: outlookAsks("jane@example.com")}, 200, xmlType, "<LoginName>jane@example.com</LoginName>"},
			{ask{method: "POST", target: "/Autodiscover/Autodiscover.xml", kind: "text/xml; charset=utf-8", body: outlookAsks("no@example.com")}, 200, xmlType, "<SSL>on</SSL>"},
			{ask{method: "POST", target: "/AutoDiscover/AutoDiscover.xml", kind: "application/xml", body: outlookAsks("no@example.com")}, 200, xmlType, "<Server>smtp.example.com</Server>"},

			{ask{method: "POST", target: "/AutoDiscover/Autodiscover.xml", kind: "text/xml", body: outlookAsks("no@example.com")}, 200, xmlType, "<SSL>on</SSL>"},
			{ask{method: "POST", target: "/AUTODISCOVER/AUTODISCOVER.XML", kind: "text/xml", body: outlookAsks("no@example.com")}, 200, xmlType, "<SSL>on</SSL>"},
			{ask{target: "/Mail/Config-v1.1.xml" + query("jane@example.com")}, 200, xmlType, "<hostname>imap.example.com</hostname>"},
			{ask{target: "/.Well-Known/AutoConfig/mail/config-v1.1.xml" + query("jane@example.com")}, 200, xmlType, "<hostname>imap.example.com</hostname>"},
			{ask{target: configFile + "?emailaddress=jane+lists@example.com"}, 200, xmlType, "<hostname>imap.example.com</hostname>"},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: strings.Replace(outlookAsks("jane@example.com"), "utf-8", "us-ascii", 1)}, 200, xmlType, "<LoginName>jane@example.com</LoginName>"},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: strings.Replace(outlookAsks("jane@example.com"), "utf-8", "ISO-8859-1", 1)}, 200, xmlType, "<LoginName>jane@example.com</LoginName>"},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: strings.Replace(outlookAsks("jane@example.com"), "utf-8", "utf-16", 1)}, 400, xmlType, "<ErrorCode>600</ErrorCode>"},
			{ask{target: "/AutoDiscover/autodiscover.json/v1.0/Jane@example.com?Protocol=AutodiscoverV1"}, 404, jsonType, `"ErrorCode":"ServiceUnavailable"`},
			{ask{target: "/?address=jane+lists@example.com"}, 200, "", `value="jane&#43;lists@example.com"`},

			{ask{target: configFile}, 404, xmlType, `<clientConfig version="1.1"></clientConfig>`},
			{ask{target: configFile, host: "autoconfig.example.net"}, 404, xmlType, "</clientConfig>"},
			{ask{target: configFile + query("jane@example.net"), host: "autoconfig.example.com"}, 404, xmlType, "</clientConfig>"},
			{ask{target: configFile + query("jane")}, 404, xmlType, "</clientConfig>"},
			{ask{target: configFile + query("jane@example.com") + "&emailaddress=x"}, 400, "", ""},
			{ask{target: configFile + query("jane@example.com") + "&password=x"}, 422, "", ""},
			{ask{target: paccFile}, 404, jsonType, "{}"},
			{ask{target: paccFile, host: "autoconfig.example.com"}, 404, jsonType, "{}"},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: outlookAsks("jane@example.net")}, 404, xmlType, "<ErrorCode>500</ErrorCode>"},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: "<x/>"}, 400, xmlType, "<ErrorCode>600</ErrorCode>"},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + outlookAsks("&e;")}, 400, xmlType, "<ErrorCode>600</ErrorCode>"},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: strings.Replace(outlookAsks("jane@example.com"), "outlook/responseschema/2006a", "mobilesync/responseschema/2006", 1)}, 200, xmlType, "<ErrorCode>601</ErrorCode>"},
			{ask{method: "POST", target: autodiscover, kind: "application/x-www-form-urlencoded", body: outlookAsks("jane@example.com")}, 415, "", ""},
			{ask{method: "POST", target: autodiscover, kind: "text/xml", body: strings.Repeat(" ", 9000)}, 413, "", ""},
			{ask{method: "GET", target: autodiscover}, 405, "", ""},
		} {
			methods := []string{tt.method}
			if tt.method == "" {
				methods = []string{"GET", "HEAD"}
			}
			for _, tt.method = range methods {
				a := tt.to(s)
				if a.Code != tt.status || tt.kind != "" && a.Header().Get("Content-Type") != tt.kind || !strings.Contains(a.Body.String(), tt.says) {
					t.Errorf("%+v: %d %s %s", tt.ask, a.Code, a.Header(), a.Body)
				}
				if a.Header().Get("Set-Cookie") != "" {
					t.Errorf("%s sets a cookie", tt.target)
				}
			}
		}
		one, other := ask{target: configFile + query("a@example.com")}.to(s), ask{target: configFile + query("b@example.com")}.to(s)
		if !bytes.Equal(one.Body.Bytes(), other.Body.Bytes()) {
			t.Errorf("two mailboxes: %s and %s", one.Body, other.Body)
		}
		if got := storetest.Fingerprint(t, database); got != before {
			t.Error("asking changed the database")
		}
		storetest.Exec(t, database, `UPDATE accounts SET suspended = 1`)
		for _, a := range []ask{
			{target: configFile + query("jane@example.com")},
			{target: wellKnown, host: "autoconfig.example.com"},
			{target: paccFile, host: "ua-auto-config.example.com"},
			{method: "POST", target: autodiscover, kind: "text/xml", body: outlookAsks("jane@example.com")},
		} {
			if got := a.to(s); got.Code != 404 {
				t.Errorf("%s of a suspended account: %d", a.target, got.Code)
			}
		}
	})
}

// TestMailClientsHead checks that HEAD has no body on the network.
func TestMailClientsHead(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	for _, path := range []string{configFile + query("jane@example.com"), wellKnown + query("jane@example.com"), "/robots.txt"} {
		if a := s.Do("HEAD", path, nil, ""); a.Status != 200 || len(a.Body) != 0 || a.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %d %s %s", path, a.Status, a.Header, a.Body)
		}
	}
}

// TestAutodiscoverJSON requests the location of Autodiscover in each of the
// forms that programs use. The host in the response is that of the service.
func TestAutodiscoverJSON(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, func(c *server.Config) { c.BaseURL = "https://setup.example.com" })
		const (
			good     = `{"Protocol":"AutodiscoverV1","Url":"https://setup.example.com/autodiscover/autodiscover.xml"}`
			missing  = `{"ErrorCode":"MandatoryParameterMissing","ErrorMessage":"A valid value must be provided for the query parameters 'Email' and 'Protocol'."}`
			protocol = `{"ErrorCode":"InvalidProtocol","ErrorMessage":"The given protocol value is invalid. Supported values are 'AutodiscoverV1'."}`
			nobody   = `{"ErrorCode":"UserNotFound","ErrorMessage":"The given user is not found."}`
			v1       = "?Protocol=AutodiscoverV1"
		)
		wants := func(target string, status int, want string) {
			t.Helper()
			for _, method := range []string{"GET", "HEAD"} {
				a := ask{method: method, target: target, host: "evil.test"}.to(s)
				if a.Code != status || a.Header().Get("Content-Type") != "application/json" || a.Body.String() != want {
					t.Errorf("%s %s: %d %s, want %d %s", method, target, a.Code, a.Body, status, want)
				}
			}
		}
		for target, want := range map[string]string{
			autodiscoverJSON + v1 + "&Email=jane@example.com":                                   good,
			autodiscoverJSON + v1 + "&Email=nobody.at-all%40EXAMPLE.com&RedirectCount=1":        good,
			"/Autodiscover/Autodiscover.json?Email=jane@example.com&Protocol=autodiscoverv1":    good,
			"/AutoDiscover/AutoDiscover.json" + v1 + "&Email=jane@example.com":                  good,
			autodiscoverJSON + "/v1.0/jane@example.com" + v1:                                    good,
			autodiscoverJSON + "/v1.0/jane@example.com?Protocol=Autodiscoverv1&RedirectCount=1": good,
			autodiscoverJSON:                             missing,
			autodiscoverJSON + v1:                        missing,
			autodiscoverJSON + "?Email=jane@example.com": missing,
			autodiscoverJSON + "?Email=jane@example.com&Protocol=ActiveSync":                                    protocol,
			autodiscoverJSON + "?Email=jane@example.com&Protocol=%3Cevil%3E":                                    protocol,
			autodiscoverJSON + v1 + "&Email=jane@example.net":                                                   nobody,
			autodiscoverJSON + v1 + "&Email=jane":                                                               nobody,
			autodiscoverJSON + "/v1.0/jane@example.net" + v1:                                                    nobody,
			autodiscoverJSON + "/v1.0/jane@example.net" + v1 + "&Email=jane@example.com":                        nobody,
			autodiscoverJSON + "?@foo.com/mapi&Email=autodiscover/autodiscover.json%3f@foo.com&Protocol=" + "X": protocol, // ProxyShell
		} {
			wants(target, map[string]int{good: 200, missing: 400, protocol: 400, nobody: 404}[want], want)
		}
		for address, want := range map[string]string{"jane%40example.com": good, "jane@example.com": good, "a%2541@example.com": good, "a%2f%40example.com": good, "jane%40evil.test": nobody, "%2540example.com": nobody, "jane%2540example.com": nobody} {
			if a := s.Get(autodiscoverJSON + "/v1.0/" + address + v1); string(a.Body) != want {
				t.Errorf("in the path, %s: %d %s", address, a.Status, a.Body)
			}
		}
		for _, target := range []string{v1 + "&Email=a&Email=b", v1 + "&Email=jane@example.com&password=x"} {
			if a := (ask{method: "GET", target: autodiscoverJSON + target}).to(s); a.Code != 400 && a.Code != 422 {
				t.Errorf("%s: %d", target, a.Code)
			}
		}
		storetest.Exec(t, database, `UPDATE domains SET login = 'given'`)
		wants(autodiscoverJSON+v1+"&Email=jane@example.com", 404, nobody)
		plain := servertest.New(t, database, nil) // reached through HTTP
		storetest.Exec(t, database, `UPDATE domains SET login = 'address'`)
		if a := plain.Get(autodiscoverJSON + v1 + "&Email=jane@example.com"); a.Status != 404 || !strings.Contains(string(a.Body), `"ErrorCode":"ServiceUnavailable"`) {
			t.Errorf("without HTTPS: %d %s", a.Status, a.Body)
		}
	})
}

// TestMailClientsLimit checks the limit of 300 requests from a network in ten
// minutes, on all these routes together.
func TestMailClientsLimit(t *testing.T) {
	clock := storetest.NewClock()
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.Now = clock.Now })
	count := func(from string) int {
		for n := range 1000 {
			a := ask{target: configFile + query("jane@example.com"), from: from}
			if n%3 == 1 {
				a = ask{method: "GET", target: autodiscoverJSON, from: from}
			}
			if n%3 == 2 {
				a = ask{method: "POST", target: autodiscover, kind: "text/xml", body: "<x/>", from: from}
			}
			if answer := a.to(s); answer.Code == http.StatusTooManyRequests {
				if answer.Header().Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
				return n
			}
		}
		return 1000
	}
	for _, from := range []string{"192.0.2.1", "192.0.2.2", "[2001:db8::1]"} {
		if n := count(from); n != 300 {
			t.Errorf("%s: %d requests", from, n)
		}
	}
	if n := count("[2001:db8::2]"); n != 0 {
		t.Errorf("the same /64 has %d more", n)
	}
	clock.Move(10 * time.Minute)
	if n := count("192.0.2.1"); n != 300 {
		t.Errorf("afterwards: %d requests", n)
	}
}
