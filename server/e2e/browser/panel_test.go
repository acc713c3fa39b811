package browser

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pquerna/otp/totp"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

var desktop = device{"desktop", linux.userAgent, 1280, 800, false}

// The member who uses the control panel in these tests.
const (
	ownerEmail = "maria@example.com"
	ownerName  = "Maria Kern"
)

// An office is an installation whose control panel a browser can use.
type office struct {
	*servertest.Server
	clock    *storetest.Clock
	database string
}

// newOffice returns an office without a member. Change, if not nil, changes
// its configuration.
func newOffice(t testing.TB, change func(*server.Config)) *office {
	t.Helper()
	o := &office{clock: storetest.NewClock(), database: storetest.SQLite(t)}
	o.Server = servertest.Local(t, o.database, func(c *server.Config) {
		c.Now = o.clock.Now
		if change != nil {
			change(c)
		}
	})
	return o
}

// signIn signs the member in with an unused code.
func (o *office) signIn(t testing.TB, m *servertest.Member) {
	t.Helper()
	o.clock.Move(time.Minute)
	if a := m.SignIn(); a.Status != 303 {
		t.Fatalf("sign-in: %d %s", a.Status, a.Body)
	}
}

// code returns the current code of the authenticator app with the seed.
func (o *office) code(t testing.TB, seed string) string {
	t.Helper()
	code, err := totp.GenerateCode(seed, o.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// become gives the tab the member's current session; nil means nobody.
func (b *tab) become(m *servertest.Member) {
	b.t.Helper()
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	if m == nil {
		return
	}
	name, value, _ := strings.Cut(m.Cookie, "=")
	call(b, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: m.Server.URL})
}

// retype replaces the content of a field.
func (b *tab) retype(selector, text string) {
	b.t.Helper()
	evaluate[bool](b, "document.querySelector(`"+selector+"`).select() ?? true")
	if text == "" {
		text = kb.Delete
	}
	run(b, chromedp.KeyEvent(text))
}

// path returns the path of the page without the query.
func (b *tab) path() string {
	b.t.Helper()
	return evaluate[string](b, `location.pathname`)
}

// wantAt checks that the tab is at a path.
func (b *tab) wantAt(path string) {
	b.t.Helper()
	if got := b.path(); got != path {
		b.t.Fatalf("at %s, want %s", got, path)
	}
}

// wantSubmit submits and checks the status and the path.
func (b *tab) wantSubmit(selector string, status int, path string) {
	b.t.Helper()
	if got := b.submit(selector); got != status {
		b.t.Fatalf("%s: status %d, want %d: %s", selector, got, status, b.text())
	}
	b.wantAt(path)
}

// wantText checks that the page contains all texts.
func (b *tab) wantText(all ...string) {
	b.t.Helper()
	text := b.text()
	for _, want := range all {
		if !strings.Contains(text, want) {
			b.t.Errorf("%s does not say %q: %s", b.path(), want, text)
		}
	}
}

// wantQuiet checks that the console is empty and no request leaves the server.
func (b *tab) wantQuiet(o *office) {
	b.t.Helper()
	for _, trouble := range b.troubles(o.URL) {
		b.t.Error(trouble)
	}
}

// Buttons and links that several tests press.
const (
	signInButton  = `form[action="/panel/sign-in"] button[type=submit]`
	passkeyButton = `main [data-passkey]`
	mainButton    = `main form [type=submit]`
	saveButton    = `main form .form-end [type=submit]`
)

// signIn fills in the sign-in page and returns the status of what follows.
func (b *tab) signIn(o *office, email, password, code string) int {
	b.t.Helper()
	b.visit(o.URL + "/panel/sign-in")
	b.fill("#email", email)
	b.fill("#password", password)
	if code != "" {
		b.fill("#code", code)
	}
	return b.submit(signInButton)
}

// signOut uses the menu.
func (b *tab) signOut() {
	b.t.Helper()
	b.press(".menu summary")
	b.eventually("the menu opens", `document.querySelector(".menu").open`)
	b.wantSubmit(`form[action="/panel/sign-out"] button`, 200, "/panel/sign-in")
}

// enrollApp adds an authenticator app with the secret on the page, and returns
// its seed.
func (b *tab) enrollApp(o *office) string {
	b.t.Helper()
	seed := strings.ReplaceAll(run(b, chromedp.Text(chromedp.CSS("#secret"))), " ", "")
	if !regexp.MustCompile(`^[A-Z2-7]{32}$`).MatchString(seed) {
		b.t.Fatalf("the page shows the secret %q", seed)
	}
	b.fill("#code", o.code(b.t, seed))
	b.wantSubmit(mainButton, 200, recoveryPath)
	return seed
}

// The first factor leads to the recovery codes.
const recoveryPath = "/panel/security/sign-in/recovery"

// makeCodes creates recovery codes and returns them.
func (b *tab) makeCodes() []string {
	b.t.Helper()
	b.wantSubmit(mainButton, 200, recoveryPath)
	codes := evaluate[[]string](b, `[...document.querySelectorAll("#codes li")].map((li) => li.innerText.trim())`)
	if len(codes) != 10 {
		b.t.Fatalf("%d codes are shown, want 10: %q", len(codes), codes)
	}
	return codes
}

// refusal returns the sentence at the top of a page that says what is wrong.
func refusal(b *tab) string {
	b.t.Helper()
	return evaluate[string](b, `document.querySelector("[role=alert] [data-code]")?.firstChild.textContent.trim() ?? ""`)
}
