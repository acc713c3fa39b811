// Package signing puts cleared profiles into the envelope that Apple devices
// verify: CMS SignedData (RFC 5652), strict DER, SHA-256, with the profile and
// the intermediate certificates. It also checks such envelopes.
package signing

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"
)

// An Identity is a signing key and its certificates. It's checked when it's
// created, and only signs while the certificates of its chain are valid.
type Identity struct {
	key  crypto.Signer
	leaf *x509.Certificate
	// path is the chain that devices use: the leaf and the certificates above
	// it, without the root.
	path []*x509.Certificate
	// intermediates are added to each envelope: the chain without the leaf, and
	// certificates that may lead a device to another root.
	intermediates []*x509.Certificate
	notices       []Notice
	development   bool
	now           func() time.Time
	writer        *cmsWriter
	description   Description
}

// New checks that key and certificates can sign profiles that devices trust.
// The certificates may be in any order. The key's certificate and its
// intermediates are required; a root and others are optional. A root that is
// neither in roots nor, if roots is nil, in the system's pool is required. The
// key may be any [crypto.Signer] for RSA or ECDSA, for example one in a
// hardware module.
//
// The error is an [*IdentityError]. New and every signature call now for the
// time; nil means [time.Now].
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

// Certificate returns the signing certificate. It must not be changed.
func (id *Identity) Certificate() *x509.Certificate { return id.leaf }

// Name returns the name that devices show for the signer: the certificate's
// common name, or its first DNS name.
func (id *Identity) Name() string {
	if name := id.leaf.Subject.CommonName; name != "" {
		return name
	}
	return Subject(id.leaf)
}

// Subject returns the subject of a certificate. If it's empty, it's the first
// DNS name.
func Subject(c *x509.Certificate) string {
	if subject := c.Subject.String(); subject != "" || len(c.DNSNames) == 0 {
		return subject
	}
	return c.DNSNames[0]
}

// Fingerprint returns the SHA-256 of the certificate in hex.
func (id *Identity) Fingerprint() string {
	sum := sha256.Sum256(id.leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// keyFingerprint returns the SHA-256 of the public key in hex.
func (id *Identity) keyFingerprint() string {
	sum := sha256.Sum256(id.leaf.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// Expires returns when the first certificate of the chain expires.
func (id *Identity) Expires() time.Time {
	first := id.leaf.NotAfter
	for _, c := range id.path {
		if c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}

// Development reports whether the program created the identity itself, so that
// no device trusts it.
func (id *Identity) Development() bool { return id.development }

// Usable returns an [*IdentityError] while a certificate of the chain isn't
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

// checkKey refuses a key that can't or must not sign profiles.
func checkKey(key crypto.Signer, leaf *x509.Certificate) error {
	if err := checkStrength(leaf); err != nil {
		return refusal(err)
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse(WrongUsage, "the certificate %q isn't meant for digital signatures", Subject(leaf))
	}
	return nil
}
