package lint_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// escape escapes a text for XML.
func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err)
	}
	return b.String()
}

// texts returns keys with a text each, as XML.
func texts(pairs ...string) string {
	var b strings.Builder
	for n := 0; n < len(pairs); n += 2 {
		fmt.Fprintf(&b, "<key>%s</key><string>%s</string>", escape(pairs[n]), escape(pairs[n+1]))
	}
	return b.String()
}

// account inspects a payload of the kind and returns the report.
func account(t testing.TB, kind, keys string) *lint.Report {
	t.Helper()
	r, err := lint.Inspect([]byte("<plist><dict><key>PayloadContent</key><array><dict>"+
		texts("PayloadIdentifier", "com.example.one", "PayloadUUID", "11111111-0000-5000-8000-000000000000", "PayloadType", kind)+
		"<key>PayloadVersion</key><integer>1</integer>"+keys+"</dict></array></dict></plist>"), day)
	if err != nil {
		t.Fatalf("%s: %v", keys, err)
	}
	return r
}

// at returns the findings of a key as "error wrong_value".
func at(r *lint.Report, path string) (list []string) {
	for _, f := range r.Findings {
		if f.Path == path {
			list = append(list, string(f.Severity)+" "+string(f.Code))
		}
	}
	return list
}

// hostKeys are the keys for host names, by type.
var hostKeys = [][2]string{
	{"com.apple.mail.managed", "IncomingMailServerHostName"},
	{"com.apple.mail.managed", "OutgoingMailServerHostName"},
	{"com.apple.caldav.account", "CalDAVHostName"},
	{"com.apple.carddav.account", "CardDAVHostName"},
	{"com.apple.subscribedcalendar.account", "SubCalAccountHostName"},
	{"com.apple.ldap.account", "LDAPAccountHostName"},
	{"com.apple.eas.account", "Host"},
	{"com.apple.ews.account", "Host"},
	{"com.apple.ews.account", "ExternalHost"},
}

const (
	wrong, hidden = "error wrong_value", "error hidden_characters"
	longLabel     = "a123456789b123456789c123456789d123456789e123456789f123456789g123.example.com"
)

