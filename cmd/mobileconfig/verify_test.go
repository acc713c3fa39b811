package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestVerifySays checks verify's messages and exit codes for files that it
// refuses.
func TestVerifySays(t *testing.T) {
	dir := t.TempDir()
	signingtest.WriteFiles(t, dir)
	script := `printf '<?xml version="1.0"?><plist version="1.0"><dict/></plist>' > plain; printf hello > hello
		sign() { openssl cms -sign -binary -nodetach -outform DER -md sha256 -signer leaf-only.pem -inkey key.pem "$@"; }
		sign -in plain -out good -certfile middle.pem
		sign -in hello -out hello.der -certfile middle.pem
		sign -in plain -out two -certfile middle.pem -signer expired.pem -inkey expired-key.pem
		sign -in plain -out bare -nocerts
		sign -in plain -out alone
		(cat good; printf more) > trailing
		(printf '\n'; cat good) > leading
		sed s/plist/flist/ good > changed
		openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout to.key -out to.pem 2>/dev/null
		openssl cms -encrypt -in plain -outform DER -out sealed to.pem`
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for name, tt := range map[string]struct {
		code            int
		signature, says string // nothing is printed if there is no signature
	}{
		"good":      {exitGood, "good", ""},
		"plain":     {exitRefused, "", "it isn't signed"},
		"hello":     {exitUsage, "", "isn't a profile, signed or not"},
		"hello.der": {exitRefused, "good", "the content isn't a profile"},
		"two":       {exitRefused, "good", "there are several"},
		"bare":      {exitRefused, "bad", "the signer's certificate is missing"},
		"alone":     {exitRefused, "good", "not trusted: the issuer"},
		"trailing":  {exitRefused, "good", "after the envelope that isn't signed (bytes: 4)"},
		"leading":   {exitRefused, "good", "before the envelope (bytes: 1)"},
		"changed":   {exitRefused, "bad", "the content isn't the one that was signed"},
		"sealed":    {exitRefused, "", "is encrypted"},
	} {
		var out, errs bytes.Buffer
		code := run([]string{"verify", "--json", "--roots", filepath.Join(dir, "root.pem"), filepath.Join(dir, name)}, streams{&out, &errs})
		if code != tt.code || !strings.Contains(errs.String(), tt.says) || (tt.says == "") != (errs.Len() == 0) {
			t.Errorf("%s: exit %d, %q", name, code, errs.String())
		}
		var v verdict
		if err := json.Unmarshal(out.Bytes(), &v); (err == nil) != (tt.signature != "") || v.Signature != tt.signature {
			t.Errorf("%s: %v, %s", name, err, out.String())
		}
		if v.Trusted != (code == exitGood) || tt.code == exitRefused && v.Signed && !strings.Contains(errs.String(), v.Reason) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
