package browser

import (
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	//go:embed testdata/layout.js
	layoutJS string
	//go:embed testdata/controls.js
	controlsJS string
	//go:embed testdata/focus.js
	focusJS string
	//go:embed testdata/keyboard.js
	keyboardJS string
)

// TestPages checks every page on a phone.
func TestPages(t *testing.T) {
	t.Parallel()
	running(t)
	axe := axeScript(t)
	s := newSite(t)
	b := open(t, iPhone, "light")
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			b.begin(t)
			v.look(b, s, axe)
		})
	}
}

// look opens the page and checks its layout, folded and unfolded, its keyboard
// use, axe-core, its console and the hosts of its requests.
func (v view) look(b *tab, s site, axe string) {
	b.t.Helper()
	v.reach(b, s)
	b.wantLayout("folded", leastByTouch)
	b.unfold()
	b.wantLayout("unfolded", leastByTouch)
	b.wantKeyboard()
	b.wantAccessible("unfolded", axe)
	if got := len(evaluate[[]string](b, `[...document.querySelectorAll("img.qr-code")].map((i) => i.src)`)); (got == 1) != (v.scan || v.setup && b.device.showsQR()) {
		b.t.Errorf("%d QR codes", got)
	}
	for _, trouble := range b.troubles(v.server(b)) {
		b.t.Error(trouble)
	}
}

// reach opens the page and checks its status and the reported problem.
func (v view) reach(b *tab, s site) {
	b.t.Helper()
	if got := v.open(b, s); got != v.status {
		b.t.Fatalf("status %d, want %d", got, v.status)
	}
	if v.field != "" {
		b.wantProblem(v.field)
	}
}

// server returns the server of the page.
func (v view) server(b *tab) string {
	b.t.Helper()
	u, err := url.Parse(run(b, chromedp.Location()))
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

// wantProblem checks that the field, or its group, is marked, that its problem
// is described beside it and announced, and that the title mentions it.
func (b *tab) wantProblem(name string) {
	b.t.Helper()
	field := "#" + name
	said := evaluate[string](b, `(() => {
		const field = document.querySelector("`+field+`")?.closest("[aria-invalid=true]");
		const ids = field?.getAttribute("aria-describedby")?.split(" ") ?? [];
		return ids.map((id) => document.getElementById(id)).filter((e) => e.matches(":has([data-code])")).map((e) => e.textContent.trim()).join();
	})()`)
	if said == "" {
		b.t.Errorf("%s is not marked, or nothing beside it says what is wrong", field)
	}
	// A single problem is described only beside its field.
	if top := evaluate[string](b, `(() => {
		const link = document.querySelector("[role=alert] a[href='`+field+`']");
		return (link ?? document.querySelector("[role=alert]"))?.textContent.trim() ?? "";
	})()`); top == "" || top != said {
		b.t.Errorf("the top says %q, the field %q", top, said)
	}
	if title := run(b, chromedp.Title()); !strings.HasPrefix(title, "Error:") {
		b.t.Errorf("the title is %q", title)
	}
}

// The minimum width and height of controls in pixels. Public pages have no
// smaller ones for a mouse.
const (
	leastByTouch = 44
	leastByMouse = 32
)

// wantLayout checks that everything fits, is visible and is large enough.
func (b *tab) wantLayout(state string, least int) {
	b.t.Helper()
	for _, problem := range evaluate[[]string](b, fmt.Sprintf("(%s)(%d, %d)", body(layoutJS), b.device.width, least)) {
		b.t.Errorf("%s: %s", state, problem)
	}
}

// wantKeyboard presses Tab until the end of the page.
func (b *tab) wantKeyboard() {
	b.t.Helper()
	// If a field has the focus after loading, begin at the top too.
	b.eventually("the first field has the focus", `!document.querySelector("[autofocus]") || document.activeElement.autofocus`)
	evaluate[bool](b, `(() => {
		const body = document.body;
		if (document.querySelector("[autofocus]")) { body.tabIndex = -1; body.focus(); body.removeAttribute("tabindex"); }
		return true;
	})()`)
	controls := evaluate[int](b, controlsJS)
	if controls < 2 {
		b.t.Errorf("%d controls", controls)
	}
	evaluate[int](b, fmt.Sprintf("(%s)(%s)", body(keyboardJS), body(focusJS)))
	type stops struct {
		Reached int    `json:"reached"`
		Problem string `json:"problem"`
	}
	var got stops
	// A time field has up to nine stops of its own.
	for presses := controls; got.Reached < controls; presses = 9 {
		before := got.Reached
		for range presses {
			run(b, chromedp.KeyEvent(kb.Tab))
		}
		got = evaluate[stops](b, `window.stops`)
		if got.Problem != "" {
			b.t.Error(got.Problem)
			return
		}
		if got.Reached == before {
			b.t.Errorf("Tab does not get past control %d of %d", before, controls)
			return
		}
	}
}

// next presses Tab until the focus is on another control: a time field has
// several stops of its own.
func (b *tab) next() {
	b.t.Helper()
	const at = `document.activeElement.matches("[type=datetime-local]") ? document.activeElement.id : ""`
	before := evaluate[string](b, at)
	for range 9 {
		run(b, chromedp.KeyEvent(kb.Tab))
		if before == "" || evaluate[string](b, at) != before {
			return
		}
	}
}

// body returns a script without the comment at its head.
func body(script string) string {
	return strings.TrimSpace(regexp.MustCompile(`(?m)^//.*\n`).ReplaceAllString(script, ""))
}

// TestTypedComesBack checks that a foreign address and the name are filled in
// again.
func TestTypedComesBack(t *testing.T) {
	t.Parallel()
	running(t)
	s := newSite(t)
	b := open(t, iPhone, "light")
	b.visit(s.URL + "/")
	b.fill("#address", foreign)
	b.fill("#name", "Jane Doe")
	if got := b.submit("form button"); got != 422 {
		t.Fatalf("status %d", got)
	}
	for field, want := range map[string]string{"#address": foreign, "#name": "Jane Doe"} {
		if got := run(b, chromedp.Value(chromedp.CSS(field))); got != want {
			t.Errorf("%s holds %q, want %q", field, got, want)
		}
	}
}
