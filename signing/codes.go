package signing

import (
	"errors"
	"fmt"
	"time"
)

// A Code identifies a reason why an identity can't sign, or why a certificate
// doesn't lead to a trusted root. Codes are stable: programs can rely on them.
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
	// Missing means that a signer has no certificate yet.
	Missing Code = "certificate_missing"
	// The codes of a signer in a separate process: it doesn't answer, it has
	// reached its limit, or its approvals don't allow a profile.
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

// A Meaning is a code with a sentence that explains it.
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
		{SignerAway, "The separate signer process doesn't answer. Start it, or check its log."},
		{SignerLimited, "The signer has reached its limit of signatures per minute."},
		{SignerRefused, "The profile has something that the signer hasn't approved. The signer's log says what, and how to approve it."},
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

// An IdentityError explains why an identity can't sign, and what to do.
type IdentityError struct {
	Code   Code
	Detail string
	// RetryAfter is how long to wait, if waiting helps.
	RetryAfter time.Duration
}

// Error returns the detail.
func (e *IdentityError) Error() string { return "signing identity: " + e.Detail }

func refuse(code Code, format string, args ...any) error {
	return &IdentityError{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// refusal turns a problem with certificates into a reason not to sign, with
// advice.
func refusal(err error) error {
	fault, ok := errors.AsType[*PathError](err)
	if !ok {
		return err
	}
	advice := map[Code]string{Expired: "; renew it", NotYetValid: "; check this machine's clock"}[fault.Code]
	return &IdentityError{Code: fault.Code, Detail: fault.Detail + advice}
}

// A Notice is a fact about an identity that can sign.
type Notice struct {
	Code   Code
	Detail string
}
