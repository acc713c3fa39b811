package settings

import (
	"net/url"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
)

// maxReturnURL is the longest return URL, in bytes.
const maxReturnURL = 1000

func (s DomainSpec) applyReturn(d *Domain, p *problems) {
	d.ReturnHosts = nil
	for _, name := range s.ReturnHosts {
		host, err := profile.ParseHost(name)
		if err != nil {
			p.add("return_hosts", fault.Invalid, "Enter hosts without https:// and path, for example panel.example.com.")
			return
		}
		if !slices.Contains(d.ReturnHosts, host) {
			d.ReturnHosts = append(d.ReturnHosts, host)
		}
	}
	if len(d.ReturnHosts) > maxReturnHosts {
		p.add("return_hosts", fault.Invalid, "Enter up to %d hosts.", maxReturnHosts)
	}
}

// Returns reports whether pages of d may link back to the URL: over HTTPS, on
// the default port, on one of the hosts that d lists.
func (d Domain) Returns(address string) bool {
	strange := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\\\"<>^`{|}", r) }
	u, err := url.Parse(address)
	if err != nil || len(address) > maxReturnURL || strings.ContainsFunc(address, strange) {
		return false
	}
	return u.Scheme == "https" && u.User == nil && slices.Contains(d.ReturnHosts, u.Host)
}
