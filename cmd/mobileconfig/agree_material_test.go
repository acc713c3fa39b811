package main

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// material writes the key, the certificate with its issuers, and the root.
func (g *generator) material(key, chain string) {
	g.t.Helper()
	name := key + "-" + chain
	if _, err := os.Stat(filepath.Join(g.dir, name+".pem")); err == nil {
		return
	}
	t := g.t
	root := signingtest.Root(t, "p256")
	middle := root.Intermediate(t, "rsa-2048")
	issuer, above, leafTime := around(t, chain, root, middle)
	kind := key
	if key == "pss-only" {
		kind = "p256" // openssl replaces this certificate
	}
	pair := issuer.Leaf(t, kind, func(c *x509.Certificate) {
		leafTime(c)
		c.SubjectKeyId = make([]byte, 20)
		if _, err := rand.Read(c.SubjectKeyId); err != nil {
			t.Fatal(err)
		}
		if chain == "critical" {
			c.ExtraExtensions = append(c.ExtraExtensions, criticalExtension)
		}
	})
	g.write(name+".pem", pair.CertPEM())
	g.write(name+".key", pair.KeyPEM(t))
	g.write(name+"-root.pem", root.CertPEM())
	var rest []byte
	for _, p := range above {
		rest = append(rest, p.CertPEM()...)
	}
	g.write(name+"-above.pem", rest)
	if key == "pss-only" {
		g.write("issuer.pem", issuer.CertPEM())
		g.write("issuer.key", issuer.KeyPEM(t))
		g.must("openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out " + name + ".key; openssl req -new -key " + name + ".key -subj /CN=pss -out request; " +
			"openssl x509 -req -in request -CA issuer.pem -CAkey issuer.key -CAcreateserial -days 1 -out " + name + ".pem")
	}
}

// around returns the signing certificate and the other certificates in the
// envelope for a kind of chain. change sets the certificate's validity.
func around(t *testing.T, chain string, root, middle signingtest.Pair) (issuer signingtest.Pair, above []signingtest.Pair, change func(*x509.Certificate)) {
	t.Helper()
	issuer, above = middle, []signingtest.Pair{middle}
	change = func(*x509.Certificate) {}
	switch chain {
	case "none":
		issuer, above = root, nil
	case "three":
		issuer = middle.Intermediate(t, "p256")
		above = []signingtest.Pair{issuer, middle}
	case "missing":
		above = nil
	case "stranger":
		above = append(above, signingtest.Root(t, "p256"))
	case "cross", "cross-expired":
		time := map[string]func(*x509.Certificate){"cross-expired": signingtest.Expired}[chain]
		above = append(above, signingtest.Root(t, "p256").Intermediate(t, "p256").LeafFor(t, root.Key, authority(root, time)))
	case "expired-beside":
		above = append([]signingtest.Pair{root.LeafFor(t, middle.Key, authority(middle, signingtest.Expired))}, above...)
	case "expired-middle":
		above = []signingtest.Pair{root.LeafFor(t, middle.Key, authority(middle, signingtest.Expired))}
	case "expired-leaf":
		change = signingtest.Expired
	case "future-leaf":
		change = func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }
	case "self":
		issuer, above = signingtest.Pair{}, nil
	}
	return issuer, above, change
}

// authority creates a certificate that looks like that of another authority.
func authority(like signingtest.Pair, change func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject, c.DNSNames, c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = like.Cert.Subject, nil, true, true, x509.KeyUsageCertSign, nil
		if change != nil {
			change(c)
		}
	}
}

// criticalExtension is an extension that nothing recognizes.
var criticalExtension = pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}
