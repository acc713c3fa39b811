package issue_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
	"github.com/updatecase/mobileconfig/templates"
)

func order(t testing.TB, v settings.Variant, p profile.Platform) issue.Order {
	t.Helper()
	address, err := profile.ParseAddress("Jane@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return issue.Order{
		Service: settings.MailService{
			Incoming: profile.Server{Host: "imap.example.com", Port: 993},
			Outgoing: profile.Server{Host: "smtp.example.com", Port: 587, STARTTLS: true},
		},
		Person:   issue.Person{Address: address, Name: "Jané & 山田", Login: "jane"},
		Platform: p,
		Variant:  v,
		Policy:   profile.DefaultPasscode(),
	}
}

// issuer signs with a new key of the kind; the pool trusts it.
func issuer(t testing.TB, kind string, now func() time.Time) (*issue.Issuer, signingtest.Pair, *x509.CertPool) {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, kind, nil)
	pool := x509.NewCertPool()
	pool.AddCert(root.Cert)
	id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, pool, now)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	return issue.New(texts, func() signing.Signer { return id }), leaf, pool
}

// TestIssue signs each variant for each platform: the gate clears what is
// built, and the content is exactly the unsigned build.
func TestIssue(t *testing.T) {
	i, leaf, pool := issuer(t, "p256", nil)
	for _, v := range []settings.Variant{settings.Mail, settings.Secure, "declared"} {
		for _, p := range []profile.Platform{profile.IPhone, profile.Mac} {
			o := order(t, v, p)
			if v == "declared" {
				o.Variant, o.Declared = settings.Secure, true
			}
			want, err := i.Build(o)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := i.Issue(t.Context(), o)
			if err != nil {
				t.Fatalf("%s %s: %v", v, p, err)
			}
			envelope, err := signing.Open(signed.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if err := envelope.Trust(pool, time.Now()); err != nil || !bytes.Equal(envelope.Content, want) {
				t.Errorf("%s %s: trust %v, same content %v", v, p, err, bytes.Equal(envelope.Content, want))
			}
			if declared := bytes.Contains(want, []byte("com.apple.declarations")); declared != o.Declared {
				t.Errorf("%s %s: declarations are inside: %v", v, p, declared)
			}
			if policy := bytes.Contains(want, []byte("passwordpolicy")); policy != (v == settings.Secure) {
				t.Errorf("%s %s: the payload is inside: %v", v, p, policy)
			}
			sum, print := sha256.Sum256(want), sha256.Sum256(leaf.Cert.Raw)
			if signed.Hash != hex.EncodeToString(sum[:]) || signed.Identity != hex.EncodeToString(print[:]) {
				t.Errorf("hash %s, identity %s", signed.Hash, signed.Identity)
			}
		}
	}
}

// identities returns what identifies a profile and its payloads on a device.
var identities = regexp.MustCompile(`<key>Payload(?:Identifier|UUID)</key>\s*<string>[^<]*</string>`)

// TestMarked checks that profiles of a test key pass the gate, are marked where
// a device shows it, have a separate namespace, and otherwise are the same, in
// every language.
func TestMarked(t *testing.T) {
	i, _, _ := issuer(t, "p256", nil)
	texts, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range texts.Languages() {
		for _, v := range []settings.Variant{settings.Mail, settings.Secure} {
			o := order(t, v, profile.IPhone)
			o.Person.Locale = language.Tag
			plain, err := i.Build(o)
			if err != nil {
				t.Fatal(err)
			}
			o.Test = true
			signed, err := i.Issue(t.Context(), o)
			if err != nil {
				t.Fatalf("%s %s: %v", language.Tag, v, err)
			}
			envelope, err := signing.Open(signed.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			says := texts.Text(language, "profile.test.description", nil) + "\n"
			got := string(envelope.Content)
			if !strings.Contains(got, "PayloadDisplayName</key>\n\t\t<string>TEST – ") || !strings.Contains(got, "PayloadDescription</key>\n\t\t<string>TEST – "+says) {
				t.Errorf("%s %s is not marked: %s", language.Tag, v, got)
			}
			own, real := identities.FindAllString(got, -1), identities.FindAllString(string(plain), -1)
			for _, one := range own {
				if slices.Contains(real, one) || strings.Contains(one, "Identifier<") && !strings.Contains(one, "<string>com.example.mobileconfig-test.") {
					t.Errorf("%s %s: the test has %s, by which it could replace a real profile", language.Tag, v, one)
				}
			}
			if len(own) < 4 || len(own) != len(real) {
				t.Errorf("%s %s: %d identities, want %d", language.Tag, v, len(own), len(real))
			}
			got = strings.ReplaceAll(strings.Replace(got, says, "", 1), profile.TestMark, "")
			if got, want := identities.ReplaceAllString(got, ""), identities.ReplaceAllString(string(plain), ""); got != want {
				t.Errorf("%s %s: without the mark it is\n%s\nwant\n%s", language.Tag, v, got, want)
			}
			if marks, want := strings.Count(string(envelope.Content), profile.TestMark), 2; v == settings.Mail && marks != want || v == settings.Secure && marks != want+1+len(texts.Languages()) {
				t.Errorf("%s %s: %d marks", language.Tag, v, marks)
			}
		}
	}
}

// TestContent checks what becomes of the texts and fields of an order.
func TestContent(t *testing.T) {
	i, _, _ := issuer(t, "p256", nil)
	tests := []struct {
		variant  settings.Variant
		platform profile.Platform
		attempts int
		has, not []string
	}{
		{settings.Mail, profile.IPhone, 10, []string{"Email at example.com", "<string>jane</string>", "EmailAccountDescription</key>\n\t\t\t\t<string>Jane@example.com<"}, []string{"ConsentText", "passwordpolicy"}},
		{settings.Secure, profile.IPhone, 7, []string{"ABOUT 7 WRONG PASSCODES ERASE", "<key>default</key>", "<key>en</key>", "maxFailedAttempts"}, []string{"minutesUntilFailedLoginReset"}},
		{settings.Secure, profile.IPhone, 0, []string{"ConsentText"}, []string{"maxFailedAttempts", "WRONG PASSCODES ERASE"}},
		{settings.Mail, profile.Mac, 10, []string{"<string>User</string>"}, []string{"ConsentText"}},
		{settings.Secure, profile.Mac, 10, []string{"<string>System</string>", ".device.passcode", "minutesUntilFailedLoginReset"}, []string{"mail.managed", "ERASE"}},
	}
	for _, tt := range tests {
		o := order(t, tt.variant, tt.platform)
		o.Policy.MaxFailedAttempts = tt.attempts
		data, err := i.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tt.has {
			if !strings.Contains(string(data), s) {
				t.Errorf("%s %s lacks %q:\n%s", tt.variant, tt.platform, s, data)
			}
		}
		for _, s := range tt.not {
			if strings.Contains(string(data), s) {
				t.Errorf("%s %s has %q", tt.variant, tt.platform, s)
			}
		}
	}
}

// TestCalendars has a domain with calendars and contacts: both are in the
// user's profile, on hosts that the gate knows, and neither in a Mac's policy.
func TestCalendars(t *testing.T) {
	i, _, _ := issuer(t, "p256", nil)
	for _, tt := range []struct {
		variant  settings.Variant
		platform profile.Platform
		want     int // accounts besides mail
	}{
		{settings.Mail, profile.IPhone, 2}, {settings.Secure, profile.IPhone, 2},
		{settings.Mail, profile.Mac, 2}, {settings.Secure, profile.Mac, 0},
	} {
		o := order(t, tt.variant, tt.platform)
		before, err := i.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(before, []byte("DAV")) {
			t.Errorf("%s %s: not chosen, but there:\n%s", tt.variant, tt.platform, before)
		}
		o.Service.Calendars = profile.DAVServer{Host: "cal.example.com", Port: 443}
		o.Service.Contacts = profile.DAVServer{Host: "card.example.com", Port: 8443}
		data, err := i.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(data, []byte("DAVUsername</key>\n\t\t\t\t<string>jane<")); got != tt.want {
			t.Errorf("%s %s: %d further accounts, want %d:\n%s", tt.variant, tt.platform, got, tt.want, data)
		}
		if got := bytes.Count(data, []byte("The device asks for their password once")); got != tt.want {
			t.Errorf("%s %s: the description tells %d further passwords, want %d", tt.variant, tt.platform, got, tt.want)
		}
		if same := bytes.Equal(before, data); same != (tt.want == 0) {
			t.Errorf("%s %s: the same profile: %t", tt.variant, tt.platform, same)
		}
		if agreed := o.Variant == settings.Secure && tt.want > 0; bytes.Contains(before, []byte("This removes the email account and the rules")) != agreed ||
			bytes.Contains(data, []byte("This removes the accounts and the rules")) != agreed {
			t.Errorf("%s %s: what removing takes away, in the consent:\n%s\n%s", tt.variant, tt.platform, before, data)
		}
		if _, err := i.Issue(t.Context(), o); err != nil {
			t.Errorf("%s %s: %v", tt.variant, tt.platform, err)
		}
	}
}

func TestLoginDefaultsToAddress(t *testing.T) {
	i, _, _ := issuer(t, "p256", nil)
	o := order(t, settings.Mail, profile.IPhone)
	o.Person.Login = ""
	data, err := i.Build(o)
	if err != nil || strings.Count(string(data), "Username</key>\n\t\t\t\t<string>Jane@example.com<") != 2 {
		t.Errorf("%v\n%s", err, data)
	}
}

func TestIssueRefuses(t *testing.T) {
	now := time.Now()
	i, leaf, _ := issuer(t, "p256", func() time.Time { return now })
	bad := order(t, settings.Mail, profile.IPhone)
	bad.Person.Name = "a\u202eb"
	if _, err := i.Issue(t.Context(), bad); err == nil {
		t.Error("issued a name that reorders text")
	}
	now = leaf.Cert.NotAfter.Add(time.Second)
	if _, err := i.Issue(t.Context(), order(t, settings.Mail, profile.IPhone)); !fault.Is(err, fault.SignerUnavailable) {
		t.Errorf("with an expired certificate: %v", err)
	}
}

// TestOrderOf checks that the settings of the domain are in the profile.
func TestOrderOf(t *testing.T) {
	i, _, _ := issuer(t, "p256", nil)
	plain := order(t, settings.Mail, profile.IPhone)
	strict := profile.DefaultPasscode()
	strict.MinLength, strict.MaxFailedAttempts = 9, 0
	d := settings.Domain{
		Name: "example.com", Service: plain.Service, Policy: settings.Offered, DevicePolicy: strict, DisplayName: "Éxample & Sons", Login: settings.LocalPartLogin,
	}
	who := issue.Person{Address: plain.Person.Address}
	o, err := issue.OrderOf(d, who, settings.Secure, profile.IPhone)
	if err != nil {
		t.Fatal(err)
	}
	data, err := i.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PayloadOrganization</key>\n\t\t<string>Éxample &amp; Sons<", "IncomingMailServerUsername</key>\n\t\t\t\t<string>Jane<",
		"OutgoingMailServerUsername</key>\n\t\t\t\t<string>Jane<", "minLength</key>\n\t\t\t\t<integer>9<", "These rules don’t erase it after wrong passcodes",
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the profile lacks %q:\n%s", want, data)
		}
	}
	if strings.Contains(string(data), "maxFailedAttempts") {
		t.Error("the profile erases")
	}
	if _, err := i.Issue(t.Context(), o); err != nil {
		t.Errorf("the gate: %v", err)
	}
	d.Login = settings.GivenLogin
	if _, err := issue.OrderOf(d, who, settings.Mail, profile.IPhone); !fault.Is(err, fault.LoginNeeded) {
		t.Errorf("without a login: %v", err)
	}
	who.Login = "jd7"
	if o, err := issue.OrderOf(d, who, settings.Mail, profile.IPhone); err != nil || o.Person.Login != "jd7" {
		t.Errorf("with a login: %v", err)
	}
}

func TestFileName(t *testing.T) {
	for _, tt := range []struct {
		variant  settings.Variant
		platform profile.Platform
		want     string
	}{
		{settings.Mail, profile.IPhone, "mail-example.com.mobileconfig"},
		{settings.Secure, profile.IPhone, "mail-example.com.mobileconfig"},
		{settings.Secure, profile.Mac, "device-example.com.mobileconfig"},
	} {
		if got := order(t, tt.variant, tt.platform).FileName(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
