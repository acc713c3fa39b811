package signing

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"go.mozilla.org/pkcs7"
)

// maxKeyBits is the size of the largest RSA key that is reckoned with: one
// that fills an envelope would take minutes.
const maxKeyBits = 16 << 10

var (
	// ErrEncrypted means that the envelope is closed for all but a recipient.
	ErrEncrypted = errors.New("it is encrypted for a recipient")
	// ErrChanged is the fault of a signature over other content.
	ErrChanged = errors.New("the content is not the one that was signed")
	// ErrUntimely is the fault of a signature that says it was made when the
	// signer's certificate was not valid.
	ErrUntimely = errors.New("it was signed at a time when the certificate was not valid")
	// ErrUnchecked is the fault of a signature that may be good: it has a form
	// that is not read here.
	ErrUnchecked = errors.New("the signature has a form that cannot be checked here")
)

// An Examination is what an envelope from anywhere holds, whether its
// signature is good or not.
type Examination struct {
	// Envelope holds what could be found: without a Fault it is what [Open]
	// returns. The Content is nil where it is kept apart from the signature,
	// the Signer where there is none whose certificate is inside.
	Envelope
	// Fault says why the signature is not good; nil if it is. Where there are
	// several signatures, all must be.
	Fault error
	// Signers is their number, Trailing that of the bytes after the end.
	Signers, Trailing int
	// BER says that lengths are left open or content stands in pieces, which
	// DER does not allow.
	BER bool
	// Attributes says that the signature covers attributes, and through them
	// the content.
	Attributes bool
}

// Examine reads an envelope from anywhere, of at most 1 MiB. The error wraps
// [ErrNotEnvelope] where nothing is signed, [ErrEncrypted] where nothing can
// be seen.
func Examine(signed []byte) (*Examination, error) {
	der, trailing, err := openEnvelope(signed)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	form, err := readForm(der)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	p7, err := parse(der)
	if err != nil {
		return nil, fmt.Errorf("signing: %w: %w", ErrNotEnvelope, err)
	}
	e := &Examination{
		Signers:  len(form.Signers),
		Trailing: trailing,
		BER:      !bytes.Equal(der, signed[:len(signed)-trailing]),
	}
	e.Certificates = p7.Certificates
	if len(form.Content.Content.Bytes) > 0 {
		e.Content = p7.Content
	}
	if len(p7.Signers) == 0 {
		e.Fault = ErrUnchecked
		return e, nil
	}
	e.Attributes = len(p7.Signers[0].AuthenticatedAttributes) > 0
	e.Digest = digestName(p7.Signers[0].DigestAlgorithm.Algorithm)
	first := *p7
	first.Signers = p7.Signers[:1]
	e.Signer = first.GetOnlySigner()
	e.Fault = fault(p7)
	return e, nil
}

// parse has pkcs7 read a document of known bounds. What it makes of a hostile
// one was a panic before.
func parse(der []byte) (p7 *pkcs7.PKCS7, err error) {
	defer func() {
		if recover() != nil {
			err = ErrNotEnvelope
		}
	}()
	if p7, err = pkcs7.Parse(der); err != nil {
		return nil, err
	}
	for _, c := range p7.Certificates {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxKeyBits {
			return nil, fmt.Errorf("a certificate has a key of more than %d bits", maxKeyBits)
		}
	}
	return p7, nil
}

// fault says why a signature is not good.
func fault(p7 *pkcs7.PKCS7) error {
	err := p7.Verify()
	if _, ok := errors.AsType[*pkcs7.MessageDigestMismatchError](err); ok {
		return ErrChanged
	}
	if err == nil {
		return checkContentType(p7)
	}
	if errors.Is(err, x509.ErrUnsupportedAlgorithm) || errors.Is(err, pkcs7.ErrUnsupportedAlgorithm) {
		return ErrUnchecked
	}
	var at time.Time
	signer := p7.GetOnlySigner()
	if signer != nil && p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeSigningTime, &at) == nil &&
		(at.After(signer.NotAfter) || at.Before(signer.NotBefore)) {
		return ErrUntimely
	}
	return err
}

// A form is the outline of CMS SignedData (RFC 5652, section 5.1). pkcs7
// drops signers that it cannot read without a word.
type form struct {
	Version int
	Digests asn1.RawValue `asn1:"set"`
	Content struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
	}
	Certificates asn1.RawValue   `asn1:"optional,tag:0"`
	Lists        asn1.RawValue   `asn1:"optional,tag:1"`
	Signers      []asn1.RawValue `asn1:"set"`
}

func readForm(der []byte) (form, error) {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
	}
	var f form
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return f, ErrNotEnvelope
	}
	if outer.Type.Equal(pkcs7.OIDEnvelopedData) || outer.Type.Equal(pkcs7.OIDEncryptedData) {
		return f, ErrEncrypted
	}
	if !outer.Type.Equal(pkcs7.OIDSignedData) {
		return f, ErrNotEnvelope
	}
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &f); err != nil {
		return f, ErrNotEnvelope
	}
	return f, nil
}
