package profile_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/profile"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name; -update rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from the result:\n%s", path, got)
	}
}

func address(t testing.TB, s string) profile.Address {
	t.Helper()
	a, err := profile.ParseAddress(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return a
}

// mailProfile returns a valid profile for name on the platform.
func mailProfile(t testing.TB, p profile.Platform, name string) *profile.Profile {
	t.Helper()
	return &profile.Profile{
		Address:      address(t, "Jane.Doe@example.com"),
		Platform:     p,
		DisplayName:  "Mail at example.com",
		Description:  "Sets up mail.\nRemove it in Settings.",
		Organization: name,
		Payloads: []profile.Payload{&profile.Mail{
			DisplayName:   "Mail account",
			AccountName:   "Jane.Doe@example.com",
			PersonName:    name,
			Incoming:      profile.Server{Host: "imap.example.com", Port: 993},
			Outgoing:      profile.Server{Host: "smtp.example.com", Port: 587, STARTTLS: true},
			IncomingLogin: "Jane.Doe@example.com",
			OutgoingLogin: "Jane.Doe@example.com",
		}},
	}
}

// protect adds the default policy: next to mail on an iPhone, instead of it on
// a Mac.
func protect(p *profile.Profile) *profile.Profile {
	policy := profile.DefaultPasscode()
	policy.DisplayName = "Passcode"
	p.Payloads = append(p.Payloads, &policy)
	p.Consent = map[string]string{"default": "10 wrong codes erase it.\nBack up first.", "de": "Vorsicht & Rücksicht"}
	if p.Platform == profile.Mac {
		drop[*profile.Mail](p)
	}
	return p
}

// drop removes the payload of type T from p.
func drop[T profile.Payload](p *profile.Profile) {
	p.Payloads = slices.DeleteFunc(slices.Clone(p.Payloads), func(payload profile.Payload) bool {
		_, ok := payload.(T)
		return ok
	})
}

func mailOf(p *profile.Profile) *profile.Mail       { return profile.Of[*profile.Mail](p) }
func policyOf(p *profile.Profile) *profile.Passcode { return profile.Of[*profile.Passcode](p) }
func calDAVOf(p *profile.Profile) *profile.CalDAV   { return profile.Of[*profile.CalDAV](p) }
func cardDAVOf(p *profile.Profile) *profile.CardDAV { return profile.Of[*profile.CardDAV](p) }

func TestMarshal(t *testing.T) {
	names := map[string]string{
		"plain":   "Jane Doe",
		"markup":  `Jane <b>&"'</string>`,
		"umlauts": "Jörg Müßig",
		"cjk":     "山田 太郎",
		"emoji":   "Jane 👩‍💻",
		"rtl":     "ليلى حسن",
	}
	for name, person := range names {
		for _, platform := range []profile.Platform{profile.IPhone, profile.Mac} {
			for _, variant := range []string{"mail", "secure"} {
				p := mailProfile(t, platform, person)
				if variant == "secure" {
					p = protect(p)
				}
				file := strings.Join([]string{string(platform), variant, name}, "-") + ".mobileconfig"
				t.Run(file, func(t *testing.T) {
					got, err := p.Marshal()
					if err != nil {
						t.Fatal(err)
					}
					golden(t, file, got)
				})
			}
		}
	}
}

func TestMarshalEverything(t *testing.T) {
	p := protect(mailProfile(t, profile.IPhone, "Jane"))
	p.RemoveOn = time.Date(2031, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	p.RemoveAfter = 30 * 24 * time.Hour
	mailOf(p).Description = "The account"
	policyOf(p).Description = "The rules"
	policyOf(p).Grace = time.Minute
	policyOf(p).MinComplex = 1
	policyOf(p).Alphanumeric = true
	policyOf(p).MaxAgeDays = 365
	policyOf(p).History = 5
	got, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "everything.mobileconfig", got)
}

// TestMarshalSame creates each profile many times, because the order of maps
// must not affect the bytes.
func TestMarshalSame(t *testing.T) {
	p := protect(mailProfile(t, profile.IPhone, "Jane"))
	first, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		again, err := p.Marshal()
		if err != nil || !bytes.Equal(first, again) {
			t.Fatalf("the same input gave different bytes (%v)", err)
		}
	}
}

