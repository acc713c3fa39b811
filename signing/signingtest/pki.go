// Package signingtest creates keys and certificates for tests.
package signingtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Pair is a key and its certificate.
type Pair struct {
	Key  crypto.Signer
	Cert *x509.Certificate
}

// Key creates a key of the kind "rsa-BITS", "p224", "p256", "p384" or "p521".
func Key(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "rsa-1024":
		t.Setenv("GODEBUG", "rsa1024min=0")
		key, err = rsa.GenerateKey(rand.Reader, 1024)
	case "rsa-2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "rsa-3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case "p224":
		key, err = ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	default:
		t.Fatalf("unknown kind of key %q", kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Root creates a self-signed authority, valid for years around now.
func Root(t testing.TB, kind string) Pair {
	t.Helper()
	template := authority("Test root")
	template.NotBefore, template.NotAfter = time.Now().AddDate(-3, 0, 0), time.Now().AddDate(3, 0, 0)
	return issue(t, template, Pair{}, Key(t, kind))
}

// Intermediate creates an authority issued by p.
func (p Pair) Intermediate(t testing.TB, kind string) Pair {
	t.Helper()
	// It needs its own name, or openssl treats it as its own issuer.
	return issue(t, authority("Below "+p.Cert.Subject.CommonName), p, Key(t, kind))
}

// Leaf creates a certificate issued by p, valid for a day around now. change,
// if not nil, changes the template.
func (p Pair) Leaf(t testing.TB, kind string, change func(*x509.Certificate)) Pair {
	t.Helper()
	return p.LeafFor(t, Key(t, kind), change)
}

// LeafFor is Leaf for an existing key.
func (p Pair) LeafFor(t testing.TB, key crypto.Signer, change func(*x509.Certificate)) Pair {
	t.Helper()
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "setup.example.com"},
		DNSNames:    []string{"setup.example.com", "localhost"},
		NotBefore:   time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	return issue(t, template, p, key)
}

// Expired changes a certificate to have expired an hour ago.
func Expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
}

func issue(t testing.TB, template *x509.Certificate, parent Pair, key crypto.Signer) Pair {
	t.Helper()
	if parent.Cert == nil {
		parent = Pair{key, template}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Cert, key.Public(), parent.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return Pair{key, cert}
}

// KeyPEM returns the key in PKCS#8 PEM form.
func (p Pair) KeyPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// CertPEM returns the certificate of p, followed by those of the rest.
func (p Pair) CertPEM(rest ...Pair) []byte {
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Cert.Raw})
	for _, r := range rest {
		out = append(out, r.CertPEM()...)
	}
	return out
}

// WriteFile writes data to a new file and returns its path.
func WriteFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
