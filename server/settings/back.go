package settings

import (
	"net/url"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
)

// maxReturnURL is the longest address to lead back to, in bytes.
const maxReturnURL = 1000

func (s DomainSpec) applyReturn(d *Domain, p *problems) {
	d.ReturnHosts = nil
	for _, name := range s.ReturnHosts {
		host, err := profile.ParseHost(name)
		if err != nil {
			p.add("return_hosts", fault.Invalid, "Name hosts such as panel.example.com, without https:// and path.")
			return
		}
		if !slices.Contains(d.ReturnHosts, host) {
			d.ReturnHosts = append(d.ReturnHosts, host)
		}
	}
	if len(d.ReturnHosts) > maxReturnHosts {
		p.add("return_hosts", fault.Invalid, "Name up to %d hosts.", maxReturnHosts)
	}
}

// Returns reports whether pages of d may lead back to the address: over HTTPS,
// at its usual port, on one of the hosts that d names.
func (d Domain) Returns(address string) bool {
	strange := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\\\"<>^`{|}", r) }
	u, err := url.Parse(address)
	if err != nil || len(address) > maxReturnURL || strings.ContainsFunc(address, strange) {
		return false
	}
	return u.Scheme == "https" && u.User == nil && slices.Contains(d.ReturnHosts, u.Host)
}
