package gate

// A Code identifies the rule that a profile breaks. Codes are stable: programs
// can rely on them. New ones may be added.
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

// The policy and its consent text.
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

// A Meaning is a code with a sentence that explains it.
type Meaning struct {
	Code Code
	Text string
}

// Codes returns all codes of Check's refusals, in the order of the
// documentation.
func Codes() []Meaning {
	return []Meaning{
		{TooLarge, "The profile is larger than 64 KiB."},
		{Doctype, "The DOCTYPE line differs from Apple's, for example by an internal subset."},
		{TrailingData, "There is something before or after the property list."},
		{NotCanonical, "Something differs from the canonical form: whitespace, order of keys, comments, attributes, entities, numbers, a truncated file."},
		{UnknownKey, "A dict has a key that isn't on its list."},
		{PasswordKey, "A key is for a password or a removal passcode."},
		{DuplicateKey, "A dict has the same key twice."},
		{MissingKey, "A required key is missing from a dict."},
		{WrongType, "A value has the wrong type for its key."},
		{WrongValue, "A value isn't allowed for its key."},
		{EmptyText, "A string is empty; its key must be omitted instead."},
		{LongText, "A string is longer than 1,024 bytes, or a description or consent text longer than 4,096."},
		{Text, "A string has invalid UTF-8, a control character, an invisible character, a direction control, a line break where none is allowed, or a code point that isn't a character."},
		{PayloadType, "A payload is neither an account for mail, calendars or contacts nor a passcode policy, or the file isn't a configuration."},
		{Content, "The payloads can't be combined in one file: one is repeated, in the wrong order, missing, or not for this device."},
		{Scope, "PayloadScope isn't User for accounts on a Mac, System for a policy on a Mac, or absent on an iPhone."},
		{Identifier, "A PayloadIdentifier isn't the one derived from the address."},
		{UUID, "A PayloadUUID isn't the one derived from its PayloadIdentifier."},
		{Address, "The address isn't the one allowed for the caller, or that one is malformed."},
		{ForeignHost, "A server isn't one that the operator configured for this kind of account."},
		{Port, "A port isn't the configured one, isn't from 1 to 65535, or is 25 or 110 for mail, or 80 for calendars or contacts."},
		{TLSOff, "UseSSL isn't true for incoming or outgoing mail, for calendars or for contacts: it's false, absent, or not a boolean."},
		{PolicyNotAllowed, "The profile has a passcode policy, which isn't allowed for the caller."},
		{PolicyFloor, "A value of the passcode policy is outside its range."},
		{LoginReset, "minutesUntilFailedLoginReset must be present exactly if a Mac's policy has maxFailedAttempts."},
		{ConsentMissing, "The profile has a policy without a consent text, or the text has no default."},
		{ConsentLanguage, "ConsentText has a key that is neither default nor a language tag, or more than 40 of them."},
		{TestMark, "The name, the description or a consent text isn't marked as a test although the profile must be, or is marked although it isn't one."},
		{Login, "A username isn't the one allowed for the caller."},
		{PersonName, "The sender's name isn't the one allowed for the caller, or has characters or words that names can't have, such as a domain name."},
		{Organization, "The organization isn't the one allowed for the caller."},
		{DisplayText, "A text that the device shows isn't the one allowed for the caller."},
		{Removal, "The device would remove the profile at another time than the one allowed for the caller."},
	}
}

// A Refusal explains why a profile wasn't cleared. It contains no values from
// the profile and no unlisted keys, so it can be logged and shown.
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

// in puts key before the path of r. The path of a refusal is built from the
// inside out.
func (r *Refusal) in(key string) *Refusal {
	if r.Path != "" {
		key += "." + r.Path
	}
	r.Path = key
	return r
}
