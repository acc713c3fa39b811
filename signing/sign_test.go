package signing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mozilla.org/pkcs7"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

func decode(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	return block.Bytes
}

// mailProfile returns a profile for signing tests.
func mailProfile(t testing.TB) *profile.Profile {
	t.Helper()
	address, err := profile.ParseAddress("jane@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return &profile.Profile{
		Address:     address,
		Platform:    profile.IPhone,
		DisplayName: "Mail at example.com",
		Payloads: []profile.Payload{&profile.Mail{
			DisplayName:   "Mail",
			AccountName:   "jane@example.com",
			PersonName:    "Jané & 山田",
			Incoming:      profile.Server{Host: "imap.example.com", Port: 993},
			Outgoing:      profile.Server{Host: "smtp.example.com", Port: 465},
			IncomingLogin: "jane@example.com",
			OutgoingLogin: "jane@example.com",
		}},
	}
}

// unsigned returns the profile as the product creates it.
func unsigned(t testing.TB) []byte {
	t.Helper()
	data, err := mailProfile(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func cleared(t testing.TB) gate.Cleared {
	t.Helper()
	return clear(t, mailProfile(t))
}

// clear passes the profile through the gate.
func clear(t testing.TB, p *profile.Profile) gate.Cleared {
	t.Helper()
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c, err := gate.Check(data, terms(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// terms returns terms that allow the profile.
func terms(t testing.TB, p *profile.Profile) gate.Terms {
	t.Helper()
	mail := profile.Of[*profile.Mail](p)
	texts, err := gate.NewTexts(gate.DisplayTexts{
		Name: p.DisplayName, Description: p.Description, Consent: p.Consent,
		Payloads: map[string]gate.Titles{mail.Type(): {Name: mail.DisplayName}, (*profile.Passcode)(nil).Type(): {Name: "Passcode"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return gate.Terms{
		Address: "jane@example.com", PersonName: mail.PersonName, Login: "jane@example.com", Policy: true, Texts: texts,
		Servers: []gate.Server{{Use: gate.IMAP, Host: "imap.example.com", Port: 993}, {Use: gate.SMTP, Host: "smtp.example.com", Port: 465}},
	}
}

// TestSign signs with each kind of key, verifies the result with OpenSSL, and
// reads the content with Python.
func TestSign(t *testing.T) {
	for _, kind := range []string{"rsa-2048", "rsa-3072", "p256", "p384"} {
		t.Run(kind, func(t *testing.T) {
			root := signingtest.Root(t, kind)
			upper := root.Intermediate(t, kind)
			lower := upper.Intermediate(t, "p256")
			leaf := lower.Leaf(t, kind, nil)
			id, err := signing.New(leaf.Key, chain(leaf, lower, upper), pool(root), nil)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := id.Sign(t.Context(), cleared(t))
			if err != nil {
				t.Fatal(err)
			}
			openssl(t, signed, root, unsigned(t))
			checkForm(t, signed, 3)
		})
	}
}

// openssl verifies signed with root as the only trusted one and compares the
// content.
func openssl(t *testing.T, signed []byte, root signingtest.Pair, want []byte) {
	t.Helper()
	in := signingtest.WriteFile(t, "signed.mobileconfig", signed)
	ca := signingtest.WriteFile(t, "root.pem", root.CertPEM())
	content := filepath.Join(t.TempDir(), "content.xml")
	cmd := exec.Command("openssl", "cms", "-verify", "-inform", "DER", "-in", in, "-CAfile", ca, "-purpose", "any", "-out", content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v %s", err, out)
	}
	got, err := os.ReadFile(content)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the content differs from the unsigned profile (%v)", err)
	}
	python(t, content)
}

// python reads a property list with an independent reader.
func python(t *testing.T, file string) {
	t.Helper()
	script := `import plistlib, sys
p = plistlib.load(open(sys.argv[1], "rb"))
print(p["PayloadType"], p["PayloadContent"][0]["EmailAccountName"])`
	cmd := exec.Command("python3", "-c", script, file)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "Configuration Jané & 山田" {
		t.Errorf("plistlib: %v %s", err, out)
	}
}

// checkForm checks for DER with SHA-256 as the only digest, and for the number
// of certificates.
func checkForm(t *testing.T, signed []byte, certificates int) {
	t.Helper()
	p7, err := pkcs7.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	if len(p7.Signers) != 1 || !p7.Signers[0].DigestAlgorithm.Algorithm.Equal(pkcs7.OIDDigestAlgorithmSHA256) {
		t.Error("the digest isn't SHA-256")
	}
	if len(p7.Certificates) != certificates {
		t.Errorf("%d certificates, want %d", len(p7.Certificates), certificates)
	}
	// Go's reader only accepts DER; marshaled again, it must be the same.
	var raw asn1.RawValue
	rest, err := asn1.Unmarshal(signed, &raw)
	if err != nil || len(rest) != 0 {
		t.Fatalf("not DER: %v", err)
	}
	again, err := asn1.Marshal(raw)
	if err != nil || !bytes.Equal(again, signed) {
		t.Errorf("not canonical DER: %v", err)
	}
}

func TestSignNothing(t *testing.T) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	id, err := signing.New(leaf.Key, chain(leaf), pool(root), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := id.Sign(t.Context(), gate.Cleared{}); err == nil {
		t.Error("signed a profile that the gate hasn't cleared")
	}
}

func TestOpen(t *testing.T) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	id, err := signing.New(leaf.Key, chain(leaf), pool(root), nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := id.Sign(t.Context(), cleared(t))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := signing.Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(envelope.Content, unsigned(t)) || envelope.Digest != "SHA-256" || !envelope.Signer.Equal(leaf.Cert) {
		t.Errorf("digest %s, signer %s", envelope.Digest, envelope.Signer.Subject)
	}
	if err := envelope.Trust(pool(root), time.Now()); err != nil {
		t.Error(err)
	}
	if err := envelope.Trust(pool(leaf), time.Now().Add(48*time.Hour)); err == nil {
		t.Error("trusted after its expiry")
	}
	if err := envelope.Trust(pool(signingtest.Root(t, "p256")), time.Now()); err == nil {
		t.Error("trusted with a foreign root")
	}
}

func TestOpenRefuses(t *testing.T) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	id, err := signing.New(leaf.Key, chain(leaf), pool(root), nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := id.Sign(t.Context(), cleared(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range refused(t, signed, leaf) {
		if _, err := signing.Open(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// refused are messages that aren't opened, derived from a good one by the leaf
// or made up.
func refused(t *testing.T, signed []byte, leaf signingtest.Pair) map[string][]byte {
	t.Helper()
	tampered := bytes.Replace(signed, []byte("imap.example.com"), []byte("evil.example.com"), 1)
	return map[string][]byte{
		"nothing":            nil,
		"XML":                unsigned(t),
		"PEM":                []byte("-----BEGIN CMS-----\n"),
		"changed content":    tampered,
		"trailing bytes":     append(bytes.Clone(signed), 0),
		"cut":                signed[:len(signed)-1],
		"no signer":          unsignedEnvelope(t),
		"attributes as data": substituted(t, leaf),
		"BER bomb":           append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0x00}, 400_000)...),
		"nesting bomb":       bytes.Repeat([]byte{0x30, 0x80}, 4<<20),
		"definite nesting":   nested(40),
		"too large":          append([]byte{0x30, 0x83, 0x20, 0, 0}, make([]byte, 2<<20)...),
		"two bytes":          {0x1f, 0x81},
		"three bytes":        {0x30, 0x84, 0x01},
		"length beyond":      {0x30, 0x7f, 0x02},
	}
}

func unsignedEnvelope(t *testing.T) []byte {
	t.Helper()
	sd, err := pkcs7.NewSignedData(unsigned(t))
	if err != nil {
		t.Fatal(err)
	}
	data, err := sd.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// substituted uses the signed attributes of a good message as the content of
// one without attributes. pkcs7 on its own would accept it.
func substituted(t *testing.T, leaf signingtest.Pair) []byte {
	t.Helper()
	good, err := pkcs7.NewSignedData(unsigned(t))
	if err != nil {
		t.Fatal(err)
	}
	good.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := good.AddSigner(leaf.Cert, leaf.Key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	info := good.GetSignedData().SignerInfos[0]
	attributes, err := asn1.MarshalWithParams(info.AuthenticatedAttributes, "set")
	if err != nil {
		t.Fatal(err)
	}
	forged, err := pkcs7.NewSignedData(attributes)
	if err != nil {
		t.Fatal(err)
	}
	forged.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := forged.SignWithoutAttr(leaf.Cert, leaf.Key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	forged.GetSignedData().SignerInfos[0].EncryptedDigest = info.EncryptedDigest
	data, err := forged.Finish()
	if err != nil {
		t.Fatal(err)
	}
	p7, err := pkcs7.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := p7.Verify(); err != nil {
		t.Fatalf("the forgery doesn't work anymore: %v", err)
	}
	return data
}

func nested(depth int) []byte {
	data := []byte{}
	for range depth {
		data = append([]byte{0x30, byte(len(data))}, data...)
	}
	return data
}

// FuzzOpen checks that any bytes get an answer without a panic or endless work.
func FuzzOpen(f *testing.F) {
	root := signingtest.Root(f, "p256")
	leaf := root.Leaf(f, "p256", nil)
	id, err := signing.New(leaf.Key, chain(leaf), pool(root), nil)
	if err != nil {
		f.Fatal(err)
	}
	signed, err := id.Sign(f.Context(), cleared(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte{0x30, 0x80, 0x05, 0x00, 0x00, 0x00})
	want := sha256.Sum256(unsigned(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		envelope, err := signing.Open(data)
		if err == nil && envelope.Signer.Equal(leaf.Cert) && sha256.Sum256(envelope.Content) != want {
			t.Errorf("our signature over other content")
		}
	})
}
