package lint

import "sync"

// A Code names a kind of finding. Codes are stable: programs may branch on
// them, and new ones may be added.
type Code string

// The file.
const (
	codePEM              Code = "pem"
	codeMailWrapping     Code = "mail_wrapping"
	codeMailHeader       Code = "mail_header"
	codeLeadingData      Code = "leading_data"
	codeTrailingData     Code = "trailing_data"
	codeDuplicateKey     Code = "duplicate_key"
	codeMalformedValue   Code = "malformed_value"
	codeHiddenCharacters Code = "hidden_characters"
)

// The signature.
const (
	codeUnsigned            Code = "unsigned"
	codeSignatureInvalid    Code = "signature_invalid"
	codeSignatureUnchecked  Code = "signature_unchecked"
	codeNoSigner            Code = "no_signer"
	codeSeveralSigners      Code = "several_signers"
	codeNoSignedAttributes  Code = "no_signed_attributes"
	codeBER                 Code = "ber"
	codeSHA1                Code = "sha1"
	codeMissingIntermediate Code = "missing_intermediate"
	codeSignerExpired       Code = "signer_expired"
	codeSignerNotYetValid   Code = "signer_not_yet_valid"
	codeSignerExpiring      Code = "signer_expiring"
	codeUntrustedSigner     Code = "untrusted_signer"
	codeSigningTime         Code = "signing_time"
)

// Keys and values.
const (
	codeWrongOuterType   Code = "wrong_outer_type"
	codePayloadVersion   Code = "payload_version"
	codeMissingKey       Code = "missing_key"
	codeUnknownKey       Code = "unknown_key"
	codeWrongType        Code = "wrong_type"
	codeWrongValue       Code = "wrong_value"
	codeEmptyString      Code = "empty_string"
	codeIgnoredKey       Code = "ignored_key"
	codeDeprecated       Code = "deprecated"
	codeMDMVariable      Code = "mdm_variable"
	codePasswordInside   Code = "password_inside"
	codeEncryptedContent Code = "encrypted_content"
)

// The profile and its payloads.
const (
	codeNoPayloads          Code = "no_payloads"
	codeUnknownPayloadType  Code = "unknown_payload_type"
	codeDangerousPayload    Code = "dangerous_payload"
	codeRepeatedPayload     Code = "repeated_payload"
	codeWrongPlatform       Code = "wrong_platform"
	codeNoTargetDevice      Code = "no_target_device"
	codeWrongScope          Code = "wrong_scope"
	codeMixedMacFile        Code = "mixed_mac_file"
	codeRemovalDisallowed   Code = "removal_disallowed"
	codeRemovalDatePast     Code = "removal_date_past"
	codeNameMissing         Code = "name_missing"
	codeMalformedIdentifier Code = "malformed_identifier"
	codeDuplicateIdentifier Code = "duplicate_identifier"
	codeRandomIdentifier    Code = "random_identifier"
	codeIdentifierPerDomain Code = "identifier_per_domain"
	codeMalformedUUID       Code = "malformed_uuid"
	codeDuplicateUUID       Code = "duplicate_uuid"
)

// Accounts and the passcode policy.
const (
	codeTLSOff                Code = "tls_off"
	codeTLSUnstated           Code = "tls_unstated"
	codePlaintextPort         Code = "plaintext_port"
	codeSTARTTLSPort          Code = "starttls_port"
	codePortMissing           Code = "port_missing"
	codeNoAuthentication      Code = "no_authentication"
	codeAsksTwice             Code = "asks_twice"
	codeSameDescription       Code = "same_description"
	codeConsentMissing        Code = "consent_missing"
	codeWipeWithoutDelay      Code = "wipe_without_delay"
	codeFailedAttemptsUnclear Code = "failed_attempts_unclear"
	codeLoginResetMissing     Code = "login_reset_missing"
	codeNoEffect              Code = "no_effect"
)

// A Meaning is a code with what it says of a profile and what to do, in a
// sentence each. Single findings may be of another severity than the usual.
type Meaning struct {
	Code     Code
	Severity Severity
	Text, Do string
}