// TestNothingSecret checks every test profile for content that must never be
// there, and for content that must always be.
func TestNothingSecret(t *testing.T) {
	files, err := filepath.Glob("testdata/*.mobileconfig")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, key := range []string{"<key>IncomingPassword<", "<key>OutgoingPassword<", "DAVPassword", "PrincipalURL", "RemovalPasscode", "PayloadRemovalDisallowed", "customRegex", "changeAtNextAuth"} {
			if strings.Contains(text, key) {
				t.Errorf("%s has %s", file, key)
			}
		}
		if strings.Contains(text, "com.apple.mail.managed") && strings.Count(text, "MailServerUseSSL</key><true/>") != 2 {
			t.Errorf("%s doesn't turn TLS on twice", file)
		}
		if strings.Count(text, "DAVHostName<") != strings.Count(text, "DAVUseSSL</key><true/>") {
			t.Errorf("%s doesn't turn TLS on for calendars or contacts", file)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	seen := map[string]string{}
	for _, mailbox := range []string{
		"a@b.example.com", "a.b@example.com", "b.a@example.com", "foo.bar@example.com",
		"foo-bar@example.com", "foo+bar@example.com", "foobar@example.com", "foo.bar@example.org",
	} {
		p := mailProfile(t, profile.IPhone, "")
		p.Address = address(t, mailbox)
		id := p.Identifier()
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s share the identifier %s", mailbox, other, id)
		}
		seen[id] = mailbox
	}
}

func TestIdentifierForm(t *testing.T) {
	// The hash is the output of: printf jane.doe@example.com | openssl dgst
	// -sha256 -binary | base32
	p := mailProfile(t, profile.IPhone, "")
	if got, want := p.Identifier(), "com.example.mobileconfig.q3qltzlmc7ge2erypymutocqkp"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p = protect(mailProfile(t, profile.Mac, ""))
	if got, want := p.Identifier(), "com.example.mobileconfig.q3qltzlmc7ge2erypymutocqkp.device"; got != want {
		t.Errorf("a Mac's policy: got %s, want %s", got, want)
	}
}

func TestIdentifierFolds(t *testing.T) {
	for _, pair := range [][2]string{
		{"Jane.Doe@example.com", "jane.doe@EXAMPLE.com"},
		{"jörg@bücher.example", "JO\u0308RG@xn--bcher-kva.example"},
	} {
		a, b := mailProfile(t, profile.IPhone, ""), mailProfile(t, profile.IPhone, "")
		a.Address, b.Address = address(t, pair[0]), address(t, pair[1])
		if a.Identifier() != b.Identifier() {
			t.Errorf("%s and %s differ", pair[0], pair[1])
		}
	}
}

// TestMailAndSecureShareIdentity checks that the later of the two replaces the
// earlier in place: same identifiers, same UUIDs.
func TestMailAndSecureShareIdentity(t *testing.T) {
	ids := func(p *profile.Profile) [4]string {
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			PayloadIdentifier, PayloadUUID string
			PayloadContent                 []struct{ PayloadIdentifier, PayloadUUID string }
		}
		if err := plist.NewXMLDecoder(bytes.NewReader(data)).Decode(&read); err != nil {
			t.Fatal(err)
		}
		mail := read.PayloadContent[0]
		return [4]string{read.PayloadIdentifier, read.PayloadUUID, mail.PayloadIdentifier, mail.PayloadUUID}
	}
	mail, secure := ids(mailProfile(t, profile.IPhone, "J")), ids(protect(mailProfile(t, profile.IPhone, "J")))
	if mail != secure {
		t.Errorf("mail %v, secure %v", mail, secure)
	}
}
