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

// TestDNSRecords checks that the page of a domain shows its DNS records, that
// they can be checked three times in half a minute and no more, and that the
// results stay.
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
		if strings.Contains(page, "Different value") {
			t.Error("the page says how records stand that nobody has asked for")
		}
		for n := range 3 {
			a := m.Make(at + "/dns")
			body := string(a.Body)
			if a.Status != 200 || strings.Count(body, ">Found<") != 1 || strings.Count(body, ">Different value<") != 1 || strings.Count(body, ">Missing<") != 4 {
				t.Errorf("check %d: %d %s", n, a.Status, body)
			}
		}
		log := storetest.Column(t, database, `SELECT COUNT(*) FROM actions`)
		if a := m.Post(at + "/dns"); a.Status != 429 || a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.Body), "_imaps._tcp.example.com") {
			t.Errorf("a fourth check: %d %s", a.Status, a.Header)
		}
		clock.Move(30 * time.Second)
		if a := m.Make(at + "/dns"); a.Status != 200 {
			t.Errorf("half a minute later: %d", a.Status)
		}
		if page := string(m.Get(at).Body); strings.Count(page, ">Found<") != 1 || !strings.Contains(page, "1 of 6 found.") {
			t.Errorf("the page forgot what the DNS said: %s", page)
		}
		if now := storetest.Column(t, database, `SELECT COUNT(*) FROM actions`); now[0] != log[0] {
			t.Error("a check left an action")
		}
		m.Post(at, "imap", "mail.example.com", "smtp", "smtp.example.com", "login", "address", "iphone", "yes", "policy", "off", "policy_id", "standard")
		if page := string(m.Get(at).Body); strings.Count(page, ">Found<") != 0 || strings.Count(page, ">Missing<") != 3 {
			t.Errorf("what the DNS said counts for other records: %s", page)
		}
		if a := m.Post("/panel/domains/elsewhere.example/dns"); a.Status != 404 {
			t.Errorf("a domain that is not there: %d", a.Status)
		}
	})
}
