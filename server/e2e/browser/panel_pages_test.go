package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A look checks the page in a tab.
type look func(b *tab, axe string)

// TestPanelPages checks every page of the panel once: its keyboard use, its
// layout on a large screen and on a phone, axe-core and its console.
func TestPanelPages(t *testing.T) {
	t.Parallel()
	running(t)
	lookAtPanel(t, allPages, "en", (*tab).wantPanelPage)
}

// allPages is more than the number of pages in any part of the panel.
const allPages = 1000

// lookAtPanel opens pages of installations that are new, empty and in use, n
// of each part, in the language.
func lookAtPanel(t *testing.T, each int, language string, f look) {
	t.Helper()
	axe := axeScript(t)
	p := inUse(t)
	t.Run("in use", func(t *testing.T) {
		for _, part := range []struct {
			name  string
			pages []panelPage
		}{{"settings", settingPages}, {"people", peoplePages}, {"log", logPages}} {
			t.Run(part.name, func(t *testing.T) {
				t.Parallel()
				p.look(t, axe, language, sample(part.pages, each), f)
			})
		}
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		p.clock.Move(11 * time.Minute)
		p.look(t, axe, language, sample(latePages, each), f)
	})
	t.Run("new", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, nil)
		setup, err := o.SetupURL(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		(&people{office: o, ids: map[string]string{"setup": strings.TrimPrefix(setup, o.URL+"/panel")}}).look(t, axe, language, sample(firstPages, each), f)
	})
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(c *server.Config) { c.First = nil })
		(&people{office: o, members: map[string]*servertest.Member{"owner": o.Owner(ownerEmail)}}).look(t, axe, language, sample(emptyPages, each), f)
	})
	t.Run("notices", func(t *testing.T) {
		t.Parallel()
		watched(t).look(t, axe, language, sample(noticePages, each), f)
	})
	t.Run("batches", func(t *testing.T) {
		t.Parallel()
		withBatches(t).look(t, axe, language, sample(batchPages, each), f)
	})
	t.Run("test certificate", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(c *server.Config) { c.Identity = server.Fixed(development(t)) })
		owner := map[string]*servertest.Member{"owner": o.Owner(ownerEmail)}
		(&people{o, owner, nil}).look(t, axe, language, sample(testCertificatePages, each), f)
	})
	t.Run("no mail", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, nil)
		owner := map[string]*servertest.Member{"owner": o.Owner(ownerEmail)}
		(&people{o, owner, nil}).look(t, axe, language, sample(noMailPages, each), f)
	})
}

// look opens the pages.
func (p *people) look(t *testing.T, axe, language string, pages []panelPage, f look) {
	b := open(t, desktop, "light")
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}})
	for _, r := range pages {
		t.Run(r.name, func(t *testing.T) {
			b.begin(t)
			b.become(p.members[r.who])
			storetest.Exec(t, p.database, `UPDATE members SET language = '`+language+`'`)
			b.show(desktop.width, desktop.height, desktop.touch, "light")
			if got := r.enter(b, p); got != r.status {
				t.Fatalf("status %d, want %d: %s", got, r.status, b.text())
			}
			if got := evaluate[string](b, `document.documentElement.lang`); got != language {
				t.Errorf("the page is in %q, want %q", got, language)
			}
			f(b, axe)
			b.wantQuiet(p.office)
		})
	}
}

// wantPanelPage checks the page. It doesn't load it again: some pages are
// shown only once.
func (b *tab) wantPanelPage(axe string) {
	b.t.Helper()
	b.wantKeyboard()
	b.unfoldAllButMenu()
	b.wantLayout("1280", leastByMouse)
	b.wantAccessible("1280", axe)
	b.show(320, desktop.height, true, "light")
	b.wantLayout("320", leastByTouch)
	b.unfold() // the menu too
	b.wantLayout("320, the menu open", leastByTouch)
}

func (b *tab) unfoldAllButMenu() {
	b.t.Helper()
	evaluate[int](b, `[...document.querySelectorAll("details:not(.menu)")].map((d) => d.open = true).length`)
}

// sample returns n of all, evenly distributed.
func sample[T any](all []T, n int) []T {
	if n >= len(all) {
		return all
	}
	some := make([]T, n)
	for i := range some {
		some[i] = all[i*len(all)/n]
	}
	return some
}
