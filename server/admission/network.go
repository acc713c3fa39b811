// Package admission limits access under load: how many connections a network
// may hold, whose passwords are checked first, and which refusals are logged
// one by one.
package admission

import "net/netip"

// Near is the network that one customer of a provider has: the address for
// IPv4, the /56 for IPv6.
func Near(ip netip.Addr) netip.Prefix { return prefix(ip, 56) }

// Wide is the largest network that one customer can easily get: the address for
// IPv4, the /48 for IPv6.
func Wide(ip netip.Addr) netip.Prefix { return prefix(ip, 48) }

func prefix(ip netip.Addr, six int) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := six
	if ip.Is4() {
		bits = 32
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
