package dial

import "net/netip"

// special are the addresses that aren't public, according to the IANA
// registries (RFC 6890 and later additions).
var special = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // shared by carriers (CGNAT); clouds keep metadata there
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // what Azure serves its machines with
	"169.254.0.0/16",   // link-local; clouds keep metadata there
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
	"2001::/23",        // protocol assignments: Teredo, benchmarks, ORCHID
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4, which holds an IPv4 address
	"3fff::/20",        // documentation
)

// unicast is all of IPv6 that is allocated for the Internet. Outside of it are
// loopback, IPv4 inside IPv6 (::/96, 64:ff9b::/96, 64:ff9b:1::/48), discard,
// unique local, link-local, site-local and multicast addresses.
var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// public reports whether the address, which isn't IPv4 mapped to IPv6, is
// public.
func public(addr netip.Addr) bool {
	if !addr.Is4() && !unicast.Contains(addr) {
		return false
	}
	return !within(addr, special)
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}
