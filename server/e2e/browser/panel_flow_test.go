package browser

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestFirstRun does what the first owner does, from the URL that the program
// prints to the second sign-in, with and without script.
func TestFirstRun(t *testing.T) {
	t.Parallel()
	running(t)
	for _, script := range []bool{true, false} {
		t.Run(fmt.Sprintf("script=%v", script), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, nil)
			b := open(t, desktop, "light")
			allowScript(b, script)
			b.begin(t)
			setup := setUp(b, o)
			if got := b.visit(setup); got != 404 {
				t.Errorf("the address of the setup a second time: %d, want 404", got)
			}
			wantOnlyEnrollment(b, o)
			b.visit(o.URL + "/panel")
			b.wantSubmit(`main a[href="/panel/security/sign-in/totp"]`, 200, "/panel/security/sign-in/totp")
			seed := b.enrollApp(o)
			codes := b.makeCodes()
			slices.Sort(codes)
			if len(slices.Compact(codes)) != 10 {
				t.Errorf("codes are the same: %q", codes)
			}
			b.wantSubmit(`.nav a[href="/panel"]`, 200, "/panel")
			b.signOut()
			comeBack(b, o, seed)
			b.wantQuiet(o)
		})
	}
}

// setUp becomes the first owner and returns the URL that was used.
func setUp(b *tab, o *office) string {
	b.t.Helper()
	setup, err := o.SetupURL(b.t.Context())
	if err != nil || !strings.HasPrefix(setup, o.URL+"/panel/invitation/") {
		b.t.Fatalf("setup: %q, %v", setup, err)
	}
	b.visit(setup)
	b.fill("#email", ownerEmail)
	b.fill("#name", ownerName)
	b.fill("#password", servertest.Password)
	b.wantSubmit(mainButton, 200, "/panel/security/sign-in/enroll")
	return setup
}

// wantOnlyEnrollment checks that every page of the panel redirects to the
// enrollment, and that this has no links to other pages.
func wantOnlyEnrollment(b *tab, o *office) {
	b.t.Helper()
	for _, path := range []string{"", "/domains", "/domains/new", "/policies/standard", "/keys", "/members", "/accounts",
		"/security/sign-in", "/security/sign-in/recovery", "/security/sign-in/password", "/sign-in"} {
		b.visit(o.URL + "/panel" + path)
		b.wantAt("/panel/security/sign-in/enroll")
	}
	if n := evaluate[int](b, `document.querySelectorAll("nav").length`); n != 0 {
		b.t.Error("the page of the enrollment shows the side list")
	}
}

// comeBack signs in again: a used code is refused, the next one leads to the
// overview.
func comeBack(b *tab, o *office, seed string) {
	b.t.Helper()
	b.visit(o.URL + "/panel/keys")
	b.wantAt("/panel/sign-in")
	if got := b.signIn(o, ownerEmail, servertest.Password, o.code(b.t, seed)); got != 401 {
		b.t.Errorf("the code of the enrollment again: %d, want 401", got)
	}
	o.clock.Move(30 * time.Second)
	if got := b.signIn(o, ownerEmail, servertest.Password, o.code(b.t, seed)); got != 200 {
		b.t.Fatalf("sign-in: %d: %s", got, b.text())
	}
	b.wantAt("/panel")
	b.wantText("Overview")
}

// TestRecovery signs in with a recovery code, once.
func TestRecovery(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	b := open(t, desktop, "light")
	b.become(m)
	b.visit(o.URL + "/panel/security/sign-in/recovery")
	codes := b.makeCodes()
	b.wantText(ownerEmail) // when printed, they say whose they are
	b.begin(t)
	b.become(nil)

	if got := b.signIn(o, ownerEmail, servertest.Password, codes[3]); got != 200 {
		t.Fatalf("sign-in by a recovery code: %d: %s", got, b.text())
	}
	b.wantAt("/panel")
	b.wantSubmit(`.nav a[href="/panel/security/sign-in"]`, 200, "/panel/security/sign-in")
	b.wantText("9 codes left")
	b.signOut()
	if got := b.signIn(o, ownerEmail, servertest.Password, codes[3]); got != 401 {
		t.Fatalf("the same code again: %d", got)
	}
	b.wantAt("/panel/sign-in")
	again := refusal(b)
	b.signIn(o, ownerEmail, "not the password", codes[4])
	if got := refusal(b); got != again || got == "" {
		t.Errorf("a used code is refused with %q, a wrong password with %q", again, got)
	}
	// In any notation.
	if got := b.signIn(o, ownerEmail, servertest.Password, " "+strings.ToUpper(regexp.MustCompile(`[- ]`).ReplaceAllString(codes[4], " "))); got != 200 {
		t.Errorf("another code, typed in another way: %d", got)
	}
	b.visit(o.URL + "/panel/security/sign-in/recovery")
	b.wantText("8 codes left")
	b.wantQuiet(o)

	storetest.Exec(t, o.database, `DELETE FROM recovery_codes WHERE hash NOT IN (SELECT hash FROM recovery_codes LIMIT 3)`)
	b.visit(o.URL + "/panel")
	b.wantText("You have 3 recovery codes left")
}
