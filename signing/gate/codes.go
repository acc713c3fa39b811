package gate

// A Code tells which rule a profile breaks. Codes are stable: programs may
// branch on them, and new ones may be added.
type Code string

// The file as a whole.
const (
	TooLarge     Code = "too_large"
	Doctype      Code = "doctype"
	TrailingData Code = "trailing_data"
	NotCanonical Code = "not_canonical"
)

// Keys, and values of any key.
const (
	UnknownKey   Code = "unknown_key"
	PasswordKey  Code = "password_key"
	DuplicateKey Code = "duplicate_key"
	MissingKey   Code = "missing_key"
	WrongType    Code = "wrong_type"
	WrongValue   Code = "wrong_value"
	EmptyText    Code = "empty_text"
	LongText     Code = "long_text"
	Text         Code = "text"
)

// The file's payloads, device and identity.
const (
	PayloadType Code = "payload_type"
	Content     Code = "content"
	Scope       Code = "scope"
	Identifier  Code = "identifier"
	UUID        Code = "uuid"
)

// The accounts.
const (
	Address     Code = "address"
	ForeignHost Code = "foreign_host"
	Port        Code = "port"
	TLSOff      Code = "tls_off"
	Login       Code = "login"
	PersonName  Code = "person_name"
)

// The policy and the consent to it.
const (
	PolicyNotAllowed Code = "policy_not_allowed"
	PolicyFloor      Code = "policy_floor"
	LoginReset       Code = "login_reset"
	ConsentMissing   Code = "consent_missing"
	ConsentLanguage  Code = "consent_language"
)

// What a device shows of the file, and when it removes it.
const (
	TestMark     Code = "test_mark"
	Organization Code = "organization"
	DisplayText  Code = "display_text"
	Removal      Code = "removal"
)

// A Meaning is a code and, in one sentence, what it says of a profile.
type Meaning struct {
	Code Code
	Text string
}

// Codes returns every code that Check refuses with, in the order of the
// documentation.
func Codes() []Meaning {
	return []Meaning{
		{TooLarge, "The profile is larger than 64 KiB."},
		{Doctype, "The DOCTYPE line differs from Apple's, for example by an internal subset."},
		{TrailingData, "Something stands before or after the property list."},
		{NotCanonical, "Something is spelled in another way than the one that is signed: white space, order of keys, comments, attributes, entities, numbers, a cut-off file."},
		{UnknownKey, "A dict has a key that is not on its list."},
		{PasswordKey, "A key would carry a password or a removal passcode."},
		{DuplicateKey, "A dict has the same key twice."},
		{MissingKey, "A dict lacks a key that it must have."},
		{WrongType, "A value has another type than its key asks for."},
		{WrongValue, "A value is not the one, or not one of those, that its key may have."},
		{EmptyText, "A string is empty; its key must be left out instead."},
		{LongText, "A string is longer than 1,024 bytes, or a description or consent text longer than 4,096."},
		{Text, "A string holds broken UTF-8, a control character, an invisible character, a direction control, a line break where none may be, or a code point that is not a character."},
		{PayloadType, "A payload is neither an account for mail, calendars or contacts nor a passcode policy, or the file is not a configuration."},
		{Content, "The payloads do not belong in one file: one is there twice, in the wrong order, absent, or not for this device."},
		{Scope, "PayloadScope is not User for accounts on a Mac, System for a policy on a Mac, and absent on an iPhone."},
		{Identifier, "A PayloadIdentifier is not the one that follows from the address."},
		{UUID, "A PayloadUUID is not the one that follows from its PayloadIdentifier."},
		{Address, "The address is not the one that the caller may have signed, or that one is malformed."},
		{ForeignHost, "A server is not one that the operator configured for what the account is for."},
		{Port, "A port is not the configured one, not from 1 to 65535, or is 25 or 110 for mail, or 80 for calendars or contacts."},
		{TLSOff, "UseSSL is not true for incoming or outgoing mail, for calendars or for contacts: false, absent, or no boolean."},
		{PolicyNotAllowed, "A passcode policy is inside though the caller may not have one signed."},
		{PolicyFloor, "A value of the passcode policy is outside its range."},
		{LoginReset, "minutesUntilFailedLoginReset is not there exactly when a Mac's policy has maxFailedAttempts."},
		{ConsentMissing, "A policy is inside without a consent text, or the text has no default."},
		{ConsentLanguage, "ConsentText has a key that is neither default nor a language tag, or more than 40 of them."},
		{TestMark, "The name, the description or a consent text is not marked as a test though the profile must be, or is marked though it is none."},
		{Login, "A user name is not the one that the caller may have signed."},
		{PersonName, "The sender's name is not the one that the caller may have signed, or has characters or words that no name has, such as a domain name."},
		{Organization, "The organization is not the one that the caller may have signed."},
		{DisplayText, "A text that the device shows is not the one that the caller may have signed."},
		{Removal, "The device would remove the profile at another time than the caller may have signed."},
	}
}

// A Refusal says why a profile was not cleared. It holds no value from the
// profile and no key that is not on the lists, so it can be logged and shown.
type Refusal struct {
	Code   Code
	Path   string // of the key, such as "PayloadContent.0.IncomingMailServerHostName"; may be empty
	Detail string // a sentence
}

// Error returns the path, the detail and the code.
func (r *Refusal) Error() string {
	at := ""
	if r.Path != "" {
		at = r.Path + ": "
	}
	return "gate: " + at + r.Detail + " (" + string(r.Code) + ")"
}

func refuse(code Code, detail string) *Refusal {
	return &Refusal{Code: code, Detail: detail}
}

// in puts key before the path of r: a refusal learns where it stands on its
// way up.
func (r *Refusal) in(key string) *Refusal {
	if r.Path != "" {
		key += "." + r.Path
	}
	r.Path = key
	return r
}
