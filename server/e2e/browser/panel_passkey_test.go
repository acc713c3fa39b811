package browser

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// An authenticator is a device with passkeys for a tab. It needs no touch.
type authenticator struct {
	b  *tab
	id webauthn.AuthenticatorID
}

func (b *tab) authenticator() authenticator {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	made := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol:                    webauthn.AuthenticatorProtocolCtap2,
		Transport:                   webauthn.AuthenticatorTransportInternal,
		HasResidentKey:              true,
		HasUserVerification:         true,
		IsUserVerified:              true,
		AutomaticPresenceSimulation: true,
	}})
	return authenticator{b, made.AuthenticatorID}
}

// knows sets whether the device verifies its user from now on.
func (a authenticator) knows(user bool) {
	a.b.t.Helper()
	call(a.b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: user})
}

// keys counts its passkeys.
func (a authenticator) keys() int {
	a.b.t.Helper()
	return len(call(a.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials)
}

// enrollPasskey adds a passkey on the enrollment page, as a member without
// recovery codes.
func (b *tab) enrollPasskey(name string) {
	b.t.Helper()
	b.fill("#passkey-name", name)
	b.wantSubmit(passkeyButton, 200, recoveryPath)
}

// passkeyRefusal presses the button and returns what the page says then.
func (b *tab) passkeyRefusal() string {
	b.t.Helper()
	b.press(passkeyButton)
	b.eventually("the page says what is wrong", `!document.querySelector("[data-passkey-error]").hidden`)
	return run(b, chromedp.Text(chromedp.CSS("[data-passkey-error]")))
}

// TestPasskey adds a passkey to an authenticator app and signs in with only
// the passkey. A device that doesn't verify its user is refused.
func TestPasskey(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	b := open(t, desktop, "light")
	a := b.authenticator()
	b.become(m)
	b.visit(o.URL + "/panel/security/sign-in")
	b.wantSubmit(`main a[href="/panel/security/sign-in/enroll"]`, 200, "/panel/security/sign-in/enroll")
	b.enrollPasskey("Maria's laptop")
	b.visit(o.URL + "/panel/security/sign-in")
	b.wantText("Maria's laptop")
	if n := a.keys(); n != 1 {
		t.Fatalf("the device has %d passkeys, want 1", n)
	}

	b.visit(o.URL + "/panel/security/sign-in/enroll")
	if said := b.passkeyRefusal(); said == "" || a.keys() != 1 { // the same device again
		t.Errorf("a second passkey on the device: %q, it has %d", said, a.keys())
	}

	b.signOut()
	b.visit(o.URL + "/panel/keys")
	b.wantAt("/panel/sign-in")
	b.wantSubmit(passkeyButton, 200, "/panel/keys") // where the redirects led
	b.visit(o.URL + "/panel/security/sign-in")
	b.wantText("Passkey")
	b.wantQuiet(o)

	b.signOut()
	a.knows(false)
	said := b.passkeyRefusal()
	b.visit(o.URL + "/panel")
	b.wantAt("/panel/sign-in")
	b.wantQuiet(o)
	// A browser that doesn't ask the device to verify its user is refused too.
	evaluate[bool](b, `(() => {
		const get = navigator.credentials.get.bind(navigator.credentials);
		navigator.credentials.get = ({ publicKey }) => get({ publicKey: { ...publicKey, userVerification: "discouraged" } });
		return true;
	})()`)
	refused := b.passkeyRefusal()
	b.visit(o.URL + "/panel")
	b.wantAt("/panel/sign-in")
	b.signIn(o, ownerEmail, "not the password", "")
	if want := refusal(b); refused != want || said == refused {
		t.Errorf("the server refuses with %q, a wrong password with %q; the browser alone with %q", refused, want, said)
	}
}

// TestPasskeyFirst uses a passkey as the first factor.
func TestPasskeyFirst(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	b := open(t, desktop, "light")
	b.authenticator()
	setUp(b, o)
	b.enrollPasskey("")
	b.wantText("Passkey added", "You have none yet")
	b.makeCodes()
	b.wantSubmit("main a.button", 200, "/panel/security/sign-in")
	b.wantText("Chrome on Linux", "10 codes left") // a passkey without a name gets the device's
	b.signOut()
	b.wantSubmit(passkeyButton, 200, "/panel")
	b.wantText("Overview")
	b.wantQuiet(o)
}

// TestConfirmByPasskey confirms with a passkey before a page, and before a
// form that is sent again.
func TestConfirmByPasskey(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	b := open(t, desktop, "light")
	b.authenticator()
	b.become(m)
	b.visit(o.URL + "/panel/security/sign-in/enroll")
	b.enrollPasskey("Laptop")

	o.clock.Move(11 * time.Minute)
	if got := b.visit(o.URL + "/panel/security/sign-in/password"); got != 403 {
		t.Errorf("a page that needs a fresh factor: %d, want 403", got)
	}
	if n := evaluate[int](b, `document.querySelectorAll("#password").length`); n != 0 {
		t.Error("the page is shown before the confirmation")
	}
	b.wantSubmit(passkeyButton, 200, "/panel/security/sign-in/password")
	run(b, chromedp.WaitVisible(chromedp.CSS("#password")))

	o.clock.Move(11 * time.Minute)
	b.visit(o.URL + "/panel/policies/new")
	fillPolicy(b)
	b.wantSubmit(mainButton, 403, "/panel/policies/new")
	if got := b.submit(passkeyButton); got != 200 {
		t.Fatalf("the form that is sent again: %d: %s", got, b.text())
	}
	wantPolicy(b)
	b.wantQuiet(o)
}
