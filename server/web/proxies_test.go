package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestForwardedFor checks that a header written by a client is ignored, and
// that of a trusted proxy is used.
func TestForwardedFor(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		database := storetest.SQLite(t)
		s := servertest.New(t, database, func(c *server.Config) {
			if trusted {
				c.TrustedProxies = servertest.Loopback(t)
			}
		})
		a := s.Do(http.MethodPost, "/start", http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Real-Ip": {"203.0.113.9"}}, "address=jane%40example.com")
		if a.Status != http.StatusSeeOther {
			t.Fatal(a.Status)
		}
		if got := strings.Contains(storetest.Dump(t, database), "203.0.113.9"); got != trusted {
			t.Errorf("trusted %v: the address counted: %v", trusted, got)
		}
	}
}
