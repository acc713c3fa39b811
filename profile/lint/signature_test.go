package lint_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mozilla.org/pkcs7"

	"github.com/updatecase/mobileconfig/profile/lint"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// An envelope describes how a profile is signed.
type envelope struct {
	content  []byte
	signers  []signingtest.Pair
	above    []signingtest.Pair
	sha1     bool
	bare     bool // without attributes
	detached bool
}

func (e envelope) bytes(t testing.TB) []byte {
	t.Helper()
	sd, err := pkcs7.NewSignedData(e.content)
	if err != nil {
		t.Fatal(err)
	}
	if !e.sha1 {
		sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	}
	for _, s := range e.signers {
		add := sd.AddSigner
		if e.bare {
			add = func(c *x509.Certificate, key crypto.PrivateKey, config pkcs7.SignerInfoConfig) error {
				return sd.SignWithoutAttr(c, key, config)
			}
		}
		if err := add(s.Cert, s.Key, pkcs7.SignerInfoConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range e.above {
		sd.AddCertificate(c.Cert)
	}
	if e.detached {
		sd.Detach()
	}
	data, err := sd.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// valid sets a certificate's validity around now.
func valid(from, to time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
}

// authority turns a certificate into an authority's.
func authority(name string, valid func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		valid(c)
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = name, true, true, x509.KeyUsageCertSign
	}
}

// mail wraps an envelope like mail programs do.
func mail(signed []byte) []byte {
	body := base64.StdEncoding.EncodeToString(signed)
	return []byte("MIME-Version: 1.0\nContent-Disposition: attachment; filename=\"smime.p7m\"\n" +
		"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=\"smime.p7m\"\n" +
		"Content-Transfer-Encoding: base64\n\n" + body[:64] + "\n" + body[64:] + "\n")
}

const year = 365 * 24 * time.Hour

// A signature is one way to sign a file, with the expected findings.
type signature struct {
	name string
	data []byte
	want string
	at   time.Time
}

// signatures are those that can't be files, because keys are generated on each
// run, and the signing time is always now.
func signatures(t testing.TB) []signature {
	t.Helper()
	good := read(t, "testdata/good.mobileconfig")
	root := signingtest.Root(t, "p256")
	middle := root.LeafFor(t, signingtest.Key(t, "p256"), authority("Middle", valid(-year, year)))
	leaf := middle.Leaf(t, "p256", valid(-year, year))
	// The same authority before its certificate was renewed, and the root as
	// signed by another root.
	stale := root.LeafFor(t, middle.Key, authority("Middle", valid(-2*year, -year)))
	crossed := signingtest.Root(t, "p256").LeafFor(t, root.Key, authority("Test root", valid(-2*year, -year)))
	sign := func(change func(*envelope)) []byte {
		e := envelope{content: good, signers: []signingtest.Pair{leaf}, above: []signingtest.Pair{middle}}
		if change != nil {
			change(&e)
		}
		return e.bytes(t)
	}
	with := func(from, to time.Duration) []byte {
		return sign(func(e *envelope) {
			e.signers = []signingtest.Pair{middle.Leaf(t, "p256", valid(from, to))}
		})
	}
	signed := sign(nil)
	development := developed(t)
	sha256, sha3 := []byte("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), []byte("\x60\x86\x48\x01\x65\x03\x04\x02\x08")
	now := time.Now()
	return []signature{
		{"good", signed, "note untrusted_signer", now},
		{"development", development.data, "note untrusted_signer", now},
		{"pem", pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: signed}), "error pem, note untrusted_signer", now},
		{"pem and more", append(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: signed}), "more"...), "error pem, warning trailing_data, note untrusted_signer", now},
		{"leading", append([]byte("\r\n"), signed...), "error leading_data, note untrusted_signer", now},
		{"mail", mail(signed), "error mail_wrapping, note untrusted_signer", now},
		{"base64", []byte(base64.StdEncoding.EncodeToString(signed) + "\n"), "error mail_wrapping, note untrusted_signer", now},
		{"mail header inside", sign(func(e *envelope) { e.content = append([]byte("Content-Type: text/plain\r\n\r\n"), good...) }), "error mail_header, note untrusted_signer", now},
		{"expired beside the path", sign(func(e *envelope) { e.above = append([]signingtest.Pair{stale}, e.above...) }), "note untrusted_signer", now},
		{"expired instead of the path", sign(func(e *envelope) { e.above = []signingtest.Pair{stale} }), "error signer_expired", now},
		{"expired above the path", sign(func(e *envelope) { e.above = append(e.above, crossed) }), "note untrusted_signer", now},
		{"trailing", append(slices.Clone(signed), 0), "warning trailing_data, note untrusted_signer", now},
		{"changed", bytes.Replace(signed, []byte("imap.example.com"), []byte("evil.example.com"), 1), "error signature_invalid, note untrusted_signer", now},
		{"forged", flip(signed), "error signature_invalid, note untrusted_signer", now},
		{"changed without attributes", bytes.Replace(sign(func(e *envelope) { e.bare = true }), []byte("imap."), []byte("evil."), 1), "error signature_invalid, note untrusted_signer", now},
		{"odd digest", bytes.ReplaceAll(signed, sha256, sha3), "warning signature_unchecked, note untrusted_signer", now},
		{"no signer", sign(func(e *envelope) { e.signers = nil }), "error no_signer", now},
		{"two signers", sign(func(e *envelope) { e.signers = append(e.signers, middle.Leaf(t, "p256", valid(-year, year))) }), "warning several_signers, note untrusted_signer", now},
		{"without attributes", sign(func(e *envelope) { e.bare = true }), "note no_signed_attributes, note untrusted_signer", now},
		{"SHA-1", sign(func(e *envelope) { e.sha1 = true }), "warning sha1, note untrusted_signer", now},
		{"BER", indefinite(t, signed), "warning ber, note untrusted_signer", now},
		{"no intermediate", sign(func(e *envelope) { e.above = nil }), "warning missing_intermediate", now},
		{"expired", with(-year, time.Hour), "error signer_expired", now.Add(2 * time.Hour)},
		{"expiring", with(-year, 29*24*time.Hour), "warning signer_expiring, note untrusted_signer", now},
		{"not expiring", with(-year, 31*24*time.Hour), "note untrusted_signer", now},
		{"not yet valid", with(-time.Hour, year), "error signer_not_yet_valid", now.Add(-2 * time.Hour)},
		{"signed after its time", with(-year, -time.Hour), "error signer_expired, warning signing_time", now},
	}
}

