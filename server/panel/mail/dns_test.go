package mail_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestDNSRecords wants the records of a domain on its page, checked by the DNS
// when asked, three times in half a minute and no more, and nothing kept.
func TestDNSRecords(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) {
			c.Now, c.BaseURL = clock.Now, "https://setup.example.com"
			c.HostResolver = dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
				switch q.Name {
				case "_imaps._tcp.example.com":
					return dialtest.Answer{Services: []net.SRV{{Target: "imap.example.com.", Port: 993}}}
				case "_submissions._tcp.example.com":
					return dialtest.Answer{Services: []net.SRV{{Target: "old.example.com.", Port: 465}}}
				}
				return dialtest.Answer{}
			})
		})
		m := s.Owner("olga@example.com")
		const at = "/panel/domains/example.com"
		page := string(m.Get(at).Body)
		for _, want := range []string{"_imaps._tcp.example.com", "0 1 993 imap.example.com.", "autoconfig.example.com", "_ua-auto-config.example.com", "v=UAAC1; a=sha256; d=", `action="` + at + `/dns"`} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not have %q", want)
			}
		}
		if strings.Contains(page, "has another value") {
			t.Error("the page says how records stand that nobody has asked for")
		}
		before := storetest.Fingerprint(t, database)
		for n := range 3 {
			a := m.Make(at + "/dns")
			body := string(a.Body)
			if a.Status != 200 || strings.Count(body, ">found<") != 1 || strings.Count(body, ">has another value<") != 1 || strings.Count(body, ">missing<") != 4 {
				t.Errorf("check %d: %d %s", n, a.Status, body)
			}
		}
		if a := m.Post(at + "/dns"); a.Status != 429 || a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.Body), "_imaps._tcp.example.com") {
			t.Errorf("a fourth check: %d %s", a.Status, a.Header)
		}
		clock.Move(30 * time.Second)
		if a := m.Make(at + "/dns"); a.Status != 200 {
			t.Errorf("half a minute later: %d", a.Status)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("a check changed the database")
		}
		if a := m.Post("/panel/domains/elsewhere.example/dns"); a.Status != 404 {
			t.Errorf("a domain that is not there: %d", a.Status)
		}
	})
}
