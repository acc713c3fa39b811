package pages_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestDeadLinksLookAlike checks that unknown, used, expired and revoked links
// get the same response.
func TestDeadLinksLookAlike(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		want := s.Get("/s/unknown")
		used, expired, revoked := s.Link("a@example.com"), s.Link("b@example.com"), s.Link("c@example.com")
		for range 5 {
			s.Ticket(used, "mail")
		}
		storetest.Exec(t, database, `UPDATE links SET revoked = 1 WHERE address = 'c@example.com'`)
		check := func(name, link string) {
			t.Helper()
			if got := s.Get(link); got.Status != 404 || !bytes.Equal(got.Body, want.Body) {
				t.Errorf("%s: %d, same body: %v", name, got.Status, bytes.Equal(got.Body, want.Body))
			}
		}
		check("used", used)
		check("revoked", revoked)
		if got := s.Get(expired); got.Status != 200 {
			t.Errorf("before its end: %d", got.Status)
		}
		clock.Move(time.Hour)
		check("expired", expired)
	})
}
