package signing

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// A Signer puts profiles that the gate has cleared into the envelope that
// Apple devices verify, and signs the checksums of what it has signed. There is
// no other content that it takes. It can be used by several goroutines at once.
// *[Identity] is one.
type Signer interface {
	// Sign returns the profile in a signed envelope. It must not use the profile
	// after it has returned. It refuses with an
	// [*IdentityError] while it may not sign, and with the cause of ctx if
	// that is done. The result differs each time, since it holds the time of
	// the signature.
	Sign(ctx context.Context, profile gate.Cleared) ([]byte, error)
	// SignChecksums returns a detached signature of the list. It refuses as Sign
	// does.
	SignChecksums(ctx context.Context, list *Checksums) ([]byte, error)
	// Describe says what signs, and whether it can at this moment.
	Describe() Description
}

// A Description says what a [Signer] signs with.
type Description struct {
	// Name is how a device calls the signer: the common name of its
	// certificate, or its first DNS name.
	Name string
	// Subject is the subject of the certificate.
	Subject string
	// Issuers are the subjects of its issuers, the nearest first.
	Issuers []string
	// Fingerprint is the SHA-256 of the certificate in hex.
	Fingerprint string
	// Key is the SHA-256 of its public key in hex: certificates for the same key
	// have the same.
	Key string
	// NotAfter is when the first of the certificates expires.
	NotAfter time.Time
	// Process is the socket of the process that signs. Empty: this one does.
	Process string
	// Development says that the program made the certificate itself, so that
	// no device trusts it.
	Development bool
	// Fault says why nothing can be signed at the moment; nil if it can.
	Fault error
}

// Issuer is the subject of the nearest issuer, or nothing if it is not known.
func (d Description) Issuer() string {
	if len(d.Issuers) == 0 {
		return ""
	}
	return d.Issuers[0]
}
