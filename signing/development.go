package signing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"slices"
	"time"
)

// developmentLife is the lifetime of a development identity.
const developmentLife = 2 * 365 * 24 * time.Hour

// MakeDevelopment creates a development identity: a root whose key is
// discarded, and a P-256 certificate issued by it. No device trusts it, and its
// names say what it is. It returns a PEM bundle of key, certificate and root
// for [Development].
func MakeDevelopment(now time.Time) ([]byte, error) {
	ca, caKey, err := certify(development("root", now, x509.KeyUsageCertSign), nil, nil)
	if err != nil {
		return nil, err
	}
	leaf, key, err := certify(development("signer", now, x509.KeyUsageDigitalSignature), ca, caKey)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return slices.Concat(
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}),
	), nil
}

// DevelopmentRoot returns only the root from a bundle, as PEM, to be installed
// on a test device.
func DevelopmentRoot(bundle []byte) []byte {
	var root []byte
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		root = pem.EncodeToMemory(block)
	}
	return root
}

// Development reads a bundle that [MakeDevelopment] created.
func Development(file string, now func() time.Time) (*Identity, error) {
	id, err := Files{Cert: file, Key: file}.Load(now)
	if err != nil {
		return nil, err
	}
	id.development, id.notices = true, nil // its names already say what it is
	return id, nil
}

func development(role string, now time.Time, usage x509.KeyUsage) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: developmentName(role)},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(developmentLife),
		KeyUsage:              usage,
		IsCA:                  usage == x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
	}
}

// certify creates a key and its certificate, issued by the parent or, if that
// is nil, self-signed.
func certify(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	c, err := x509.ParseCertificate(der)
	return c, key, err
}

// IsDevelopment reports whether a certificate's name marks it as the signer of
// a development identity.
func IsDevelopment(c *x509.Certificate) bool {
	return c.Subject.CommonName == developmentName("signer") && c.Issuer.CommonName == developmentName("root")
}

func developmentName(role string) string {
	return "mobileconfig DEVELOPMENT " + role + " - do not trust"
}
