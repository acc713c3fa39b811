package discovery

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/probe"
)

// records are the service records that name mail servers (RFC 6186, RFC 8314)
// and those of calendars and contacts (RFC 6764), the preferred ones first.
var records = []struct {
	service  string
	kind     probe.Kind
	starttls bool
}{
	{"imaps", probe.Incoming, false},
	{"imap", probe.Incoming, true},
	{"submissions", probe.Outgoing, false},
	{"submission", probe.Outgoing, true},
	{"caldavs", probe.CalDAV, false},
	{"carddavs", probe.CardDAV, false},
}

// services returns the servers in the domain's service records.
func (f *Finder) services(ctx context.Context, domain string) []candidate {
	var all []candidate
	for _, r := range records {
		// The final dot avoids the machine's own search list.
		_, found, err := f.dns.LookupSRV(ctx, r.service, "tcp", domain+".")
		if err != nil {
			continue
		}
		for _, s := range found {
			all = appendServer(all, r.kind, s.Target, int(s.Port), r.starttls, SRV)
		}
	}
	return all
}

// appendServer appends a server if a domain may have its name and port.
func appendServer(all []candidate, kind probe.Kind, host string, port int, starttls bool, source Source) []candidate {
	host = strings.TrimSuffix(host, ".")
	if host == "" || port < 1 || port > 65535 { // a record whose target is the root says that there is none
		return all
	}
	text := host + ":" + strconv.Itoa(port)
	if starttls {
		text += "/starttls"
	}
	var server profile.Server
	var err error
	switch kind {
	case probe.Incoming:
		server, err = profile.ParseIncoming(text)
	case probe.Outgoing:
		server, err = profile.ParseOutgoing(text)
	default:
		var dav profile.DAVServer
		dav, err = profile.ParseDAV(text)
		server = profile.Server{Host: dav.Host, Port: dav.Port}
	}
	if err != nil {
		return all
	}
	return append(all, candidate{kind, server, source})
}

// exchangers returns the likely servers of a provider, derived from the
// domain's MX hosts.
func (f *Finder) exchangers(ctx context.Context, domain string) []candidate {
	found, err := f.dns.LookupMX(ctx, domain+".")
	if err != nil {
		return nil
	}
	var all []candidate
	for _, mx := range found {
		host, err := profile.ParseHost(strings.TrimSuffix(mx.Host, "."))
		if err != nil {
			continue
		}
		all = appendServer(all, probe.Incoming, host, 993, false, MX)
		all = appendServer(all, probe.Outgoing, host, 465, false, MX)
		if provider, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && provider != domain {
			all = append(all, names(provider, MX)...)
		}
	}
	return all
}

// names returns the most common server names.
func names(domain string, source Source) []candidate {
	var all []candidate
	for _, host := range []string{"imap.", "mail.", ""} {
		all = appendServer(all, probe.Incoming, host+domain, 993, false, source)
	}
	for _, host := range []string{"smtp.", "mail.", ""} {
		all = appendServer(all, probe.Outgoing, host+domain, 465, false, source)
	}
	return appendServer(all, probe.Outgoing, "smtp."+domain, 587, true, source)
}

// errStatus says that the response isn't a file.
var errStatus = errors.New("discovery: no file there")

// A Fetcher sends requests. A client of package dial is one.
type Fetcher interface {
	Do(*http.Request) (*http.Response, error)
}

// CheckRedirect lets a client follow a few redirects, only over HTTPS.
func CheckRedirect(to *http.Request, via []*http.Request) error {
	const redirects = 3
	if to.URL.Scheme != "https" || len(via) > redirects {
		return errStatus
	}
	return nil
}

// maxConfig is the maximum size of a settings file, in bytes.
const maxConfig = 64 << 10

// autoconfig returns the servers in the domain's file for mail programs
// (draft-ietf-mailmaint-autoconfig), which is requested only over HTTPS.
func (s *search) autoconfig(ctx context.Context, domain string) []candidate {
	for _, address := range []string{
		"https://autoconfig." + domain + "/mail/config-v1.1.xml?emailaddress=" + url.QueryEscape("postmaster@"+domain),
		"https://" + domain + "/.well-known/autoconfig/mail/config-v1.1.xml",
	} {
		config, err := s.fetch(ctx, address)
		if err != nil {
			continue
		}
		if all := config.candidates(); len(all) > 0 {
			s.mu.Lock()
			s.localPart = config.localPart()
			s.mu.Unlock()
			return all
		}
	}
	return nil
}

func (s *search) fetch(ctx context.Context, address string) (clientConfig, error) {
	var config clientConfig
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return config, err
	}
	response, err := s.finder.config.Do(request)
	if err != nil {
		return config, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return config, errStatus
	}
	return config, xml.NewDecoder(io.LimitReader(response.Body, maxConfig)).Decode(&config)
}

// A clientConfig is the used part of the file.
type clientConfig struct {
	XMLName  xml.Name       `xml:"clientConfig"`
	Incoming []clientServer `xml:"emailProvider>incomingServer"`
	Outgoing []clientServer `xml:"emailProvider>outgoingServer"`
}

type clientServer struct {
	Type     string `xml:"type,attr"`
	Host     string `xml:"hostname"`
	Port     int    `xml:"port"`
	Socket   string `xml:"socketType"`
	UserName string `xml:"username"`
}

func (s clientServer) encrypted() bool { return s.Socket == "SSL" || s.Socket == "STARTTLS" }

func (c clientConfig) candidates() []candidate {
	var all []candidate
	add := func(kind probe.Kind, protocol string, servers []clientServer) {
		for _, s := range servers {
			if s.Type == protocol && s.encrypted() {
				all = appendServer(all, kind, strings.TrimSpace(s.Host), s.Port, s.Socket == "STARTTLS", Autoconfig)
			}
		}
	}
	add(probe.Incoming, "imap", c.Incoming)
	add(probe.Outgoing, "smtp", c.Outgoing)
	return all
}

// localPart reports whether the username is the part before the @.
func (c clientConfig) localPart() bool {
	for _, s := range c.Incoming {
		if s.Type == "imap" && s.encrypted() {
			return strings.TrimSpace(s.UserName) == "%EMAILLOCALPART%"
		}
	}
	return false
}
