package signing

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrEncrypted means that only the recipient can open the envelope.
	ErrEncrypted = errors.New("it is encrypted for a recipient")
	// ErrChanged is the fault of a good signature over other content.
	ErrChanged = errors.New("the content is not the one that was signed")
	// ErrSignature is the fault of a signature that does not fit the signer's
	// key.
	ErrSignature = errors.New("the signature was not made with the signer's key, or what it covers was changed")
	// ErrAttributes is the fault of signed attributes that do not belong to
	// the content.
	ErrAttributes = errors.New("the signed attributes are not those of a signed file")
	// ErrNoCertificate is the fault of a signature that nobody can check.
	ErrNoCertificate = errors.New("the certificate of the signer is not inside")
	// ErrUnchecked is the fault of a signature that may be good: it has a form
	// that is not supported here. What wraps it says which.
	ErrUnchecked = errors.New("the signature has a form that cannot be checked here")
)

// An Examination is what an envelope from anywhere holds, whether its
// signature is good or not.
type Examination struct {
	// Envelope holds what could be found: without a Fault it is what [Open]
	// returns. The Content is nil where it is kept apart from the signature,
	// the Signer where there is none whose certificate is inside.
	Envelope
	// Fault says why the signature is not good; nil if it is. If there are
	// several signatures, all must be.
	Fault error
	// Wrapping is what the envelope is wrapped in. No device looks through it.
	Wrapping Wrapping
	// Signers is the number of signers. Leading and Trailing are the numbers
	// of bytes before and after the envelope.
	Signers, Leading, Trailing int
	// BER says that lengths are left open or content stands in pieces, which
	// DER does not allow.
	BER bool
	// Attributes says that the signature covers attributes, and through them
	// the content.
	Attributes bool
	// SigningTime is when the signer claims to have signed. It may be zero.
	SigningTime time.Time
}

// Untimely reports whether the signer claims to have signed when the
// certificate was not valid. Nothing proves that time.
func (e *Examination) Untimely() bool {
	return e.Signer != nil && !e.SigningTime.IsZero() &&
		(e.SigningTime.After(e.Signer.NotAfter) || e.SigningTime.Before(e.Signer.NotBefore))
}

// Examine reads an envelope from anywhere, of at most 1 MiB, and looks through
// what it is wrapped in. The error wraps [ErrNotEnvelope] where nothing is
// signed, [ErrEncrypted] where nothing can be seen, and is [ErrMail] or
// [ErrDamagedPEM] where the wrapping itself cannot be opened.
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
