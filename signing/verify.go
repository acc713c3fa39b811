package signing

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// An Envelope is a signed profile whose signature is good: the content is
// what the holder of the signer's key signed. Whether the signer can be
// trusted is for [Envelope.Trust] to say.
type Envelope struct {
	// Content is the profile inside.
	Content []byte
	// Signer is the certificate of the key that signed.
	Signer *x509.Certificate
	// Certificates are all that the envelope holds, the signer's among them.
	Certificates []*x509.Certificate
	// Digest is the name of the digest, such as "SHA-256".
	Digest string
}

// Open reads an envelope from anywhere and checks its signature. It takes at
// most 1 MiB. The error wraps [ErrNotEnvelope] where nothing is signed.
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
		return nil, errors.New("signing: it does not have exactly one signer")
	case e.Fault != nil:
		return nil, fmt.Errorf("signing: the signature is not good: %w", e.Fault)
	}
	return &e.Envelope, nil
}

// Path returns the certificates by which a device that trusts roots gets from
// the signer to one of them at the time, both included. Certificates that the
// path does not need have no say in it. Where there is no such path, Path
// returns the part that is inside, and a [*PathError]. Roots that are nil are
// the system's. Without a Signer the error is [ErrNoCertificate].
func (e *Envelope) Path(roots *x509.CertPool, at time.Time) ([]*x509.Certificate, error) {
	if e.Signer == nil {
		return nil, ErrNoCertificate
	}
	return findPath(e.Signer, e.Certificates, roots, at)
}

// Trust reports, by a nil error, that there is a [Envelope.Path].
func (e *Envelope) Trust(roots *x509.CertPool, at time.Time) error {
	_, err := e.Path(roots, at)
	return err
}