// hosts are host names with the expected finding and listing.
var hosts = map[string][2]string{
	"imap.example.com":        {"", "imap.example.com"},
	"IMAP.Example.COM":        {"", "IMAP.Example.COM"},
	"mail":                    {"", "mail"},
	"192.0.2.1":               {"", "192.0.2.1"},
	"2001:db8::1":             {"", "[2001:db8::1]"},
	"xn--mller-kva.example":   {"", "xn--mller-kva.example"},
	"1und1.example":           {"", "1und1.example"},
	"imap.example.com:993":    {wrong, `"imap.example.com:993"`},
	"imap.example.com/mail":   {wrong, `"imap.example.com/mail"`},
	"imap.example.com,":       {wrong, `"imap.example.com,"`},
	"a.example;b.example":     {wrong, `"a.example;b.example"`},
	"imap example.com":        {wrong, `"imap example.com"`},
	" imap.example.com":       {wrong, `" imap.example.com"`},
	"imap.example.com\n":      {wrong, `"imap.example.com\u000a"`},
	"jane@imap.example.com":   {wrong, `"jane@imap.example.com"`},
	"jane:pw@example.com":     {wrong, `"jane:***@example.com"`},
	"imap..example.com":       {wrong, `"imap..example.com"`},
	".example.com":            {wrong, `".example.com"`},
	"imap.example.com..":      {wrong, `"imap.example.com.."`},
	"imap.example.com.":       {"warning wrong_value", `"imap.example.com."`},
	"imap_1.example.com":      {"warning wrong_value", `"imap_1.example.com"`},
	"-imap.example.com":       {wrong, `"-imap.example.com"`},
	"imap-.example.com":       {wrong, `"imap-.example.com"`},
	"imap.exam%20ple.com":     {wrong, `"imap.exam%20ple.com"`},
	"<imap.example.com>":      {wrong, `"<imap.example.com>"`},
	`"imap.example.com"`:      {wrong, `"\"imap.example.com\""`},
	"*.example.com":           {wrong, `"*.example.com"`},
	"192.0.2":                 {wrong, `"192.0.2"`},
	"192.0.2.256":             {wrong, `"192.0.2.256"`},
	longLabel:                 {wrong, `"` + longLabel + `"`},
	"imap.exаmple.com":        {wrong, `"imap.exаmple.com" (imap.xn--exmple-4nf.com)`}, // Cyrillic а
	"imap.xn--exmple-4nf.com": {wrong, `"imap.xn--exmple-4nf.com"`},
	"аррӏе.com":               {wrong, `"аррӏе.com" (xn--80ak6aa92e.com)`}, // all Cyrillic
	"xn--80ak6aa92e.com":      {wrong, `"xn--80ak6aa92e.com"`},
	"οοο.com":                 {wrong, `"οοο.com" (xn--0xaaa.com)`}, // Greek
	"ｉｍａｐ.example.com":        {wrong, `"ｉｍａｐ.example.com" (imap.example.com)`},
	"imap。example.com":        {wrong, `"imap。example.com" (imap.example.com)`},
	"xn--a.example":           {wrong, `"xn--a.example"`},
	"mail.müller.example":     {"warning wrong_value", `"mail.müller.example" (mail.xn--mller-kva.example)`},
	"почта.рф":                {"warning wrong_value", `"почта.рф" (xn--80a1acny.xn--p1ai)`},
	"imap.ex\u200bample.com":  {hidden, `"imap.ex\u200bample.com"`},
	"imap.example.com\u00a0":  {hidden, `"imap.example.com\u00a0"`},
	"\ufeffimap.example.com":  {hidden, `"\ufeffimap.example.com"`},
	"imap.ex\u00adample.com":  {hidden, `"imap.ex\u00adample.com"`},
	"imap.exam\u202eple.com":  {hidden, `"imap.exam\u202eple.com"`},
	"${mailserver}":           {"note mdm_variable", `"${mailserver}"`},
}

// TestHosts checks that every host is listed as in the file, with exactly one
// finding for each invalid one.
func TestHosts(t *testing.T) {
	for host, want := range hosts {
		for _, k := range hostKeys {
			if strings.Contains(host, "/") && k[1] == "SubCalAccountHostName" {
				continue // if it's the URL of a calendar
			}
			r := account(t, k[0], texts(k[1], host))
			var list []string
			if want[0] != "" {
				list = []string{want[0]}
			}
			if got := at(r, "PayloadContent.0."+k[1]); !slices.Equal(got, list) {
				t.Errorf("%s %q: found %v, want %v", k[1], host, got, list)
			}
			if got := r.Payloads[0].Servers; !slices.Equal(got, []string{want[1]}) {
				t.Errorf("%s %q: listed %q, want %q", k[1], host, got, want[1])
			}
		}
	}
}

