package browser

import (
	_ "embed"
	"fmt"
	"net/url"
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
)

// TestPages looks at every page on every device: its layout, folded and
// unfolded, its keyboard, its console and where it sends requests.
func TestPages(t *testing.T) {
	running(t)
	s := newSite(t)
	eachView(t, devices, func(t *testing.T, b *tab, v view) {
		v.reach(b, s)
		b.wantLayout("folded", leastByTouch)
		b.unfold()
		b.wantLayout("unfolded", leastByTouch)
		b.wantKeyboard()
		if got := len(evaluate[[]string](b, `[...document.querySelectorAll("img.qr-code")].map((i) => i.src)`)); (got == 1) != (v.scan || v.setup && b.device.showsQR()) {
			t.Errorf("%d QR codes", got)
		}
		for _, trouble := range b.troubles(v.server(b)) {
			t.Error(trouble)
		}
	})
}

// eachView runs f with every page on the devices, in light and dark. The pages
// of one device come one after another in the same tab.
func eachView(t *testing.T, on []device, f func(t *testing.T, b *tab, v view)) {
	t.Helper()
	for _, d := range on {
		for _, scheme := range schemes {
			t.Run(d.name+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				b := open(t, d, scheme)
				for _, v := range views {
					t.Run(v.name, func(t *testing.T) {
						b.begin(t)
						f(t, b, v)
					})
				}
			})
		}
	}
}

// reach opens the page and wants its status and what it says is wrong.
func (v view) reach(b *tab, s site) {
	b.t.Helper()
	if got := v.open(b, s); got != v.status {
		b.t.Fatalf("status %d, want %d", got, v.status)
	}
	if v.field != "" {
		b.wantProblem(v.field)
	}
}

// server is the one that the page is from.
func (v view) server(b *tab) string {
	b.t.Helper()
	u, err := url.Parse(run(b, chromedp.Location()))
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

// wantProblem wants the field, or the group that it is in, to be marked, and
// what is wrong with it said beside it, at the top and in the title.
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
	if top := evaluate[string](b, `document.querySelector("[role=alert] a[href='`+field+`']")?.textContent ?? ""`); top == "" || top != said {
		b.t.Errorf("the top says %q, the field %q", top, said)
	}
	if title := run(b, chromedp.Title()); !strings.HasPrefix(title, "Error:") {
		b.t.Errorf("the title is %q", title)
	}
}

// How large something to press is at least, in pixels each way. Public pages
// have no smaller ones for a mouse.
const (
	leastByTouch = 44
	leastByMouse = 32
)

// wantLayout wants everything to fit, to be shown and to be large enough.
func (b *tab) wantLayout(state string, least int) {
	b.t.Helper()
	for _, problem := range evaluate[[]string](b, fmt.Sprintf("(%s)(%d, %d)", body(layoutJS), b.device.width, least)) {
		b.t.Errorf("%s: %s", state, problem)
	}
}

// wantKeyboard presses Tab until the end of the page.
func (b *tab) wantKeyboard() {
	b.t.Helper()
	controls := evaluate[int](b, controlsJS)
	if controls < 2 {
		b.t.Errorf("%d controls", controls)
	}
	for i := range controls {
		b.next()
		if problem := evaluate[string](b, fmt.Sprintf("(%s)(%d)", body(focusJS), i)); problem != "" {
			b.t.Error(problem)
			return
		}
	}
}

// next presses Tab until the focus is on another control: a field for a time
// has several stops of its own.
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

// body is a script without the comment at its head.
func body(script string) string { return script[strings.Index(script, "\n(")+1:] }

// TestTypedComesBack wants a foreign address, and the name, filled in again.
func TestTypedComesBack(t *testing.T) {
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
