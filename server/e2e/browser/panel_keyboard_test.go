package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/updatecase/mobileconfig/server/servertest"
)

// TestKeyboard signs in, creates a domain and signs out, using only the
// keyboard.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	o.clock.Move(30 * time.Second)
	b := open(t, desktop, "light")
	k := &keyboard{tab: b}

	b.visit(o.URL + "/panel/sign-in?next=/panel/domains")
	b.eventually("the first field has the focus", `document.activeElement.id === "email"`)
	run(b, chromedp.KeyEvent(ownerEmail))
	k.typeInto("#password", servertest.Password)
	k.typeInto("#code", o.code(t, m.Seed))
	k.enter("/panel/domains")

	k.to(`main a[href="/panel/domains/new"]`)
	k.enter("/panel/domains/new")
	b.eventually("the first field has the focus", `document.activeElement.id === "name"`)
	run(b, chromedp.KeyEvent("keys.example"))
	k.enter("/panel/domains/new/find")
	b.wantText("No mail servers found")
	k.typeInto("#imap", "imap.keys.example")
	k.typeInto("#smtp", "smtp.keys.example")
	k.to(`details:has(#display_name) > summary`)
	k.press(kb.Enter, `details[open]:has(#display_name) > summary`)
	k.to(`[name=login][value=address]`)
	k.press(kb.ArrowDown, `[name=login][value=local_part]`)
	k.to("#mac")
	k.press(" ", "#mac:not(:checked)")
	k.to(`[name=policy][value=offered]`)
	k.press(kb.ArrowUp, `[name=policy][value=off]:checked`)
	k.to(saveButton)
	k.enter("/panel/domains/keys.example")
	b.wantText("Domain activated", "keys.example")

	b.visit(o.URL + "/panel/domains/keys.example/edit")
	got := b.values("#imap")
	for name, want := range map[string]string{"imap": "imap.keys.example:993", "smtp": "smtp.keys.example:465", "login": "local_part", "iphone": "yes", "mac": "", "policy": "off"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}

	k.to(".menu summary")
	k.press(kb.Enter, ".menu[open] summary")
	k.to(`form[action="/panel/sign-out"] button`)
	k.enter("/panel/sign-in")
	b.visit(o.URL + "/panel")
	b.wantAt("/panel/sign-in")
	b.wantQuiet(o)
}

// A keyboard is the only way in which a person uses a tab.
type keyboard struct{ *tab }

// to presses Tab until the focus is on the selected element. At each stop it
// checks for a visible focus ring.
func (k *keyboard) to(selector string) {
	k.t.Helper()
	on := fmt.Sprintf("document.activeElement.matches(`%s`)", selector)
	// The page may have changed since the last stop.
	from := evaluate[int](k.tab, controlsJS+`; window.controls.indexOf(document.activeElement)`)
	for i := from + 1; ; i++ {
		k.next()
		if i == evaluate[int](k.tab, `window.controls.length`) {
			k.t.Fatalf("Tab does not reach %s", selector)
		}
		if problem := evaluate[string](k.tab, fmt.Sprintf("(%s)(%d)", body(focusJS), i)); problem != "" {
			k.t.Fatal(problem)
		}
		if evaluate[bool](k.tab, on) {
			return
		}
	}
}

func (k *keyboard) typeInto(selector, text string) {
	k.t.Helper()
	k.to(selector)
	run(k.tab, chromedp.KeyEvent(text))
}

// press presses a key and checks that the focus is on the selected element.
func (k *keyboard) press(key, selector string) {
	k.t.Helper()
	run(k.tab, chromedp.KeyEvent(key))
	k.eventually("the key leads to "+selector, fmt.Sprintf("document.activeElement.matches(`%s`)", selector))
}

// enter presses Enter and checks that it leads to a path.
func (k *keyboard) enter(path string) {
	k.t.Helper()
	status, err := k.leave(chromedp.KeyEvent(kb.Enter))
	if err != nil || status != 200 {
		k.t.Fatalf("Enter: status %d, %v: %s", status, err, k.text())
	}
	k.wantAt(path)
}

// TestMenus checks that Esc and a press anywhere else close a menu, in the
// panel and on public pages. After Esc the keyboard is where it was.
func TestMenus(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	const opened, shut = `document.querySelector(".menu").open`, `!document.querySelector(".menu").open`
	for _, page := range []struct {
		path, elsewhere string
		device          device
	}{{"/panel/domains", "h1", desktop}, {"/", ".masthead .host", iPhone}} {
		t.Run(page.path, func(t *testing.T) {
			b := open(t, page.device, "light")
			b.become(m)
			b.visit(o.URL + page.path)

			b.press(".menu summary")
			b.eventually("the menu opens", opened)
			run(b, chromedp.KeyEvent(kb.Tab))
			b.eventually("Tab leads into the menu", `document.activeElement.closest(".menu > :not(summary)") !== null`)
			run(b, chromedp.KeyEvent(kb.Escape))
			b.eventually("Esc closes the menu", shut)
			b.eventually("the focus is on what opens it", `document.activeElement.matches(".menu summary")`)

			b.press(".menu summary")
			b.eventually("the menu opens again", opened)
			b.press(page.elsewhere)
			b.eventually("a press elsewhere closes the menu", shut)
			b.wantQuiet(o)
		})
	}
}