// TestURLHosts checks that a URL is refused as a host, except where Apple
// allows one.
func TestURLHosts(t *testing.T) {
	for _, k := range hostKeys {
		const secret = "https://jane:canary@example.com/basic.ics?key=canary"
		r := account(t, k[0], texts(k[1], "imaps://imap.example.com:993"))
		if got := at(r, "PayloadContent.0."+k[1]); !slices.Equal(got, []string{"error wrong_value"}) {
			t.Errorf("%s: %v", k[1], got)
		}
		if got := r.Payloads[0].Servers; !slices.Equal(got, []string{`"imaps://imap.example.com:993"`}) {
			t.Errorf("%s: listed %q", k[1], got)
		}
		if k[0] == "com.apple.subscribedcalendar.account" {
			for url, want := range map[string][2]string{
				"webcal://example.com/private/basic.ics":                {"", "webcal://example.com/…"},
				"webcal://example.com/tz=Asia%2FRiyadh:x=24.65:y=46.72": {"", "webcal://example.com/…"},
				"http://example.com/US32Holidays.ics":                   {"", "http://example.com/…"},
				"https://example.com:8443/a.ics":                        {"", "https://example.com:8443/…"},
				"example.com/private/basic.ics":                         {"", "example.com/…"},
				"example.com:8443/private/basic.ics":                    {"", "example.com:8443/…"},
				"https://example..com/private/basic.ics":                {"error wrong_value", "https://example..com/…"},
				"example..com/private/basic.ics":                        {"error wrong_value", "example..com/…"},
				"https://example.com/pri vate.ics":                      {"error wrong_value", "https://example.com/…"},
				" https://example.com/private.ics":                      {"warning hidden_characters", `" https://example.com/…"`},
			} {
				r = account(t, k[0], texts(k[1], url)+"<key>SubCalAccountUseSSL</key><true/>")
				if got := strings.Join(at(r, "PayloadContent.0."+k[1]), ", "); got != want[0] || !slices.Equal(r.Payloads[0].Servers, []string{want[1]}) {
					t.Errorf("%s: found %s, listed %q", url, got, r.Payloads[0].Servers)
				}
			}
			noCanary(t, k[1], []byte("<plist><dict><key>PayloadContent</key><array><dict>"+texts("PayloadType", k[0], k[1], "https://example.com/canary/basic.ics")+"</dict></array></dict></plist>"))
			r = account(t, k[0], texts(k[1], secret))
			if got := at(r, "PayloadContent.0."+k[1]); !slices.Equal(got, []string{"error password_inside"}) {
				t.Errorf("a password in a URL: %v", got)
			}
		}
		noCanary(t, k[1], []byte("<plist><dict><key>PayloadContent</key><array><dict>"+texts("PayloadType", k[0], k[1], secret)+"</dict></array></dict></plist>"))
	}
}

// TestListed checks that anything in place of a host, port or path is in the
// list of servers.
func TestListed(t *testing.T) {
	const calendar, mail = "com.apple.caldav.account", "com.apple.mail.managed"
	host := texts("CalDAVHostName", "cal.example.com")
	for _, tt := range []struct {
		kind, keys string
		want       []string
	}{
		{calendar, host + "<key>CalDAVPort</key><integer>8443</integer>", []string{"cal.example.com:8443"}},
		{calendar, host + "<key>CalDAVPort</key><integer>many</integer>", []string{`cal.example.com:"many"`}},
		{calendar, host + "<key>CalDAVPort</key><string>443 </string>", []string{`cal.example.com:"443 "`}},
		{calendar, host + "<key>CalDAVPort</key><integer>99999</integer>", []string{"cal.example.com:99999"}},
		{calendar, host + "<key>CalDAVPort</key><dict/>", []string{"cal.example.com:(dict)"}},
		{calendar, "<key>CalDAVHostName</key><integer>5</integer>", []string{`"5"`}},
		{calendar, "<key>CalDAVHostName</key><array><string>a.example</string></array>", []string{"(array)"}},
		{calendar, host + texts("CalDAVPrincipalURL", "/dav/jane/"), []string{"cal.example.com", "/dav/jane/"}},
		{calendar, host + texts("CalDAVPrincipalURL", "/dav/jane doe/"), []string{"cal.example.com", `"/dav/jane doe/"`}},
		{calendar, host + texts("CalDAVPrincipalURL", "https://other.example/dav"), []string{"cal.example.com", "https://other.example/dav"}},
		{calendar, host + texts("CalDAVPrincipalURL", "/dav?token=canary"), []string{"cal.example.com", "/dav?…"}},
		{calendar, host + texts("caldavhostname", "evil.example"), []string{"cal.example.com", "evil.example"}},
		{calendar, host + texts("CalDAVHostName", "evil.example"), []string{"cal.example.com", "evil.example"}},
		{mail, texts("IncomingMailServerHostName ", "evil.example"), []string{"evil.example"}},
		{"com.apple.Mail.managed", texts("IncomingMailServerHostName", "evil.example"), []string{"evil.example"}},
		{mail + " ", texts("IncomingMailServerHostName", "evil.example"), []string{"evil.example"}},
	} {
		if got := account(t, tt.kind, tt.keys).Payloads[0].Servers; !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: listed %q, want %q", tt.kind, tt.keys, got, tt.want)
		}
	}
}

