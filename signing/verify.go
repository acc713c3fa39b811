package signing

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"go.mozilla.org/pkcs7"
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
	case e.Trailing > 0:
		return nil, errors.New("signing: there are bytes after the end of the envelope")
	case e.Signers != 1 || e.Signer == nil:
		return nil, errors.New("signing: it has not exactly one signer whose certificate is inside")
	case e.Fault != nil:
		return nil, fmt.Errorf("signing: the signature is not good: %w", e.Fault)
	}
	return &e.Envelope, nil
}

// Trust reports, by a nil error, that a chain of the envelope's certificates
// leads from the signer to one of roots at the time.
func (e *Envelope) Trust(roots *x509.CertPool, at time.Time) error {
	between := x509.NewCertPool()
	for _, c := range e.Certificates {
		between.AddCert(c)
	}
	_, err := e.Signer.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: between,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

// checkContentType keeps the signed attributes of one message from passing as
// the content of another (RFC 5652, section 11.1): where attributes are
// signed they must say that content is data; where none are, the content must
// be no set of attributes, but XML.
func checkContentType(p7 *pkcs7.PKCS7) error {
	if len(p7.Signers[0].AuthenticatedAttributes) == 0 {
		if len(p7.Content) == 0 || p7.Content[0] != '<' {
			return errors.New("it covers no attributes and the content is not XML")
		}
		return nil
	}
	var kind asn1.ObjectIdentifier
	err := p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &kind)
	if err != nil || !kind.Equal(pkcs7.OIDData) {
		return errors.New("it is not for data")
	}
	return nil
}

func digestName(oid asn1.ObjectIdentifier) string {
	switch {
	case oid.Equal(pkcs7.OIDDigestAlgorithmSHA1):
		return "SHA-1"
	case oid.Equal(pkcs7.OIDDigestAlgorithmSHA256):
		return "SHA-256"
	case oid.Equal(pkcs7.OIDDigestAlgorithmSHA384):
		return "SHA-384"
	case oid.Equal(pkcs7.OIDDigestAlgorithmSHA512):
		return "SHA-512"
	}
	return oid.String()
}
