package web

import (
	"net"
	"net/netip"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/id"
)

// requestKey is where a request keeps its id.
const requestKey = "request"

// RequestID is the id of the request in the program's log. A client cannot
// choose it.
func RequestID(c echo.Context) string {
	if s, ok := c.Get(requestKey).(string); ok {
		return s
	}
	s := id.New("req")
	c.Set(requestKey, s)
	return s
}

// ClientIP is the address of the client: that of the connection, or, where
// the connection comes from a trusted proxy, the one that the proxy names.
// It is the zero Addr if what is named is no address.
func ClientIP(c echo.Context) netip.Addr {
	ip, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// Network is the network of the client that limits count by: the address in
// IPv4, the /64 in IPv6.
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

// Visitor is who asks for a public page.
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

// Proxies returns how the address of a client is found behind the trusted
// proxies. Without any, headers that a client can write itself say nothing.
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
