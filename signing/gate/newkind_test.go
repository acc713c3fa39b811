package gate

import (
	"os"
	"strings"
	"testing"
)

// subscriptionKind is a kind that only this test has. The gate needs nothing
// but its table.
func subscriptionKind() payloadKind {
	return payloadKind{
		payloadType:  "com.apple.subscribedcalendar.account",
		suffix:       ".subscription",
		needsAccount: true,
		rules: []rule{
			accountRule("SubCalAccountDescription"),
			hostRule("SubCalAccountHostName", "subscription"),
			tlsRule("SubCalAccountUseSSL"),
			loginRule("SubCalAccountUsername"),
		},
	}
}

func TestNewKind(t *testing.T) {
	mail, err := os.ReadFile("testdata/bad/005-mdm.mobileconfig")
	if err != nil {
		t.Fatal(err)
	}
	// The new kind replaces the payload that the file must not have.
	before, _, _ := strings.Cut(string(mail), "\t\t\t<dict>\n\t\t\t\t<key>PayloadDisplayName</key>\n\t\t\t\t<string>Other")
	_, after, _ := strings.Cut(string(mail), "\t\t</array>\n")
	base, _ := identifier("Anna.Schmidt@post.example.de", false)
	entry := func(key, value string) string { return "\t\t\t\t<key>" + key + "</key>\n\t\t\t\t" + value + "\n" }
	profile := before + "\t\t\t<dict>\n" +
		entry("PayloadDisplayName", "<string>Holidays</string>") +
		entry("PayloadIdentifier", "<string>"+base+".subscription</string>") +
		entry("PayloadType", "<string>com.apple.subscribedcalendar.account</string>") +
		entry("PayloadUUID", "<string>"+identity(base+".subscription")+"</string>") +
		entry("PayloadVersion", "<integer>1</integer>") +
		entry("SubCalAccountDescription", "<string>Anna.Schmidt@post.example.de</string>") +
		entry("SubCalAccountHostName", "<string>cal.example.de</string>") +
		"\t\t\t\t<key>SubCalAccountUseSSL</key><true/>\n" +
		entry("SubCalAccountUsername", "<string>anna</string>") +
		"\t\t\t</dict>\n\t\t</array>\n" + after
	texts, err := NewTexts(DisplayTexts{Name: "Mail for Anna", Payloads: map[string]Titles{
		"com.apple.mail.managed": {Name: "Mail", Account: "Example Mail"}, "com.apple.subscribedcalendar.account": {Name: "Holidays"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	terms := Terms{Address: "Anna.Schmidt@post.example.de", Login: "anna", Texts: texts, Servers: []Server{
		{IMAP, "imap.example.de", 993}, {SMTP, "smtp.example.de", 465}, {"subscription", "cal.example.de", 0},
	}}
	if _, err := Check([]byte(profile), terms); err == nil || err.(*Refusal).Code != PayloadType {
		t.Errorf("the kind is known without its table: %v", err)
	}
	set := compile(append(kinds(), subscriptionKind()))
	if _, r := examine(profile, terms, set); r != nil {
		t.Errorf("%v in\n%s", r, profile)
	}
	for _, tt := range []struct {
		old, new string
		want     Code
	}{
		{"cal.example.de", "evil.example.de", ForeignHost},
		{"SubCalAccountUseSSL</key><true/>", "SubCalAccountUseSSL</key><false/>", TLSOff},
		{".subscription<", ".other<", Identifier},
		{"Holidays", "Certificate", DisplayText},
	} {
		if _, r := examine(strings.Replace(profile, tt.old, tt.new, 1), terms, set); r == nil || r.Code != tt.want {
			t.Errorf("%s: got %v, want %s", tt.new, r, tt.want)
		}
	}
}
