package templates

import (
	"regexp"
	"strings"
	"testing"
)

func TestTextsMakeRoom(t *testing.T) {
	l := newSet(t).byTag["en"]
	width := textWidth("Verified")
	if x, err := l.before("ios.install.verified", 326); err != nil || x != 326-width {
		t.Errorf("got %d, %v, want %d", x, err, 326-width)
	}
	if x, err := l.beyond("ios.install.verified", 36); err != nil || x != 36+width {
		t.Errorf("got %d, %v, want %d", x, err, 36+width)
	}
	if _, err := l.before("no.such.text", 326); err == nil {
		t.Error("no error for a text that doesn't exist")
	}
	if _, err := l.beyond("no.such.text", 36); err == nil {
		t.Error("no error for a text that doesn't exist")
	}
}

// TestDrawnAccounts checks that the drawings of an iPhone's and a Mac's sheet
// show the accounts that the profile adds, and no others.
func TestDrawnAccounts(t *testing.T) {
	s := newSet(t)
	dav := &server{"dav.example.com", 443, "SSL/TLS"}
	for device, drawing := range map[string]string{"iphone": "d-check", "mac": "d-mac-check"} {
		sheet := regexp.MustCompile(`(?s)<svg [^>]*aria-labelledby="` + drawing + `">.*?</svg>`)
		for _, choice := range []struct{ calendars, contacts *server }{{nil, nil}, {dav, nil}, {nil, dav}, {dav, dav}} {
			r := rendering{device, "setup", func(f frame) any {
				p := setupOf(device, func(p *setupPage) { p.Calendars, p.Contacts = choice.calendars, choice.contacts })
				p.frame = f
				return p
			}}
			drawn := sheet.FindString(render(t, s, r, s.Match()))
			for text, want := range map[string]bool{"Email Account": true, "CalDAV Account": choice.calendars != nil, "CardDAV Account": choice.contacts != nil} {
				if strings.Contains(drawn, ">"+text+"</text>") != want {
					t.Errorf("%s with calendars %v, contacts %v: %q is drawn: %v", device, choice.calendars != nil, choice.contacts != nil, text, !want)
				}
			}
		}
	}
}

// TestMacDrawings checks that each step in System Settings has its drawing,
// and each drawing its description.
func TestMacDrawings(t *testing.T) {
	s := newSet(t)
	html := render(t, s, named(t, "mac"), s.Match())
	for _, step := range []string{"settings", "check", "password"} {
		name := "d-mac-" + step
		said := s.Text(s.Match(), "mac.step."+step+".picture", nil)
		if n := strings.Count(html, `aria-labelledby="`+name+`"`); n != 1 || !strings.Contains(html, `<title id="`+name+`">`+said+"</title>") {
			t.Errorf("%s: drawn %d times, or not described by %q", name, n, said)
		}
	}
	if strings.Contains(render(t, s, named(t, "iphone"), s.Match()), "d-mac-") {
		t.Error("a drawing of a Mac on the page of an iPhone")
	}
}