// developed is signed with the program's development identity.
func developed(t testing.TB) signature {
	t.Helper()
	bundle, err := signing.MakeDevelopment(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var pair signingtest.Pair
	for block, rest := pem.Decode(bundle); block != nil && pair.Cert == nil; block, rest = pem.Decode(rest) {
		if block.Type == "PRIVATE KEY" {
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			pair.Key = key.(crypto.Signer)
		} else if pair.Cert, err = x509.ParseCertificate(block.Bytes); err != nil {
			t.Fatal(err)
		}
	}
	e := envelope{content: read(t, "testdata/good.mobileconfig"), signers: []signingtest.Pair{pair}}
	return signature{data: e.bytes(t)}
}

// flip changes the last byte, which is part of the signature.
func flip(data []byte) []byte {
	data = slices.Clone(data)
	data[len(data)-1] ^= 1
	return data
}

// indefinite leaves the outer lengths of an envelope open, and the content in
// pieces, as some of Apple's tools do.
func indefinite(t testing.TB, der []byte) []byte {
	t.Helper()
	var outer struct {
		Type    asn1.RawValue
		Content asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		t.Fatal(err)
	}
	inner := outer.Content.Bytes
	at := bytes.Index(inner, []byte("<?xml"))
	start := at - 4 // 04 82 xx xx
	length := int(inner[at-2])<<8 | int(inner[at-1])
	pieces := []byte{0x24, 0x80}
	for part := range slices.Chunk(inner[at:at+length], 100) {
		pieces = append(append(pieces, 4, byte(len(part))), part...)
	}
	pieces = append(pieces, 0, 0)
	var f struct{ A, B, C asn1.RawValue }
	seq := asn1.RawValue{}
	if _, err := asn1.Unmarshal(inner, &seq); err != nil {
		t.Fatal(err)
	}
	rest := seq.Bytes
	for _, to := range []*asn1.RawValue{&f.A, &f.B, &f.C} {
		var err error
		if rest, err = asn1.Unmarshal(rest, to); err != nil {
			t.Fatal(err)
		}
	}
	if inner[start] != 4 {
		t.Fatal("the content isn't where it should be")
	}
	dataType := []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
	end := []byte{0, 0}
	return slices.Concat([]byte{0x30, 0x80}, outer.Type.FullBytes, []byte{0xa0, 0x80},
		[]byte{0x30, 0x80}, f.A.FullBytes, f.B.FullBytes, []byte{0x30, 0x80}, dataType, []byte{0xa0, 0x80}, pieces, end, end,
		rest, end, end, end)
}

func TestSignatures(t *testing.T) {
	for _, tt := range signatures(t) {
		r, err := lint.Inspect(tt.data, tt.at)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := strings.Join(codes(r), ", "); got != tt.want {
			t.Errorf("%s:\n got  %s\n want %s", tt.name, got, tt.want)
		}
		if len(r.Payloads) != 1 || r.Payloads[0].Type != "com.apple.mail.managed" {
			t.Errorf("%s: the content wasn't read", tt.name)
		}
		if signed := tt.name != "no signer"; r.Signed != signed || (r.Signer != nil) != signed {
			t.Errorf("%s: signed %t by %v", tt.name, r.Signed, r.Signer)
		}
	}
}

// TestForeignSignatures checks files signed by other tools that were once
// misjudged, at a time when their certificates are valid.
func TestForeignSignatures(t *testing.T) {
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"s-crossexp": "note untrusted_signer", // an expired cross-signed root that the chain doesn't use
		"s-leadnl":   "error leading_data, note untrusted_signer",
		"s-pss":      "note untrusted_signer",
		"s-texthdr":  "error mail_header, note untrusted_signer",
	} {
		r, err := lint.Inspect(read(t, "testdata/signed/"+name+".mobileconfig"), at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(codes(r), ", "); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestUnreadable checks the errors for files that can't be inspected.
func TestUnreadable(t *testing.T) {
	leaf := signingtest.Root(t, "p256").Leaf(t, "p256", nil)
	recipient := signingtest.Root(t, "rsa-2048")
	good := read(t, "testdata/good.mobileconfig")
	sealed, err := pkcs7.Encrypt(good, []*x509.Certificate{recipient.Cert})
	if err != nil {
		t.Fatal(err)
	}
	detached := envelope{content: good, signers: []signingtest.Pair{leaf}, detached: true}.bytes(t)
	signed := envelope{content: good, signers: []signingtest.Pair{leaf}}.bytes(t)
	for want, data := range map[string][]byte{
		"encrypted":            sealed,
		"without a profile":    detached,
		"signed twice":         envelope{content: signed, signers: []signingtest.Pair{leaf}}.bytes(t),
		"plutil -convert xml1": []byte("bplist00"),
		"UTF-16":               []byte("\xff\xfe<\x00"),
		"or it's damaged":      signed[:100],
		"damaged PEM text":     []byte("-----BEGIN CMS-----\nAAAA"),
		"signed email":         []byte("MIME-Version: 1.0\n"),
		"it's empty":           nil,
		"neither":              []byte("hello"),
		"isn't a dict":         []byte("<plist><array/></plist>"),
		"larger than":          make([]byte, lint.MaxSize+1),
	} {
		if _, err := lint.Inspect(data, day); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := lint.Inspect(fmt.Appendf(nil, "<plist>&canary;</plist>"), day); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("an error quotes the file: %v", err)
	}
}