// Codes returns every code of a finding, in the order of the documentation.
func Codes() []Meaning {
	return []Meaning{
		{codePEM, Error, "The signed envelope is wrapped in PEM text, which no device reads.", "Convert it: openssl cms -cmsout -inform PEM -outform DER."},
		{codeMailWrapping, Error, "The signed envelope is wrapped for mail, which no device reads.", "Take the envelope out: openssl cms -cmsout -inform SMIME -outform DER, or base64 -d."},
		{codeMailHeader, Error, "The signed content begins with a mail header, so devices find no profile in it.", "Sign the profile again without the header: openssl cms -sign -binary -nodetach -outform DER, and no -text."},
		{codeLeadingData, Error, "There is something before the signed envelope, so devices find no profile.", "Cut it off."},
		{codeTrailingData, Warning, "Something stands after the end, where readers differ in what they see.", "Cut it off."},
		{codeDuplicateKey, Error, "A dict has the same key twice; one of the values is lost, and readers differ in which.", "Leave one."},
		{codeMalformedValue, Error, "A number, date, boolean or data is spelled in no way that can be read.", "Write it as its element wants it."},
		{codeHiddenCharacters, Warning, "A text has control characters, or such that reorder it on the screen.", "Write it without them."},

		{codeUnsigned, Note, "The file is not signed: devices show \"Unsigned\", and anybody may have changed it.", "Sign it when it is finished."},
		{codeSignatureInvalid, Error, "The signature is not good: do not trust what is inside.", "Get the file again from who made it, or sign it again."},
		{codeSignatureUnchecked, Warning, "The signature has a form that cannot be checked here.", "Check it with openssl cms -verify."},
		{codeNoSigner, Error, "The envelope has no signature in it.", "Sign the profile."},
		{codeSeveralSigners, Warning, "The envelope has more than one signer; which one a device shows is not known.", "Sign it once."},
		{codeNoSignedAttributes, Note, "The signature covers the content alone, without attributes and time.", "Devices take it; common tools write attributes."},
		{codeBER, Warning, "The envelope is BER; Apple asks for DER.", "Sign it again with a tool that writes DER."},
		{codeSHA1, Warning, "The signature rests on SHA-1, which can be forged.", "Sign it again with SHA-256."},
		{codeMissingIntermediate, Warning, "The certificate that issued the signer's is not inside, so that devices cannot reach a root.", "Sign it again with the intermediate certificates (fullchain.pem)."},
		{codeSignerExpired, Error, "A certificate of the signer has expired: devices show the profile as not verified.", "Renew the certificate and sign again."},
		{codeSignerNotYetValid, Error, "A certificate of the signer is not valid yet.", "Check the clocks, or wait."},
		{codeSignerExpiring, Warning, "A certificate of the signer expires within 30 days.", "Renew the certificate and sign again before that day."},
		{codeUntrustedSigner, Note, "This machine does not trust the signer; others may.", "Check it against the right roots: mobileconfig verify --roots."},
		{codeSigningTime, Warning, "The signature claims a time when the signer's certificate was not valid.", "Check the clock of the machine that signs."},

		{codeWrongOuterType, Error, "The PayloadType of the file is not Configuration: devices refuse it.", "Write Configuration."},
		{codePayloadVersion, Error, "PayloadVersion is not 1; it numbers the format, not the revision.", "Write 1."},
		{codeMissingKey, Error, "A required key is missing.", "Add it."},
		{codeUnknownKey, Warning, "Apple's schema does not know the key; devices ignore it.", "Check the spelling, or leave it out."},
		{codeWrongType, Error, "A value has another type than its key asks for.", "Write the type of Apple's schema."},
		{codeWrongValue, Error, "A value is outside what its key may have.", "Write one that Apple's schema allows."},
		{codeEmptyString, Warning, "A text is empty; what devices make of it is not known.", "Leave the key out."},
		{codeIgnoredKey, Warning, "The target device ignores the key.", "Leave it out, or make a file for the other device."},
		{codeDeprecated, Note, "Apple has deprecated the key or payload.", "Plan for its replacement."},
		{codeMDMVariable, Note, "A value holds a variable that an MDM fills in.", "Deliver the file by that MDM, not by hand."},
		{codePasswordInside, Error, "A password or another secret is inside, legible to everybody who has the file.", "Leave it out and have the device ask; change a secret that was used."},
		{codeEncryptedContent, Note, "The payloads are encrypted for a device and cannot be inspected.", "Inspect the file from before the encryption."},

		{codeNoPayloads, Error, "The file has no payload: nothing to install.", "Put payloads into PayloadContent."},
		{codeUnknownPayloadType, Note, "The type of the payload is not known here, so its keys are not checked.", "Check its spelling and keys by hand."},
		{codeDangerousPayload, Warning, "The payload reaches further than an account.", "Leave it out of a profile for mail; do not install one of a stranger's."},
		{codeRepeatedPayload, Warning, "A payload is there twice though a device takes one of its type.", "Put all of it into one payload."},
		{codeWrongPlatform, Warning, "The target device does not support the payload.", "Leave it out, or correct TargetDeviceType."},
		{codeNoTargetDevice, Note, "The file does not say which device it is for; a phone may ask \"iPhone or Watch?\".", "Write TargetDeviceType: 1 for iPhone and iPad, 5 for Mac."},
		{codeWrongScope, Error, "On a Mac accounts belong to the user, not to the system.", "Write User as PayloadScope."},
		{codeMixedMacFile, Warning, "A Mac's account belongs to the user and its policy to the device, but both are in one file.", "Make two files."},
		{codeRemovalDisallowed, Warning, "The person cannot remove the profile, or not without a password.", "Leave that to an MDM on supervised devices."},
		{codeRemovalDatePast, Warning, "The day on which the profile ends is over.", "Write a later one, or none."},
		{codeNameMissing, Note, "The file does not say its name or who issued it.", "Write PayloadDisplayName and PayloadOrganization."},
		{codeMalformedIdentifier, Warning, "An identifier is no reversed domain name such as com.example.mail.", "Write letters, digits and hyphens, with dots between."},
		{codeDuplicateIdentifier, Error, "An identifier is there twice; each must be unique.", "Give each payload its own."},
		{codeRandomIdentifier, Warning, "The identifier looks random: if each download has another, the device keeps both accounts instead of replacing one.", "Derive it from the mailbox."},
		{codeIdentifierPerDomain, Warning, "The identifier seems to name the domain alone: a second mailbox of the domain replaces the first.", "Derive it from the mailbox."},
		{codeMalformedUUID, Warning, "A PayloadUUID is not of the form 8-4-4-4-12 in hex.", "Write one."},
		{codeDuplicateUUID, Error, "A PayloadUUID is there twice; each must be unique.", "Give each payload its own."},

		{codeTLSOff, Error, "TLS is off: login and content may cross the network in clear text.", "Write the key, true."},
		{codeTLSUnstated, Note, "The key for TLS is absent, which leaves TLS on by Apple's default of today.", "Write the key, true."},
		{codePlaintextPort, Warning, "The port is for connections in clear text.", "Use 993 for IMAP, 995 for POP, 465 for SMTP, and 443 for calendars and contacts."},
		{codeSTARTTLSPort, Note, "The connection starts in clear text there and turns to TLS by STARTTLS.", "Prefer 993 and 465."},
		{codePortMissing, Warning, "The port is missing: the device guesses.", "Write it: 993 for IMAP, 465 for SMTP, 443 for calendars and contacts."},
		{codeNoAuthentication, Warning, "The account signs in to the server without a password.", "Write EmailAuthPassword."},
		{codeAsksTwice, Note, "The device asks for the password twice, for incoming and for outgoing mail.", "Write OutgoingPasswordSameAsIncomingPassword, true, if they are the same."},
		{codeSameDescription, Warning, "Two accounts have the same description: iPhones keep one of them.", "Give each its own."},
		{codeConsentMissing, Warning, "A passcode policy is inside, and no text that a person must agree to.", "Write ConsentText with a default that says what happens."},
		{codeWipeWithoutDelay, Warning, "Six wrong codes or less erase an iPhone, with no pause between them.", "Use 10; from 7 on there are pauses."},
		{codeFailedAttemptsUnclear, Warning, "What a maxFailedAttempts of 11 does is not documented.", "Use 7 to 10, or leave the key out for none."},
		{codeLoginResetMissing, Warning, "A Mac locks after maxFailedAttempts, and without minutesUntilFailedLoginReset it is not said when that ends.", "Write both."},
		{codeNoEffect, Warning, "The rule has no effect as it stands.", "Leave it out, or write what it needs."},
	}
}

// meanings are the Codes by their code.
var meanings = sync.OnceValue(func() map[Code]Meaning {
	all := map[Code]Meaning{}
	for _, m := range Codes() {
		all[m.Code] = m
	}
	return all
})
