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
	"fmt"
	"iter"
	"time"
)

// A Code names a reason why an identity may not sign.
type Code string

// The codes of an [IdentityError].
const (
	Unreadable      Code = "identity_unreadable" // a file is missing or not PEM
	KeyEncrypted    Code = "identity_encrypted"  // the key needs a passphrase
	KeyMismatch     Code = "key_mismatch"        // the key is not the certificate's
	WeakKey         Code = "weak_key"            // not RSA from 2048 bits, P-256 or P-384
	WeakDigest      Code = "weak_digest"         // a certificate signed with SHA-1 or worse
	WrongUsage      Code = "wrong_usage"         // the certificate is not for signatures
	ChainOrder      Code = "chain_order"         // a certificate is not the issuer of the one before
	ChainIncomplete Code = "chain_incomplete"    // no root known that the chain leads to
	Expired         Code = "certificate_expired" // a certificate's time is over
	NotYetValid     Code = "certificate_not_yet_valid"
)

// An IdentityError says why an identity may not sign, and the way out.
type IdentityError struct {
	Code   Code
	Detail string
}

// Error is the detail.
func (e *IdentityError) Error() string { return "signing identity: " + e.Detail }

func refuse(code Code, format string, args ...any) error {
	return &IdentityError{code, fmt.Sprintf(format, args...)}
}

// An Identity is a signing key and its certificates. It was checked when it
// was made, and signs only while its certificates are valid.
type Identity struct {
	key           crypto.Signer
	leaf          *x509.Certificate
	intermediates []*x509.Certificate
	development   bool
	now           func() time.Time
	writer        *cmsWriter
	description   Description
}

// New checks that key and chain can sign what devices will trust. The chain
// begins with the certificate of key; each that follows issued the one before
// it. It may, but need not, end with a root. If it does not, its last issuer
// must be in roots, or, where roots is nil, in the system's pool. The key may be
// any [crypto.Signer] for RSA or ECDSA, such as one in a hardware module.
//
// The error is an [*IdentityError]. The clock now is asked here and at every
// signature; nil means [time.Now].
func New(key crypto.Signer, chain []*x509.Certificate, roots *x509.CertPool, now func() time.Time) (*Identity, error) {
	if now == nil {
		now = time.Now
	}
	if len(chain) == 0 {
		return nil, refuse(Unreadable, "there is no certificate")
	}
	if err := checkKey(key, chain[0]); err != nil {
		return nil, err
	}
	if err := checkOrder(chain); err != nil {
		return nil, err
	}
	id := &Identity{key: key, leaf: chain[0], intermediates: withoutRoot(chain[1:]), now: now}
	if err := id.Usable(); err != nil {
		return nil, err
	}
	if err := checkComplete(chain, roots, now()); err != nil {
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

// Expires is when the first of the certificates expires.
func (id *Identity) Expires() time.Time {
	first := id.leaf.NotAfter
	for _, c := range id.intermediates {
		if c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}

// Development reports whether the program made the identity itself, so that
// no device trusts it.
func (id *Identity) Development() bool { return id.development }

// Usable returns an [*IdentityError] while a certificate of id is out of its
// time.
func (id *Identity) Usable() error { return id.usable(id.now()) }

func (id *Identity) usable(now time.Time) error {
	for c := range id.certificates() {
		if now.After(c.NotAfter) {
			return refuse(Expired, "the certificate %q expired on %s; renew it", Subject(c), c.NotAfter.UTC().Format(time.DateOnly))
		}
		if now.Before(c.NotBefore) {
			return refuse(NotYetValid, "the certificate %q is valid from %s on; check this machine's clock", Subject(c), c.NotBefore.UTC().Format(time.DateOnly))
		}
	}
	return nil
}

// certificates are all that an envelope holds, the signer's first.
func (id *Identity) certificates() iter.Seq[*x509.Certificate] {
	return func(yield func(*x509.Certificate) bool) {
		if !yield(id.leaf) {
			return
		}
		for _, c := range id.intermediates {
			if !yield(c) {
				return
			}
		}
	}
}

// checkKey refuses a key that devices may not take, or that is another's.
func checkKey(key crypto.Signer, leaf *x509.Certificate) error {
	if err := checkStrength(leaf); err != nil {
		return err
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if key == nil || !ok || !public.Equal(key.Public()) {
		return refuse(KeyMismatch, "the key does not belong to the first certificate, %q; put the certificate of the key first", Subject(leaf))
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse(WrongUsage, "the certificate %q is not for digital signatures", Subject(leaf))
	}
	return nil
}

// checkStrength refuses a certificate whose key is too weak, or of a kind
// that no device is known to take.
func checkStrength(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return refuse(WeakKey, "the RSA key of %q has %d bits; it needs 2048, or use P-256", Subject(c), key.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return refuse(WeakKey, "the key of %q is on the curve %s; use P-256 or P-384", Subject(c), key.Curve.Params().Name)
		}
	default:
		return refuse(WeakKey, "the key of %q is neither RSA nor ECDSA; use P-256", Subject(c))
	}
	return nil
}

// checkOrder holds each certificate against the next, its issuer.
func checkOrder(chain []*x509.Certificate) error {
	for i, c := range chain {
		if isSelfSigned(c) {
			if i != len(chain)-1 {
				return refuse(ChainOrder, "the root %q is not the last certificate; put the issuer of each right after it", Subject(c))
			}
			return checkStrength(c)
		}
		if err := checkStrength(c); err != nil {
			return err
		}
		switch c.SignatureAlgorithm {
		case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.UnknownSignatureAlgorithm:
			return refuse(WeakDigest, "the certificate %q is signed with %s; it needs SHA-256", Subject(c), c.SignatureAlgorithm)
		}
		if i+1 < len(chain) {
			if err := c.CheckSignatureFrom(chain[i+1]); err != nil {
				return refuse(ChainOrder, "the certificate %q is not issued by the one after it, %q; put the issuer of each right after it", Subject(c), Subject(chain[i+1]))
			}
		}
	}
	return nil
}

// checkComplete verifies the chain once, up to a root.
func checkComplete(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	last := chain[len(chain)-1]
	if isSelfSigned(last) {
		roots = x509.NewCertPool()
		roots.AddCert(last)
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: between,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return refuse(ChainIncomplete, "the certificates lead to no known root: the issuer %q of the last one is missing. "+
			"Put the intermediate certificates behind the first (Let's Encrypt's fullchain.pem has them), or name the root with --signing-roots", last.Issuer)
	}
	return nil
}

func isSelfSigned(c *x509.Certificate) bool {
	return string(c.RawIssuer) == string(c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// withoutRoot leaves a self-signed end of a chain away: a device has it, or
// does not trust it.
func withoutRoot(chain []*x509.Certificate) []*x509.Certificate {
	if n := len(chain); n > 0 && isSelfSigned(chain[n-1]) {
		return chain[:n-1]
	}
	return chain
}
