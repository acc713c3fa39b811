package signing

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrEncrypted means that only the recipient can open the envelope.
	ErrEncrypted = errors.New("it's encrypted for a recipient")
	// ErrChanged means that the signature is good, but for other content.
	ErrChanged = errors.New("the content isn't the one that was signed")
	// ErrSignature means that the signature doesn't match the signer's key.
	ErrSignature = errors.New("the signature wasn't created with the signer's key, or the signed data was changed")
	// ErrAttributes means that the signed attributes don't belong to the
	// content.
	ErrAttributes = errors.New("the signed attributes aren't those of a signed file")
	// ErrNoCertificate means that no one can check the signature.
	ErrNoCertificate = errors.New("the signer's certificate is missing")
	// ErrUnchecked means that the signature may be good, but has an unsupported
	// form. The wrapping error names it.
	ErrUnchecked = errors.New("the signature has an unsupported form")
)

// An Examination describes an envelope from any source, whether its signature
// is good or not.
type Examination struct {
	// Envelope is what could be found. Without a Fault it equals the result of
	// [Open]. Content is nil for a detached signature, and Signer is nil if no
	// signer's certificate is in the envelope.
	Envelope
	// Fault explains why the signature isn't good; nil if it is. If there are
	// several signatures, all must be good.
	Fault error
	// Wrapping is what the envelope is wrapped in. Devices don't unwrap it.
	Wrapping Wrapping
	// Signers is the number of signers. Leading and Trailing are the numbers of
	// bytes before and after the envelope.
	Signers, Leading, Trailing int
	// BER means indefinite lengths or content in pieces, which DER doesn't
	// allow.
	BER bool
	// Attributes means that the signature covers attributes, and through them
	// the content.
	Attributes bool
	// SigningTime is when the signer claims to have signed. It may be zero.
	SigningTime time.Time
}

// Untimely reports whether the claimed signing time is outside the
// certificate's validity. Nothing proves that time.
func (e *Examination) Untimely() bool {
	return e.Signer != nil && !e.SigningTime.IsZero() &&
		(e.SigningTime.After(e.Signer.NotAfter) || e.SigningTime.Before(e.Signer.NotBefore))
}

// Examine reads an envelope from any source, of at most 1 MiB, and unwraps it.
// The error wraps [ErrNotEnvelope] if nothing is signed and [ErrEncrypted] if
// nothing can be read. It's [ErrMail] or [ErrDamagedPEM] if the wrapping can't
// be opened.
func Examine(file []byte) (*Examination, error) {
	signed, err := unwrap(file)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	der, trailing, err := openEnvelope(signed.data)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	d, err := readSignedData(der)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	e := &Examination{
		Signers:  len(d.signers),
		Wrapping: signed.wrapping,
		Leading:  signed.leading,
		Trailing: trailing + signed.trailing,
		BER:      !bytes.Equal(der, signed.data[:len(signed.data)-trailing]),
	}
	e.Certificates, e.Content = d.certificates, d.content
	if len(d.signers) == 0 {
		e.Fault = unchecked("there is no signer")
		return e, nil
	}
	first := d.signers[0]
	e.Digest = digestName(first.digest)
	e.Attributes = len(first.attributes) > 0
	if attributes, ok := readAttributes(first.attributes); ok {
		e.SigningTime = attributes.signingTime
	}
	e.Signer, e.Fault = d.check(&first)
	for _, s := range d.signers[1:] {
		if _, err := d.check(&s); e.Fault == nil {
			e.Fault = err
		}
	}
	if e.Fault == nil {
		e.Fault = confirm(der, d)
	}
	return e, nil
}
