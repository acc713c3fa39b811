package signing

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/updatecase/mobileconfig/signing/pbe"
)

// envelopeOf reads an envelope from profile/lint's test data, created with
// openssl, whose signature pkcs7 can read.
func envelopeOf(t *testing.T) (der []byte, d *signedData) {
	t.Helper()
	data, err := os.ReadFile("../profile/lint/testdata/signed/s-crossexp.mobileconfig")
	if err != nil {
		t.Fatal(err)
	}
	if der, _, err = openEnvelope(data); err != nil {
		t.Fatal(err)
	}
	if d, err = readSignedData(der); err != nil {
		t.Fatal(err)
	}
	return der, d
}

// TestConfirm gives pkcs7 a different envelope from the one that our reader
// accepted, as if our reader had a bug.
func TestConfirm(t *testing.T) {
	der, d := envelopeOf(t)
	if !d.usual(&d.signers[0]) {
		t.Fatal("pkcs7 is ignored for an ordinary envelope")
	}
	if err := confirm(der, d); err != nil {
		t.Errorf("pkcs7 disagrees: %v", err)
	}
	changed := bytes.Replace(der, []byte("imap."), []byte("evil."), 1)
	if bytes.Equal(changed, der) {
		t.Fatal("nothing to change")
	}
	if err := confirm(changed, d); !errors.Is(err, ErrUnchecked) {
		t.Errorf("pkcs7 is ignored: %v", err)
	}
}

// TestFindEnvelope finds the start of envelopes by their type. The length of
// the fourth looks like the tag and length of a shorter one.
func TestFindEnvelope(t *testing.T) {
	for start, want := range map[string]int{
		"\x30\x0b": 0, "\n\x30\x80": 1, "\x30\x81\xff": 0, "--\x30\x82\x30\x10": 2, "\x30\x83\x01\x00\x00": 0, "\x30\x84\x00\x01\x00\x00": 0,
		"": -1, "\x30": -1, "\x31\x0b": -1, "\x30\x82\x10": -1,
	} {
		if got := findEnvelope([]byte(start + string(typeOf))); got != want {
			t.Errorf("%x: got %d, want %d", start, got, want)
		}
	}
	if got := findEnvelope([]byte("\x30\x0b")); got != -1 {
		t.Errorf("without a type: %d", got)
	}
}

// TestEmptyPassphrase reads a file whose checksum uses a passphrase of zero
// bytes, as some tools do and openssl doesn't.
func TestEmptyPassphrase(t *testing.T) {
	dir := t.TempDir()
	script := `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout key -out cert 2>/dev/null
		openssl pkcs12 -export -in cert -inkey key -keypbe NONE -certpbe NONE -passout pass: -out p12`
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "p12"))
	if err != nil {
		t.Fatal(err)
	}
	input := cryptobyte.String(data)
	var pfx, safe, content, mac, info, digest, salt cryptobyte.String
	if !input.ReadASN1(&pfx, cbasn1.SEQUENCE) || !pfx.SkipASN1(cbasn1.INTEGER) || !pfx.ReadASN1(&safe, cbasn1.SEQUENCE) ||
		!safe.SkipASN1(cbasn1.OBJECT_IDENTIFIER) || !safe.ReadASN1(&safe, tag0Inside) || !safe.ReadASN1(&content, cbasn1.OCTET_STRING) ||
		!pfx.ReadASN1(&mac, cbasn1.SEQUENCE) || !mac.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.SEQUENCE) ||
		!info.ReadASN1(&digest, cbasn1.OCTET_STRING) || !mac.ReadASN1(&salt, cbasn1.OCTET_STRING) {
		t.Fatal("openssl writes another form")
	}
	h := hmac.New(sha256.New, pbe.PKCS12KDF(crypto.SHA256, 3, nil, salt, 2048, 32))
	h.Write(content)
	copy(digest, h.Sum(nil)) // in place
	for _, passphrase := range [][]byte{nil, {}} {
		if p, err := openP12("p12", data, passphrase); err != nil || len(p.keys) != 1 {
			t.Errorf("with %v: %v", passphrase, err)
		}
	}
	if _, err := openP12("p12", data, []byte("x")); !errors.Is(err, pbe.ErrPassphrase) {
		t.Errorf("with another passphrase: %v", err)
	}
}

// FuzzFiles checks that any signing file gets an answer without a panic, and
// that no result claims a certificate or key it doesn't have.
func FuzzFiles(f *testing.F) {
	for _, name := range []string{"bom.pem", "glued.pem", "fcrossx.pem", "enc_a5.key", "pbmac1.p12"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		if block, _ := pem.Decode(data); block != nil {
			f.Add(block.Bytes)
		}
	}
	f.Add([]byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----"))
	o := opener{passphrase: []byte("secret"), passphraseFile: "pw"}
	f.Fuzz(func(t *testing.T, data []byte) {
		if expensive(data) {
			t.Skip()
		}
		if blocks, err := readBlocks("file", data); err == nil {
			if len(blocks) == 0 {
				t.Error("no block and no error")
			}
			if certificates, err := certificatesOf("file", blocks); err == nil {
				for _, c := range certificates {
					_, _ = findPath(c, certificates, nil, c.NotBefore)
				}
			}
			if keys, err := o.keys("file", blocks); err == nil && len(keys) == 0 {
				t.Error("no key and no error")
			}
		}
		_, _ = openP12("file", data, o.passphrase)
	})
}

// expensive reports whether data may request an iteration count or scrypt size
// that takes seconds. The limits allow that, but it would slow down the fuzzer.
func expensive(data []byte) bool {
	if blocks, err := readBlocks("file", data); err == nil {
		for _, b := range blocks {
			data = append(bytes.Clone(data), b.Bytes...)
		}
	}
	data = bytes.ReplaceAll(data, []byte{2, 3, 1, 0, 1}, nil) // RSA's usual exponent
	return bytes.Contains(data, []byte{2, 3}) || bytes.Contains(data, []byte{2, 4})
}
