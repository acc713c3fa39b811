package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// split separates the key's certificate from the others, without duplicates. If
// several belong to the key, it takes the one that expires last.
func split(key crypto.Signer, certificates []*x509.Certificate) (leaf *x509.Certificate, others []*x509.Certificate, err error) {
	if len(certificates) == 0 {
		return nil, nil, refuse(Unreadable, "there is no certificate")
	}
	for _, c := range certificates {
		c = asApple(c)
		switch public, ok := publicKey(c).(interface{ Equal(crypto.PublicKey) bool }); {
		case slices.ContainsFunc(others, c.Equal) || leaf != nil && c.Equal(leaf):
		case key == nil || !ok || !public.Equal(key.Public()):
			others = append(others, c)
		case leaf == nil:
			leaf = c
		case c.NotAfter.After(leaf.NotAfter):
			leaf, others = c, append(others, leaf)
		default:
			others = append(others, c)
		}
	}
	if leaf == nil {
		return nil, nil, refuse(KeyMismatch, "none of the certificates belongs to the key; the first one is %q. "+
			"Use the key that the certificate was requested with", Subject(certificates[0]))
	}
	return leaf, others, nil
}

// choose finds the chain that devices use, and the certificates for envelopes.
func (id *Identity) choose(others []*x509.Certificate, roots *x509.CertPool, at time.Time) error {
	path, err := findPath(id.leaf, others, roots, at)
	last := path[len(path)-1]
	switch fault, _ := errors.AsType[*PathError](err); {
	case fault == nil:
	case fault.Code != ChainIncomplete:
		return refusal(fault)
	case !isSelfSigned(last):
		return refuse(ChainIncomplete, "the certificates don't lead to a known root: %s. "+
			"Add the intermediate certificates to the file (Let's Encrypt's fullchain.pem has them), or give the root with --signing-roots", fault.Detail)
	case len(path) == 1:
		id.notice(SelfSigned, "the certificate %q is self-signed: devices show profiles as not verified unless it's installed and trusted on them", Subject(last))
	default:
		id.notice(PrivateRoot, "the chain ends in the root %q, which this machine doesn't trust: devices show profiles as not verified unless they trust that root", Subject(last))
	}
	if err := checkPath(path); err != nil {
		return err
	}
	if recent := recentRoot(id.leaf, others, at); recent != nil {
		id.notice(RecentRoot, "the chain ends in the root %q of %d, which devices before iOS 16 and macOS 13 don't have: they show profiles as not verified. "+
			"Ask the authority for a chain that ends in an older root, or put its cross-signed root into the file", Subject(recent), recent.NotBefore.Year())
	}
	id.path = path
	if len(path) > 1 && (isSelfSigned(last) || !slices.ContainsFunc(others, last.Equal)) {
		id.path = path[:len(path)-1] // devices have the root, or don't trust it
	}
	id.intermediates = slices.Clone(id.path[1:])
	id.extra(slices.DeleteFunc(others, func(c *x509.Certificate) bool { return isSelfSigned(c) || slices.ContainsFunc(path, c.Equal) }), at)
	return nil
}

// recentAfter is the creation time after which Apple devices got a root only
// with iOS 16 and macOS 13: it takes about two years until a new root is
// included.
var recentAfter = time.Date(2020, time.September, 1, 0, 0, 0, 0, time.UTC)

// recentRoot returns the root of the chain if older devices don't have it and
// no other certificate leads to one that they have. Chains that end in a
// private root don't count.
func recentRoot(leaf *x509.Certificate, others []*x509.Certificate, at time.Time) *x509.Certificate {
	between := x509.NewCertPool()
	for _, c := range others {
		between.AddCert(c)
	}
	paths, err := leaf.Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil
	}
	return recentOf(paths)
}

// recentOf returns the root of one of the chains, if all their roots are
// recent.
func recentOf(paths [][]*x509.Certificate) *x509.Certificate {
	var recent *x509.Certificate
	for _, path := range paths {
		recent = path[len(path)-1]
		if recent.NotBefore.Before(recentAfter) {
			return nil
		}
	}
	return recent
}

// checkPath refuses a chain that devices may not accept although this machine
// does.
func checkPath(path []*x509.Certificate) error {
	for _, c := range path {
		if err := checkCertificate(c); err != nil {
			return refusal(err)
		}
	}
	return nil
}

// extra adds certificates outside the chain to the envelopes if they may help
// devices with other roots, for example cross-signed ones. It adds a notice for
// the others.
func (id *Identity) extra(unused []*x509.Certificate, at time.Time) {
	leads := func(c *x509.Certificate) bool {
		return untimely(c, at) == nil && slices.ContainsFunc(slices.Concat(id.path, id.intermediates), func(below *x509.Certificate) bool {
			return string(below.RawIssuer) == string(c.RawSubject) && below.CheckSignatureFrom(c) == nil
		})
	}
	for i := slices.IndexFunc(unused, leads); i >= 0; i = slices.IndexFunc(unused, leads) {
		id.intermediates = append(id.intermediates, unused[i])
		unused = slices.Delete(unused, i, i+1)
	}
	for _, c := range unused {
		why := "isn't part of the chain"
		if untimely(c, at) != nil {
			why = fmt.Sprintf("isn't needed, and isn't valid today (%s to %s)", c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
		}
		id.notice(CertificateUnused, "the certificate %q, issued by %q, %s; it's left out of signed profiles", Subject(c), c.Issuer, why)
	}
}

func (id *Identity) notice(code Code, format string, args ...any) {
	id.notices = append(id.notices, Notice{code, fmt.Sprintf(format, args...)})
}

// Notices are facts about the identity that don't prevent signing.
func (id *Identity) Notices() []Notice { return id.notices }

// checkStrength refuses a certificate with a weak key, or a kind of key that
// devices aren't known to accept.
func checkStrength(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return blame(WeakKey, c, "the RSA key of %q has %d bits; it needs 2048, or use P-256", Subject(c), key.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return blame(WeakKey, c, "the key of %q is on the curve %s; use P-256 or P-384", Subject(c), key.Curve.Params().Name)
		}
	default:
		if _, ok := publicKey(c).(*rsa.PublicKey); ok {
			return blame(UnsupportedAlgorithm, c, "the key of %q is only for RSA-PSS; have the certificate issued for P-256, or for an ordinary RSA key", Subject(c))
		}
		return blame(WeakKey, c, "the key of %q is neither RSA nor ECDSA; use P-256", Subject(c))
	}
	return nil
}
