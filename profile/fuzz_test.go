package profile_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/profile"
)

// allKeys are the keys that the profiles of FuzzMarshal may have.
var allKeys = func() map[string]bool {
	keys := map[string]bool{}
	for _, key := range strings.Fields(`ConsentText default PayloadContent PayloadDescription PayloadDisplayName
		PayloadIdentifier PayloadOrganization PayloadType PayloadUUID PayloadVersion TargetDeviceType
		EmailAccountDescription EmailAccountName EmailAccountType EmailAddress
		IncomingMailServerAuthentication IncomingMailServerHostName IncomingMailServerPortNumber
		IncomingMailServerUseSSL IncomingMailServerUsername OutgoingMailServerAuthentication
		OutgoingMailServerHostName OutgoingMailServerPortNumber OutgoingMailServerUseSSL
		OutgoingMailServerUsername OutgoingPasswordSameAsIncomingPassword
		CalDAVAccountDescription CalDAVHostName CalDAVPort CalDAVUseSSL CalDAVUsername
		CardDAVAccountDescription CardDAVHostName CardDAVPort CardDAVUseSSL CardDAVUsername allowSimple forcePIN
		maxFailedAttempts maxGracePeriod maxInactivity minLength`) {
		keys[key] = true
	}
	return keys
}()

// FuzzMarshal puts hostile values into every text. Either the profile is
// refused, or it's well-formed, has no unintended key, and reads back
// unchanged.
func FuzzMarshal(f *testing.F) {
	f.Add("Jane Doe", "jane@example.com", "jane", "imap.example.com", "Text", true)
	f.Add(`</string><key>IncomingPassword</key><string>x`, "a@b.example", "]]>", "a.example", "<!--", true)
	f.Add("\u202e\x00\ufffe", "a@b.example", "&amp;&#0;", "127.0.0.1", "a\r\nb\u2028", false)
	f.Fuzz(func(t *testing.T, name, mailbox, login, host, text string, secure bool) {
		a, err := profile.ParseAddress(mailbox)
		if err != nil {
			t.Skip()
		}
		p := mailProfile(t, profile.IPhone, name)
		p.Address, p.Description, p.DisplayName = a, text, name
		mailOf(p).IncomingLogin, mailOf(p).OutgoingLogin, mailOf(p).AccountName = login, login, login
		mailOf(p).Incoming.Host = host
		gather(p, "caldav", "carddav")
		calDAVOf(p).Server.Host, calDAVOf(p).Login, cardDAVOf(p).AccountName = host, login, login
		if secure {
			protect(p)
			p.Consent = map[string]string{"default": text}
		}
		data, err := p.Marshal()
		if err != nil {
			if _, ok := errors.AsType[*profile.InvalidError](err); !ok {
				t.Fatalf("not an InvalidError: %v", err)
			}
			return
		}
		readsBack(t, p, data)
	})
}

// readsBack reads data with decoders that the product doesn't use.
func readsBack(t *testing.T, p *profile.Profile, data []byte) {
	t.Helper()
	for _, key := range keysOf(t, data) {
		if !allKeys[key] {
			t.Errorf("added key %q", key)
		}
	}
	var read struct {
		PayloadDisplayName, PayloadDescription string
		ConsentText                            map[string]string
		PayloadContent                         []struct {
			EmailAddress, EmailAccountName, EmailAccountDescription, IncomingMailServerUsername string
			OutgoingMailServerUsername, IncomingMailServerHostName                              string
			IncomingMailServerUseSSL, OutgoingMailServerUseSSL                                  bool
			CalDAVHostName, CalDAVUsername, CardDAVAccountDescription                           string
			CalDAVUseSSL, CardDAVUseSSL                                                         bool
		}
	}
	if err := plist.NewXMLDecoder(bytes.NewReader(data)).Decode(&read); err != nil {
		t.Fatal(err)
	}
	mail, calendars, contacts := read.PayloadContent[0], read.PayloadContent[1], read.PayloadContent[2]
	if !mail.IncomingMailServerUseSSL || !mail.OutgoingMailServerUseSSL || !calendars.CalDAVUseSSL || !contacts.CardDAVUseSSL {
		t.Error("TLS is off")
	}
	for _, pair := range [][2]string{
		{read.PayloadDisplayName, p.DisplayName}, {read.PayloadDescription, p.Description},
		{read.ConsentText["default"], p.Consent["default"]}, {mail.EmailAddress, p.Address.String()},
		{mail.EmailAccountName, mailOf(p).PersonName}, {mail.EmailAccountDescription, mailOf(p).AccountName},
		{mail.IncomingMailServerUsername, mailOf(p).IncomingLogin}, {mail.OutgoingMailServerUsername, mailOf(p).OutgoingLogin},
		{mail.IncomingMailServerHostName, mailOf(p).Incoming.Host}, {calendars.CalDAVHostName, calDAVOf(p).Server.Host},
		{calendars.CalDAVUsername, calDAVOf(p).Login}, {contacts.CardDAVAccountDescription, cardDAVOf(p).AccountName},
	} {
		if pair[0] != pair[1] {
			t.Errorf("reads back as %q, was %q", pair[0], pair[1])
		}
	}
}

