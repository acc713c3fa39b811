package pages_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestLimits checks the limits of 10 links an address and 60 a network in ten
// minutes, then 429 with the time to wait.
func TestLimits(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		count := func(tries int, address func(int) string) (made int) {
			for i := range tries {
				switch a := s.Post("/start", "address", address(i)); a.Status {
				case http.StatusSeeOther:
					made++
				case http.StatusTooManyRequests:
					if a.Header.Get("Retry-After") == "" || !bytes.Contains(a.Body, []byte("limited")) {
						t.Fatalf("429 without Retry-After or code: %v", a.Header)
					}
				default:
					t.Fatalf("%d", a.Status)
				}
			}
			return made
		}
		if got := count(15, func(int) string { return "Jane@example.com" }); got != 10 {
			t.Errorf("one address: %d links", got)
		}
		if got := count(70, func(i int) string { return fmt.Sprintf("u%d@example.com", i) }); got != 50 {
			t.Errorf("the rest of the network: %d links", got)
		}
		clock.Move(10 * time.Minute)
		if got := count(1, func(int) string { return "jane@example.com" }); got != 1 {
			t.Error("still limited after ten minutes")
		}
	})
}

// TestForwardedForLimits has one client forge an address for each link: all
// must count for the client.
func TestForwardedForLimits(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	var made int
	for i := range 70 {
		header := http.Header{"X-Forwarded-For": {fmt.Sprintf("203.0.113.%d", i)}, "Forwarded": {fmt.Sprintf("for=203.0.113.%d", i)}}
		if s.Do(http.MethodPost, "/start", header, fmt.Sprintf("address=u%d%%40example.com", i)).Status == http.StatusSeeOther {
			made++
		}
	}
	if made != 60 {
		t.Errorf("%d links", made)
	}
}
