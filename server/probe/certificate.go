package probe

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"time"
)

const (
	maxChain   = 10                  // certificates that are checked
	minRSABits = 2048                // that Apple's devices accept
	lastDays   = 14 * 24 * time.Hour // in which a certificate should be renewed
)

// judge returns what is wrong with the certificates for the host, or Good.
func (p *Prober) judge(chain []*x509.Certificate, host string) State {
	leaf, rest := chain[0], chain[1:min(len(chain), maxChain)]
	now := p.now()
	if now.Before(leaf.NotBefore) {
		return CertificateNotYetValid // which Verify treats as expired
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

// distrust returns why the chain can't be verified.
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

// lacksIssuer reports whether the server didn't send the issuer's certificate,
// although the leaf says where to fetch it, as certificates of public
// authorities do.
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
// its lifetime if that is less, because some last only six days.
func (p *Prober) soon(c *x509.Certificate) bool {
	return c.NotAfter.Sub(p.now()) <= min(lastDays, c.NotAfter.Sub(c.NotBefore)/3)
}
