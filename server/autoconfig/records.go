package autoconfig

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A Record is a DNS record to publish for a domain.
type Record struct {
	Name  string // without a dot at the end
	Type  string // SRV, CNAME or TXT
	Value string // as in a zone file; without quotes for a TXT record

	// Only for SRV.
	target string
	port   int
}

// String returns the record as a line of a zone file.
func (r Record) String() string {
	value := r.Value
	if r.Type == "TXT" {
		value = `"` + value + `"`
	}
	return r.Name + ". IN " + r.Type + " " + value
}

// Records returns what to publish so that mail programs find the settings of d:
// where its mail is (RFC 6186, RFC 8314), where calendars and contacts are (RFC
// 6764), and that the rest is at base, the URL of the service. It omits what a
// program couldn't reach there: some try only the default port, some only
// HTTPS.
func Records(d settings.Domain, base *url.URL) []Record {
	in, out := d.Service.Incoming, d.Service.Outgoing
	records := []Record{
		service(d, pick(in, "_imap", "_imaps"), in.Host, in.Port),
		service(d, pick(out, "_submission", "_submissions"), out.Host, out.Port),
	}
	if s := d.Service.Calendars; !s.IsZero() {
		records = append(records, service(d, "_caldavs", s.Host, s.Port))
	}
	if s := d.Service.Contacts; !s.IsZero() {
		records = append(records, service(d, "_carddavs", s.Host, s.Port))
	}
	host, named := base.Hostname(), d.Login != settings.GivenLogin
	if !strings.Contains(host, ".") {
		return records // a machine's own name, which means nothing elsewhere
	}
	if named && base.Port() == "" {
		records = append(records, alias(d, ThunderbirdHost, host))
	}
	if named && base.Scheme == "https" {
		records = append(records, service(d, "_autodiscover", host, portOf(base)))
	}
	if document, err := PACC(d); err == nil && base.Scheme == "https" && base.Port() == "" {
		records = append(records, alias(d, PACCHost, host),
			Record{Name: "_" + PACCHost + "." + d.Name, Type: "TXT", Value: digest(document)})
	}
	return slices.DeleteFunc(records, func(r Record) bool { return r.Name == host }) // it exists already
}

func pick(s profile.Server, starttls, tls string) string {
	if s.STARTTLS {
		return starttls
	}
	return tls
}

func service(d settings.Domain, name, host string, port int) Record {
	return Record{
		Name:   name + "._tcp." + d.Name,
		Type:   "SRV",
		Value:  "0 1 " + strconv.Itoa(port) + " " + host + ".",
		target: host,
		port:   port,
	}
}

func alias(d settings.Domain, below, host string) Record {
	return Record{Name: below + "." + d.Name, Type: "CNAME", Value: host + ".", target: host}
}

func portOf(base *url.URL) int {
	if port, err := strconv.Atoi(base.Port()); err == nil {
		return port
	}
	return 443
}
