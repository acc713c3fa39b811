package browser

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/page"
)

//go:embed testdata/text.js
var textJS string

// The sizes of text in pixels: the default, and twice as much.
const (
	usualText = 16
	largeText = 2 * usualText
)

// write sets the text size of the browser.
func (b *tab) write(size int64) {
	b.t.Helper()
	call(b, page.SetFontSizes, page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: size, Fixed: size * 13 / usualText}})
	b.eventually("the text has its size", fmt.Sprintf(`parseFloat(getComputedStyle(document.documentElement).fontSize) === %d`, size))
}

// wantLargeText checks that all text is shown at twice its size, on a small
// phone and on a large screen.
func (b *tab) wantLargeText() {
	b.t.Helper()
	b.write(largeText)
	defer b.write(usualText)
	for _, width := range []int64{1280, 320} {
		b.show(width, desktop.height, width == 320, "light")
		b.unfoldAllButMenu()
		for _, problem := range evaluate[[]string](b, fmt.Sprintf("(%s)(%d)", body(textJS), width)) {
			b.t.Errorf("%d: %s", width, problem)
		}
	}
	b.unfold() // the menu too
	for _, problem := range evaluate[[]string](b, fmt.Sprintf("(%s)(320)", body(textJS))) {
		b.t.Errorf("320, the menu open: %s", problem)
	}
}

// TestLargeText checks every public page with text at twice its size;
// TestSoakPanelPages does the same with those of the panel.
func TestLargeText(t *testing.T) {
	t.Parallel()
	running(t)
	s := newSite(t)
	b := open(t, iPhone, "light")
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			b.begin(t)
			b.show(iPhone.width, iPhone.height, true, "light")
			v.reach(b, s)
			b.wantLargeText()
		})
	}
}
