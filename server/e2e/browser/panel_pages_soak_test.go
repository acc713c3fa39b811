//go:build soak

package browser

import (
	"fmt"
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/templates"
)

// TestSoakPanelPages checks every page of the panel on screens of several
// widths, in light and dark mode, and with large text.
func TestSoakPanelPages(t *testing.T) {
	t.Parallel()
	running(t)
	lookAtPanel(t, soak.Count(1, allPages), "en", func(b *tab, axe string) {
		b.wantPanelScreens(axe)
		b.foldMenu()
		b.wantLargeText()
	})
}

// TestSoakPanelLanguages looks at every page of the panel in every other language.
func TestSoakPanelLanguages(t *testing.T) {
	running(t)
	texts, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	languages := slices.DeleteFunc(texts.Languages(), func(l templates.Language) bool { return l.Tag == "en" })
	for _, l := range sample(languages, soak.Count(2, len(languages))) {
		t.Run(l.Tag, func(t *testing.T) {
			lookAtPanel(t, soak.Count(1, allPages), l.Tag, (*tab).wantPanelPage)
		})
	}
}

// wantPanelScreens checks the page as loaded and with everything unfolded.
func (b *tab) wantPanelScreens(axe string) {
	b.t.Helper()
	b.wantKeyboard()
	for _, scheme := range schemes {
		for _, width := range []int64{1280, 360, 320} {
			b.fold()
			touch, least := width < 600, leastByMouse
			if touch {
				least = leastByTouch
			}
			b.show(width, desktop.height, touch, scheme)
			state := fmt.Sprintf("%d, %s", width, scheme)
			b.wantLayout(state, least)
			b.wantAccessible(state, axe)
			b.unfoldAllButMenu()
			b.wantLayout(state+", unfolded", least)
			b.wantAccessible(state+", unfolded", axe)
			b.unfold()
			b.wantLayout(state+", the menu open", least)
			b.wantAccessible(state+", the menu open", axe)
		}
	}
}

func (b *tab) foldMenu() {
	b.t.Helper()
	evaluate[int](b, `[...document.querySelectorAll("details.menu")].map((d) => d.open = false).length`)
}

// TestSoakPasskeyDuringAttack is TestPasskeyDuringAttack with many guesses.
func TestSoakPasskeyDuringAttack(t *testing.T) {
	attackDuringPasskey(t, int64(soak.Count(2000, 20000)))
}
