package gate_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// TestCheckBinds changes one thing in the terms of a good profile and wants the
// profile refused: nothing that a device shows or connects to is left open.
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

// TestCheckTermsAreJudged wants texts that no profile may have refused even
// where the terms ask for them.
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
		cleared, err := gate.CheckText(string(data), limits)
		if err != nil {
			t.Fatal(err)
		}
		if cleared.Size() != len(data) || cleared.Digest() != sha256.Sum256(data) || !bytes.Equal(cleared.Append([]byte("x")), append([]byte("x"), data...)) {
			t.Errorf("%s: it is not what was checked", name)
		}
		// A signer elsewhere checks again, by terms that it has compared.
		again := cleared.Terms()
		if again.Address != address || again.Login != limits.Login || again.Texts.Version() != limits.Texts.Version() {
			t.Errorf("%s: other terms: %+v", name, again)
		}
		if _, err := gate.Check(cleared.Bytes(), again); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if (gate.Cleared{}).Size() != 0 {
		t.Error("nothing has a size")
	}
	large := bytes.Repeat([]byte("\n"), 64*1024)
	for n := 4095; n <= 4097; n++ { // around the window of the digest
		profile := with(secure(mail(), policy()), dict{"ConsentText": dict{"default": "a" + strings.Repeat("b", n-4001) + string(large[:0]), "de": strings.Repeat("c", 3000)}})
		data := encode(t, profile)
		cleared, err := gate.Check(data, entitled(profile))
		if err != nil || cleared.Digest() != sha256.Sum256(data) {
			t.Errorf("%d bytes: %v", len(data), err)
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

// TestNames are names that people have, and lures that were tried as names.
func TestNames(t *testing.T) {
	for _, name := range []string{
		"Jane Doe", "A.Müller", "St.Gallen Office", "J. R. R. Tolkien", "J.R.R. Tolkien", "O'Neil", "Jean-Luc", "Dr. Jane Doe, M.A.", "Jane (Sales)",
		"Müller & Söhne", "Agent 007", "山田 太郎", "ليلى حسن", "अनुष्का", "Nguyễn Văn A", "Ｊａｎｅ", "a..b", "-", "e\u0301lodie", "Prof.Dr.Maier", "xn.n",
	} {
		profile := iphone(with(mail(), dict{"EmailAccountName": name}))
		if got := code(t, encode(t, profile), entitled(profile)); got != "" {
			t.Errorf("%q: got %q", name, got)
		}
	}
	for _, name := range []string{
		"evil.com", "Call evil.com now", "EVIL.COM", "evil․com", "ｅｖｉｌ．ｃｏｍ", "evil.co.uk", "www.evil.org", "evil.com.", "(evil.com)", "evil.com-now", "my-evil.com",
		"evil.xn--p1ai", "пример.рф", "evil.bücher.example.com", "evil。com", "http://evil", "a/b", "a@b", "<b>", "Jane 👩", "Jane\u00a0🙂", "50 %", "a_b", "#1", "a:b", "a;b", "1+1", "½.com",
		"Dr.No", "evil.example", "www.evil", "printer.local", strings.Repeat("ü", 70) + ".com", "O’Neil", "“Jane”",
	} {
		profile := iphone(with(mail(), dict{"EmailAccountName": name}))
		if got := code(t, encode(t, profile), entitled(profile)); got != gate.PersonName {
			t.Errorf("%q: got %q", name, got)
		}
	}
}
