package lint

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/signing"
)

// soon is how long before its end a certificate is worth a warning.
const soon = 30 * 24 * time.Hour

// signature reports who signed and how.
func (i *inspector) signature(e *signing.Examination) {
	i.report.Signed = e.Signers > 0
	if e.Trailing > 0 {
		i.add(codeTrailingData, nil, "")
	}
	if e.BER {
		i.add(codeBER, nil, "")
	}
	if e.Signers > 1 {
		i.add(codeSeveralSigners, nil, "")
	}
	switch {
	case e.Signers == 0:
		i.add(codeNoSigner, nil, "")
		return
	case errors.Is(e.Fault, signing.ErrUnchecked):
		i.add(codeSignatureUnchecked, nil, "")
	case errors.Is(e.Fault, signing.ErrChanged):
		i.add(codeSignatureInvalid, nil, "The content was changed after it was signed: do not trust what is inside.")
	case errors.Is(e.Fault, signing.ErrUntimely):
		i.add(codeSignatureInvalid, nil, "It says that it was signed at a time when the certificate was not valid.")
	case e.Fault != nil && e.Signer == nil:
		i.add(codeSignatureInvalid, nil, "The certificate of the signer is not inside, so that nobody can check the signature.")
	case e.Fault != nil:
		i.add(codeSignatureInvalid, nil, "")
	case !e.Attributes:
		i.add(codeNoSignedAttributes, nil, "")
	}
	if e.Signer != nil {
		i.signer(e)
	}
}

// signer reports the certificate of the signer and those above it.
func (i *inspector) signer(e *signing.Examination) {
	s := &Signer{
		Subject:  shown(e.Signer.Subject.String(), maxShown),
		Issuer:   shown(e.Signer.Issuer.String(), maxShown),
		NotAfter: e.Signer.NotAfter.UTC().Format(time.RFC3339),
		Digest:   e.Digest,
		Chain:    []string{},
	}
	for _, c := range e.Certificates[:min(len(e.Certificates), maxSame)] {
		s.Chain = append(s.Chain, shown(c.Subject.String(), maxShown))
	}
	i.report.Signer = s
	chain, complete := path(e)
	if e.Digest == "SHA-1" || e.Signer.SignatureAlgorithm == x509.SHA1WithRSA || e.Signer.SignatureAlgorithm == x509.ECDSAWithSHA1 {
		i.add(codeSHA1, nil, "")
	}
	if i.expiry(chain) {
		return
	}
	trust := e.Trust(nil, i.at)
	switch {
	case trust == nil:
	case complete:
		i.add(codeUntrustedSigner, nil, "")
	default:
		i.add(codeMissingIntermediate, nil, "")
	}
}

// expiry reports the first certificate that is out of its time, or soon will
// be, and whether there is one that is.
func (i *inspector) expiry(chain []*x509.Certificate) (out bool) {
	for _, c := range chain {
		what := fmt.Sprintf("The certificate %q", shown(c.Subject.CommonName, maxKey))
		day := c.NotAfter.UTC().Format(time.DateOnly)
		switch {
		case i.at.After(c.NotAfter):
			i.add(codeSignerExpired, nil, fmt.Sprintf("%s expired on %s: devices show the profile as not verified.", what, day))
			return true
		case i.at.Before(c.NotBefore):
			i.add(codeSignerNotYetValid, nil, fmt.Sprintf("%s is valid from %s on.", what, c.NotBefore.UTC().Format(time.DateOnly)))
			return true
		case c.NotAfter.Sub(i.at) < soon:
			i.add(codeSignerExpiring, nil, fmt.Sprintf("%s expires on %s, within 30 days.", what, day))
			return false
		}
	}
	return false
}

// path follows the issuers of the signer's certificate as far as they are
// inside. It is complete if a device may know the rest: the end is an
// authority, or stands for itself.
func path(e *signing.Examination) (chain []*x509.Certificate, complete bool) {
	chain = []*x509.Certificate{e.Signer}
	for range 8 {
		last := chain[len(chain)-1]
		if string(last.RawIssuer) == string(last.RawSubject) {
			return chain, true
		}
		issuer := issuerOf(last, e.Certificates)
		if issuer == nil {
			break
		}
		chain = append(chain, issuer)
	}
	return chain, len(chain) > 1 || signing.IsDevelopment(e.Signer)
}

// issuerOf finds the certificate that another names as its issuer. Whether it
// really signed it is for those to check who trust it.
func issuerOf(c *x509.Certificate, inside []*x509.Certificate) *x509.Certificate {
	for _, other := range inside {
		if string(other.RawSubject) == string(c.RawIssuer) {
			return other
		}
	}
	return nil
}
