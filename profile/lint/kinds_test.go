package lint_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// altered returns the report on testdata/good.mobileconfig with each text
// replaced by the following one.
func altered(t *testing.T, pairs ...string) *lint.Report {
	t.Helper()
	data := string(read(t, "testdata/good.mobileconfig"))
	for n := 0; n < len(pairs); n += 2 {
		if !strings.Contains(data, pairs[n]) {
			t.Fatalf("%s isn't in the file", pairs[n])
		}
		data = strings.Replace(data, pairs[n], pairs[n+1], 1)
	}
	r, err := lint.Inspect([]byte(data), day)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// detail returns the detail of the code's finding, or "".
func detail(r *lint.Report, code lint.Code) string {
	for _, f := range r.Findings {
		if f.Code == code {
			return f.Detail
		}
	}
	return ""
}

// Parts of testdata/good.mobileconfig that are replaced.
const (
	innerIdentifier, outerIdentifier = "<string>com.example.jane.mail</string>", "<string>com.example.jane</string>"
	mailType, outerType              = "<string>com.apple.mail.managed</string>", "<string>Configuration</string>"
	imapHost, imapAccount            = "<string>imap.example.com</string>", "<string>EmailTypeIMAP</string>"
	hostKey                          = "<key>IncomingMailServerHostName</key>"
)

// text returns a string in XML.
func text(s string) string { return "<string>" + s + "</string>" }

// kinds are replacements, with the expected findings.
var kinds = []struct{ name, old, new, want string }{
	{"good", outerIdentifier, outerIdentifier, ""},
	{"identifier of the file", innerIdentifier, outerIdentifier, "note duplicate_identifier"},
	{"identifier in other letters", innerIdentifier, text("com.example.Jane"), ""},
	{"line feed before an identifier", innerIdentifier, text("\ncom.example.jane.mail"), "warning hidden_characters"},
	{"line feed before the file's", outerIdentifier, text("\ncom.example.jane"), "warning hidden_characters"},
	{"blank behind an identifier", innerIdentifier, text("com.example.jane.mail "), "warning hidden_characters"},
	{"identifier of the file but for a blank", innerIdentifier, text("com.example.jane "), "warning hidden_characters, note duplicate_identifier"},
	{"identifier of one word", innerIdentifier, text("mail"), "warning malformed_identifier"},
	{"identifier with a blank inside", innerIdentifier, text("com.example.jane mail"), "warning malformed_identifier"},
	{"random identifier", outerIdentifier, text("com.example.8E1961D8-898E-4D79-986F-C7A61AF4103C"), "warning random_identifier"},
	{"random payload", innerIdentifier, text("com.apple.mail.managed.8E1961D8-898E-4D79-986F-C7A61AF4103C"), "note random_identifier"},
	{"derived identifier", outerIdentifier, text("com.example.8E1961D8-898E-5D79-986F-C7A61AF4103C"), ""},
	{"typed UUID", outerIdentifier, text("com.example.00000000-0000-0000-0000-000000000000"), ""},
	{"UUID with a blank", "00001</string>", "00001 </string>", "warning hidden_characters"},
	{"UUID in braces", "<string>22222222-0000-5000-8000-000000000001</string>", text("{22222222-0000-5000-8000-000000000001}"), "warning malformed_uuid"},
	{"type with a blank", mailType, text("com.apple.mail.managed "), "warning hidden_characters"},
	{"type with a line feed", mailType, text("\ncom.apple.mail.managed"), "warning hidden_characters"},
	{"type with an invisible character", mailType, text("com.apple.mail\u200b.managed"), "warning hidden_characters"},
	{"type in other letters", mailType, text("com.apple.Mail.managed"), "warning unknown_payload_type"},
	{"unknown type", mailType, text("com.example.other"), "note unknown_payload_type"},
	{"unknown type with a blank", mailType, text("com.example.other "), "warning hidden_characters, note unknown_payload_type"},
	{"empty type", mailType, text(" "), "error missing_key"},
	{"outer type with a blank", outerType, text("Configuration "), "error wrong_outer_type"},
	{"outer type in other letters", outerType, text("configuration"), "error wrong_outer_type"},
	{"empty outer type", outerType, text(""), "error missing_key"},
	{"empty host", imapHost, text(""), "error missing_key"},
	{"blank host", imapHost, text(" \n"), "error missing_key"},
	{"number as host", imapHost, "<integer>5</integer>", "error wrong_type"},
	{"enumeration with a blank", imapAccount, text("EmailTypeIMAP "), "error wrong_value"},
	{"enumeration, empty", imapAccount, text(""), "error missing_key"},
	{"number as text", "<integer>993</integer>", text("993"), "error wrong_type"},
	{"number as empty text", "<integer>993</integer>", text(""), "error wrong_type"},
	{"number as a variable", "<integer>993</integer>", text("${port}"), "note mdm_variable"},
	{"number that is a variable", "<integer>993</integer>", "<integer>${IMAP_PORT}</integer>", "note mdm_variable"},
	{"number, malformed", "<integer>993</integer>", "<integer>9 93</integer>", "error malformed_value"},
	{"TLS as text", "<true/>", text("true"), "error tls_off"},
	{"TLS as a number", "<true/>", "<integer>1</integer>", "error tls_off"},
	{"TLS, malformed", "<true/>", "<true>no</true>", "error malformed_value"},
	{"TLS as nothing", "<true/>", text(""), "error tls_off"},
	{"port in other letters", "<key>OutgoingMailServerPortNumber</key>", "<key>outgoingMailServerPortNumber</key>", "warning unknown_key"},
	{"key with a blank", hostKey, "<key>IncomingMailServerHostName </key>", "warning hidden_characters"},
	{"required key in other letters", hostKey, "<key>incomingMailServerHostName</key>", "error unknown_key"},
	{"other key in other letters", "<key>EmailAddress</key>", "<key>emailAddress</key>", "warning unknown_key"},
	{"URL-encoded text", "<string>Mail</string>", text("https://example.com/%C3%A4%E2%80%93"), ""},
	{"empty description", "<string>Mail</string>", text(""), "warning empty_string"},
	{"blank description", "<string>Mail</string>", text("\u00a0"), "warning empty_string"},
}

// TestKinds checks that typical faults of real profiles are reported correctly:
// once, with the right severity.
func TestKinds(t *testing.T) {
	for _, tt := range kinds {
		got := slices.DeleteFunc(codes(altered(t, tt.old, tt.new)), func(c string) bool { return c == "note unsigned" })
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, got, tt.want)
		}
	}
}

