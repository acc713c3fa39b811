package lint_test

import (
	"bytes"
	"encoding/base64"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// FuzzInspect checks that any bytes get a bounded answer.
func FuzzInspect(f *testing.F) {
	names, err := filepath.Glob("testdata/*.mobileconfig")
	if err != nil {
		f.Fatal(err)
	}
	more, err := filepath.Glob("testdata/samples/*.mobileconfig")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(names, more...) {
		f.Add(read(f, name))
	}
	for _, s := range signatures(f) {
		f.Add(s.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := lint.Inspect(data, day)
		if err != nil {
			return
		}
		if len(r.Findings) > 3*20*len(lint.Codes()) {
			t.Errorf("%d findings", len(r.Findings))
		}
		onlyOnce(t, r)
		if out := answer(data, day); bytes.ContainsFunc(out, func(r rune) bool { return r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' }) {
			t.Errorf("unescaped control character: %q", out)
		}
	})
}

// onlyOnce checks that there is at most one finding for a fault of a value. If
// a key is repeated, or two keys look the same, a path has two values.
func onlyOnce(t *testing.T, r *lint.Report) {
	t.Helper()
	seen := map[string]lint.Code{}
	for _, f := range r.Findings {
		if f.Code == "duplicate_key" || strings.ContainsAny(f.Path, "…\\") {
			return
		}
	}
	for _, f := range r.Findings {
		if !slices.Contains(lint.OneFault(), f.Code) || f.Path == "" {
			continue
		}
		if other := seen[f.Path]; other != "" {
			t.Errorf("%s is both %s and %s", f.Path, other, f.Code)
		}
		seen[f.Path] = f.Code
	}
}

// secretKeys are where profiles of many kinds carry secrets.
var secretKeys = strings.Fields("IncomingPassword OutgoingPassword CalDAVPassword CardDAVPassword LDAPAccountPassword SubCalAccountPassword Password CertificatePassword RemovalPassword UserPassword ProxyPassword Challenge SharedSecret AuthPassword Passphrase AccessToken PrivateKey Pin")

// FuzzSecrets plants a secret under a secret key, in every form that a value
// can have, after the fuzzer's input.
func FuzzSecrets(f *testing.F) {
	for n := range secretKeys {
		f.Add(uint8(n), uint8(n), []byte("<key>PayloadType</key><string>com.apple.mail.managed</string>"))
	}
	f.Add(uint8(0), uint8(7), []byte("<key>IncomingPassword</key><string>x</string>"))
	f.Fuzz(func(t *testing.T, key, form uint8, before []byte) {
		const secret = "canary"
		if bytes.Contains(before, []byte(secret)) {
			return
		}
		forms := []string{
			"<string>" + secret + "</string>",
			"<string>&" + secret + ";</string>",
			"<string>" + secret + "</integer>",
			"<integer>" + secret + "</integer>",
			"<date>" + secret + "</date>",
			"<" + secret + "/>",
			"<data>" + base64.StdEncoding.EncodeToString([]byte(secret)) + "</data>",
			"<dict><key>PayloadIdentifier</key><string>" + secret + "</string><key>" + secret + "</key><string/><key>" + secret + "</key><string/></dict>",
			"<array><string>" + secret + "\u202e</string></array>",
		}
		planted := "<key>" + secretKeys[int(key)%len(secretKeys)] + "</key>" + forms[int(form)%len(forms)]
		noCanary(t, "top", []byte("<plist><dict>"+string(before)+planted+"</dict></plist>"))
		noCanary(t, "payload", []byte("<plist><dict><key>PayloadContent</key><array><dict>"+string(before)+planted+"</dict></array></dict></plist>"))
	})
}
