package signing_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

func pool(certs ...signingtest.Pair) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c.Cert)
	}
	return p
}

func chain(pairs ...signingtest.Pair) []*x509.Certificate {
	var out []*x509.Certificate
	for _, p := range pairs {
		out = append(out, p.Cert)
	}
	return out
}

// codeOf returns the code of an IdentityError, or the error's text.
func codeOf(err error) signing.Code {
	if e, ok := errors.AsType[*signing.IdentityError](err); ok {
		return e.Code
	}
	if err != nil {
		return signing.Code(err.Error())
	}
	return ""
}

func TestNewRefuses(t *testing.T) {
	root := signingtest.Root(t, "p256")
	middle := root.Intermediate(t, "p256")
	leaf := middle.Leaf(t, "p256", nil)
	other := middle.Leaf(t, "p256", nil)
	stranger := signingtest.Root(t, "p256")
	roots := pool(root)
	small := middle.Leaf(t, "rsa-1024", nil)
	p224, p521 := middle.Leaf(t, "p224", nil), middle.Leaf(t, "p521", nil)
	expired := middle.Leaf(t, "p256", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	future := middle.Leaf(t, "p256", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	usage := middle.Leaf(t, "p256", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })
	weakMiddle := root.Intermediate(t, "rsa-1024")
	belowWeak := weakMiddle.Leaf(t, "p256", nil)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards := middle.LeafFor(t, ed, nil)
	sha1 := sha1Leaf(t)

	tests := []struct {
		name  string
		pair  signingtest.Pair
		chain []*x509.Certificate
		roots *x509.CertPool
		want  signing.Code
	}{
		{"good", leaf, chain(leaf, middle), roots, ""},
		{"good with root", leaf, chain(leaf, middle, root), pool(), ""},
		{"self-signed", root, chain(root), pool(), signing.WrongUsage},
		{"nothing", leaf, nil, roots, signing.Unreadable},
		{"another's key", leaf, chain(other, middle), roots, signing.KeyMismatch},
		{"issuer first", leaf, chain(middle, leaf), roots, ""},
		{"root before issuer", leaf, chain(leaf, root, middle), roots, ""},
		{"twice", leaf, chain(leaf, leaf, middle), roots, ""},
		{"foreign issuer", leaf, chain(leaf, stranger), pool(stranger), signing.ChainIncomplete},
		{"no intermediate", leaf, chain(leaf), roots, signing.ChainIncomplete},
		{"unknown root", leaf, chain(leaf, middle), pool(stranger), signing.ChainIncomplete},
		{"RSA-1024", small, chain(small, middle), roots, signing.WeakKey},
		{"RSA-1024 in the chain", belowWeak, chain(belowWeak, weakMiddle), roots, signing.WeakKey},
		{"P-224", p224, chain(p224, middle), roots, signing.WeakKey},
		{"P-521", p521, chain(p521, middle), roots, signing.WeakKey},
		{"Ed25519", edwards, chain(edwards, middle), roots, signing.WeakKey},
		{"SHA-1", sha1, chain(sha1), pool(), signing.WeakDigest},
		{"expired", expired, chain(expired, middle), roots, signing.Expired},
		{"not yet valid", future, chain(future, middle), roots, signing.NotYetValid},
		{"not for signatures", usage, chain(usage, middle), roots, signing.WrongUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := signing.New(tt.pair.Key, tt.chain, tt.roots, nil)
			if got := codeOf(err); got != tt.want {
				t.Errorf("got %q (%v), want %q", got, err, tt.want)
			}
		})
	}
	if _, err := signing.New(nil, chain(leaf, middle), roots, nil); codeOf(err) != signing.KeyMismatch {
		t.Errorf("without a key: %v", err)
	}
}

// sha1Leaf returns a certificate signed with SHA-1, which Go itself can't
// create.
func sha1Leaf(t *testing.T) signingtest.Pair {
	t.Helper()
	dir := t.TempDir()
	script := `set -e; cd "$1"
		openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj "/CN=Old CA" 2>/dev/null
		openssl req -newkey rsa:2048 -nodes -keyout key.pem -out leaf.csr -subj "/CN=Old leaf" 2>/dev/null
		openssl x509 -req -sha1 -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem 2>/dev/null`
	if out, err := exec.Command("sh", "-c", script, "sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v %s", err, out)
	}
	c, err := x509.ParseCertificate(decode(t, filepath.Join(dir, "leaf.pem")))
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.ParsePKCS8PrivateKey(decode(t, filepath.Join(dir, "key.pem")))
	if err != nil {
		t.Fatal(err)
	}
	return signingtest.Pair{Key: k.(crypto.Signer), Cert: c}
}

// TestSignKeepsTime signs with a certificate that expires in the meantime.
func TestSignKeepsTime(t *testing.T) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	now := time.Now()
	id, err := signing.New(leaf.Key, chain(leaf), pool(root), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := id.Sign(t.Context(), cleared(t)); err != nil {
		t.Fatal(err)
	}
	now = leaf.Cert.NotAfter.Add(time.Second)
	if _, err := id.Sign(t.Context(), cleared(t)); codeOf(err) != signing.Expired {
		t.Errorf("after its time: %v", err)
	}
	now = leaf.Cert.NotBefore.Add(-time.Second)
	if _, err := id.Sign(t.Context(), cleared(t)); codeOf(err) != signing.NotYetValid {
		t.Errorf("before its time: %v", err)
	}
}

