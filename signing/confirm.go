package signing

import (
	"bytes"
	"crypto"
	"errors"

	"go.mozilla.org/pkcs7"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// confirm verifies a good signature again with pkcs7, so that a mistake in one
// reader isn't enough: a signature is only good if both agree.
//
// pkcs7's result is ignored where it's known to be wrong or unsupported:
// RSA-PSS, a signer by subject key identifier, attributes out of order, and a
// claimed time outside the certificate's validity.
func confirm(der []byte, d *signedData) error {
	for _, s := range d.signers {
		if !d.usual(&s) {
			return nil
		}
	}
	if err := verifyAgain(der, len(d.signers)); err != nil {
		return unchecked("two readers disagree: " + err.Error())
	}
	return nil
}

// usual reports whether pkcs7 supports a signer of this form.
func (d *signedData) usual(s *signerInfo) bool {
	how := schemes[s.algorithm.String()]
	if s.keyID != nil || how.kind != pkcs1 && how.kind != ec || d.unread > 0 {
		return false
	}
	if hash := hashes[s.digest.String()]; hash == crypto.SHA224 || how.kind == ec && how.hash == 0 {
		return false
	}
	if s.attributes == nil {
		return true
	}
	attributes, _ := readAttributes(s.attributes)
	at := attributes.signingTime
	for _, c := range d.find(s) {
		if !at.IsZero() && (at.After(c.NotAfter) || at.Before(c.NotBefore)) {
			return false
		}
	}
	return sortedSet(s.attributes)
}

// sortedSet reports whether the elements are in the order of a DER set.
func sortedSet(set []byte) bool {
	rest := cryptobyte.String(set)
	var last, next cryptobyte.String
	for !rest.Empty() {
		var tag cbasn1.Tag
		if !rest.ReadAnyASN1Element(&next, &tag) || bytes.Compare(last, next) > 0 {
			return false
		}
		last = next
	}
	return true
}

// verifyAgain verifies a document of limited size with pkcs7. Its result is
// ignored if it reads less than was found here. It has panicked on hostile
// documents.
func verifyAgain(der []byte, signers int) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("pkcs7 panics")
		}
	}()
	p7, err := pkcs7.Parse(der)
	if err != nil || len(p7.Signers) != signers {
		return nil
	}
	if err := p7.Verify(); err != nil && !errors.Is(err, pkcs7.ErrUnsupportedAlgorithm) {
		return err
	}
	return nil
}
