package profile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
)

// TestValidate breaks one field at a time and checks that exactly its path is
// reported.
func TestValidate(t *testing.T) {
	tests := []struct {
		path  string
		spoil func(p *profile.Profile)
	}{
		{"address", func(p *profile.Profile) { p.Address = profile.Address{} }},
		{"platform", func(p *profile.Profile) { p.Platform = "watch" }},
		{"display_name", func(p *profile.Profile) { p.DisplayName = "" }},
		{"display_name", func(p *profile.Profile) { p.DisplayName = "a\nb" }},
		{"description", func(p *profile.Profile) { p.Description = "tab\t" }},
		{"description", func(p *profile.Profile) { p.Description = strings.Repeat("x", 4097) }},
		{"organization", func(p *profile.Profile) { p.Organization = "\u202egro" }},
		{"mail", func(p *profile.Profile) { p.Payloads, p.Consent = nil, nil }},
		{"passcode", func(p *profile.Profile) { p.Platform = profile.Mac }},
		{"mail.display_name", func(p *profile.Profile) { mailOf(p).DisplayName = "" }},
		{"mail.account_name", func(p *profile.Profile) { mailOf(p).AccountName = "" }},
		{"mail.person_name", func(p *profile.Profile) { mailOf(p).PersonName = "\x00" }},
		{"mail.person_name", func(p *profile.Profile) { mailOf(p).PersonName = "\ufffe" }},
		{"mail.person_name", func(p *profile.Profile) { mailOf(p).PersonName = "bad\xff" }},
		{"mail.person_name", func(p *profile.Profile) { mailOf(p).PersonName = "\ufffd" }},
		{"mail.person_name", func(p *profile.Profile) { mailOf(p).PersonName = "a\u2028b" }},
		{"mail.incoming.host", func(p *profile.Profile) { mailOf(p).Incoming.Host = "imap" }},
		{"mail.incoming.host", func(p *profile.Profile) { mailOf(p).Incoming.Host = "IMAP.example.com" }},
		{"mail.outgoing.host", func(p *profile.Profile) { mailOf(p).Outgoing.Host = "192.0.2.1" }},
		{"mail.incoming.port", func(p *profile.Profile) { mailOf(p).Incoming.Port = 0 }},
		{"mail.incoming.port", func(p *profile.Profile) { mailOf(p).Incoming.Port = 143 }},
		{"mail.outgoing.port", func(p *profile.Profile) { mailOf(p).Outgoing = profile.Server{Host: "a.example", Port: 25} }},
		{"mail.incoming_login", func(p *profile.Profile) { mailOf(p).IncomingLogin = "" }},
		{"mail.outgoing_login", func(p *profile.Profile) { mailOf(p).OutgoingLogin = "" }},
		{"passcode.display_name", func(p *profile.Profile) { policyOf(p).DisplayName = "" }},
		{"passcode.min_length", func(p *profile.Profile) { policyOf(p).MinLength = 3 }},
		{"passcode.min_length", func(p *profile.Profile) { policyOf(p).MinLength = 13 }},
		{"passcode.max_failed_attempts", func(p *profile.Profile) { policyOf(p).MaxFailedAttempts = 6 }},
		{"passcode.max_failed_attempts", func(p *profile.Profile) { policyOf(p).MaxFailedAttempts = 11 }},
		{"passcode.auto_lock", func(p *profile.Profile) { policyOf(p).AutoLock = 0 }},
		{"passcode.auto_lock", func(p *profile.Profile) { policyOf(p).AutoLock = 90 * time.Second }},
		{"passcode.grace", func(p *profile.Profile) { policyOf(p).Grace = 241 * time.Minute }},
		{"passcode.min_complex", func(p *profile.Profile) { policyOf(p).MinComplex = 3 }},
		{"passcode.max_age_days", func(p *profile.Profile) { policyOf(p).MaxAgeDays = 29 }},
		{"passcode.history", func(p *profile.Profile) { policyOf(p).History = 11 }},
		{"display_name", func(p *profile.Profile) { p.DisplayName = "TEST – Mail" }},
		{"display_name", func(p *profile.Profile) { p.Test, p.DisplayName = true, "TEST – Mail" }},
		{"display_name", func(p *profile.Profile) { p.Test, p.DisplayName = true, strings.Repeat("x", 1020) }},
		{"display_name", func(p *profile.Profile) { p.Test, p.DisplayName = true, "" }},
		{"description", func(p *profile.Profile) { p.Description = "TEST – it" }},
		{"description", func(p *profile.Profile) { p.Test, p.Description = true, "" }},
		{"consent.de", func(p *profile.Profile) { p.Consent["de"] = "TEST – Text" }},
		{"consent.de", func(p *profile.Profile) { p.Test, p.Consent["de"] = true, strings.Repeat("x", 4090) }},
		{"consent", func(p *profile.Profile) { p.Consent = nil }},
		{"consent", func(p *profile.Profile) { p.Consent = map[string]string{"de": "Text"} }},
		{"consent", func(p *profile.Profile) { p.Consent["no tag"] = "Text" }},
		{"consent.fr", func(p *profile.Profile) { p.Consent["fr"] = "" }},
		{"consent", func(p *profile.Profile) { drop[*profile.Passcode](p) }},
		{"payloads", func(p *profile.Profile) { p.Payloads[0] = nil }},
		{"payloads", func(p *profile.Profile) { p.Payloads[0] = (*profile.Mail)(nil) }},
		{"mail", func(p *profile.Profile) { p.Payloads = append(p.Payloads, p.Payloads[0]) }},
		{"passcode", func(p *profile.Profile) { p.Payloads = append(p.Payloads, p.Payloads[1]) }},
		{"remove_after", func(p *profile.Profile) { p.RemoveAfter = time.Minute }},
		{"remove_after", func(p *profile.Profile) { p.RemoveAfter = time.Hour + time.Millisecond }},
		{"remove_on", func(p *profile.Profile) { p.RemoveOn = time.Unix(1, 1) }},
	}
	for _, tt := range tests {
		p := protect(mailProfile(t, profile.IPhone, "Jane"))
		tt.spoil(p)
		_, err := p.Marshal()
		invalid, ok := errors.AsType[*profile.InvalidError](err)
		if !ok {
			t.Errorf("%s: got %v, want an InvalidError", tt.path, err)
			continue
		}
		if paths := paths(invalid); !slices.Equal(paths, []string{tt.path}) {
			t.Errorf("got problems %v, want %s alone", paths, tt.path)
		}
	}
}

