// Package signing puts cleared profiles into the envelope that Apple devices
// verify: CMS SignedData (RFC 5652), strict DER, SHA-256, the profile inside,
// with the intermediate certificates. It also checks such envelopes.
package signing

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"
)

// An Identity is a signing key and its certificates. It was checked when it
// was made, and signs only while the certificates of its path are valid.
type Identity struct {
	key  crypto.Signer
	leaf *x509.Certificate
	// path is what devices are led by: the leaf and the certificates above
	// it, without the root.
	path []*x509.Certificate
	// intermediates go into each envelope: the path without the leaf, and
	// what else may lead a device to a root of its own.
	intermediates []*x509.Certificate
	notices       []Notice
	development   bool
	now           func() time.Time
	writer        *cmsWriter
	description   Description
}

// New checks that key and certificates can sign what devices will trust. The
// certificates may stand in any order: that of key and its intermediate
// certificates are needed, a root may be there, and others may. A root that is
// in neither roots nor, where roots is nil, the system's pool must be there.
// The key may be any [crypto.Signer] for RSA or ECDSA, such as one in a
// hardware module.
//
// The error is an [*IdentityError]. The clock now is asked here and at every
// signature; nil means [time.Now].
func New(key crypto.Signer, certificates []*x509.Certificate, roots *x509.CertPool, now func() time.Time) (*Identity, error) {
	if now == nil {
		now = time.Now
	}
	leaf, others, err := split(key, certificates)
	if err != nil {
		return nil, err
	}
	if err := checkKey(key, leaf); err != nil {
		return nil, err
	}
	id := &Identity{key: key, leaf: leaf, now: now}
	if err := id.choose(others, roots, now()); err != nil {
		return nil, err
	}
	return id, id.prepare()
}

// Certificate is the certificate that signs. It must not be changed.
func (id *Identity) Certificate() *x509.Certificate { return id.leaf }

// Name is how a device calls the signer: the common name of the certificate,
// or its first DNS name.
func (id *Identity) Name() string {
	if name := id.leaf.Subject.CommonName; name != "" {
		return name
	}
	return Subject(id.leaf)
}

// Subject is the subject of a certificate. Some have none; then it is the
// first DNS name.
func Subject(c *x509.Certificate) string {
	if subject := c.Subject.String(); subject != "" || len(c.DNSNames) == 0 {
		return subject
	}
	return c.DNSNames[0]
}

// Fingerprint is the SHA-256 of the certificate in hex.
func (id *Identity) Fingerprint() string {
	sum := sha256.Sum256(id.leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// keyFingerprint is the SHA-256 of the public key in hex.
func (id *Identity) keyFingerprint() string {
	sum := sha256.Sum256(id.leaf.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// Expires is when the first certificate of the path expires.
func (id *Identity) Expires() time.Time {
	first := id.leaf.NotAfter
	for _, c := range id.path {
		if c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}

// Development reports whether the program made the identity itself, so that
// no device trusts it.
func (id *Identity) Development() bool { return id.development }

// Usable returns an [*IdentityError] while a certificate of the path is not
// valid.
func (id *Identity) Usable() error { return id.usable(id.now()) }

func (id *Identity) usable(now time.Time) error {
	for _, c := range id.path {
		if err := untimely(c, now); err != nil {
			return refusal(err)
		}
	}
	return nil
}

// checkKey refuses a key that cannot sign profiles, or may not.
func checkKey(key crypto.Signer, leaf *x509.Certificate) error {
	if err := checkStrength(leaf); err != nil {
		return refusal(err)
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse(WrongUsage, "the certificate %q isn't meant for digital signatures", Subject(leaf))
	}
	return nil
}
