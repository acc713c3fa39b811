package signing

import (
	"bytes"
	"crypto"
	"errors"

	"go.mozilla.org/pkcs7"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// confirm has pkcs7 verify a signature that was found to be good. A mistake in
// one reader is then no way in: nothing is called good unless both agree.
//
// pkcs7 has no say where it is known to be wrong or not to understand:
// RSA-PSS, a signer by subject key identifier, attributes out of
// order, and a claimed time outside the certificate's.
func confirm(der []byte, d *signedData) error {
	for _, s := range d.signers {
		if !d.usual(&s) {
			return nil
		}
	}
	if err := verifyAgain(der, len(d.signers)); err != nil {
		return unchecked("two readers of it disagree: " + err.Error())
	}
	return nil
}

// usual reports whether pkcs7 reads a signer of this form.
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

// sortedSet reports whether the elements stand in the order of a DER set.
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

// verifyAgain has pkcs7 verify a document of known bounds. Where it reads less
// than was found here, it has no say. It has panicked on hostile ones.
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
