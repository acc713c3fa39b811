package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestCaching checks what browsers may cache, and what is compressed. An answer
// for one person isn't cached by anyone. An answer that repeats input, or is
// for a signed-in person, isn't compressed, so that its size is that of the
// text.
func TestCaching(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	link := s.Link("jane@example.com")
	get := func(path, known string) servertest.Answer {
		return s.Do("GET", path, http.Header{"Accept-Encoding": {"gzip"}, "If-None-Match": {known}}, "")
	}
	stylesheet := regexp.MustCompile(`/static/app\.[0-9a-f]+\.css`).FindString(string(s.Get("/").Body))
	for _, tt := range []struct {
		path, cache        string
		compressed, tagged bool
		vary               string
	}{
		{"/", "no-cache", true, true, "Accept-Language, User-Agent, Accept-Encoding"},
		{"/?lang=de", "no-cache", true, true, "Accept-Language, User-Agent, Accept-Encoding"},
		{"/?address=jane@example.com", "no-store", false, false, "Accept-Language, User-Agent, Accept-Encoding"},
		{stylesheet, "public, max-age=31536000, immutable", true, true, "Accept-Encoding"},
		{link, "no-store", true, false, "Accept-Language, User-Agent, Accept-Encoding"},
		{link + "/sheet", "no-store", false, false, "Accept-Language, User-Agent, Accept-Encoding"},
		{s.Ticket(link, "mail"), "no-store", false, false, ""},
		{"/nowhere", "no-store", true, false, "Accept-Language, User-Agent, Accept-Encoding"},
		{"/panel/sign-in", "no-store", false, false, ""},
		{"/api/v1/domains", "no-store", false, false, ""},
	} {
		a := get(tt.path, "")
		tag := a.Header.Get("ETag")
		if got := a.Header.Get("Cache-Control"); got != tt.cache {
			t.Errorf("%s: Cache-Control is %s, want %s", tt.path, got, tt.cache)
		}
		if got := a.Header.Get("Content-Encoding") == "gzip"; got != tt.compressed {
			t.Errorf("%s: compressed %v, want %v", tt.path, got, tt.compressed)
		}
		if got := strings.Join(a.Header.Values("Vary"), ", "); got != tt.vary && tt.vary != "" {
			t.Errorf("%s: Vary is %s, want %s", tt.path, got, tt.vary)
		}
		if (tag != "") != tt.tagged {
			t.Errorf("%s: ETag is %s", tt.path, tag)
		}
		if !tt.tagged {
			if again := get(tt.path, "*"); again.Status != a.Status {
				t.Errorf("%s: %d with If-None-Match, %d without", tt.path, again.Status, a.Status)
			}
			continue
		}
		again := get(tt.path, tag)
		if again.Status != http.StatusNotModified || len(again.Body) > 0 || again.Header.Get("ETag") != tag ||
			again.Header.Get("Cache-Control") != tt.cache || strings.Join(again.Header.Values("Vary"), ", ") != tt.vary {
			t.Errorf("%s: with a known ETag the answer is %d %v", tt.path, again.Status, again.Header)
		}
		if other := get(tt.path, `W/"000000000000000000000000"`); other.Status != http.StatusOK {
			t.Errorf("%s: %d although the client has another version", tt.path, other.Status)
		}
	}
	if one, other := get("/", "").Header.Get("ETag"), get("/?lang=de", "").Header.Get("ETag"); one == other {
		t.Errorf("two languages have the tag %s", one)
	}
}
