package signing_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// An examined is an envelope with the expected result: why its signature isn't
// good, and the rest.
type examined struct {
	name   string
	data   []byte
	fault  error
	detail signing.Examination
}

func envelopes(t *testing.T) []examined {
	t.Helper()
	f, _, middle, leaf := newFolder(t)
	f.write("plain.xml", unsigned(t))
	f.write("other.pem", middle.LeafFor(t, leaf.Key, nil).CertPEM())
	f.write("keyid.pem", middle.LeafFor(t, leaf.Key, func(c *x509.Certificate) { c.SubjectKeyId = []byte("an identifier") }).CertPEM())
	f.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -subj /CN=odd -keyout odd.key -out odd.pem")
	openssl := func(options string) []byte {
		if !strings.Contains(options, "-signer") {
			options += " -signer leaf.pem -inkey key.pem"
		}
		f.run("openssl cms -sign -binary -nodetach -in plain.xml -out made -outform DER " + options)
		return f.read("made")
	}
	good := openssl("")
	changed := func(data []byte) []byte { return bytes.Replace(data, []byte("imap."), []byte("evil."), 1) }
	flipped := func(data []byte) []byte {
		data = slices.Clone(data)
		data[len(data)-1] ^= 1
		return data
	}
	// A changed digest in the attributes makes their signature bad.
	attribute := slices.Clone(good)
	attribute[bytes.Index(attribute, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"))+14] ^= 1
	// The content type is changed to one that isn't in the attributes. It isn't
	// signed itself.
	kind := bytes.Replace(good, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"), []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06"), 1)
	f.run("openssl cms -sign -binary -in plain.xml -out made -signer leaf.pem -inkey key.pem -outform DER")
	detached := f.read("made")
	f.run("openssl cms -sign -binary -nodetach -in plain.xml -out made -signer leaf.pem -inkey key.pem -signer other.pem -inkey key.pem -outform DER")
	two := f.read("made")
	text := pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: good})

	return []examined{
		{"good", good, nil, signing.Examination{Signers: 1, Attributes: true}},
		{"by key identifier", openssl("-keyid -signer keyid.pem -inkey key.pem"), nil, signing.Examination{Signers: 1, Attributes: true}},
		{"no attributes", openssl("-noattr"), nil, signing.Examination{Signers: 1}},
		{"a certificate that Go doesn't read", openssl("-certfile odd.pem"), nil, signing.Examination{Signers: 1, Attributes: true}},
		{"a signer that Go doesn't read", openssl("-signer odd.pem -inkey odd.key"), signing.ErrUnchecked, signing.Examination{Signers: 1, Attributes: true}},
		{"BER", openssl("-stream"), nil, signing.Examination{Signers: 1, Attributes: true, BER: true}},
		{"changed", changed(good), signing.ErrChanged, signing.Examination{Signers: 1, Attributes: true}},
		{"changed without attributes", changed(openssl("-noattr")), signing.ErrSignature, signing.Examination{Signers: 1}},
		{"other signature", flipped(good), signing.ErrSignature, signing.Examination{Signers: 1, Attributes: true}},
		{"other digest", attribute, signing.ErrSignature, signing.Examination{Signers: 1, Attributes: true}},
		{"other type", kind, signing.ErrAttributes, signing.Examination{Signers: 1, Attributes: true}},
		{"attributes as data", substituted(t, leaf), signing.ErrAttributes, signing.Examination{Signers: 1}},
		{"no certificate", openssl("-nocerts"), signing.ErrNoCertificate, signing.Examination{Signers: 1, Attributes: true}},
		{"detached", detached, signing.ErrUnchecked, signing.Examination{Signers: 1, Attributes: true}},
		{"no signer", unsignedEnvelope(t), signing.ErrUnchecked, signing.Examination{}},
		{"two signers", two, nil, signing.Examination{Signers: 2, Attributes: true}},
		{"two signers, one bad", flipped(two), signing.ErrSignature, signing.Examination{Signers: 2, Attributes: true}},
		{"trailing", append(slices.Clone(good), "more"...), nil, signing.Examination{Signers: 1, Attributes: true, Trailing: 4}},
		{"line feed before", append([]byte("\n"), good...), nil, signing.Examination{Signers: 1, Attributes: true, Leading: 1}},
		{"header before", append([]byte("HTTP/1.1 200 OK\r\n\r\n"), good...), nil, signing.Examination{Signers: 1, Attributes: true, Leading: 19}},
		{"PEM", text, nil, signing.Examination{Signers: 1, Attributes: true, Wrapping: signing.PEM}},
		{"PEM and more", append(slices.Clone(text), "more"...), nil, signing.Examination{Signers: 1, Attributes: true, Wrapping: signing.PEM, Trailing: 4}},
		{"base64", []byte(base64.StdEncoding.EncodeToString(good)), nil, signing.Examination{Signers: 1, Attributes: true, Wrapping: signing.Base64}},
		{"mail", append([]byte("Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"), base64.StdEncoding.EncodeToString(good)...), nil,
			signing.Examination{Signers: 1, Attributes: true, Wrapping: signing.MIME}},
		{"mail without base64", append([]byte("Content-Type: application/x-pkcs7-mime\n\n"), good...), nil, signing.Examination{Signers: 1, Attributes: true, Wrapping: signing.MIME}},
	}
}

