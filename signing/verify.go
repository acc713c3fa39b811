package signing

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// An Envelope is a signed profile with a good signature: the content is what
// the signer's key signed. [Envelope.Trust] says whether the signer is trusted.
type Envelope struct {
	// Content is the signed profile.
	Content []byte
	// Signer is the certificate of the signing key.
	Signer *x509.Certificate
	// Certificates are all certificates in the envelope, including the
	// signer's.
	Certificates []*x509.Certificate
	// Digest is the name of the digest, for example "SHA-256".
	Digest string
}

// Open reads an envelope from any source and checks its signature. It accepts
// at most 1 MiB. The error wraps [ErrNotEnvelope] if nothing is signed.
func Open(signed []byte) (*Envelope, error) {
	e, err := Examine(signed)
	switch {
	case err != nil:
		return nil, err
	case e.Wrapping != Bare:
		return nil, fmt.Errorf("signing: the envelope is wrapped in %s", e.Wrapping)
	case e.Leading > 0 || e.Trailing > 0:
		return nil, errors.New("signing: there are bytes before or after the envelope")
	case e.Signers != 1:
		return nil, errors.New("signing: it doesn't have exactly one signer")
	case e.Fault != nil:
		return nil, fmt.Errorf("signing: the signature isn't good: %w", e.Fault)
	}
	return &e.Envelope, nil
}

// Path returns the chain by which a device that trusts roots gets from the
// signer to one of them at the time, both included. Other certificates don't
// matter. If there is none, Path returns the part in the envelope, and a
// [*PathError]. nil roots are the system's. Without a Signer, the error is
// [ErrNoCertificate].
func (e *Envelope) Path(roots *x509.CertPool, at time.Time) ([]*x509.Certificate, error) {
	if e.Signer == nil {
		return nil, ErrNoCertificate
	}
	return findPath(e.Signer, e.Certificates, roots, at)
}

// Trust returns nil if there is an [Envelope.Path].
func (e *Envelope) Trust(roots *x509.CertPool, at time.Time) error {
	_, err := e.Path(roots, at)
	return err
}
