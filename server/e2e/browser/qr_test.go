package browser

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/web/qrtest"
)

// TestScanned reads the codes on the screen with a camera: the page of a link,
// its sheet, and the panel's pages.
func TestScanned(t *testing.T) {
	t.Parallel()
	scan(t, "light")
}

// scan is TestScanned in a color scheme.
func scan(t *testing.T, scheme string) {
	t.Helper()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	link := o.Link("jane@example.com")
	made := m.Post("/panel/links/new", "address", "jane@example.com", "expires", "24", "downloads", "5")
	b := open(t, device{"large", linux.userAgent, 1280, 1400, false}, scheme)
	b.scale(2)
	b.become(m)
	for _, tt := range []struct{ path, want string }{
		{link, o.URL + link},
		{link + "/sheet", `[1,[1,1],[0,"imap.example.com",993,`},
		{made.Location(), o.URL + "/s/"},
		{"/panel/security/sign-in/totp", "otpauth://totp/localhost:" + ownerEmail + "?issuer=localhost&secret="},
	} {
		if got := b.visit(o.URL + tt.path); got != 200 {
			t.Fatalf("%s: %d: %s", tt.path, got, b.text())
		}
		got := qrtest.ReadPNG(t, b.picture(0, float64(b.device.height)))
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s, %s: a camera reads %q, want %q", tt.path, scheme, got, tt.want)
		}
	}
	b.wantQuiet(o)
}
