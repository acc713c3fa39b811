package signing

import (
	"bytes"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"testing"
)

// envelopeOf reads an envelope that openssl has made for the tests of
// profile/lint, whose signature pkcs7 reads.
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

// TestConfirm has pkcs7 see an envelope that is not the one that our reader
// found good, as if our reader had a hole.
func TestConfirm(t *testing.T) {
	der, d := envelopeOf(t)
	if !d.usual(&d.signers[0]) {
		t.Fatal("pkcs7 has no say in an ordinary envelope")
	}
	if err := confirm(der, d); err != nil {
		t.Errorf("pkcs7 does not agree: %v", err)
	}
	changed := bytes.Replace(der, []byte("imap."), []byte("evil."), 1)
	if bytes.Equal(changed, der) {
		t.Fatal("nothing to change")
	}
	if err := confirm(changed, d); !errors.Is(err, ErrUnchecked) {
		t.Errorf("pkcs7 is not heard: %v", err)
	}
}

// TestRC2 holds the vectors of RFC 2268, section 5, whose effective length is
// that of the key.
func TestRC2(t *testing.T) {
	for _, tt := range []struct{ key, plain, cipher string }{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		key, _ := hex.DecodeString(tt.key)
		data, _ := hex.DecodeString(tt.cipher)
		c, err := newRC2(key)
		if err != nil {
			t.Fatal(err)
		}
		c.Decrypt(data, data)
		if got := hex.EncodeToString(data); got != tt.plain {
			t.Errorf("%s with the key %s: got %s, want %s", tt.cipher, tt.key, got, tt.plain)
		}
	}
}

// FuzzFiles wants an answer to whatever is named as a signing file: no panic,
// and nothing without a certificate or key that says it has one.
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

// expensive reports whether data may name a count of iterations or a size of
// scrypt that takes seconds: the bounds allow that, but the fuzzer would do
// nothing else.
func expensive(data []byte) bool {
	if blocks, err := readBlocks("file", data); err == nil {
		for _, b := range blocks {
			data = append(bytes.Clone(data), b.Bytes...)
		}
	}
	data = bytes.ReplaceAll(data, []byte{2, 3, 1, 0, 1}, nil) // RSA's usual exponent
	return bytes.Contains(data, []byte{2, 3}) || bytes.Contains(data, []byte{2, 4})
}
