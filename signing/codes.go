package signing

import (
	"errors"
	"fmt"
	"time"
)

// A Code names a reason why an identity may not sign, or why a certificate
// leads to no trusted root. Codes are stable: programs may branch on them.
type Code string

// The codes of an [IdentityError] and a [PathError].
const (
	Unreadable            Code = "identity_unreadable"
	KeyEncrypted          Code = "identity_encrypted"
	UnsupportedEncryption Code = "unsupported_encryption"
	KeyMismatch           Code = "key_mismatch"
	WeakKey               Code = "weak_key"
	WeakDigest            Code = "weak_digest"
	UnsupportedAlgorithm  Code = "unsupported_algorithm"
	WrongUsage            Code = "wrong_usage"
	CriticalExtension     Code = "critical_extension"
	ChainInvalid          Code = "chain_invalid"
	ChainIncomplete       Code = "chain_incomplete"
	Expired               Code = "certificate_expired"
	NotYetValid           Code = "certificate_not_yet_valid"
	// Missing says that a signer has no certificate yet.
	Missing Code = "certificate_missing"
	// The codes of a signer that is a process of its own: it doesn't answer, it has
	// signed as much as it may for now, or its approvals don't allow a profile.
	SignerAway    Code = "signer_away"
	SignerLimited Code = "signer_limited"
	SignerRefused Code = "signer_refused"
)

// The codes of a [Notice].
const (
	CertificateUnused Code = "certificate_unused"
	SelfSigned        Code = "self_signed"
	PrivateRoot       Code = "private_root"
	RecentRoot        Code = "recent_root"
)

// A Meaning is a code with what it says, in a sentence.
type Meaning struct {
	Code Code
	Text string
}

// Codes returns the codes of an [IdentityError] in the order of the
// documentation.
func Codes() []Meaning {
	return []Meaning{
		{Unreadable, "A file is missing, damaged, or in a format that isn't supported."},
		{KeyEncrypted, "The private key or the PKCS#12 file is encrypted, and its passphrase is missing or wrong."},
		{UnsupportedEncryption, "The private key or the PKCS#12 file is encrypted with an outdated or unknown method. The message has a command that converts it."},
		{KeyMismatch, "None of the certificates belongs to the private key."},
		{WeakKey, "A key is too short, or of a kind that devices may not accept. Use P-256, P-384, or RSA with at least 2048 bits."},
		{WeakDigest, "A certificate is signed with SHA-1 or an even weaker digest."},
		{UnsupportedAlgorithm, "A key or a certificate uses an algorithm that isn't supported."},
		{WrongUsage, "The certificate isn't meant for digital signatures."},
		{CriticalExtension, "A certificate has a critical extension that isn't supported, so verifiers may reject it."},
		{ChainInvalid, "A certificate in the chain isn't allowed to issue the one below it."},
		{ChainIncomplete, "The certificates don't lead to a known root."},
		{Expired, "A certificate has expired."},
		{NotYetValid, "A certificate isn't valid yet."},
		{Missing, "There's no certificate yet. The service is getting one."},
		{SignerAway, "The signer, which is a process of its own, doesn't answer. Start it, or look at its log."},
		{SignerLimited, "The signer has signed as much as its limit allows in a minute."},
		{SignerRefused, "The signer hasn't approved what is in the profile. Its log says what, and how to approve it."},
	}
}

// NoticeCodes returns the codes of a [Notice] in the order of the
// documentation.
func NoticeCodes() []Meaning {
	return []Meaning{
		{CertificateUnused, "A certificate in the files isn't part of the chain. It's left out of signed profiles."},
		{SelfSigned, "The certificate is self-signed. Devices show profiles as not verified unless that certificate is installed and trusted on them."},
		{RecentRoot, "The chain ends in a root that devices before iOS 16 and macOS 13 don't have. They show profiles as not verified."},
		{PrivateRoot, "The chain ends in a root that this machine doesn't trust. Devices show profiles as not verified unless they trust that root."},
	}
}

// An IdentityError says why an identity may not sign, and the way out.
type IdentityError struct {
	Code   Code
	Detail string
	// RetryAfter is how long to wait, if waiting helps.
	RetryAfter time.Duration
}

// Error is the detail.
func (e *IdentityError) Error() string { return "signing identity: " + e.Detail }

func refuse(code Code, format string, args ...any) error {
	return &IdentityError{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// refusal makes what is wrong with certificates the reason not to sign with
// them, and adds the way out.
func refusal(err error) error {
	fault, ok := errors.AsType[*PathError](err)
	if !ok {
		return err
	}
	advice := map[Code]string{Expired: "; renew it", NotYetValid: "; check this machine's clock"}[fault.Code]
	return &IdentityError{Code: fault.Code, Detail: fault.Detail + advice}
}

// A Notice is something to know about an identity that may sign.
type Notice struct {
	Code   Code
	Detail string
}
