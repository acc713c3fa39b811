package signing

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// A Signer puts profiles that the gate has cleared into the envelope that Apple
// devices verify, and signs checksums of signed files. It accepts no other
// content. It's safe for concurrent use. *[Identity] is one.
type Signer interface {
	// Sign returns the profile in a signed envelope. It must not use the
	// profile after it returns. The error is an [*IdentityError] if it can't
	// sign at the moment, or the cause of ctx if that is done. The result
	// differs each time, because it contains the time of the signature.
	Sign(ctx context.Context, profile gate.Cleared) ([]byte, error)
	// SignChecksums returns a detached signature of the list, with the same
	// errors as Sign.
	SignChecksums(ctx context.Context, list *Checksums) ([]byte, error)
	// Describe describes the signer, and whether it can sign at the moment.
	Describe() Description
}

// A Description describes what a [Signer] signs with.
type Description struct {
	// Name is the name that devices show for the signer: the certificate's
	// common name, or its first DNS name.
	Name string
	// Subject is the subject of the certificate.
	Subject string
	// Issuers are the subjects of its issuers, the nearest first.
	Issuers []string
	// Fingerprint is the SHA-256 of the certificate in hex.
	Fingerprint string
	// Key is the SHA-256 of its public key in hex, which is the same for all
	// certificates for one key.
	Key string
	// NotAfter is when the first of the certificates expires.
	NotAfter time.Time
	// Process is the socket of the signing process. Empty: this one signs.
	Process string
	// Development means that the program created the certificate itself, so
	// that no device trusts it.
	Development bool
	// Fault explains why nothing can be signed at the moment; nil if signing
	// works.
	Fault error
}

// Issuer returns the subject of the nearest issuer, or "" if it's unknown.
func (d Description) Issuer() string {
	if len(d.Issuers) == 0 {
		return ""
	}
	return d.Issuers[0]
}