func paths(e *profile.InvalidError) []string {
	var out []string
	for _, p := range e.Problems {
		out = append(out, p.Path)
	}
	return out
}

func TestValidateMacPolicyNeedsReset(t *testing.T) {
	p := protect(mailProfile(t, profile.Mac, ""))
	policyOf(p).ResetAfter = 0
	if _, err := p.Marshal(); err == nil || !strings.Contains(err.Error(), "passcode.reset_after") {
		t.Errorf("got %v", err)
	}
}

// TestValidateListsAll checks that all problems are reported at once.
func TestValidateListsAll(t *testing.T) {
	err := (&profile.Profile{Payloads: []profile.Payload{&profile.Mail{}}}).Validate()
	invalid, ok := errors.AsType[*profile.InvalidError](err)
	if !ok || len(invalid.Problems) < 9 {
		t.Fatalf("got %v", err)
	}
}

func TestParseAddress(t *testing.T) {
	good := map[string]string{
		"jane@example.com":               "jane@example.com",
		"Jane.Doe+tag@EXAMPLE.com":       "Jane.Doe+tag@example.com",
		"o'neil@example.com":             "o'neil@example.com",
		"jörg@bücher.example":            "jörg@xn--bcher-kva.example",
		"a@xn--bcher-kva.example":        "a@xn--bcher-kva.example",
		strings.Repeat("a", 64) + "@a.b": strings.Repeat("a", 64) + "@a.b",

		" jane@example.com\t": "jane@example.com", "\u00a0jane@example.com\u200b": "jane@example.com",
		"\ufeffjane@example.com\r\n": "jane@example.com", "\u202ajane@example.com\u202c": "jane@example.com",
	}
	for in, want := range good {
		if got, err := profile.ParseAddress(in); err != nil || got.String() != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	bad := []string{
		"", "@", "jane", "jane@", "@example.com", "jane@@example.com", "jane@localhost", "jane@[127.0.0.1]",
		"jane@127.0.0.1", `"jane"@example.com`, "a..b@example.com", ".a@example.com", "a.@example.com", "a b@example.com",
		"a\n@example.com", "Jane <jane@example.com>", "jane@example.com.", "jane@exa mple.com", "jane@-example.com",
		"jane@exam_ple.com", "jane@example..com", "j\u202eane@example.com", "pаypal@example.com", "jane@pаypal.com",
		"jane@xn--example-.com", "jane@127。0。0。1", "jane@ⓔxample.com", "jane@ｅxample.com", "a\xff@example.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a", 64) + ".com",
		"a@" + strings.Repeat("abcdefgh.", 30) + "com", "jane@example.com\x00", "a,b@example.com", "a;b@example.com",
		"ja\u200bne@example.com", "jane\u200b@example.com", "jane@exam\u00adple.com", "jane@\u2060example.com", "jane\u00a0@example.com", "jane @example.com", "jane@ example.com", "\u200b",
		"a\ufe0fb@example.com", "a\u034fb@example.com", "a\u3164b@example.com",
	}
	for _, in := range bad {
		if got, err := profile.ParseAddress(in); err == nil {
			t.Errorf("%q: accepted as %q", in, got)
		}
	}
}