func TestLoad(t *testing.T) {
	root := signingtest.Root(t, "rsa-2048")
	middle := root.Intermediate(t, "p384")
	leaf := middle.Leaf(t, "p256", nil)
	full := signingtest.WriteFile(t, "fullchain.pem", leaf.CertPEM(middle))
	key := signingtest.WriteFile(t, "key.pem", leaf.KeyPEM(t))
	roots := signingtest.WriteFile(t, "roots.pem", root.CertPEM())
	both := signingtest.WriteFile(t, "both.pem", slices.Concat(leaf.KeyPEM(t), leaf.CertPEM(middle, root)))
	empty := signingtest.WriteFile(t, "empty.pem", []byte("nothing\n"))
	right := signingtest.WriteFile(t, "right.txt", []byte("test\nsecond line\n"))
	wrong := signingtest.WriteFile(t, "wrong.txt", []byte("Test\n"))
	locked := openssl1(t, "pkey", "-in", key, "-aes256", "-passout", "pass:test")
	old := openssl1(t, "pkey", "-traditional", "-in", key, "-aes256", "-passout", "pass:test")
	authorities := signingtest.WriteFile(t, "ca.pem", root.CertPEM(middle)) // in the wrong order
	p12 := openssl1(t, "pkcs12", "-export", "-inkey", key, "-in", full, "-certfile", authorities, "-passout", "pass:test")
	legacy := openssl1(t, "pkcs12", "-export", "-legacy", "-inkey", key, "-in", full, "-certfile", authorities, "-passout", "pass:test")

	tests := []struct {
		name  string
		files signing.Files
		want  signing.Code
	}{
		{"two files", signing.Files{Cert: full, Key: key, Roots: roots}, ""},
		{"one file", signing.Files{Cert: both, Key: both}, ""},
		{"root unknown", signing.Files{Cert: full, Key: key}, signing.ChainIncomplete},
		{"no such file", signing.Files{Cert: "missing.pem", Key: key, Roots: roots}, signing.Unreadable},
		{"no such key", signing.Files{Cert: full, Key: "missing.pem", Roots: roots}, signing.Unreadable},
		{"no such roots", signing.Files{Cert: full, Key: key, Roots: "missing.pem"}, signing.Unreadable},
		{"no certificate", signing.Files{Cert: empty, Key: key, Roots: roots}, signing.Unreadable},
		{"no key", signing.Files{Cert: full, Key: empty, Roots: roots}, signing.Unreadable},
		{"no roots", signing.Files{Cert: full, Key: key, Roots: empty}, signing.Unreadable},
		{"encrypted key", signing.Files{Cert: full, Key: locked, Roots: roots, Passphrase: right}, ""},
		{"encrypted key, no passphrase", signing.Files{Cert: full, Key: locked, Roots: roots}, signing.KeyEncrypted},
		{"encrypted key, wrong passphrase", signing.Files{Cert: full, Key: locked, Roots: roots, Passphrase: wrong}, signing.KeyEncrypted},
		{"no such passphrase", signing.Files{Cert: full, Key: locked, Passphrase: "missing.txt"}, signing.Unreadable},
		{"key encrypted the old way", signing.Files{Cert: full, Key: old, Roots: roots, Passphrase: right}, signing.UnsupportedEncryption},
		{"PKCS#12", signing.Files{P12: p12, Passphrase: right}, ""},
		{"PKCS#12 of old", signing.Files{P12: legacy, Passphrase: right}, ""},
		{"PKCS#12, no passphrase", signing.Files{P12: p12}, signing.KeyEncrypted},
		{"PKCS#12, wrong passphrase", signing.Files{P12: p12, Passphrase: wrong}, signing.KeyEncrypted},
		{"no PKCS#12", signing.Files{P12: key, Passphrase: right}, signing.Unreadable},
		{"no such PKCS#12", signing.Files{P12: "missing.p12"}, signing.Unreadable},
	}
	for _, tt := range tests {
		id, err := tt.files.Load(nil)
		if codeOf(err) != tt.want {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		if id.Name() != "setup.example.com" || len(id.Fingerprint()) != 64 || id.Development() {
			t.Errorf("%s: name %q, fingerprint %q, development %v", tt.name, id.Name(), id.Fingerprint(), id.Development())
		}
		signed, err := id.Sign(t.Context(), cleared(t))
		if err != nil {
			t.Fatal(err)
		}
		checkForm(t, signed, 2)
	}
}

// TestLoadLegacyKeys reads the key formats that openssl writes.
func TestLoadLegacyKeys(t *testing.T) {
	for _, kind := range []string{"rsa-2048", "p256"} {
		root := signingtest.Root(t, "p256")
		leaf := root.Leaf(t, kind, nil)
		key := signingtest.WriteFile(t, "key.pem", leaf.KeyPEM(t))
		old := openssl1(t, "pkey", "-traditional", "-in", key)
		cert := signingtest.WriteFile(t, "cert.pem", leaf.CertPEM(root))
		if _, err := (signing.Files{Cert: cert, Key: old}).Load(nil); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// openssl1 writes one file with openssl and returns its path.
func openssl1(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if output, err := exec.Command("openssl", append(args, "-out", out)...).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v %s", err, output)
	}
	return out
}

func TestDevelopment(t *testing.T) {
	bundle, err := signing.MakeDevelopment(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := signing.Development(signingtest.WriteFile(t, "development.pem", bundle), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !id.Development() || !strings.Contains(id.Name(), "DEVELOPMENT") {
		t.Errorf("development %v, name %q", id.Development(), id.Name())
	}
	signed, err := id.Sign(t.Context(), cleared(t))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := signing.Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(signing.DevelopmentRoot(bundle))
	if err := envelope.Trust(roots, time.Now()); err != nil {
		t.Error(err)
	}
	if block, rest := pem.Decode(signing.DevelopmentRoot(bundle)); block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		t.Error("the root isn't exactly one certificate")
	}
}
