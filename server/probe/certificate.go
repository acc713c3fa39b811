package probe

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"time"
)

const (
	maxChain   = 10                  // certificates that are looked at
	minRSABits = 2048                // that Apple's devices take
	lastDays   = 14 * 24 * time.Hour // in which a certificate should be renewed
)

// judge says what is wrong with the certificates for the host, or Good.
func (p *Prober) judge(chain []*x509.Certificate, host string) State {
	leaf, rest := chain[0], chain[1:min(len(chain), maxChain)]
	now := p.now()
	if now.Before(leaf.NotBefore) {
		return CertificateNotYetValid // which Verify takes for expired
	}
	pool := x509.NewCertPool()
	for _, c := range rest {
		pool.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: p.roots, Intermediates: pool, CurrentTime: now}); err != nil {
		return distrust(err, leaf, rest)
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < minRSABits {
		return CertificateUnsuitable
	}
	if leaf.VerifyHostname(host) != nil {
		return CertificateWrongName
	}
	return Good
}

// distrust is why the chain does not verify.
func distrust(err error, leaf *x509.Certificate, rest []*x509.Certificate) State {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch invalid.Reason {
		case x509.Expired:
			return CertificateExpired
		case x509.IncompatibleUsage:
			return CertificateUnsuitable
		}
		return CertificateUntrusted
	}
	if lacksIssuer(leaf, rest) {
		return CertificateIncomplete
	}
	return CertificateUntrusted
}

// lacksIssuer reports whether the leaf says where its issuer's certificate can
// be fetched, as those of public authorities do, and it did not come with it.
func lacksIssuer(leaf *x509.Certificate, rest []*x509.Certificate) bool {
	if len(leaf.IssuingCertificateURL) == 0 || bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
		return false
	}
	for _, c := range rest {
		if bytes.Equal(c.RawSubject, leaf.RawIssuer) {
			return false
		}
	}
	return true
}

// soon reports whether the certificate is in its last days: 14, or a third of
// its life where that is less, for some live six days in all.
func (p *Prober) soon(c *x509.Certificate) bool {
	return c.NotAfter.Sub(p.now()) <= min(lastDays, c.NotAfter.Sub(c.NotBefore)/3)
}