// TestConsent checks that a problem with a policy's consent text is reported
// once.
func TestConsent(t *testing.T) {
	const policy = "<key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.mobiledevice.passwordpolicy</string></dict></array>"
	for consent, want := range map[string][]string{
		"":                              {"warning consent_missing ConsentText"},
		"<key>ConsentText</key><dict/>": {"warning consent_missing ConsentText"},
		"<key>ConsentText</key><dict>" + texts("en", "A policy.") + "</dict>":                   {"warning consent_missing ConsentText"},
		"<key>ConsentText</key><dict>" + texts("default", " ") + "</dict>":                      {"warning consent_missing ConsentText.default"},
		"<key>ConsentText</key><dict>" + texts("default", "A policy.", "en", "") + "</dict>":    {"warning empty_string ConsentText.en"},
		"<key>ConsentText</key><dict>" + texts("default", "A policy.") + "</dict>":              nil,
		"<key>ConsentText</key>" + "<string>A policy.</string>":                                 {"error wrong_type ConsentText"},
		"<key>ConsentText</key><dict><key>default</key><string>A pol\u200bicy.</string></dict>": {"warning hidden_characters ConsentText.default"},
	} {
		r, err := lint.Inspect([]byte("<plist><dict>"+policy+consent+"</dict></plist>"), day)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Findings {
			if strings.HasPrefix(f.Path, "ConsentText") {
				got = append(got, fmt.Sprint(f.Severity, " ", f.Code, " ", f.Path))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", consent, got, want)
		}
	}
}

// TestRandomIdentifierTells checks that accounts are only mentioned if there
// are any.
func TestRandomIdentifierTells(t *testing.T) {
	const random = "<string>com.example.8E1961D8-898E-4D79-986F-C7A61AF4103C</string>"
	r := altered(t, "<string>com.example.jane</string>", random)
	if got := detail(r, "random_identifier"); !strings.Contains(got, "accounts") || !strings.Contains(got, "mailbox") {
		t.Errorf("with an account: %s", got)
	}
	r = altered(t, "<string>com.example.jane</string>", random, "com.apple.mail.managed", "com.apple.dnsSettings.managed")
	if got := detail(r, "random_identifier"); got == "" || strings.Contains(got, "account") || strings.Contains(got, "mailbox") {
		t.Errorf("without an account: %s", got)
	}
	r = altered(t, "<string>com.example.jane.mail</string>", random)
	if got := detail(r, "random_identifier"); got == "" || strings.Contains(got, "both accounts") {
		t.Errorf("of a payload: %s", got)
	}
}

// TestPrivateKey checks that private keys are reported, and nothing else.
func TestPrivateKey(t *testing.T) {
	der := func(b string) string { return "<data>" + base64.StdEncoding.EncodeToString([]byte(b)) + "</data>" }
	for name, tt := range map[string][2]string{
		"DER":              {der("\x30\x82\x01\x00\x02\x01\x03\x30\x00"), "error password_inside"},
		"short DER":        {der("\x30\x07\x02\x01\x03\x30\x02\x00\x00"), "error password_inside"},
		"BER":              {der("\x30\x80\x02\x01\x03\x30\x80\x00\x00"), "error password_inside"},
		"placeholder":      {"<string>BASE64 OF THE CERTIFICATE</string>", "error wrong_type"},
		"variable":         {"<string>{{certificate}}</string>", "note mdm_variable"},
		"words as data":    {der("PUT CERTIFICATE HERE"), "error wrong_value"},
		"no data":          {"<data></data>", "error wrong_value"},
		"variable as data": {"<data>\n{{ config.certificate }}\n</data>", "note mdm_variable"},
		"not base64":       {"<data>PUT IT HERE!</data>", "error malformed_value"},
		"certificate":      {der("\x30\x82\x01\x00\x30\x82\x01\x00\x00"), "error wrong_value"},
		"empty text":       {"<string></string>", "error wrong_type"},
		"dict":             {"<dict/>", "error wrong_type"},
	} {
		if got := strings.Join(at(account(t, "com.apple.security.pkcs12", "<key>PayloadContent</key>"+tt[0]), "PayloadContent.0.PayloadContent"), ", "); got != tt[1] {
			t.Errorf("%s: %s, want %s", name, got, tt[1])
		}
	}
}

// TestSecretKeys checks that secrets are recognized by their keys. Keys that
// only mention a secret aren't reported, and neither are numbers that turn
// something on or off.
func TestSecretKeys(t *testing.T) {
	const word, zero, number, variable = "<string>xyz</string>", "<integer>0</integer>", "<integer>4711</integer>", "<string>%Password%</string>"
	for _, tt := range []struct{ key, value, want string }{
		{"IncomingPassword", word, "error password_inside"},
		{"IncomingPassword", "<string>" + "\u200b" + "</string>", "error password_inside"},
		{"IncomingPassword", variable, "note mdm_variable"},
		{"IncomingPassword", "<string></string>", "warning empty_string"},
		{"VendorPassword", number, "error password_inside"},
		{"VendorPassword", "<data>AAAA</data>", "error password_inside"},
		{"Passwords", "<array>" + word + "</array>", "error password_inside"},
		{"PasswordHash", word, "error password_inside"},
		{"OIDCClientSecret", word, "error password_inside"},
		{"password2", word, "error password_inside"},
		{"AWSSecretAccessKey", word, "error password_inside"},
		{"EnrollmentToken", word, "error password_inside"},
		{"PIN", word, "error password_inside"},
		{"askForPassword", "<integer>1</integer>", ""},
		{"allowPassword", "<true/>", ""},
		{"tokenRemovalAction", zero, ""},
		{"TokenToUserMapping", "<dict><key>AccountName</key>" + word + "</dict>", ""},
		{"PasswordProtectionLoginURLs", "<array>" + word + "</array>", ""},
		{"passwordContentDescription", word, ""},
		{"SpinCount", word, ""},
		{"mapping", word, ""},
		{"Link", "<string>https://jane:xyz@example.com/</string>", "error password_inside"},
		{"Link", "<string>https://example.com:8443/jane@example.com</string>", ""},
	} {
		if got := strings.Join(at(account(t, "com.example.other", "<key>"+tt.key+"</key>"+tt.value), "PayloadContent.0."+tt.key), ", "); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.key, tt.value, got, tt.want)
		}
	}
}