// keysOf lists the text of every key element and checks the document's form.
func keysOf(t *testing.T, data []byte) []string {
	t.Helper()
	var keys []string
	var inKey bool
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return keys
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, data)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inKey = token.Name.Local == "key"
		case xml.CharData:
			if inKey {
				keys = append(keys, string(token))
			}
		case xml.EndElement:
			inKey = false
		}
	}
}

// FuzzParseAddress checks that parsing is idempotent.
func FuzzParseAddress(f *testing.F) {
	f.Add("jane@example.com")
	f.Add("jörg@bücher.example")
	f.Add("a@127。0。0。1")
	f.Add("a\ufe0f@example.com")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := profile.ParseAddress(s)
		if err != nil {
			return
		}
		b, err := profile.ParseAddress(a.String())
		if err != nil || a != b {
			t.Errorf("%q gave %q, which gave %q (%v)", s, a, b, err)
		}
		if !profile.IsLine(a.String()) {
			t.Errorf("%q has a character that must not be signed", a)
		}
		for _, r := range a.Domain() {
			if r > 'z' || r == '/' || r == ' ' {
				t.Errorf("domain %q", a.Domain())
			}
		}
	})
}

// FuzzParseServer checks that servers have one form, and never a port for
// unencrypted connections.
func FuzzParseServer(f *testing.F) {
	f.Add("mail.example.com:587/starttls")
	f.Add("MAIL.bücher.example")
	f.Add("a.b:25")
	f.Fuzz(func(t *testing.T, s string) {
		foreign := map[string][]int{"imap": {25, 110, 465, 587, 995}, "smtp": {25, 110, 143, 993, 995}}
		for protocol, parse := range map[string]func(string) (profile.Server, error){"imap": profile.ParseIncoming, "smtp": profile.ParseOutgoing} {
			server, err := parse(s)
			if err != nil {
				continue
			}
			again, err := parse(server.String())
			if err != nil || again != server {
				t.Errorf("%q gave %s, which gave %s (%v)", s, server, again, err)
			}
			clear := !server.STARTTLS && (server.Port == 143 || server.Port == 587)
			if clear || slices.Contains(foreign[protocol], server.Port) || server.Port < 1 || server.Port > 65535 {
				t.Errorf("%q gave %s", s, server)
			}
		}
	})
}

// FuzzPlain checks that Trim and Plain are idempotent, and that accepted texts
// contain no hidden characters.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{" a ", "a\u00a0b", "\u200ba\u3000", "a\u200bb", "\ufeff", "a\xff", "\u202a jane \u202c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		trimmed, plain := profile.Trim(s), profile.Plain(s)
		if profile.Trim(trimmed) != trimmed || profile.Plain(plain) != plain || profile.Trim(plain) != plain {
			t.Errorf("%q gave %q and %q, which aren't stable", s, trimmed, plain)
		}
		if profile.IsLine(s) && (trimmed != s || plain != s) {
			t.Errorf("%q passes and would be changed to %q", s, plain)
		}
		for _, r := range plain {
			if profile.IsLine(plain) && r != ' ' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Z) {
				t.Errorf("%q passes with U+%04X", plain, r)
			}
		}
	})
}
