package gate_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// TestCheckBinds changes one thing in the terms of a good profile and checks
// that the profile is refused: nothing that a device shows or connects to is
// left open.
func TestCheckBinds(t *testing.T) {
	full := with(profiles()["iphone-full"], dict{"PayloadContent": []any{
		with(mail(), dict{"EmailAccountName": "Anna", "PayloadDescription": "Text"}), calendars(), contacts(), policy(),
	}})
	data := encode(t, full)
	texts := gate.DisplayTexts{
		Name: "Mail for Anna", Description: "One\nTwo",
		Consent: map[string]string{"default": "The phone asks for a code.\nYou can remove it.", "de": "Das Gerät fragt.", "zh-Hans-CN": "设备"},
		Payloads: map[string]gate.Titles{
			"com.apple.mail.managed":                {Name: "Mail", Description: "Text", Account: "Example Mail"},
			"com.apple.caldav.account":              {Name: "Calendars"},
			"com.apple.carddav.account":             {Name: "Contacts"},
			"com.apple.mobiledevice.passwordpolicy": {Name: "Passcode"},
		},
	}
	for _, tt := range []struct {
		name   string
		change func(*gate.Terms, *gate.DisplayTexts)
		want   gate.Code
	}{
		{"nothing", func(*gate.Terms, *gate.DisplayTexts) {}, ""},
		{"address", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Address = "bea@post.example.de" }, gate.Address},
		{"name", func(t *gate.Terms, _ *gate.DisplayTexts) { t.PersonName = "Bea" }, gate.PersonName},
		{"no name", func(t *gate.Terms, _ *gate.DisplayTexts) { t.PersonName = "" }, gate.PersonName},
		{"login", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Login = "bea" }, gate.Login},
		{"organization", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Organization = "Evil" }, gate.Organization},
		{"no organization", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Organization = "" }, gate.Organization},
		{"removal date", func(t *gate.Terms, _ *gate.DisplayTexts) { t.RemoveOn = t.RemoveOn.Add(time.Second) }, gate.Removal},
		{"no removal date", func(t *gate.Terms, _ *gate.DisplayTexts) { t.RemoveOn = time.Time{} }, gate.Removal},
		{"stay", func(t *gate.Terms, _ *gate.DisplayTexts) { t.RemoveAfter += time.Second }, gate.Removal},
		{"stay to the millisecond", func(t *gate.Terms, _ *gate.DisplayTexts) { t.RemoveAfter += time.Millisecond }, gate.Removal},
		{"no stay", func(t *gate.Terms, _ *gate.DisplayTexts) { t.RemoveAfter = 0 }, gate.Removal},
		{"no servers", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Servers = nil }, gate.ForeignHost},
		{"other ports", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Servers = servers(mailHosts, 994, gate.IMAP) }, gate.Port},
		{"other uses", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Servers = servers(mailHosts, 993, gate.SMTP, gate.CalDAV) }, gate.ForeignHost},
		{"policy", func(t *gate.Terms, _ *gate.DisplayTexts) { t.Policy = false }, gate.PolicyNotAllowed},
		{"title", func(_ *gate.Terms, d *gate.DisplayTexts) { d.Name = "Mail for Bea" }, gate.DisplayText},
		{"description", func(_ *gate.Terms, d *gate.DisplayTexts) { d.Description = "One" }, gate.DisplayText},
		{"no description", func(_ *gate.Terms, d *gate.DisplayTexts) { d.Description = "" }, gate.DisplayText},
		{"consent", func(_ *gate.Terms, d *gate.DisplayTexts) { d.Consent = map[string]string{"default": "Text"} }, gate.DisplayText},
		{"no consent", func(_ *gate.Terms, d *gate.DisplayTexts) { d.Consent = nil }, gate.DisplayText},
		{"no titles", func(_ *gate.Terms, d *gate.DisplayTexts) { d.Payloads = nil }, gate.DisplayText},
		{"no texts", func(t *gate.Terms, d *gate.DisplayTexts) { *d = gate.DisplayTexts{Name: "left out"} }, gate.DisplayText},
	} {
		limits, d := entitled(full), texts
		tt.change(&limits, &d)
		var err error
		if limits.Texts, err = gate.NewTexts(d); err != nil {
			t.Fatal(err)
		}
		if d.Name == "left out" {
			limits.Texts = nil
		}
		if got := code(t, data, limits); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestCheckTermsAreJudged checks that forbidden texts are refused even if the
// terms ask for them.
func TestCheckTermsAreJudged(t *testing.T) {
	for value, want := range map[string]gate.Code{"a\u200bb": gate.Text, "a\u202eb": gate.Text, "a\nb": gate.Text, strings.Repeat("x", 1025): gate.LongText} {
		for _, profile := range []dict{
			iphone(with(mail(), dict{"IncomingMailServerUsername": value, "OutgoingMailServerUsername": value})),
			iphone(with(mail(), dict{"EmailAccountName": value})),
			with(iphone(mail()), dict{"PayloadOrganization": value}),
		} {
			limits := entitled(profile)
			if m := profile["PayloadContent"].([]any)[0].(dict); m["IncomingMailServerUsername"] == value {
				limits.Login = value
			}
			if got := code(t, encode(t, profile), limits); got != want {
				t.Errorf("%q: got %q, want %q", value, got, want)
			}
		}
	}
}

func TestCleared(t *testing.T) {
	for _, name := range []string{"iphone-mail", "iphone-full"} {
		profile := profiles()[name]
		data, limits := encode(t, profile), entitled(profile)
		cleared, err := gate.Check(data, limits)
		if err != nil {
			t.Fatal(err)
		}
		if cleared.Size() != len(data) || cleared.Digest() != sha256.Sum256(data) || !bytes.Equal(cleared.Append([]byte("x")), append([]byte("x"), data...)) {
			t.Errorf("%s: it isn't what was checked", name)
		}
		// A signer in another process checks again, against terms that it has
		// compared.
		again := cleared.Terms()
		if again.Address != address || again.Login != limits.Login || again.Texts.Version() != limits.Texts.Version() {
			t.Errorf("%s: other terms: %+v", name, again)
		}
		if _, err := gate.Check(cleared.Bytes(), again); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	holdsNothing(t, gate.Cleared{})
}

func holdsNothing(t *testing.T, c gate.Cleared) {
	t.Helper()
	if c.Size() != 0 || c.Bytes() != nil || len(c.Append(nil)) > 0 || c.Digest() != [sha256.Size]byte{} || c.Terms().Address != "" {
		t.Errorf("it contains %q", c.Bytes())
	}
}

// TestWith checks that the profile is available during the call, as its own
// copy, and not afterwards, in many goroutines at the same time.
func TestWith(t *testing.T) {
	all := profiles()
	var wg sync.WaitGroup
	for name, profile := range all {
		data, limits := encode(t, profile), entitled(profile)
		wg.Go(func() {
			for range 50 {
				given := bytes.Clone(data)
				var kept gate.Cleared
				err := gate.With(given, limits, func(c gate.Cleared) {
					clear(given)
					if kept = c; !bytes.Equal(c.Bytes(), data) || c.Digest() != sha256.Sum256(data) || c.Terms().Address != address {
						t.Errorf("%s: got %q during the call", name, c.Bytes())
					}
				})
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				holdsNothing(t, kept)
			}
		})
	}
	wg.Wait()
	for _, bad := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("x"), gate.MaxSize+1), encode(t, iphone(without(mail(), "EmailAddress")))} {
		err := gate.With(bad, terms(), func(gate.Cleared) { t.Error("used a refused profile") })
		if _, ok := errors.AsType[*gate.Refusal](err); !ok {
			t.Errorf("got %v", err)
		}
	}
}

