package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/signerd"
	"github.com/updatecase/mobileconfig/signing"
)

// endsSoon is how long before its expiry a manually renewed certificate is
// reported.
const endsSoon = 14 * 24 * time.Hour

// certificate checks the certificates for signing and for HTTPS.
func (v *visit) certificate(ctx context.Context) {
	switch {
	case v.Signer != "":
		v.signer(ctx)
	case len(v.Signing.Names()) > 0:
		id, err := v.Signing.Load(v.Now)
		v.identity(id, err)
	default:
		v.ownCertificate(ctx)
	}
	if v.Server.TLSCert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(v.Server.TLSCert, v.Server.TLSKey)
	switch {
	case err != nil:
		v.add(TLSUnusable, v.Server.TLSCert, "%v", err)
	case v.base != nil && pair.Leaf.VerifyHostname(v.base.Hostname()) != nil:
		v.add(TLSName, v.Server.TLSCert, "The certificate for HTTPS has the names %v, but not %s.", pair.Leaf.DNSNames, v.base.Hostname())
	case v.Now().After(pair.Leaf.NotAfter):
		v.add(TLSUnusable, v.Server.TLSCert, "The certificate for HTTPS expired on %s.", pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	}
}

// signer checks the signing process.
func (v *visit) signer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d, status, err := signerd.Look(ctx, signerd.ClientConfig{Socket: v.Signer, Now: v.Now})
	switch {
	case err != nil:
		v.add(SignerAway, v.Signer, "")
	case status.Usable != "ok":
		v.add(CertificateBad, d.Name, "%s", status.Usable)
	case d.Development:
		v.add(CertificateTest, d.Name, "")
	case d.NotAfter.Sub(v.Now()) < endsSoon:
		v.ends(d.Name, d.NotAfter)
	}
}

// ends reports a certificate that expires soon.
func (v *visit) ends(name string, at time.Time) {
	v.add(CertificateEnds, name, "The certificate expires on %s.", at.UTC().Format(time.DateOnly))
}

// ownCertificate checks the certificate in the database.
func (v *visit) ownCertificate(ctx context.Context) {
	if v.store == nil || v.secrets == nil {
		return
	}
	m, err := certificate.New(ctx, certificate.Config{
		Store: v.store, Secret: v.secrets.Secret, Roots: v.Server.SigningRoots, Log: slog.New(slog.DiscardHandler), Now: v.Now,
	})
	if err != nil {
		v.add(SecretWrong, "", "The database was encrypted with another secret: %v", err)
		return
	}
	status := m.Status()
	if f := status.Failure; f != nil && v.Server.ACME != nil {
		v.add(RenewalFails, string(f.Reason), "The last certificate order failed on %s (%s): %s", f.At.UTC().Format("2006-01-02 at 15:04 MST"), f.Reason, f.Detail)
	}
	switch id := m.Identity(); {
	case id != nil:
		v.identity(id, id.Usable())
	case m.Err() != nil && status.Failure == nil:
		v.add(CertificateBad, "", "%v", m.Err())
	case v.Server.ACME != nil && status.Failure == nil:
		v.add(CertificateNone, "", "")
	case v.Server.ACME == nil:
		v.add(CertificateTest, "", "")
	}
}

// identity checks a signing identity.
func (v *visit) identity(id *signing.Identity, err error) {
	if err == nil {
		err = id.Usable()
	}
	if err != nil {
		code := ""
		if e, ok := errors.AsType[*signing.IdentityError](err); ok {
			code = string(e.Code)
		}
		v.add(CertificateBad, code, "%v", err)
		return
	}
	for _, n := range id.Notices() {
		switch n.Code {
		case signing.RecentRoot:
			v.add(CertificateOld, id.Name(), "%s", n.Detail)
		case signing.SelfSigned, signing.PrivateRoot:
			v.add(CertificateOwn, id.Name(), "%s", n.Detail)
		}
	}
	if left := id.Expires().Sub(v.Now()); left < endsSoon && v.Server.ACME == nil {
		v.ends(id.Name(), id.Expires())
	}
}
