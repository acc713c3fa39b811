package browser

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// colorOf returns the background color of an element.
func colorOf(selector string) string {
	return `getComputedStyle(document.querySelector('` + selector + `')).backgroundColor`
}

// TestBrandingPreview enters a color and a name. The preview must follow
// without a click, and nothing may be stored. Then it saves them, with a logo,
// and checks the setup page, in light and dark mode, with the regular content
// security policy.
func TestBrandingPreview(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	b := open(t, desktop, "light")
	b.become(m)
	b.visit(o.URL + "/panel/branding")
	before := storetest.Fingerprint(t, o.database)
	b.retype("#color", "#f2a900")
	b.eventually("the color of the preview", colorOf(".brand-day .sample")+` === "rgb(145, 101, 0)"`)
	b.eventually("how the color is used", `document.querySelector("#color-help").textContent.includes("#916500")`)
	b.retype("#help_url", "nowhere") // unfinished
	b.retype("#name", "Example & Söhne")
	b.eventually("the name of the preview", `document.querySelector(".brand-night .host").textContent.trim() === "Example & Söhne"`)
	if storetest.Fingerprint(t, o.database) != before {
		t.Error("typing changed something")
	}
	b.retype("#help_url", "")
	if got := evaluate[string](b, `document.querySelector("[data-color]").value`); got != "#f2a900" {
		t.Errorf("the picker has %s", got)
	}
	b.wantSubmit(saveButton, 200, "/panel/branding")
	must(t, m.Upload("/panel/branding/logo", "file", "logo.svg", `<svg viewBox="0 0 9 9"><circle r="4" cx="4" cy="4" fill="teal"/></svg>`))
	b.wantQuiet(o)

	link := o.Link("jane@example.com")
	for scheme, want := range map[string]string{"light": "rgb(145, 101, 0)", "dark": "rgb(249, 216, 139)"} {
		phone := open(t, iPhone, scheme)
		phone.visit(o.URL + link)
		if got := evaluate[string](phone, colorOf("main .button")); got != want {
			t.Errorf("%s: the button is %s, want %s", scheme, got, want)
		}
		if got := evaluate[string](phone, `document.querySelector(".masthead .host").textContent.trim()`); got != "Example & Söhne" {
			t.Errorf("the masthead says %q", got)
		}
		if !evaluate[bool](phone, `document.querySelector(".host-logo").naturalWidth === 256`) {
			t.Error("the logo isn't drawn")
		}
		phone.wantQuiet(o)
	}
}

// TestMailPage shows an email as a page. It must be drawn with its styles and
// its logo, and load nothing.
func TestMailPage(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	must(t, m.Upload("/panel/branding/logo", "file", "logo.svg", `<svg viewBox="0 0 9 9"><circle r="4" cx="4" cy="4" fill="teal"/></svg>`))
	b := open(t, desktop, "dark")
	b.become(m)
	b.visit(o.URL + "/panel/branding/mails/link/page")
	if !evaluate[bool](b, `document.images.length === 1 && document.images[0].naturalWidth === 256`) {
		t.Error("the logo isn't drawn")
	}
	if got := evaluate[string](b, colorOf("td[style*=background-color]")); got != "rgb(51, 89, 198)" {
		t.Errorf("the button is %s", got)
	}
	for _, trouble := range b.troubles(o.URL) {
		if !strings.HasPrefix(trouble, "a request to data:image/png;") { // the logo, in the page itself
			t.Error(trouble)
		}
	}
}