func TestParseServers(t *testing.T) {
	tests := []struct{ in, incoming, outgoing string }{
		{"mail.example.com", "mail.example.com:993", "mail.example.com:465"},
		{"MAIL.example.com", "mail.example.com:993", "mail.example.com:465"},
		{"\u00a0mail.example.com:4433\u200b", "mail.example.com:4433", "mail.example.com:4433"},
		{" mail.example.com:587/starttls\n", "", "mail.example.com:587/starttls"},
		{"mail.exam\u200bple.com", "", ""},
		{"mail.example.com :993", "", ""},
		{"mail.example.com:993", "mail.example.com:993", ""},
		{"mail.example.com:465", "", "mail.example.com:465"},
		{"mail.example.com:995", "", ""},
		{"mail.example.com:993/starttls", "", ""},
		{"mail.example.com:465/starttls", "", ""},
		{"mail.example.com:4433", "mail.example.com:4433", "mail.example.com:4433"},
		{"mail.bücher.example", "mail.xn--bcher-kva.example:993", "mail.xn--bcher-kva.example:465"},
		{"mail.example.com:143/starttls", "mail.example.com:143/starttls", ""},
		{"mail.example.com:587/starttls", "", "mail.example.com:587/starttls"},
		{"mail.example.com:143", "", ""},
		{"mail.example.com:587", "", ""},
		{"mail.example.com:25", "", ""},
		{"mail.example.com:25/starttls", "", ""},
		{"mail.example.com:110", "", ""},
		{"mail.example.com:110/starttls", "", ""},
		{"mail.example.com/starttls", "", ""},
		{"mail.example.com:993/tls", "", ""},
		{"mail.example.com:0", "", ""},
		{"mail.example.com:65536", "", ""},
		{"mail.example.com:+993", "", ""},
		{"mail.example.com:", "", ""},
		{"mail.example.com:993:993", "", ""},
		{"imaps://mail.example.com", "", ""},
		{"mail", "", ""},
		{"[::1]:993", "", ""},
		{"10.0.0.1", "", ""},
		{"", "", ""},
	}
	check := func(in, want string, got profile.Server, err error) {
		t.Helper()
		switch {
		case want == "" && err == nil:
			t.Errorf("%q: accepted as %s", in, got)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%q: got %s, %v; want %s", in, got, err, want)
		}
	}
	for _, tt := range tests {
		got, err := profile.ParseIncoming(tt.in)
		check(tt.in, tt.incoming, got, err)
		got, err = profile.ParseOutgoing(tt.in)
		check(tt.in, tt.outgoing, got, err)
	}
}

// TestServerHints checks that refusals suggest what to use instead, for the
// protocol in question.
func TestServerHints(t *testing.T) {
	tests := []struct{ in, incoming, outgoing string }{
		{"a.example:143", "use 993, or 143/starttls", "is for IMAP; use 465 for SMTP"},
		{"a.example:143/starttls", "", "is for IMAP; use 465 for SMTP"},
		{"a.example:993", "", "is for IMAP; use 465 for SMTP"},
		{"a.example:993/starttls", "only on port 143", "is for IMAP; use 465 for SMTP"},
		{"a.example:465", "is for SMTP; use 993 for IMAP", ""},
		{"a.example:587", "is for SMTP; use 993 for IMAP", "use 465, or 587/starttls"},
		{"a.example:587/starttls", "is for SMTP; use 993 for IMAP", ""},
		{"a.example:25", "is for mail between servers; use 993 for IMAP", "is for mail between servers; use 465 for SMTP"},
		{"a.example:110", "is for POP; use 993 for IMAP", "is for POP; use 465 for SMTP"},
		{"a.example:995", "is for POP; use 993 for IMAP", "is for POP; use 465 for SMTP"},
		{"imaps://a.example:993", "it's a URL; give only the host name", "it's a URL; give only the host name"},
		{"a\u200b.example", "invisible character U+200B", "invisible character U+200B"},
		{"a\u00a0.example", "U+00A0, which looks like a space", "U+00A0, which looks like a space"},
	}
	for _, tt := range tests {
		for want, parse := range map[*string]func(string) (profile.Server, error){&tt.incoming: profile.ParseIncoming, &tt.outgoing: profile.ParseOutgoing} {
			_, err := parse(tt.in)
			if (err == nil) != (*want == "") || err != nil && !strings.Contains(err.Error(), *want) {
				t.Errorf("%q: got %v, want %q", tt.in, err, *want)
			}
		}
	}
}
