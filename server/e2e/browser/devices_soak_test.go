//go:build soak

package browser

import "github.com/updatecase/mobileconfig/server/servertest"

// The devices of soak tests, in addition to those of other tests.
var (
	small   = device{"small iphone", servertest.IPhone, 320, 568, true}
	inApp   = device{"iphone in an app", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 Instagram 390.0", 320, 568, true}
	mac     = device{"mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15", 1200, 800, false}
	devices = []device{iPhone, small, inApp, mac, linux, android}
	schemes = []string{"light", "dark"}
)