// TestPaths checks the findings for paths and URLs of accounts.
func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/dav/jane/":               "",
		"/dav/jane%40example.com/": "",
		"/dav/jane@example.com/":   "",
		"https://dav.example.com/": "",
		"https://dav.example.com:8443/principals/jane@example.com/": "",
		"http://dav.example.com/":                                   "warning tls_off",
		"https://dav..example.com/":                                 "error wrong_value",
		"https:///dav":                                              "error wrong_value",
		"https://dav.example.com/a b":                               "error wrong_value",
		"ftp://dav.example.com/":                                    "error wrong_value",
		"dav/jane":                                                  "warning wrong_value",
		"/dav/jane doe":                                             "error wrong_value",
		"/dav/%zz":                                                  "error wrong_value",
		"/dav/jane ":                                                "warning hidden_characters",
		"/dav/ja\u200bne":                                           "warning hidden_characters",
		"%dav_path%":                                                "note mdm_variable",
		"https://a:b@dav.example.com":                               "error password_inside",
	} {
		for kind, key := range map[string]string{"com.apple.caldav.account": "CalDAVPrincipalURL", "com.apple.carddav.account": "CardDAVPrincipalURL"} {
			if got := strings.Join(at(account(t, kind, texts(key, path)), "PayloadContent.0."+key), ", "); got != want {
				t.Errorf("%s %q: %s, want %s", key, path, got, want)
			}
		}
	}
}

// TestAddresses checks that exactly one mailbox is accepted, in any alphabet.
func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"jane@example.com":            "",
		"jane+tag@example.com":        "",
		"jäne@müller.example":         "",
		"jane@intranet":               "",
		"jane":                        "error wrong_value",
		"jane@":                       "error wrong_value",
		"@example.com":                "error wrong_value",
		"jane@a.example,jo@a.example": "error wrong_value",
		"Jane <jane@example.com>":     "error wrong_value",
		"mailto:jane@example.com":     "error wrong_value",
		"jane@example..com":           "error wrong_value",
		"jane@-example.com":           "error wrong_value",
		"jane@exаmple.com":            "error wrong_value",
		"jane doe@example.com":        "error wrong_value",
		" jane@example.com":           "warning hidden_characters",
		"jane@example.com\n":          "warning hidden_characters",
		"jane\u00a0@example.com":      "warning hidden_characters",
		"jane@ex\u200bample.com":      "warning hidden_characters",
		"jane\u200d@example.com":      "warning hidden_characters",
		"${email}":                    "note mdm_variable",
		"":                            "warning empty_string",
	} {
		for _, kind := range []string{"com.apple.mail.managed", "com.apple.eas.account", "com.apple.ews.account"} {
			if got := strings.Join(at(account(t, kind, texts("EmailAddress", address)), "PayloadContent.0.EmailAddress"), ", "); got != want {
				t.Errorf("%s %q: %s, want %s", kind, address, got, want)
			}
		}
	}
}

// invisible are characters that are invisible in texts for machines.
var invisible = []string{"\u00a0", "\u00ad", "\u034f", "\u061c", "\u115f", "\u180e", "\u2003", "\u200b", "\u200c", "\u200d", "\u200e",
	"\u2028", "\u202e", "\u202f", "\u2060", "\u2066", "\u2800", "\u3000", "\u3164", "\ufe0f", "\ufeff", "\uffa0", "\U000e0041", "\U000e0101", "\t", "\n"}

