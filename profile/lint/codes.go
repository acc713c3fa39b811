package lint

import (
	"slices"
	"sync"
)

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
	codePayloadDeprecated   Code = "payload_deprecated"
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
	codeWrongPort             Code = "wrong_port"
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

// A Meaning is a code with its usual severity, what it says about a profile and
// what to do about it. Single findings may say more, and have another severity.
type Meaning struct {
	Code     Code
	Severity Severity
	Text, Do string
}

// Codes returns every code of a finding, in the order of the documentation.
func Codes() []Meaning {
	return slices.Concat(fileCodes, signatureCodes, valueCodes, payloadCodes, accountCodes)
}

// The codes of each group above.
var (
	fileCodes = []Meaning{
		{codePEM, Error, "The signed envelope is encoded as PEM text, which devices cannot read.", "Convert it: openssl cms -cmsout -inform PEM -outform DER."},
		{codeMailWrapping, Error, "The signed envelope is wrapped for mail, which devices cannot read.", "Take the envelope out: openssl cms -cmsout -inform SMIME -outform DER, or base64 -d."},
		{codeMailHeader, Error, "The signed content begins with a mail header, so devices find no profile in it.", "Sign the profile again without the header: openssl cms -sign -binary -nodetach -outform DER, and no -text."},
		{codeLeadingData, Error, "There is data before the signed envelope, so devices find no profile.", "Remove it."},
		{codeTrailingData, Warning, "There is data after the end of the profile. Programs differ in whether they read it.", "Remove it."},
		{codeDuplicateKey, Error, "A dict has the same key twice. Only one of the values counts, and programs differ in which.", "Keep one of them."},
		{codeMalformedValue, Error, "A number, date, boolean or data value cannot be read.", "Correct it, or leave the key out."},
		{codeHiddenCharacters, Warning, "A text has invisible characters in it, characters that change the order of others on the screen, or white space at its edges.", "Type it again by hand."},
	}
	signatureCodes = []Meaning{
		{codeUnsigned, Note, "The file is not signed: devices show \"Unsigned\", and anybody may have changed it.", "Sign it when it is finished."},
		{codeSignatureInvalid, Error, "The signature is invalid: do not trust what is inside.", "Get the file again from whoever made it, or sign it again."},
		{codeSignatureUnchecked, Warning, "The signature has a form that this program cannot check.", "Check it with openssl cms -verify."},
		{codeNoSigner, Error, "The signed envelope has no signature in it.", "Sign the profile."},
		{codeSeveralSigners, Warning, "The envelope has more than one signature. Apple does not say which of them a device checks and shows.", "Sign it once."},
		{codeNoSignedAttributes, Note, "The signature covers the content alone, without signed attributes such as the time of signing.", "Nothing has to be done; most tools add the attributes."},
		{codeBER, Warning, "The envelope is encoded as BER; Apple asks for DER.", "Sign it again with a tool that writes DER."},
		{codeSHA1, Warning, "The signature relies on SHA-1, which can be forged.", "Sign it again with SHA-256."},
		{codeMissingIntermediate, Warning, "The certificate that issued the signer's is missing, so devices cannot build a chain to a root that they trust.", "Sign it again with the intermediate certificates (fullchain.pem)."},
		{codeSignerExpired, Error, "A certificate of the signer has expired: devices show the profile as not verified.", "Renew the certificate and sign again."},
		{codeSignerNotYetValid, Error, "A certificate of the signer is not valid yet.", "Check the clock of the signing machine, or wait."},
		{codeSignerExpiring, Warning, "A certificate of the signer expires within 30 days.", "Renew the certificate and sign again before that day."},
		{codeUntrustedSigner, Note, "This machine does not trust the signer; others may.", "Check the signature against the right roots: mobileconfig verify --roots."},
		{codeSigningTime, Warning, "The signature claims a time when the signer's certificate was not valid.", "Check the clock of the machine that signs."},
	}
	valueCodes = []Meaning{
		{codeWrongOuterType, Error, "The PayloadType of the file is not Configuration: devices refuse it.", "Change it to Configuration."},
		{codePayloadVersion, Error, "PayloadVersion is not 1. It is the version of the format, not of your profile.", "Change it to 1."},
		{codeMissingKey, Error, "A required key is missing.", "Add it."},
		{codeUnknownKey, Warning, "The key is not in Apple's schema; devices ignore it.", "Check the spelling, or leave it out."},
		{codeWrongType, Error, "The value has another type than the key requires.", "Use the type that Apple's schema names."},
		{codeWrongValue, Error, "The value is not one that the key can have.", "Use a value that Apple's schema allows."},
		{codeEmptyString, Warning, "A text is empty. Apple does not say what devices do with an empty text.", "Leave the key out."},
		{codeIgnoredKey, Warning, "The target device ignores the key.", "Leave it out, or make a separate file for the other device."},
		{codeDeprecated, Note, "Apple has deprecated the key.", "Plan to replace it."},
		{codeMDMVariable, Note, "A value contains a variable that device management (MDM) fills in.", "Deliver the file by that MDM; it does not work when people install it themselves."},
		{codePasswordInside, Error, "A password or another secret is inside. Everybody who has the file can read it.", "Leave it out and have the device ask; change a secret that was used."},
		{codeEncryptedContent, Note, "The payloads are encrypted for one device and cannot be inspected.", "Inspect the file before it is encrypted."},
	}
	payloadCodes = []Meaning{
		{codeNoPayloads, Error, "The file has no payloads, so there is nothing to install.", "Add payloads to PayloadContent."},
		{codeUnknownPayloadType, Note, "This program does not know the type of the payload and has not checked its keys.", "Check the spelling of the type, and the keys, by hand."},
		{codePayloadDeprecated, Note, "Apple has deprecated the payload in favour of a declaration.", "Devices that a person sets up by hand need nothing yet. Where an MDM manages them, plan to send the declaration instead."},
		{codeDangerousPayload, Warning, "The payload does more than set up an account.", "Leave it out of a profile for mail, and install it only if you trust whoever made the profile."},
		{codeRepeatedPayload, Warning, "The file has two payloads of a type that a device accepts once.", "Merge them into one payload."},
		{codeWrongPlatform, Warning, "The target device does not support the payload.", "Leave it out, or correct TargetDeviceType."},
		{codeNoTargetDevice, Note, "The file does not say which device it is for. An iPhone with a paired Watch asks which of the two is meant.", "Add TargetDeviceType: 1 for iPhone and iPad, 5 for Mac."},
		{codeWrongScope, Error, "On a Mac an account belongs to the user, but the file is for the system.", "Set PayloadScope to User."},
		{codeMixedMacFile, Warning, "The file has an account and a passcode policy for a Mac. The account belongs to the user, the policy to the device.", "Make two files."},
		{codeRemovalDisallowed, Warning, "People cannot remove the profile, or need a password to do so.", "Leave that to an MDM on supervised devices."},
		{codeRemovalDatePast, Warning, "The date on which the profile expires or is removed has passed.", "Set a later date, or none."},
		{codeNameMissing, Note, "The file has no name, or does not say who issued it.", "Add PayloadDisplayName and PayloadOrganization."},
		{codeMalformedIdentifier, Warning, "The identifier is not a reversed domain name such as com.example.mail.", "Use letters, digits and hyphens, separated by dots."},
		{codeDuplicateIdentifier, Error, "Two payloads have the same identifier; it must be unique.", "Give each payload its own."},
		{codeRandomIdentifier, Warning, "The identifier looks random: if each download has another, the device keeps the old profile beside the new one instead of replacing it.", "Derive it from what the profile is for."},
		{codeIdentifierPerDomain, Warning, "The identifier seems to be the same for all mailboxes of the domain: a second mailbox replaces the first.", "Derive it from the mailbox."},
		{codeMalformedUUID, Warning, "The PayloadUUID is not in the form 8-4-4-4-12 in hexadecimal digits.", "Generate a UUID."},
		{codeDuplicateUUID, Error, "A PayloadUUID appears twice; it must be unique.", "Give each payload its own."},
	}
	accountCodes = []Meaning{
		{codeTLSOff, Error, "TLS is off: login and content may cross the network in clear text.", "Set the key to true."},
		{codeTLSUnstated, Note, "The key for TLS is absent. Apple's current default leaves TLS on.", "Set the key to true."},
		{codePlaintextPort, Warning, "The port is for connections in clear text.", "Use 993 for IMAP, 995 for POP, 465 for SMTP, and 443 for calendars and contacts."},
		{codeSTARTTLSPort, Note, "Connections to the port begin in clear text and change to TLS by STARTTLS.", "Prefer 993 for IMAP and 465 for SMTP."},
		{codeWrongPort, Warning, "The port belongs to another protocol.", "Use 993 for IMAP, 995 for POP, 465 for SMTP, and 443 for calendars and contacts."},
		{codePortMissing, Warning, "The port is missing, so the device guesses.", "Add it: 993 for IMAP, 465 for SMTP, 443 for calendars and contacts."},
		{codeNoAuthentication, Warning, "The account signs in to the server without a password.", "Change it to EmailAuthPassword."},
		{codeAsksTwice, Note, "The device asks for the password of outgoing mail separately.", "Set OutgoingPasswordSameAsIncomingPassword to true if the passwords are the same."},
		{codeSameDescription, Warning, "Two accounts have the same description, so iPhones keep only one of them.", "Give each its own."},
		{codeConsentMissing, Warning, "The file has a passcode policy, but no text that people have to agree to.", "Add ConsentText with a default text that says what will happen."},
		{codeWipeWithoutDelay, Warning, "Six or fewer wrong codes erase an iPhone, with no delay between attempts.", "Use 10; delays begin after the sixth attempt."},
		{codeFailedAttemptsUnclear, Warning, "Apple does not document what a maxFailedAttempts of 11 does.", "Use 7 to 10, or leave the key out for no limit."},
		{codeLoginResetMissing, Warning, "A Mac locks after maxFailedAttempts. Without minutesUntilFailedLoginReset nothing says when that ends.", "Set both keys."},
		{codeNoEffect, Warning, "The setting has no effect as it is.", "Leave it out, or add what it needs."},
	}
)

// meanings are the Codes by their code.
var meanings = sync.OnceValue(func() map[Code]Meaning {
	all := map[Code]Meaning{}
	for _, m := range Codes() {
		all[m.Code] = m
	}
	return all
})