func TestNewTexts(t *testing.T) {
	good := func() gate.DisplayTexts {
		return gate.DisplayTexts{
			Name: "Mail", Description: "One\nTwo", Consent: map[string]string{"default": "Text", "de": "Text"},
			Payloads: map[string]gate.Titles{"com.apple.mail.managed": {Name: "Mail", Description: "One\nTwo", Account: "anna"}},
		}
	}
	first, err := gate.NewTexts(good())
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{first.Version(): "the first"}
	if again, err := gate.NewTexts(good()); err != nil || again.Version() != first.Version() {
		t.Errorf("the same texts have another version (%v)", err)
	}
	for name, change := range map[string]func(*gate.DisplayTexts){
		"name":            func(d *gate.DisplayTexts) { d.Name = "MailO" },
		"description":     func(d *gate.DisplayTexts) { d.Name, d.Description = "MailOne", "\nTwo" },
		"consent":         func(d *gate.DisplayTexts) { d.Consent["de"] = "Text 2" },
		"language":        func(d *gate.DisplayTexts) { d.Consent["fr"] = "Text" },
		"no consent":      func(d *gate.DisplayTexts) { d.Consent = nil },
		"title":           func(d *gate.DisplayTexts) { d.Payloads["com.apple.mail.managed"] = gate.Titles{Name: "Mail"} },
		"title elsewhere": func(d *gate.DisplayTexts) { d.Payloads["com.apple.caldav.account"] = gate.Titles{Name: "Mail"} },
	} {
		d := good()
		change(&d)
		texts, err := gate.NewTexts(d)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := versions[texts.Version()]; ok {
			t.Errorf("%s has the version of %s", name, other)
		}
		versions[texts.Version()] = name
	}
	long := strings.Repeat("x", 4097)
	for name, tt := range map[string]struct {
		change func(*gate.DisplayTexts)
		want   gate.Code
		path   string
	}{
		"line break in the name":  {func(d *gate.DisplayTexts) { d.Name = "a\nb" }, gate.Text, "PayloadDisplayName"},
		"long description":        {func(d *gate.DisplayTexts) { d.Description = long }, gate.LongText, "PayloadDescription"},
		"invisible in consent":    {func(d *gate.DisplayTexts) { d.Consent["de"] = "a\u2060b" }, gate.Text, "ConsentText.de"},
		"no language":             {func(d *gate.DisplayTexts) { d.Consent["Deutsch"] = "Text" }, gate.ConsentLanguage, "ConsentText"},
		"a secret for a language": {func(d *gate.DisplayTexts) { d.Consent["de-password"] = "Text" }, gate.ConsentLanguage, "ConsentText"},
		"41 languages": {func(d *gate.DisplayTexts) {
			for language, text := range languages(41)["ConsentText"].(dict) {
				d.Consent[language] = text.(string)
			}
		}, gate.ConsentLanguage, "ConsentText"},
		"title": {func(d *gate.DisplayTexts) { d.Payloads["com.apple.mail.managed"] = gate.Titles{Name: "a\u202eb"} }, gate.Text, "com.apple.mail.managed.PayloadDisplayName"},
	} {
		d := good()
		tt.change(&d)
		texts, err := gate.NewTexts(d)
		refusal, ok := errors.AsType[*gate.Refusal](err)
		if !ok || texts != nil || refusal.Code != tt.want || refusal.Path != tt.path {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestNames has real names, and lures that were tried as names.
func TestNames(t *testing.T) {
	for _, name := range []string{
		"Jane Doe", "A.Müller", "St.Gallen Office", "J. R. R. Tolkien", "J.R.R. Tolkien", "J．Doe", "O'Neil", "Jean-Luc", "Dr. Jane Doe, M.A.", "Jane (Sales)",
		"Müller & Söhne", "Agent 007", "山田 太郎", "ليلى حسن", "अनुष्का", "Nguyễn Văn A", "Ｊａｎｅ", "a..b", "-", "e\u0301lodie", "Prof.Dr.Maier", "xn.n",
	} {
		profile := iphone(with(mail(), dict{"EmailAccountName": name}))
		if got := code(t, encode(t, profile), entitled(profile)); got != "" {
			t.Errorf("%q: got %q", name, got)
		}
	}
	for _, name := range []string{
		"evil.com", "evil.ｃｏｍ", "Call evil.com now", "EVIL.COM", "evil․com", "ｅｖｉｌ．ｃｏｍ", "evil.co.uk", "www.evil.org", "evil.com.", "(evil.com)", "evil.com-now", "my-evil.com",
		"evil.xn--p1ai", "пример.рф", "evil.bücher.example.com", "evil。com", "http://evil", "a/b", "a@b", "<b>", "Jane 👩", "Jane\u00a0🙂", "50 %", "a_b", "#1", "a:b", "a;b", "1+1", "½.com",
		"Dr.No", "evil.example", "www.evil", "printer.local", strings.Repeat("ü", 70) + ".com", "O’Neil", "“Jane”",
	} {
		profile := iphone(with(mail(), dict{"EmailAccountName": name}))
		if got := code(t, encode(t, profile), entitled(profile)); got != gate.PersonName {
			t.Errorf("%q: got %q", name, got)
		}
	}
}

func TestCheckTerms(t *testing.T) {
	data := encode(t, iphone(mail()))
	for _, address := range []string{
		"", "@", "anna", "anna@", "@example.de", "a@b@example.de", "anna@Example.de", "anna@exämple.de", "anna@.de",
		"anna@example.de.", "anna@exa mple.de", "anna@example.de\n", "anna.schmidt@post.example.de", "bea@post.example.de",
	} {
		limits := terms()
		limits.Address = address
		if got := code(t, data, limits); got != gate.Address {
			t.Errorf("%q: got %q, want %q", address, got, gate.Address)
		}
	}
	// The profile agrees, so that only the form of the address is wrong.
	for _, address := range []string{"anna@", "@example.de", "a@b@example.de", "anna@Example.de", "anna@.de", "anna@example.de."} {
		limits := terms()
		limits.Address = address
		data := encode(t, iphone(with(mail(), dict{"EmailAddress": address})))
		if got := code(t, data, limits); got != gate.Address {
			t.Errorf("%q: got %q, want %q", address, got, gate.Address)
		}
	}
	for _, hosts := range [][]string{nil, {}, {""}, {"imap.example.de"}, {"smtp.example.de"}, {"example.de"}} {
		limits := terms()
		limits.Servers = append(servers(hosts, 993, gate.IMAP, gate.SMTP), servers(hosts, 465, gate.IMAP, gate.SMTP)...)
		if got := code(t, data, limits); got != gate.ForeignHost {
			t.Errorf("%q: got %q, want %q", hosts, got, gate.ForeignHost)
		}
	}
	for _, hosts := range [][]string{nil, {""}, {"card.example.de"}, {"example.de"}} {
		limits := entitled(iphone(mail(), calendars()))
		limits.Servers = slices.Concat(servers(mailHosts, 993, gate.IMAP), servers(mailHosts, 465, gate.SMTP), servers(hosts, 443, gate.CalDAV),
			servers([]string{"cal.example.de"}, 443, gate.IMAP, gate.CardDAV)) // which aren't servers for calendars
		if got := code(t, encode(t, iphone(mail(), calendars())), limits); got != gate.ForeignHost {
			t.Errorf("calendars, %q: got %q, want %q", hosts, got, gate.ForeignHost)
		}
	}
	limits := entitled(secure(mail(), policy()))
	limits.Policy = false
	if got := code(t, encode(t, secure(mail(), policy())), limits); got != gate.PolicyNotAllowed {
		t.Errorf("policy: got %q, want %q", got, gate.PolicyNotAllowed)
	}
	limits = terms()
	limits.Policy = false
	if got := code(t, data, limits); got != "" {
		t.Errorf("mail: got %q, want it cleared", got)
	}
}

// TestCheckFolds has an address with a decomposed letter. The profile has it as
// typed, and both spellings have the same identity.
func TestCheckFolds(t *testing.T) {
	const base = "example.xn--mller-kva.mobileconfig.zcp7tjv5xk2twhwdywsru7rumb"
	for _, address := range []string{"Ju\u0308rgen@xn--mller-kva.example", "JÜRGEN@xn--mller-kva.example"} {
		payload := with(mail(), dict{
			"EmailAddress": address, "PayloadIdentifier": base + ".mail", "PayloadUUID": "13c89a45-9e3f-5901-ae6e-dfc24ad0390d",
		})
		profile := with(iphone(payload), dict{"PayloadIdentifier": base, "PayloadUUID": "3b16c62e-1dd7-56cb-9c22-806026af9ccb"})
		limits := entitled(profile)
		limits.Address = address
		if got := code(t, encode(t, profile), limits); got != "" {
			t.Errorf("%q: got %q, want it cleared", address, got)
		}
	}
}