// TestHidden checks that there is one finding for each text for machines with
// an invisible character or surrounding whitespace.
func TestHidden(t *testing.T) {
	for _, tt := range [][3]string{
		{"com.apple.mail.managed", "IncomingMailServerUsername", "jane"},
		{"com.apple.mail.managed", "OutgoingMailServerUsername", "jane"},
		{"com.apple.mail.managed", "IncomingMailServerIMAPPathPrefix", "INBOX"},
		{"com.apple.mail.managed", "EmailAddress", "jane@example.com"},
		{"com.apple.mail.managed", "VPNUUID", "22222222-0000-5000-8000-000000000000"},
		{"com.apple.caldav.account", "CalDAVUsername", "jane"},
		{"com.apple.caldav.account", "CalDAVPrincipalURL", "/dav"},
		{"com.apple.eas.account", "UserName", "jane"},
		{"com.apple.eas.account", "OAuthSignInURL", "https://example.com"},
		{"com.example.other", "ServerAddress", "192.0.2.1"},
	} {
		for _, c := range invisible {
			middle := tt[2][:2] + c + tt[2][2:]
			for _, value := range []string{c + tt[2], middle, tt[2] + c} {
				if got := at(account(t, tt[0], texts(tt[1], value)), "PayloadContent.0."+tt[1]); !slices.Equal(got, []string{"warning hidden_characters"}) {
					t.Errorf("%s %+q: %v", tt[1], value, got)
				}
			}
		}
		for _, value := range []string{" " + tt[2], tt[2] + " "} {
			if got := at(account(t, tt[0], texts(tt[1], value)), "PayloadContent.0."+tt[1]); !slices.Equal(got, []string{"warning hidden_characters"}) {
				t.Errorf("%s %+q: %v", tt[1], value, got)
			}
		}
	}
}

// TestProse checks that texts for people may have what scripts, emoji and
// typography need, and nothing misleading.
func TestProse(t *testing.T) {
	for text, want := range map[string]bool{
		"Jane's mail":                 false,
		"Deux mots\u00a0: oui\u202f!": false,
		"\u3000全角の空白":                 false,
		"می\u200cخواهم":               false,
		"👩\u200d💻 ❤\ufe0f":            false,
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": false,
		"Donau\u00addampf":          false,
		" two lines\n\tand a tab\n": false,
		"pay\u200bpal":              true,
		"\u202egpj.exe":             true,
		"bell\u007f":                true,
		"\ufeffname":                true,
		"tag\U000e0041":             true,
		"\u3164":                    true,
	} {
		for _, key := range []string{"EmailAccountDescription", "EmailAccountName", "PayloadDisplayName", "PayloadDescription", "PayloadOrganization"} {
			got := at(account(t, "com.apple.mail.managed", texts(key, text)), "PayloadContent.0."+key)
			if slices.Contains(got, "warning hidden_characters") != want || len(got) > 1 {
				t.Errorf("%s %+q: %v, want %t", key, text, got, want)
			}
		}
	}
}

// TestDates checks that only the date format of Apple's parser is read.
func TestDates(t *testing.T) {
	for date, good := range map[string]bool{
		"2030-01-01T00:00:00Z": true, "2032-02-29T23:59:59Z": true,
		"2030-01-01T00:00:00.000Z": false, "2030-01-01T00:00:00.5Z": false, "2030-01-01T00:00:00+00:00": false, "2030-01-01T00:00:00": false,
		"2030-01-01T00:00Z": false, "2030-01-01": false, "2030-01-01 00:00:00Z": false, "2030-1-1T00:00:00Z": false, "2030-01-01t00:00:00z": false,
		" 2030-01-01T00:00:00Z": false, "2030-01-01T00:00:00Z\n": false, "2030-02-30T00:00:00Z": false, "2030-01-01T24:00:00Z": false,
		"2030-01-01T00:00:60Z": false, "20300101T000000Z": false, "30-01-01T00:00:00Z": false, "12030-01-01T00:00:00Z": false, "": false, "tomorrow": false,
	} {
		for _, key := range []string{"RemovalDate", "PayloadExpirationDate"} {
			r, err := lint.Inspect([]byte("<plist><dict><key>"+key+"</key><date>"+date+"</date></dict></plist>"), day)
			if err != nil {
				t.Fatal(err)
			}
			if got := at(r, key); good != (got == nil) || !good && !slices.Equal(got, []string{"error malformed_value"}) {
				t.Errorf("%s %q: %v", key, date, got)
			}
		}
	}
}

