// Package signing puts cleared profiles into the envelope that Apple devices
// verify: CMS SignedData (RFC 5652), strict DER, SHA-256, the profile inside,
// with the intermediate certificates. It also checks such envelopes.
package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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
}

// New checks that key and certificates can sign what devices will trust. The
// certificates may stand in any order: that of key and its intermediate
// certificates are needed, a root may be there, and others may. A root that is
// in neither roots nor, where roots is nil, the system's pool must be there.
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
	return id, nil
}

// split separates the certificate of key from the others, each once. Of
// several for the same key it takes the one that expires last.
func split(key crypto.Signer, certificates []*x509.Certificate) (leaf *x509.Certificate, others []*x509.Certificate, err error) {
	if len(certificates) == 0 {
		return nil, nil, refuse(Unreadable, "there is no certificate")
	}
	for _, c := range certificates {
		c = asApple(c)
		switch public, ok := publicKey(c).(interface{ Equal(crypto.PublicKey) bool }); {
		case slices.ContainsFunc(others, c.Equal) || leaf != nil && c.Equal(leaf):
		case key == nil || !ok || !public.Equal(key.Public()):
			others = append(others, c)
		case leaf == nil:
			leaf = c
		case c.NotAfter.After(leaf.NotAfter):
			leaf, others = c, append(others, leaf)
		default:
			others = append(others, c)
		}
	}
	if leaf == nil {
		return nil, nil, refuse(KeyMismatch, "none of the certificates belongs to the key; the first one is %q. "+
			"Use the key that the certificate was requested with", Subject(certificates[0]))
	}
	return leaf, others, nil
}

// choose finds the path that a device takes, and what goes into envelopes.
func (id *Identity) choose(others []*x509.Certificate, roots *x509.CertPool, at time.Time) error {
	path, err := findPath(id.leaf, others, roots, at)
	last := path[len(path)-1]
	switch fault, _ := errors.AsType[*PathError](err); {
	case fault == nil:
	case fault.Code != ChainIncomplete:
		return &IdentityError{fault.Code, fault.Detail}
	case !isSelfSigned(last):
		return refuse(ChainIncomplete, "the certificates lead to no known root: %s. "+
			"Put the intermediate certificates into the file too (Let's Encrypt's fullchain.pem has them), or name the root with --signing-roots", fault.Detail)
	case len(path) == 1:
		id.notice(SelfSigned, "the certificate %q is self-signed: devices show profiles as not verified unless it's installed and trusted on them", Subject(last))
	default:
		id.notice(PrivateRoot, "the chain ends in the root %q, which this machine doesn't trust: devices show profiles as not verified unless they trust that root", Subject(last))
	}
	if err := checkPath(path); err != nil {
		return err
	}
	id.path = path
	if len(path) > 1 && (isSelfSigned(last) || !slices.ContainsFunc(others, last.Equal)) {
		id.path = path[:len(path)-1] // devices have the root, or do not trust it
	}
	id.intermediates = slices.Clone(id.path[1:])
	for _, c := range others {
		if !slices.ContainsFunc(path, c.Equal) {
			id.extra(c, at)
		}
	}
	return nil
}

// checkPath refuses a path that devices may not take though this machine does.
func checkPath(path []*x509.Certificate) error {
	for _, c := range path {
		if err := checkCertificate(c); err != nil {
			fault, _ := errors.AsType[*PathError](err)
			return &IdentityError{fault.Code, fault.Detail}
		}
	}
	return nil
}

// extra takes a certificate that is not on the path into the envelopes if it
// may lead a device with other roots on from the path, as a cross-signed one
// does. What is left out is noticed, but for roots: devices have their own.
func (id *Identity) extra(c *x509.Certificate, at time.Time) {
	if isSelfSigned(c) {
		return
	}
	if err := untimely(c, at); err != nil {
		id.notice(CertificateUnused, "the certificate %q, issued by %q, isn't valid today (%s to %s) and isn't needed; it's left out of signed profiles",
			Subject(c), c.Issuer, c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
		return
	}
	for _, below := range slices.Concat(id.path, id.intermediates) {
		if string(below.RawIssuer) == string(c.RawSubject) && below.CheckSignatureFrom(c) == nil {
			id.intermediates = append(id.intermediates, c)
			return
		}
	}
	id.notice(CertificateUnused, "the certificate %q, issued by %q, isn't part of the chain; it's left out of signed profiles", Subject(c), c.Issuer)
}

func (id *Identity) notice(code Code, format string, args ...any) {
	id.notices = append(id.notices, Notice{code, fmt.Sprintf(format, args...)})
}

// Notices are things to know about the identity that keep it from nothing.
func (id *Identity) Notices() []Notice { return id.notices }

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
func (id *Identity) Usable() error {
	now := id.now()
	for _, c := range id.path {
		if err := untimely(c, now); err != nil {
			fault, _ := errors.AsType[*PathError](err)
			return &IdentityError{fault.Code, fault.Detail}
		}
	}
	return nil
}

// checkKey refuses a key that cannot sign profiles, or may not.
func checkKey(key crypto.Signer, leaf *x509.Certificate) error {
	if err := checkStrength(leaf); err != nil {
		fault, _ := errors.AsType[*PathError](err)
		return &IdentityError{fault.Code, fault.Detail}
	}
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
	default:
		return refuse(WeakKey, "a key of this kind cannot sign profiles; use P-256")
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse(WrongUsage, "the certificate %q isn't meant for digital signatures", Subject(leaf))
	}
	return nil
}

// checkStrength refuses a certificate whose key is too weak, or of a kind
// that no device is known to take.
func checkStrength(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return blame(WeakKey, c, "the RSA key of %q has %d bits; it needs 2048, or use P-256", Subject(c), key.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return blame(WeakKey, c, "the key of %q is on the curve %s; use P-256 or P-384", Subject(c), key.Curve.Params().Name)
		}
	default:
		if _, ok := publicKey(c).(*rsa.PublicKey); ok {
			return blame(UnsupportedAlgorithm, c, "the key of %q is for RSA-PSS alone; have the certificate issued for P-256, or for an ordinary RSA key", Subject(c))
		}
		return blame(WeakKey, c, "the key of %q is neither RSA nor ECDSA; use P-256", Subject(c))
	}
	return nil
}
