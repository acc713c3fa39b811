//go:build soak

package browser

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/templates"
)

// TestSoakPages checks every page on every device, in light and dark mode, and
// the pages for visitors in every language.
func TestSoakPages(t *testing.T) {
	t.Parallel()
	running(t)
	axe := axeScript(t)
	s := newSite(t)
	all := append(views, translated(t)...)
	screens := len(devices) * len(schemes)
	each := soak.Count(3, len(all))
	for i, d := range devices {
		for j, scheme := range schemes {
			t.Run(d.name+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				b := open(t, d, scheme)
				// Each screen checks another part, unless it checks all pages.
				from := (i*len(schemes) + j) * len(all) / each / screens
				for k := range each {
					v := all[(from+k*len(all)/each)%len(all)]
					if v.field == "agree" && d == android {
						continue // its page has no box
					}
					t.Run(v.name, func(t *testing.T) {
						b.begin(t)
						v.look(b, s, axe)
						b.fold()
						b.wantAccessible("folded", axe)
					})
				}
			})
		}
	}
}

// translated are the pages for visitors, in every language that other tests
// don't use.
func translated(t *testing.T) (all []view) {
	t.Helper()
	texts, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range texts.Languages() {
		if l.Tag == "en" {
			continue
		}
		in := "?lang=" + l.Tag
		all = append(all,
			view{name: "start in " + l.Tag, open: func(b *tab, s site) int { return b.visit(s.URL + "/" + in) }, status: 200},
			view{name: "setup in " + l.Tag, open: func(b *tab, s site) int { return b.visit(s.link + in) }, status: 200, setup: true},
			view{name: "required in " + l.Tag, open: func(b *tab, s site) int { return b.visit(s.required + in) }, status: 200, setup: true},
			view{name: "settings to print in " + l.Tag, open: func(b *tab, s site) int { return b.visit(s.link + "/sheet" + in) }, status: 200, scan: true},
		)
	}
	return all
}

// fold closes all disclosures on the page.
func (b *tab) fold() {
	b.t.Helper()
	evaluate[int](b, `[...document.querySelectorAll("details")].map((d) => d.open = false).length`)
}

// TestSoakScanned reads the codes in dark mode too.
func TestSoakScanned(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			scan(t, scheme)
		})
	}
}

// TestSoakButtonDemo presses the buttons on every device.
func TestSoakButtonDemo(t *testing.T) {
	t.Parallel()
	pressButtons(t, sample(devices, soak.Count(2, len(devices)))...)
}
