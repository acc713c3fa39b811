package pages_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestTicketRace has many clients fetch one ticket at once from two servers.
func TestTicketRace(t *testing.T) { ticketRace(t, 60) }

func ticketRace(t *testing.T, clients int) {
	t.Helper()
	servertest.EachPair(t, func(t *testing.T, servers [2]*servertest.Server, database string) {
		ticket := servers[0].Ticket(servers[0].Link("jane@example.com"), "mail")
		var good, gone, other atomic.Int32
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				switch servers[i%2].Get(ticket).Status {
				case http.StatusOK:
					good.Add(1)
				case http.StatusGone:
					gone.Add(1)
				default:
					other.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 5 || gone.Load() != int32(clients)-5 {
			t.Errorf("%d downloads, %d gone, %d other", good.Load(), gone.Load(), other.Load())
		}
	})
}

// TestTicketEnds checks the limit of 5 downloads in 10 minutes, and that HEAD
// doesn't count.
func TestTicketEnds(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		link := s.Link("jane@example.com")
		spent, old := s.Ticket(link, "mail"), s.Ticket(link, "mail")
		before := storetest.Fingerprint(t, database)
		for range 20 {
			if a := s.Do(http.MethodHead, spent, nil, ""); a.Status != 200 || a.Header.Get("Content-Type") != "application/x-apple-aspen-config" {
				t.Fatalf("HEAD: %d %v", a.Status, a.Header)
			}
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("HEAD changed the database")
		}
		for i := range 7 {
			want := 200
			if i >= 5 {
				want = 410
			}
			a := s.Get(spent)
			if a.Status != want {
				t.Errorf("download %d: %d, want %d", i+1, a.Status, want)
			}
			if want == 410 && a.Header.Get("Content-Disposition") != "" {
				t.Error("an error page is sent as a file")
			}
		}
		clock.Move(10 * time.Minute)
		if a := s.Get(old); a.Status != 410 {
			t.Errorf("after 10 minutes: %d", a.Status)
		}
	})
}
