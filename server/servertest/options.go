package servertest

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
)

// Unhurried makes the server's clock advance with every reading, so that
// requests never reach a rate limit.
func Unhurried(c *server.Config) {
	var looks atomic.Int64
	begin := time.Now()
	c.Now = func() time.Time { return begin.Add(time.Duration(looks.Add(1)) * 100 * time.Millisecond) }
}

// Mac is the User-Agent of Safari on a Mac.
const Mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"

// Loopback returns the loopback networks, for Config.AllowNetworks.
func Loopback(t *testing.T) []netip.Prefix {
	t.Helper()
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}