// TestPorts checks that each port is judged by the server's protocol, with
// matching advice.
func TestPorts(t *testing.T) {
	const mail, dav = "com.apple.mail.managed", "com.apple.caldav.account"
	for _, tt := range []struct {
		kind, account, key string
		good               []int
		found              map[int]string
		advice             string
	}{
		{mail, "EmailTypeIMAP", "IncomingMailServer", []int{993, 1993, 10993}, map[int]string{
			143: "note starttls_port", 110: "warning plaintext_port", 25: "warning plaintext_port",
			995: "warning wrong_port", 465: "warning wrong_port", 587: "warning wrong_port", 443: "warning wrong_port", 80: "warning wrong_port", 4190: "warning wrong_port",
		}, "993"},
		{mail, "EmailTypePOP", "IncomingMailServer", []int{995, 1995}, map[int]string{
			110: "warning plaintext_port", 25: "warning plaintext_port", 993: "warning wrong_port", 143: "warning wrong_port", 465: "warning wrong_port", 587: "warning wrong_port",
		}, "995"},
		{mail, "", "IncomingMailServer", []int{993, 995}, map[int]string{
			143: "note starttls_port", 110: "warning plaintext_port", 465: "warning wrong_port", 587: "warning wrong_port",
		}, "993"},
		{mail, "EmailTypeIMAP", "OutgoingMailServer", []int{465, 2465, 2525}, map[int]string{
			587: "note starttls_port", 25: "warning plaintext_port", 110: "warning plaintext_port", 993: "warning wrong_port", 995: "warning wrong_port", 143: "warning wrong_port", 443: "warning wrong_port",
		}, "465"},
		{dav, "", "CalDAV", []int{443, 8443, 8843}, map[int]string{
			80: "warning plaintext_port", 993: "warning wrong_port", 143: "warning wrong_port", 465: "warning wrong_port", 25: "warning wrong_port",
		}, "443"},
	} {
		suffix := map[string]string{mail: "PortNumber", dav: "Port"}[tt.kind]
		try := func(port int, tls string) *lint.Report {
			return account(t, tt.kind, texts("EmailAccountType", tt.account)+fmt.Sprintf("<key>%sUseSSL</key><%s/><key>%s%s</key><integer>%d</integer>", tt.key, tls, tt.key, suffix, port))
		}
		path := "PayloadContent.0." + tt.key + suffix
		for _, port := range tt.good {
			if got := at(try(port, "true"), path); got != nil {
				t.Errorf("%s %s %d: %v", tt.account, tt.key, port, got)
			}
		}
		for port, want := range tt.found {
			r := try(port, "true")
			if got := at(r, path); !slices.Equal(got, []string{want}) {
				t.Errorf("%s %s %d: %v, want %s", tt.account, tt.key, port, got, want)
			}
			for _, f := range r.Findings {
				if f.Path == path && !strings.HasSuffix(f.Detail, " "+tt.advice+".") && !strings.Contains(f.Detail, "Use "+tt.advice+" ") {
					t.Errorf("%s %s %d: %s", tt.account, tt.key, port, f.Detail)
				}
			}
			if strings.HasPrefix(want, "note") {
				if got := at(try(port, "false"), path); got != nil {
					t.Errorf("%s %s %d without TLS: %v, though there is no STARTTLS either", tt.account, tt.key, port, got)
				}
			}
		}
	}
}

