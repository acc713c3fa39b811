package lint

import (
	"slices"
	"sync"
)

// A Code identifies a kind of finding. Codes are stable: programs can rely on
// them. New ones may be added.
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

// A Meaning is a code with its usual severity, its message and its advice.
// Individual findings may be more detailed or have another severity.
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
		{codePEM, Error, "The signed envelope is encoded as PEM text, which devices can't read.", "Convert it: openssl cms -cmsout -inform PEM -outform DER."},
		{codeMailWrapping, Error, "The signed envelope is wrapped for mail, which devices can't read.", "Extract the envelope: openssl cms -cmsout -inform SMIME -outform DER, or base64 -d."},
		{codeMailHeader, Error, "The signed content starts with a mail header, so devices find no profile in it.", "Sign the profile again without the header: openssl cms -sign -binary -nodetach -outform DER, and no -text."},
		{codeLeadingData, Error, "There is data before the signed envelope, so devices find no profile.", "Remove it."},
		{codeTrailingData, Warning, "There is data after the end of the profile. Programs differ in whether they read it.", "Remove it."},
		{codeDuplicateKey, Error, "A dict has the same key twice. Only one of the values counts, and programs differ in which.", "Keep one of them."},
		{codeMalformedValue, Error, "A number, date, boolean or data value can't be read.", "Correct it, or remove the key."},
		{codeHiddenCharacters, Warning, "A text has invisible characters, characters that change the display order of others, or whitespace at its ends.", "Type it again."},
	}
	signatureCodes = []Meaning{
		{codeUnsigned, Note, "The file isn't signed: devices show \"Unsigned\", and anyone may have changed it.", "Sign it when it is finished."},
		{codeSignatureInvalid, Error, "The signature is invalid: don't trust the contents.", "Get the file again from its author, or sign it again."},
		{codeSignatureUnchecked, Warning, "The signature has a form that this program can't check.", "Check it with openssl cms -verify."},
		{codeNoSigner, Error, "The signed envelope has no signature.", "Sign the profile."},
		{codeSeveralSigners, Warning, "The envelope has more than one signature. Apple doesn't say which of them a device checks and shows.", "Sign it once."},
		{codeNoSignedAttributes, Note, "The signature only covers the content, without signed attributes such as the signing time.", "No action needed; most tools add the attributes."},
		{codeBER, Warning, "The envelope is encoded as BER; Apple asks for DER.", "Sign it again with a tool that writes DER."},
		{codeSHA1, Warning, "The signature relies on SHA-1, which can be forged.", "Sign it again with SHA-256."},
		{codeMissingIntermediate, Warning, "The certificate that issued the signer's is missing, so devices can't build a chain to a root that they trust.", "Sign it again with the intermediate certificates (fullchain.pem)."},
		{codeSignerExpired, Error, "A certificate of the signer has expired: devices show the profile as not verified.", "Renew the certificate and sign again."},
		{codeSignerNotYetValid, Error, "A certificate of the signer isn't valid yet.", "Check the clock of the signing machine, or wait."},
		{codeSignerExpiring, Warning, "A certificate of the signer expires within 30 days.", "Renew the certificate and sign again before that day."},
		{codeUntrustedSigner, Note, "This machine doesn't trust the signer; others may.", "Check the signature with the right roots: mobileconfig verify --roots."},
		{codeSigningTime, Warning, "The signature claims a time when the signer's certificate wasn't valid.", "Check the clock of the machine that signs."},
	}
	valueCodes = []Meaning{
		{codeWrongOuterType, Error, "The PayloadType of the file isn't Configuration: devices refuse it.", "Change it to Configuration."},
		{codePayloadVersion, Error, "PayloadVersion isn't 1. It is the version of the format, not of your profile.", "Change it to 1."},
		{codeMissingKey, Error, "A required key is missing.", "Add it."},
		{codeUnknownKey, Warning, "The key isn't in Apple's schema; devices ignore it.", "Check the spelling, or remove it."},
		{codeWrongType, Error, "The value has the wrong type for the key.", "Use the type in Apple's schema."},
		{codeWrongValue, Error, "The value isn't allowed for the key.", "Use a value that Apple's schema allows."},
		{codeEmptyString, Warning, "A text is empty. Apple doesn't say what devices do with an empty text.", "Remove the key."},
		{codeIgnoredKey, Warning, "The target device ignores the key.", "Remove it, or create a separate file for the other device."},
		{codeDeprecated, Note, "Apple has deprecated the key.", "Plan to replace it."},
		{codeMDMVariable, Note, "A value contains a variable that device management (MDM) fills in.", "Distribute the file through that MDM; it doesn't work when people install it themselves."},
		{codePasswordInside, Error, "The file contains a password or another secret. Everyone who has the file can read it.", "Remove it, so that the device asks for it. Change a secret that was in use."},
		{codeEncryptedContent, Note, "The payloads are encrypted for one device and can't be inspected.", "Inspect the file before it is encrypted."},
	}
	payloadCodes = []Meaning{
		{codeNoPayloads, Error, "The file has no payloads, so there is nothing to install.", "Add payloads to PayloadContent."},
		{codeUnknownPayloadType, Note, "The type of the payload is unknown, so its keys weren't checked.", "Check the spelling of the type, and the keys, yourself."},
		{codePayloadDeprecated, Note, "Apple has deprecated the payload in favor of a declaration.", "Devices that a person sets up don't need a change yet. If an MDM manages them, plan to send the declaration instead."},
		{codeDangerousPayload, Warning, "The payload does more than set up an account.", "Remove it from a profile for mail. Install the profile only if you trust its author."},
		{codeRepeatedPayload, Warning, "The file has two payloads of a type that devices accept only once.", "Merge them into one payload."},
		{codeWrongPlatform, Warning, "The target device doesn't support the payload.", "Remove it, or correct TargetDeviceType."},
		{codeNoTargetDevice, Note, "The file doesn't say which device it is for. An iPhone with a paired Watch asks which device it's for.", "Add TargetDeviceType: 1 for iPhone and iPad, 5 for Mac."},
		{codeWrongScope, Error, "On a Mac an account belongs to the user, but the file is for the system.", "Set PayloadScope to User."},
		{codeMixedMacFile, Warning, "The file has an account and a passcode policy for a Mac. The account belongs to the user, the policy to the device.", "Create two files."},
		{codeRemovalDisallowed, Warning, "People can't remove the profile, or need a password to do so.", "Only use this with an MDM on supervised devices."},
		{codeRemovalDatePast, Warning, "The date on which the profile expires or is removed has passed.", "Set a later date, or none."},
		{codeNameMissing, Note, "The file has no name, or doesn't say who issued it.", "Add PayloadDisplayName and PayloadOrganization."},
		{codeMalformedIdentifier, Warning, "The identifier isn't a reversed domain name such as com.example.mail.", "Use letters, digits and hyphens, separated by dots."},
		{codeDuplicateIdentifier, Error, "Two payloads have the same identifier; it must be unique.", "Give each payload its own."},
		{codeRandomIdentifier, Warning, "The identifier looks random: if it changes with each download, the device keeps the old profile next to the new one instead of replacing it.", "Derive it from the profile's purpose."},
		{codeIdentifierPerDomain, Warning, "The identifier seems to be the same for all mailboxes of the domain: a second mailbox replaces the first.", "Derive it from the mailbox."},
		{codeMalformedUUID, Warning, "The PayloadUUID isn't in the form 8-4-4-4-12 in hexadecimal digits.", "Generate a UUID."},
		{codeDuplicateUUID, Error, "A PayloadUUID appears twice; it must be unique.", "Give each payload its own."},
	}
	accountCodes = []Meaning{
		{codeTLSOff, Error, "TLS is off: login and content may be sent unencrypted.", "Set the key to true."},
		{codeTLSUnstated, Note, "The key for TLS is absent. Apple's current default leaves TLS on.", "Set the key to true."},
		{codePlaintextPort, Warning, "The port is for unencrypted connections.", "Use 993 for IMAP, 995 for POP, 465 for SMTP, and 443 for calendars and contacts."},
		{codeSTARTTLSPort, Note, "Connections to the port start unencrypted and switch to TLS with STARTTLS.", "Prefer 993 for IMAP and 465 for SMTP."},
		{codeWrongPort, Warning, "The port belongs to another protocol.", "Use 993 for IMAP, 995 for POP, 465 for SMTP, and 443 for calendars and contacts."},
		{codePortMissing, Warning, "The port is missing, so the device guesses.", "Add it: 993 for IMAP, 465 for SMTP, 443 for calendars and contacts."},
		{codeNoAuthentication, Warning, "The account signs in to the server without a password.", "Change it to EmailAuthPassword."},
		{codeAsksTwice, Note, "The device asks for the password of outgoing mail separately.", "Set OutgoingPasswordSameAsIncomingPassword to true if the passwords are the same."},
		{codeSameDescription, Warning, "Two accounts have the same description, so iPhones keep only one of them.", "Give each its own."},
		{codeConsentMissing, Warning, "The file has a passcode policy, but no consent text for people to agree to.", "Add ConsentText with a default text that explains what will happen."},
		{codeWipeWithoutDelay, Warning, "Six or fewer wrong passcodes erase an iPhone, with no delay between attempts.", "Use 10; delays start after the sixth attempt."},
		{codeFailedAttemptsUnclear, Warning, "Apple doesn't document what a maxFailedAttempts of 11 does.", "Use 7 to 10, or remove the key for no limit."},
		{codeLoginResetMissing, Warning, "A Mac locks after maxFailedAttempts. Without minutesUntilFailedLoginReset, it isn't defined how long.", "Set both keys."},
		{codeNoEffect, Warning, "The setting has no effect as it is.", "Remove it, or add what it needs."},
	}
)

// meanings are the Codes by code.
var meanings = sync.OnceValue(func() map[Code]Meaning {
	all := map[Code]Meaning{}
	for _, m := range Codes() {
		all[m.Code] = m
	}
	return all
})
