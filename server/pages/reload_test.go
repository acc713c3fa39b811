package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestReload checks that every form of the public pages is answered with a
// redirect, so that reloading the page doesn't send the form again.
func TestReload(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	link := s.Link("jane@example.com")
	forms := map[string]func() servertest.Answer{
		"/start":            func() servertest.Answer { return s.Post("/start", "address", "jane@example.com") },
		"/s/:token/profile": func() servertest.Answer { return s.Post(link+"/profile", "variant", "mail", "platform", "iphone") },
		"/start/signed":     nil, // needs a key: its redirect is in the tests of package redirect
	}
	for _, route := range s.Handler().(*echo.Echo).Routes() {
		if route.Method != http.MethodPost || strings.HasPrefix(route.Path, "/panel") || strings.HasPrefix(route.Path, "/api/") || strings.HasPrefix(route.Path, "/autodiscover/") || strings.HasPrefix(route.Path, "/hooks/") {
			continue
		}
		form, known := forms[route.Path]
		if !known {
			t.Errorf("%s has no row here", route.Path)
		}
		if form == nil {
			continue
		}
		a := form()
		if a.Status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", route.Path, a.Status, a.Body)
		}
	}
	before := storetest.Fingerprint(t, database)
	for range 2 {
		s.Get(link)
	}
	if storetest.Fingerprint(t, database) != before {
		t.Error("a reload changed the database")
	}
}
