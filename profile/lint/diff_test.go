package lint_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

const secureProfile = "../testdata/iphone-secure-plain.mobileconfig"

// diff compares two texts and returns "+ path", "- path" and "~ path".
func diff(t *testing.T, first, second string) (*lint.Comparison, []string) {
	t.Helper()
	c, err := lint.Diff([]byte(first), []byte(second))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, change := range c.Changes {
		switch {
		case change.Old == nil:
			all = append(all, "+ "+change.Path)
		case change.New == nil:
			all = append(all, "- "+change.Path)
		default:
			all = append(all, "~ "+change.Path)
		}
	}
	return c, all
}

func TestDiff(t *testing.T) {
	data, err := os.ReadFile(secureProfile)
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	id := strings.Split(strings.Split(good, "<key>PayloadIdentifier</key>\n\t\t\t\t<string>")[1], ".mail<")[0]
	mail := "PayloadContent.[" + id + ".mail]."
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	_, tail, _ := strings.Cut(good, "\t\t\t<dict>\n")
	first, tail, _ := strings.Cut(tail, "\t\t\t</dict>\n\t\t\t<dict>\n")
	second, _, _ := strings.Cut(tail, "\t\t\t</dict>\n")
	for _, tt := range []struct {
		name, other string
		want        []string
	}{
		{"the same", good, nil},
		{"other white space", strings.ReplaceAll(good, "\t", " "), nil},
		{"payloads the other way round", change(first, second, second, first), nil},
		{"another host", change("imap.example.com", "imap2.example.com"), []string{"~ " + mail + "IncomingMailServerHostName"}},
		{"another number", change("<integer>993</integer>", "<integer>143</integer>"), []string{"~ " + mail + "IncomingMailServerPortNumber"}},
		{"another type", change("<integer>993</integer>", "<string>993</string>"), []string{"~ " + mail + "IncomingMailServerPortNumber"}},
		{"TLS off", change("IncomingMailServerUseSSL</key><true/>", "IncomingMailServerUseSSL</key><false/>"), []string{"~ " + mail + "IncomingMailServerUseSSL"}},
		{"a key more", change("\t\t\t\t<key>EmailAddress</key>", "<key>PreventMove</key><true/><key>EmailAddress</key>"), []string{"+ " + mail + "PreventMove"}},
		{"a key less", change("\t\t\t\t<key>allowSimple</key><false/>\n", ""), []string{"- PayloadContent.[" + id + ".passcode].allowSimple"}},
		{"an empty dict more", change("\t\t\t\t<key>EmailAddress</key>", "<key>Rules</key><dict/><key>EmailAddress</key>"), []string{"+ " + mail + "Rules"}},
		{"a list instead of a text", change("<string>imap.example.com</string>", "<array><string>imap.example.com</string></array>"),
			[]string{"- " + mail + "IncomingMailServerHostName", "+ " + mail + "IncomingMailServerHostName.0"}},
		{"another text of the consent", change("10 wrong codes", "9 wrong codes"), []string{"~ ConsentText.default"}},
	} {
		c, got := diff(t, good, tt.other)
		if !slices.Equal(got, tt.want) || !c.Replaces || c.Same() != (len(tt.want) == 0) {
			t.Errorf("%s: got %q, replaces %v, same %v; want %q", tt.name, got, c.Replaces, c.Same(), tt.want)
		}
	}
	if c, _ := diff(t, good, change(id, id+"2")); c.Replaces || c.Same() {
		t.Error("a profile with another identifier replaces the first")
	}
}

