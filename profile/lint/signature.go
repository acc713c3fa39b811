package lint

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/signing"
)

// maxDetail is the maximum number of runes shown of a reason, because it
// contains certificate names.
const maxDetail = 400

// soon is how long before its expiry a certificate gets a warning.
const soon = 30 * 24 * time.Hour

// envelope extracts the content of a signed envelope, and reports who signed it
// and how. The content is read even if the signature is bad.
func (i *inspector) envelope(data []byte) ([]byte, error) {
	e, err := signing.Examine(data)
	switch {
	case errors.Is(err, signing.ErrEncrypted):
		return nil, errors.New("it's encrypted: only the device it was created for can read it")
	case errors.Is(err, signing.ErrMail):
		return nil, errors.New("it's a signed email, not a signed profile; sign it again: openssl cms -sign -nodetach -outform DER")
	case errors.Is(err, signing.ErrDamagedPEM):
		return nil, signing.ErrDamagedPEM
	case errors.Is(err, signing.ErrNotEnvelope):
		return nil, errors.New("it isn't a signed envelope, or it's damaged")
	case err != nil:
		return nil, fmt.Errorf("the signed envelope can't be read: %w", err)
	case len(e.Content) == 0:
		return nil, errors.New("it's a signature without a profile; sign with the profile inside: openssl cms -sign -nodetach -outform DER")
	}
	i.around(e)
	i.signature(e)
	if n := e.MailHeader(); n > 0 {
		i.add(codeMailHeader, nil, "")
		return e.Content[n:], nil
	}
	return e.Content, nil
}

// around reports data around an envelope.
func (i *inspector) around(e *signing.Examination) {
	switch e.Wrapping {
	case signing.PEM:
		i.add(codePEM, nil, "")
	case signing.MIME:
		i.add(codeMailWrapping, nil, "The signed envelope is wrapped as an email (smime.p7m), which devices can't read.")
	case signing.Base64:
		i.add(codeMailWrapping, nil, "The signed envelope is encoded in base64, which devices can't read.")
	}
	if e.Leading > 0 {
		i.add(codeLeadingData, nil, "")
	}
	if e.Trailing > 0 {
		i.add(codeTrailingData, nil, "")
	}
	if e.BER {
		i.add(codeBER, nil, "")
	}
}

// signature reports who signed and how.
func (i *inspector) signature(e *signing.Examination) {
	i.report.Signed = e.Signers > 0
	if e.Signers > 1 {
		i.add(codeSeveralSigners, nil, "")
	}
	switch {
	case e.Signers == 0:
		i.add(codeNoSigner, nil, "")
		return
	case errors.Is(e.Fault, signing.ErrUnchecked):
		i.add(codeSignatureUnchecked, nil, sentence(e.Fault))
	case errors.Is(e.Fault, signing.ErrChanged):
		i.add(codeSignatureInvalid, nil, "The content was changed after it was signed: don't trust the contents.")
	case errors.Is(e.Fault, signing.ErrNoCertificate):
		i.add(codeSignatureInvalid, nil, "The signer's certificate is missing, so no one can check the signature.")
	case e.Fault != nil:
		i.add(codeSignatureInvalid, nil, "")
	case !e.Attributes:
		i.add(codeNoSignedAttributes, nil, "")
	}
	if e.Untimely() {
		i.add(codeSigningTime, nil, "")
	}
	if e.Signer != nil {
		i.signer(e)
	}
}

// sentence formats an error as a sentence.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// signer reports the signer's certificate and its issuers.
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
	i.report.Signer, i.certificate = s, e.Signer.Raw
	path, fault := e.Path(nil, i.at)
	if e.Digest == "SHA-1" || slices.ContainsFunc(path, sha1) {
		i.add(codeSHA1, nil, "")
	}
	i.path(e, path, fault)
}

// sha1 reports whether a certificate is signed with SHA-1. Roots don't count,
// because a root's own signature proves nothing.
func sha1(c *x509.Certificate) bool {
	return (c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1) &&
		!bytes.Equal(c.RawIssuer, c.RawSubject)
}

// path reports problems of the certificate chain that a device would use. Other
// certificates don't matter.
func (i *inspector) path(e *signing.Examination, path []*x509.Certificate, fault error) {
	why, _ := errors.AsType[*signing.PathError](fault)
	switch {
	case why == nil:
		i.expiring(path)
	case why.Code == signing.Expired:
		i.add(codeSignerExpired, nil, fmt.Sprintf("%s expired on %s: devices show the profile as not verified.", named(why.Certificate), day(why.Certificate.NotAfter)))
	case why.Code == signing.NotYetValid:
		i.add(codeSignerNotYetValid, nil, fmt.Sprintf("%s isn't valid before %s.", named(why.Certificate), day(why.Certificate.NotBefore)))
	case why.Code == signing.ChainIncomplete && len(path) == 1 && !bytes.Equal(e.Signer.RawIssuer, e.Signer.RawSubject) && !signing.IsDevelopment(e.Signer):
		i.expiring(path)
		i.add(codeMissingIntermediate, nil, "")
	case why.Code == signing.ChainIncomplete:
		i.expiring(path)
		i.add(codeUntrustedSigner, nil, "")
	default:
		i.expiring(path)
		i.add(codeUntrustedSigner, nil, shown("This machine doesn't trust the signer: "+why.Detail+".", maxDetail))
	}
}

// expiring reports the first certificate that expires soon.
func (i *inspector) expiring(path []*x509.Certificate) {
	for _, c := range path {
		if left := c.NotAfter.Sub(i.at); left >= 0 && left < soon {
			i.add(codeSignerExpiring, nil, fmt.Sprintf("%s expires on %s, within 30 days.", named(c), day(c.NotAfter)))
			return
		}
	}
}

// named returns the name of a certificate in a finding.
func named(c *x509.Certificate) string {
	return fmt.Sprintf("The certificate %q", shown(signing.Subject(c), maxKey))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
