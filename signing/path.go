package signing

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits for the search for a chain: its length, and the number of signature
// checks.
const (
	maxPath   = 8
	maxChecks = 256
)

// A PathError explains why no chain leads from a certificate to a trusted root.
type PathError struct {
	Code Code
	// Certificate is the faulty certificate, or the last one that was found.
	Certificate *x509.Certificate
	Detail      string
}

// Error returns the detail.
func (e *PathError) Error() string { return e.Detail }

func blame(code Code, c *x509.Certificate, format string, args ...any) *PathError {
	return &PathError{code, c, fmt.Sprintf(format, args...)}
}

// findPath returns the chain by which a device that trusts roots gets from leaf
// to one of them, both included, using the other certificates as needed. If
// there is none, it returns the part that it found, and a [*PathError]. nil
// roots are the system's.
func findPath(leaf *x509.Certificate, others []*x509.Certificate, roots *x509.CertPool, at time.Time) ([]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, c := range others {
		between.AddCert(c)
	}
	paths, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: between,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil {
		return slices.MinFunc(paths, func(a, b []*x509.Certificate) int { return len(a) - len(b) }), nil
	}
	path, skipped := follow(leaf, others, at)
	if fault := faultOf(path, at); fault != nil {
		return path, fault
	}
	return path, missing(path, others, skipped, err)
}

// follow walks from leaf to its issuers as long as they are present and really
// signed. It only accepts an expired issuer directly above the leaf, because a
// device may know another chain from there. It also returns the issuer that it
// skipped for that reason.
func follow(leaf *x509.Certificate, others []*x509.Certificate, at time.Time) (path []*x509.Certificate, skipped *x509.Certificate) {
	path = []*x509.Certificate{leaf}
	checks := maxChecks
	for len(path) < maxPath {
		last := path[len(path)-1]
		if isSelfSigned(last) {
			break
		}
		next := issuerOf(last, others, at, &checks)
		if next == nil || slices.ContainsFunc(path, next.Equal) {
			break
		}
		if len(path) > 1 && untimely(next, at) != nil {
			return path, next
		}
		path = append(path, next)
	}
	return path, nil
}

// issuerOf returns the certificate that signed c, preferably one that is valid
// at the time, or nil. It stops when no checks are left.
func issuerOf(c *x509.Certificate, others []*x509.Certificate, at time.Time, checks *int) *x509.Certificate {
	var found *x509.Certificate
	for _, other := range others {
		if string(other.RawSubject) != string(c.RawIssuer) || other.Equal(c) || *checks == 0 {
			continue
		}
		*checks--
		if other.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
			continue
		}
		if untimely(other, at) == nil {
			return other
		}
		if found == nil {
			found = other
		}
	}
	return found
}

// faultOf returns the problem of a chain's certificates, leaf first, or nil if
// there is none.
func faultOf(path []*x509.Certificate, at time.Time) error {
	for i, c := range path {
		if err := untimely(c, at); err != nil {
			return err
		}
		if err := checkCertificate(c); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		if !c.BasicConstraintsValid || !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
			return blame(ChainInvalid, c, "the certificate %q isn't that of an authority, so it can't have issued %q", Subject(c), Subject(path[i-1]))
		}
	}
	return nil
}

// untimely returns an error for a certificate that isn't valid at the time.
func untimely(c *x509.Certificate, at time.Time) error {
	switch {
	case at.After(c.NotAfter):
		return blame(Expired, c, "the certificate %q expired on %s", Subject(c), c.NotAfter.UTC().Format(time.DateOnly))
	case at.Before(c.NotBefore):
		return blame(NotYetValid, c, "the certificate %q isn't valid until %s", Subject(c), c.NotBefore.UTC().Format(time.DateOnly))
	}
	return nil
}

// checkCertificate refuses a certificate that verifiers may reject regardless
// of its chain.
func checkCertificate(c *x509.Certificate) error {
	if err := checkStrength(c); err != nil {
		return err
	}
	if !isSelfSigned(c) {
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return blame(WeakDigest, c, "the certificate %q is signed with %s; it needs SHA-256 or better", Subject(c), c.SignatureAlgorithm)
		case x509.UnknownSignatureAlgorithm:
			return blame(UnsupportedAlgorithm, c, "the certificate %q is signed with an algorithm that isn't supported; have it issued with ECDSA or RSA and SHA-256", Subject(c))
		}
	}
	if ids := c.UnhandledCriticalExtensions; len(ids) > 0 {
		return blame(CriticalExtension, c, "the certificate %q has a critical extension that isn't supported (%s), and verifiers must reject what they don't know; have it issued without that extension", Subject(c), ids[0])
	}
	return nil
}

// missing explains why a chain without a fault ends before a known root.
func missing(path, others []*x509.Certificate, skipped *x509.Certificate, err error) error {
	last := path[len(path)-1]
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch invalid.Reason {
		case x509.CANotAuthorizedForThisName, x509.TooManyIntermediates, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName, x509.TooManyConstraints:
			return blame(ChainInvalid, last, "the chain breaks a rule of one of its authorities: %s", invalid.Error())
		}
	}
	if isSelfSigned(last) {
		return blame(ChainIncomplete, last, "the root %q isn't trusted", Subject(last))
	}
	why := fmt.Sprintf("the issuer %q of %q is missing", last.Issuer, Subject(last))
	switch same := slices.IndexFunc(others, func(c *x509.Certificate) bool { return string(c.RawSubject) == string(last.RawIssuer) }); {
	case skipped != nil:
		why += fmt.Sprintf(" (the one in the file, issued by %q, expired on %s)", skipped.Issuer, skipped.NotAfter.UTC().Format(time.DateOnly))
	case same >= 0:
		why += " (the file has a certificate with that name, but with another key)"
	}
	return blame(ChainIncomplete, last, "%s", why)
}

// parse is x509.ParseCertificate for certificates that Apple devices judge.
// Apple marks its own extensions as critical, for example the purpose of a
// developer's certificate. Apple devices know them.
func parse(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return asApple(c), nil
}

// asApple returns c, or a copy without Apple's own extensions in the list of
// unhandled critical extensions.
func asApple(c *x509.Certificate) *x509.Certificate {
	if len(c.UnhandledCriticalExtensions) == 0 {
		return c
	}
	known := *c
	known.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(c.UnhandledCriticalExtensions), func(id asn1.ObjectIdentifier) bool {
		return strings.HasPrefix(id.String(), "1.2.840.113635.100.6.")
	})
	return &known
}

func isSelfSigned(c *x509.Certificate) bool {
	return string(c.RawIssuer) == string(c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
