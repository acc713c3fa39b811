package server_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestStreamsEnd opens every event stream, revokes the permission, and then
// causes an event: it isn't sent, and the stream ends.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil) // no jobs run, so batches don't change
		olga := s.Owner("olga@example.com")
		anna := olga.Invite("anna@example.com", "admin")
		upload := func() string {
			t.Helper()
			a := olga.Upload("/panel/batches/new", "file", "people.csv", "email\njane@example.com\n")
			at, _, _ := strings.Cut(a.Location(), "?")
			return strings.TrimPrefix(at, "/panel/batches/")
		}
		cancel := func(id string) func() {
			return func() {
				t.Helper()
				if a := olga.Post("/panel/batches/" + id + "/cancel"); a.Status != http.StatusSeeOther {
					t.Fatalf("cancel: %d %s", a.Status, a.Body)
				}
			}
		}
		keys := account.NewKeys(storetest.Open(t, store.Config{Database: database}), s.Now)
		newKey := func(scopes ...string) (http.Header, func()) {
			t.Helper()
			key, token, err := keys.Create(t.Context(), audit.ByOperator(), account.KeySpec{Account: account.Default, Name: "panel", Scopes: scopes})
			storetest.Must(t, err)
			return http.Header{"Authorization": {"Bearer " + token}}, func() {
				storetest.Must(t, keys.Revoke(t.Context(), audit.ByOperator(), account.Default, key.ID))
			}
		}
		watched, shown := upload(), upload()
		watching, endWatching := newKey("batches:read")
		following, endFollowing := newKey("webhooks:read")
		for _, tt := range []struct {
			path      string
			header    http.Header
			end       func()
			happen    func()
			says, not string
		}{
			{"/panel/batches/" + shown + "/events", http.Header{"Cookie": {anna.Cookie}}, func() { anna.Post("/panel/sign-out") }, cancel(shown), `"checking"`, `"canceled"`},
			{"/api/v1/batches/" + watched + "/events", watching, endWatching, cancel(watched), `"checking"`, `"canceled"`},
			{"/api/v1/events/stream?after=0", following, endFollowing, func() { s.Link("jane@example.com") }, "key.created", "link.created"},
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+tt.path, nil)
			storetest.Must(t, err)
			req.Header = tt.header
			res, err := http.DefaultClient.Do(req)
			storetest.Must(t, err)
			lines := bufio.NewReader(res.Body)
			for line := ""; !strings.Contains(line, tt.says); {
				if line, err = lines.ReadString('\n'); err != nil {
					t.Fatalf("%s: %v before it says %s", tt.path, err, tt.says)
				}
			}
			tt.end()
			tt.happen()
			for line := ""; err == nil; {
				if line, err = lines.ReadString('\n'); strings.Contains(line, tt.not) {
					t.Errorf("%s: says %s", tt.path, line)
					break
				}
			}
			if err != nil && err != io.EOF {
				t.Errorf("%s: %v", tt.path, err)
			}
			res.Body.Close()
		}
	})
}
