package pages_test

import (
	"bytes"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/server/web"
)

// TestSheet checks the printable settings of a link, and its code for
// Thunderbird, without a password or a cookie.
func TestSheet(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		link := s.Link("jane@example.com")
		before := storetest.Fingerprint(t, database)
		page, code := s.Get(link+"/sheet"), s.Get(link+"/thunderbird.svg")
		for _, want := range []string{"imap.example.com", "993", "smtp.example.com", "465", "SSL/TLS", link + "/thunderbird.svg", "j•••@example.com"} {
			if !bytes.Contains(page.Body, []byte(want)) {
				t.Errorf("the sheet does not say %q", want)
			}
		}
		if bytes.Contains(page.Body, []byte("jane@")) || page.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s %s", page.Header, page.Body)
		}
		want, err := web.NewQR(`[1,[1,1],[0,"imap.example.com",993,3,1,"jane@example.com"],[[[0,"smtp.example.com",465,3,1,"jane@example.com"],["jane@example.com","jane@example.com"]]]]`)
		if err != nil || code.Status != 200 || string(code.Body) != want.SVG() || code.Header.Get("Content-Type") != "image/svg+xml" {
			t.Errorf("%v %d %s", err, code.Status, code.Body)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("looking at the sheet changed the database")
		}
		beyond := s.Link("jäne@example.com")
		if page := s.Get(beyond + "/sheet"); page.Status != 200 || bytes.Contains(page.Body, []byte("thunderbird.svg")) {
			t.Errorf("beyond ASCII: %d", page.Status)
		}
		for _, path := range []string{beyond + "/thunderbird.svg", "/s/unknown/sheet", "/s/unknown/thunderbird.svg"} {
			if a := s.Get(path); a.Status != 404 {
				t.Errorf("%s: %d", path, a.Status)
			}
		}
		if s.Do("HEAD", link+"/sheet", nil, "").Status != 200 {
			t.Error("HEAD")
		}
	})
}