// TestScalars checks that numbers and texts are read up to their limits.
func TestScalars(t *testing.T) {
	for element, want := range map[string]string{
		"<integer>9223372036854775807</integer>":   "integer 9223372036854775807",
		"<integer>9223372036854775808</integer>":   "integer 9223372036854775807",
		"<integer>18446744073709551615</integer>":  "integer 9223372036854775807",
		"<integer>+18446744073709551615</integer>": "integer 9223372036854775807",
		"<integer>18446744073709551616</integer>":  "!integer 18446744073709551616",
		"<integer>-9223372036854775808</integer>":  "integer -9223372036854775808",
		"<integer>-9223372036854775809</integer>":  "!integer -9223372036854775809",
		"<integer>0xFFFFFFFFFFFFFFFF</integer>":    "integer 9223372036854775807",
		"<integer>0Xff</integer>":                  "integer 255",
		"<integer>0x-5</integer>":                  "!integer 0x-5",
		"<integer>1_000</integer>":                 "!integer 1_000",
		"<real>0x1p-2</real>":                      "!real 0x1p-2",
		"<real>1_0.5</real>":                       "!real 1_0.5",
		"<real>nan</real>":                         "real nan",
		"<real>1.5</real>":                         "real 3ff8000000000000",
		"<string>&#xFFFD;</string>":                "string efbfbd",
		"<string>&#xD800;</string>":                "unreadable",
		"<string>&#x0dfFF;</string>":               "unreadable",
		"<string>&#55296;</string>":                "unreadable",
		"<string>&#57343;</string>":                "unreadable",
		"<string>&#57344;</string>":                "string ee8080",
		"<string>&#55295;</string>":                "string ed9fbf",
		"<string><![CDATA[&#xD800;]]></string>":    "string 262378443830303b",
	} {
		nodes, _, err := lint.Flat([]byte("<plist><dict><key>a</key>" + element + "</dict></plist>"))
		got := nodes["/61"]
		if err != nil {
			got = "unreadable"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", element, got, want)
		}
	}
}

// TestReasons checks that findings give the real reason and advice.
func TestReasons(t *testing.T) {
	for host, want := range map[string]string{
		"imaps://imap.example.com": "is a URL",
		"imap.example.com:993":     "port has its own key",
		"imap.example.com/a":       "path",
		"jane@example.com":         "@",
		"a.example,b.example":      "list",
		"imap.exаmple.com":         "it is really imap.xn--exmple-4nf.com",
		"xn--80ak6aa92e.com":       "аррӏе.com",
		"mail.müller.example":      "mail.xn--mller-kva.example",
		"ｍail.example":             "it means mail.example",
		"imap.ex\u200bample.com":   "U+200B",
		"imap.example.com ":        "starts or ends with whitespace",
		"192.0.2":                  "IP address",
	} {
		r := account(t, "com.apple.eas.account", texts("Host", host))
		for _, f := range r.Findings {
			if f.Path == "PayloadContent.0.Host" && (!strings.Contains(f.Detail, want) || !strings.Contains(f.Detail, "Use only the server's host name")) {
				t.Errorf("%q: %s", host, f.Detail)
			}
		}
	}
	for value, want := range map[string]string{"<false/>": "TLS is off:", "<string>true</string>": "a string instead of a boolean", "<integer>1</integer>": "an integer instead of a boolean"} {
		if got := detail(account(t, "com.apple.eas.account", "<key>SSL</key>"+value), "tls_off"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", value, got)
		}
	}
}