// TestOtherPlatforms checks that keys on unknown devices aren't reported: only
// iPhones and Macs are distinguished.
func TestOtherPlatforms(t *testing.T) {
	for device, want := range map[int]string{1: "ignored_key", 2: "", 5: "", 6: ""} {
		r := altered(t, "<key>TargetDeviceType</key>\n\t<integer>1</integer>", fmt.Sprintf("<key>TargetDeviceType</key><integer>%d</integer><key>PayloadScope</key><string>User</string>", device))
		if got := detail(r, "ignored_key") != ""; got != (want != "") {
			t.Errorf("%d: %v", device, codes(r))
		}
	}
}

// TestFloodSeverity checks that an error is reported after many warnings with
// the same code.
func TestFloodSeverity(t *testing.T) {
	var hosts strings.Builder
	for range 30 {
		hosts.WriteString("<dict>" + texts("PayloadType", "com.apple.caldav.account", "CalDAVHostName", "cal_1.example.com") + "</dict>")
	}
	hosts.WriteString("<dict>" + texts("PayloadType", "com.apple.caldav.account", "CalDAVHostName", "https://cal.example.com") + "</dict>")
	r, err := lint.Inspect([]byte("<plist><dict><key>PayloadContent</key><array>"+hosts.String()+"</array></dict></plist>"), day)
	if err != nil {
		t.Fatal(err)
	}
	if got := at(r, "PayloadContent.30.CalDAVHostName"); !slices.Equal(got, []string{"error wrong_value"}) {
		t.Errorf("%v", got)
	}
	if got := codes(r); !slices.Contains(got, "warning wrong_value*20") {
		t.Errorf("%v", got)
	}
}