// TestDiffSecrets checks that passwords are never shown.
func TestDiffSecrets(t *testing.T) {
	plist := func(body string) string { return `<plist version="1.0"><dict>` + body + `</dict></plist>` }
	secrets := func(word string) string {
		return plist(`<key>IncomingPassword</key><string>` + word + `</string><key>Token</key><data>` + word + `</data>
<key>Credential</key><dict><key>Name</key><string>` + word + `</string></dict><key>URL</key><string>https://jane:` + word + `@example.com</string>`)
	}
	for _, pair := range [][2]string{{secrets("canary12"), secrets("canary34")}, {secrets("canary12"), plist("")}, {plist(""), secrets("canary12")},
		{secrets("canary12"), plist(`<key>IncomingPassword</key><true/><key>Token</key><array/>`)}} {
		c, err := lint.Diff([]byte(pair[0]), []byte(pair[1]))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := c.Print(&out); err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&out).Encode(c); err != nil {
			t.Fatal(err)
		}
		if len(c.Changes) < 3 || strings.Contains(out.String(), "canary") {
			t.Errorf("%d changes:\n%s", len(c.Changes), out.String())
		}
	}
}

// TestDiffSigners checks whether the signer stays the same.
func TestDiffSigners(t *testing.T) {
	plain, err := os.ReadFile(secureProfile)
	if err != nil {
		t.Fatal(err)
	}
	root := signingtest.Root(t, "p256")
	sign := func(leaf signingtest.Pair) []byte {
		return envelope{content: plain, signers: []signingtest.Pair{leaf}}.bytes(t)
	}
	one, two := root.Leaf(t, "p256", nil), root.Leaf(t, "p256", func(c *x509.Certificate) { c.Subject.CommonName = "other.example.com" })
	for _, tt := range []struct {
		name          string
		first, second []byte
		same          bool
	}{
		{"the same certificate", sign(one), sign(one), true},
		{"another certificate", sign(one), sign(two), false},
		{"signed now", plain, sign(one), false},
		{"unsigned now", sign(one), plain, false},
	} {
		c, err := lint.Diff(tt.first, tt.second)
		if err != nil || c.SameSigner != tt.same || c.Same() != tt.same || len(c.Changes) != 0 {
			t.Errorf("%s: got %+v, %v", tt.name, c, err)
		}
	}
	if _, err := lint.Diff(plain, []byte("hello")); err == nil || !strings.HasPrefix(err.Error(), "the second profile: ") {
		t.Errorf("not a profile: got %v", err)
	}
}

func TestUnsign(t *testing.T) {
	plain, err := os.ReadFile(secureProfile)
	if err != nil {
		t.Fatal(err)
	}
	signed := envelope{content: plain, signers: []signingtest.Pair{signingtest.Root(t, "p256").Leaf(t, "p256", nil)}}.bytes(t)
	if got, err := lint.Unsign(signed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	changed := bytes.Replace(signed, []byte("imap.example.com"), []byte("evil.example.com"), 1)
	if got, err := lint.Unsign(changed); !errors.Is(err, lint.ErrSignature) || got != nil {
		t.Errorf("changed content: got %d bytes, %v", len(got), err)
	}
	for name, data := range map[string][]byte{"unsigned": plain, "nothing": nil, "half": signed[:len(signed)/2], "large": make([]byte, lint.MaxSize+1)} {
		if got, err := lint.Unsign(data); err == nil || errors.Is(err, lint.ErrSignature) || got != nil {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
}

// FuzzDiff compares anything with itself, and with a profile.
func FuzzDiff(f *testing.F) {
	good, err := os.ReadFile(secureProfile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`<plist><dict><key>A</key><array><dict/></array><key>A</key><real>1e3</real></dict></plist>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := lint.Diff(data, data)
		if err != nil {
			return
		}
		if len(c.Changes) != 0 || !c.SameSigner {
			t.Errorf("differs from itself: %+v", c)
		}
		there, err := lint.Diff(good, data)
		if err != nil {
			t.Fatal(err)
		}
		back, err := lint.Diff(data, good)
		if err != nil || len(back.Changes) != len(there.Changes) || back.Replaces != there.Replaces {
			t.Errorf("%d changes one way, %d the other, %v", len(there.Changes), len(back.Changes), err)
		}
		if err := there.Print(io.Discard); err != nil {
			t.Error(err)
		}
	})
}
