package web

import (
	"net"
	"net/netip"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/id"
)

// requestKey is where a request stores its ID.
const requestKey = "request"

// RequestID returns the ID of the request in the program's log. A client can't
// choose it.
func RequestID(c echo.Context) string {
	if s, ok := c.Get(requestKey).(string); ok {
		return s
	}
	s := id.New("req")
	c.Set(requestKey, s)
	return s
}

// ClientIP returns the address of the client: that of the connection or, if
// the connection comes from a trusted proxy, the one that the proxy names. If
// that isn't an address, it returns the zero Addr.
func ClientIP(c echo.Context) netip.Addr {
	ip, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// Network returns the network by which limits count: the address in IPv4, the
// /64 in IPv6.
func Network(c echo.Context) netip.Prefix {
	ip := ClientIP(c)
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// Visitor returns the actor for a request to a public page.
func Visitor(c echo.Context) audit.Actor {
	a := audit.Actor{
		Kind:      audit.Visitor,
		Client:    ClientOf(c.Request().UserAgent()).String(),
		Interface: audit.Page,
		Request:   RequestID(c),
	}
	if ip := ClientIP(c); ip.IsValid() {
		a.IP = ip.String()
	}
	return a
}

// Proxies returns how to find a client's address behind the trusted proxies.
// Without any, headers that clients can write are ignored.
func Proxies(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP:   p.Addr().AsSlice(),
			Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