// TestExamine checks the result for envelopes of every form. If a signature
// isn't good, the reason must be the right one.
func TestExamine(t *testing.T) {
	for _, tt := range envelopes(t) {
		e, err := signing.Examine(tt.data)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !errors.Is(e.Fault, tt.fault) {
			t.Errorf("%s: fault %v, want %v", tt.name, e.Fault, tt.fault)
		}
		got, want := *e, tt.detail
		want.Envelope, want.Fault, want.SigningTime = e.Envelope, e.Fault, e.SigningTime
		if got.Signers != want.Signers || got.Attributes != want.Attributes || got.BER != want.BER ||
			got.Leading != want.Leading || got.Trailing != want.Trailing || got.Wrapping != want.Wrapping {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, want)
		}
		if _, err := e.Path(nil, time.Now()); errors.Is(err, signing.ErrNoCertificate) != (e.Signer == nil) {
			t.Errorf("%s: path: %v", tt.name, err)
		}
		if !signing.Enveloped(tt.data) {
			t.Errorf("%s: confused with a property list", tt.name)
		}
		_, err = signing.Open(tt.data)
		if plain := tt.fault == nil && want.Signers == 1 && want.Leading+want.Trailing == 0 && want.Wrapping == signing.Bare; plain != (err == nil) {
			t.Errorf("%s: Open says %v", tt.name, err)
		}
	}
}

// TestExamineRefuses distinguishes files that aren't envelopes from envelopes
// that can't be read.
func TestExamineRefuses(t *testing.T) {
	f, _, _, _ := newFolder(t)
	f.write("plain.xml", unsigned(t))
	f.run("openssl cms -sign -in plain.xml -out beside.eml -signer leaf.pem -inkey key.pem")
	f.run("openssl req -x509 -newkey rsa:2048 -nodes -keyout to.key -subj /CN=to -out to.pem; openssl cms -encrypt -in plain.xml -outform DER -out sealed to.pem")
	for name, tt := range map[string]struct {
		data      []byte
		want      error
		enveloped bool
	}{
		"XML":             {unsigned(t), signing.ErrNotEnvelope, false},
		"XML with a mark": {append([]byte("\ufeff"), unsigned(t)...), signing.ErrNotEnvelope, false},
		"binary list":     {[]byte("bplist00"), signing.ErrNotEnvelope, false},
		"text":            {[]byte("hello"), signing.ErrNotEnvelope, false},
		"nothing":         {nil, signing.ErrNotEnvelope, false},
		"signed mail":     {f.read("beside.eml"), signing.ErrMail, true},
		"mail":            {[]byte("From: a@example.com\r\n\r\nhello"), signing.ErrMail, true},
		"encrypted":       {f.read("sealed"), signing.ErrEncrypted, true},
		"a certificate":   {f.read("leaf.pem"), signing.ErrDamagedPEM, true},
		"cut PEM":         {[]byte("-----BEGIN CMS-----\nAAAA"), signing.ErrDamagedPEM, true},
	} {
		if _, err := signing.Examine(tt.data); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if got := signing.Enveloped(tt.data); got != tt.enveloped {
			t.Errorf("%s: enveloped %t", name, got)
		}
	}
}

// TestUntimely checks that a claimed time outside the certificate's validity is
// reported, without making the signature bad.
func TestUntimely(t *testing.T) {
	f, _, middle, leaf := newFolder(t)
	f.write("plain.xml", unsigned(t))
	expired := middle.LeafFor(t, leaf.Key, signingtest.Expired)
	for name, pair := range map[string]signingtest.Pair{"in time": leaf, "too late": expired} {
		f.write("signer.pem", pair.CertPEM())
		f.run("openssl cms -sign -binary -nodetach -in plain.xml -out made -signer signer.pem -inkey key.pem -outform DER")
		e, err := signing.Examine(f.read("made"))
		if err != nil {
			t.Fatal(err)
		}
		if e.Fault != nil || e.Untimely() != (name == "too late") || e.SigningTime.IsZero() {
			t.Errorf("%s: fault %v, untimely %t, signed at %s", name, e.Fault, e.Untimely(), e.SigningTime)
		}
	}
}

// FuzzExamine checks that any bytes get an answer, and that good envelopes have
// a signer and content.
func FuzzExamine(f *testing.F) {
	names, err := filepath.Glob("../profile/lint/testdata/signed/*.mobileconfig")
	if err != nil || len(names) == 0 {
		f.Fatalf("%d seeds: %v", len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: data}))
		f.Add([]byte("MIME-Version: 1.0\nContent-Type: application/pkcs7-mime\n\n" + base64.StdEncoding.EncodeToString(data)))
	}
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := signing.Examine(data)
		if err != nil {
			return
		}
		if !signing.Enveloped(data) {
			t.Error("examined although it isn't an envelope")
		}
		if e.Fault == nil && (e.Signer == nil || e.Signers == 0 || e.Content == nil) {
			t.Errorf("good: %d signers, signer %v, %d bytes", e.Signers, e.Signer, len(e.Content))
		}
		if e.Signer != nil {
			if path, err := e.Path(x509.NewCertPool(), at); len(path) == 0 || !path[0].Equal(e.Signer) || err == nil {
				t.Errorf("a path of %d without a root: %v", len(path), err)
			}
		}
		if n := e.MailHeader(); n < 0 || n > len(e.Content) {
			t.Errorf("a mail header of %d bytes", n)
		}
	})
}
