package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// A deadlineRecorder records the time limits that a handler sets on the connection.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	read []time.Time
}

func (r *deadlineRecorder) SetReadDeadline(at time.Time) error {
	r.read = append(r.read, at)
	return nil
}

// TestNoReadDeadline sends requests with a body. Once it is read, there is no time limit for
// reading from the connection: the server waits there for the client to leave, so one
// that passes would cancel the request, and the next one on the connection.
func TestNoReadDeadline(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		key := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
		for _, r := range []struct {
			method, path, kind, body string
			status                   int
		}{
			{"POST", "/setup-links", "application/json", `{"address":"jane@example.com"}`, 201},
			{"POST", "/setup-links/bulk", "application/json", manyLinks(2), 200},
			{"POST", "/domains", "application/json", `{"name":"example.org","imap":"imap.example.org","smtp":"smtp.example.org"}`, 201},
			{"PATCH", "/domains/example.org", "application/merge-patch+json", `{"display_name":"Example"}`, 200},
		} {
			req := httptest.NewRequest(r.method, "/api/v1"+r.path, strings.NewReader(r.body))
			req.Header = http.Header{"Content-Type": {r.kind}, "Authorization": {"Bearer " + key}, "If-Match": {"*"}}
			w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
			s.Handler().ServeHTTP(w, req)
			if w.Code != r.status {
				t.Errorf("%s %s: %d %s", r.method, r.path, w.Code, w.Body)
			}
			if n := len(w.read); n == 0 || !w.read[n-1].IsZero() {
				t.Errorf("%s %s: time limits %v", r.method, r.path, w.read)
			}
		}
	})
}
