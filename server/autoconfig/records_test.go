package autoconfig

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/dial/dialtest"
)

func lines(records []Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.String())
	}
	return out
}

func TestRecords(t *testing.T) {
	for _, tt := range []struct {
		domain, base string
		want         []string
	}{
		{"usual", "https://setup.example.net", []string{
			"_imaps._tcp.example.com. IN SRV 0 1 993 imap.example.com.",
			"_submissions._tcp.example.com. IN SRV 0 1 465 smtp.example.com.",
			"autoconfig.example.com. IN CNAME setup.example.net.",
			"_autodiscover._tcp.example.com. IN SRV 0 1 443 setup.example.net.",
			"ua-auto-config.example.com. IN CNAME setup.example.net.",
			`_ua-auto-config.example.com. IN TXT "v=UAAC1; a=sha256; d=HASH"`,
		}},
		{"groupware", "http://localhost:8080", []string{
			"_imaps._tcp.example.com. IN SRV 0 1 993 imap.example.com.",
			"_submissions._tcp.example.com. IN SRV 0 1 465 smtp.example.com.",
			"_caldavs._tcp.example.com. IN SRV 0 1 443 cal.example.com.",
			"_carddavs._tcp.example.com. IN SRV 0 1 8443 card.example.com.",
		}},
		{"starttls", "https://setup.example.net:8443", []string{
			"_imap._tcp.xn--mller-kva.example. IN SRV 0 1 143 imap.example.com.",
			"_submission._tcp.xn--mller-kva.example. IN SRV 0 1 587 smtp.example.com.",
			"_autodiscover._tcp.xn--mller-kva.example. IN SRV 0 1 8443 setup.example.net.",
		}},
		{"given", "https://setup.example.net", []string{
			"_imaps._tcp.example.org. IN SRV 0 1 993 imap.example.com.",
			"_submissions._tcp.example.org. IN SRV 0 1 2465 smtp.example.com.",
		}},
		{"usual", "http://setup.example.net", []string{
			"_imaps._tcp.example.com. IN SRV 0 1 993 imap.example.com.",
			"_submissions._tcp.example.com. IN SRV 0 1 465 smtp.example.com.",
			"autoconfig.example.com. IN CNAME setup.example.net.",
		}},
		{"usual", "http://localhost:8080", []string{
			"_imaps._tcp.example.com. IN SRV 0 1 993 imap.example.com.",
			"_submissions._tcp.example.com. IN SRV 0 1 465 smtp.example.com.",
		}},
	} {
		base, err := url.Parse(tt.base)
		if err != nil {
			t.Fatal(err)
		}
		got := lines(Records(domains[tt.domain], base))
		if document, err := PACC(domains[tt.domain]); err == nil {
			sum := sha256.Sum256(document)
			for i := range tt.want {
				tt.want[i] = strings.Replace(tt.want[i], "HASH", base64.StdEncoding.EncodeToString(sum[:]), 1)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s at %s: got\n%s\nwant\n%s", tt.domain, tt.base, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	base := &url.URL{Scheme: "https", Host: "autoconfig.example.com"}
	for _, line := range lines(Records(domains["usual"], base)) {
		if strings.HasPrefix(line, "autoconfig.example.com. ") {
			t.Errorf("the service's own name is to be an alias of itself: %s", line)
		}
	}
}

// TestCheck queries a DNS server that has all records, none, others, or fails.
func TestCheck(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "setup.example.net"}
	records := Records(domains["usual"], base)
	text := records[5].Value
	zones := map[string]struct {
		zone map[string]dialtest.Answer
		want []State
	}{
		"all": {map[string]dialtest.Answer{
			"_imaps._tcp.example.com":        {Services: []net.SRV{{Target: "other.example.", Port: 993}, {Target: "IMAP.example.com.", Port: 993, Priority: 9}}},
			"_submissions._tcp.example.com":  {Services: []net.SRV{{Target: "smtp.example.com.", Port: 465}}},
			"autoconfig.example.com":         {Alias: "setup.example.net", Addrs: dialtest.Addrs("192.0.2.1").Addrs},
			"_autodiscover._tcp.example.com": {Services: []net.SRV{{Target: "setup.example.net.", Port: 443}}},
			"ua-auto-config.example.com":     dialtest.Addrs("2001:db8::1"),
			"_ua-auto-config.example.com":    {Texts: []string{"v=spf1 -all", text}},
		}, []State{Found, Found, Found, Found, Found, Found}},
		"others": {map[string]dialtest.Answer{
			"_imaps._tcp.example.com":        {Services: []net.SRV{{Target: "imap.example.com.", Port: 143}}},
			"_submissions._tcp.example.com":  {Services: []net.SRV{{Target: "smtp.example.com.evil.test.", Port: 465}}},
			"autoconfig.example.com":         dialtest.Addrs("192.0.2.99"),
			"_autodiscover._tcp.example.com": {Services: []net.SRV{{Target: "autodiscover.outlook.com.", Port: 443}}},
			"ua-auto-config.example.com":     {Alias: "elsewhere.example", Addrs: dialtest.Addrs("192.0.2.98").Addrs},
			"_ua-auto-config.example.com":    {Texts: []string{text + "x"}},
		}, []State{Other, Other, Other, Other, Other, Other}},
		"none": {nil, []State{Missing, Missing, Missing, Missing, Missing, Missing}},
		"another type": {map[string]dialtest.Answer{
			"_imaps._tcp.example.com":     {Texts: []string{"x"}},
			"_ua-auto-config.example.com": dialtest.Addrs("192.0.2.1"),
		}, []State{Missing, Missing, Missing, Missing, Missing, Missing}},
	}
	for name, tt := range zones {
		resolver := dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
			if q.Name == "setup.example.net" {
				return dialtest.Addrs("192.0.2.1", "2001:db8::1")
			}
			return tt.zone[q.Name]
		})
		if got := Check(t.Context(), resolver, records); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
	fails := dialtest.Resolver(t, func(dialtest.Question) dialtest.Answer { return dialtest.Answer{Fails: true} })
	for _, state := range append(Check(t.Context(), fails, records), Check(t.Context(), dialtest.Nothing(), records)...) {
		if state != Unknown {
			t.Errorf("a DNS that does not answer: %v", state)
		}
	}
}
