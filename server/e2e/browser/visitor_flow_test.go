package browser

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// The forms on the page of a link.
const (
	mailForm   = `form:has([name="variant"][value="mail"])`
	secureForm = `form:has([name="variant"][value="secure"])`
)

// TestFromAddressToProfile does what a person with an iPhone does, from the
// address to the profile, with and without script.
func TestFromAddressToProfile(t *testing.T) {
	t.Parallel()
	running(t)
	for _, script := range []bool{true, false} {
		t.Run(fmt.Sprintf("script=%v", script), func(t *testing.T) {
			t.Parallel()
			s := servertest.New(t, storetest.SQLite(t), nil)
			dir := t.TempDir()
			b := open(t, iPhone, "light")
			b.keep(dir)
			allowScript(b, script)
			ask(b, s)
			read(b)
			refuse(b, s)
			agree(b, s, dir)
			plain(b, s, dir)
			if got := asked(s); got != 2 || b.downloads() != 2 {
				t.Errorf("requested %d tickets, %d downloads; want 2 of each", got, b.downloads())
			}
		})
	}
}

// allowScript switches script on or off, and checks that.
func allowScript(b *tab, allowed bool) {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !allowed})
	run(b, chromedp.Navigate(`data:text/html,<title>false</title><script>document.title = "true"</script>`))
	if got := run(b, chromedp.Title()); got != fmt.Sprint(allowed) {
		b.t.Fatalf("script runs: %s", got)
	}
}

// ask enters an address and a name on the start page.
func ask(b *tab, s *servertest.Server) {
	b.t.Helper()
	b.visit(s.URL + "/")
	b.fill("#address", "jane@example.com")
	b.fill("#name", "Jane Doe")
	if status := b.submit("form button"); status != 200 {
		b.t.Fatalf("the page of the link: %d", status)
	}
	if here := run(b, chromedp.Location()); !strings.HasPrefix(here, s.URL+"/s/") {
		b.t.Fatalf("the form leads to %s", here)
	}
}

// read checks that the page shows whose email it is, what the device will ask
// and what can happen, and that no box is selected.
func read(b *tab) {
	b.t.Helper()
	before := b.text()
	for _, want := range []string{"j•••@example.com", "What you’ll be asked", "Allow the download", "Your iPhone passcode", "Tap Install", "Your email password"} {
		if !strings.Contains(before, want) {
			b.t.Errorf("the page does not show %q", want)
		}
	}
	if page := evaluate[string](b, `document.documentElement.outerHTML`); strings.Contains(page, "jane@") {
		b.t.Error("the page shows the address")
	}
	b.press(secureForm + " summary")
	b.eventually("the fold opens", `document.querySelector('`+secureForm+` details').open`)
	for _, want := range []string{"10 wrong passcodes erase this iPhone", "I understand that 10 wrong passcodes erase this iPhone."} {
		if strings.Contains(before, want) || !strings.Contains(b.text(), want) {
			b.t.Errorf("the fold does not show %q when it is opened", want)
		}
	}
	if evaluate[int](b, `document.querySelectorAll("[type=checkbox]:checked, [type=checkbox][checked]").length`) != 0 {
		b.t.Error("a box is ticked")
	}
}

// refuse presses the button without agreement. The browser points to the box
// and sends nothing; the end of the test checks that nothing was sent later.
func refuse(b *tab, s *servertest.Server) {
	b.t.Helper()
	here := run(b, chromedp.Location())
	b.press(secureForm + " button")
	b.eventually("the browser shows the box", `document.activeElement.matches("#agree:invalid")`)
	if asked(s) != 0 || b.downloads() != 0 || run(b, chromedp.Location()) != here {
		b.t.Error("the form was sent without agreement")
	}
}

// agree selects the box and gets the profile with the policy.
func agree(b *tab, s *servertest.Server, dir string) {
	b.t.Helper()
	b.press(secureForm + " .choice-label")
	b.eventually("the box is ticked", `document.querySelector("#agree").checked`)
	b.press(secureForm + " button")
	wantFile(b, s, dir, 1, true)
}

// plain gets the profile without the policy.
func plain(b *tab, s *servertest.Server, dir string) {
	b.t.Helper()
	b.press(mailForm + " button")
	wantFile(b, s, dir, 2, false)
}

// wantFile waits for the nth file and checks its content. The page stays.
func wantFile(b *tab, s *servertest.Server, dir string, n int, policy bool) {
	b.t.Helper()
	name, signed := b.downloaded(dir, n)
	if name != "mail-example.com.mobileconfig" {
		b.t.Errorf("the file is called %q", name)
	}
	content := s.Content(signed)
	for part, want := range map[string]bool{
		"com.apple.mail.managed":                true,
		"jane@example.com":                      true,
		"Jane Doe":                              true,
		"com.apple.mobiledevice.passwordpolicy": policy,
		"<key>maxFailedAttempts</key>":          policy,
	} {
		if bytes.Contains(content, []byte(part)) != want {
			b.t.Errorf("file %d: %s is in it: %v", n, part, !want)
		}
	}
	if !strings.Contains(b.text(), "j•••@example.com") {
		b.t.Error("the page went away with the download")
	}
}

// asked counts requests for a ticket.
func asked(s *servertest.Server) int {
	return strings.Count(s.Log.String(), `"route":"/s/:token/profile"`)
}
