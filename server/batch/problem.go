package batch

// A Code names what is wrong with a row or an input. Codes are published: add,
// never rename.
type Code string

// The codes of rows.
const (
	AddressMalformed Code = "address_malformed"
	AddressMissing   Code = "address_missing"
	AddressTwice     Code = "address_twice"
	// NotPossible says that the settings don't allow what the row requests.
	NotPossible     Code = "not_possible"
	NameInvalid     Code = "name_invalid"
	LoginInvalid    Code = "login_invalid"
	LocaleUnknown   Code = "locale_unknown"
	PlatformUnknown Code = "platform_unknown"
	VariantUnknown  Code = "variant_unknown"
	DeviceInvalid   Code = "device_invalid" // serial, UDID or ECID
	TextInvalid     Code = "text_invalid"   // of a value that only the manifest repeats
	CellMasked      Code = "cell_masked"    // a value that errors.csv has masked
	CellsMismatch   Code = "cells_mismatch" // more or fewer than in the header
	Malformed       Code = "malformed"      // quotes, JSON
	NotUTF8         Code = "not_utf8"
)

// The codes of inputs that can't be used at all. Malformed and NotUTF8 are also
// among them.
const (
	Empty         Code = "empty"
	NoHeader      Code = "no_header"
	ColumnMissing Code = "column_missing"
	ColumnTwice   Code = "column_twice"
	ColumnUnknown Code = "column_unknown"
	SecretFound   Code = "secret_found"
	TooLarge      Code = "too_large" // a row, or the number of columns
	NoManifest    Code = "no_manifest"
)

// A Problem is what is wrong with one row.
type Problem struct {
	Row    int    `json:"row"`              // the line where it begins
	Column string `json:"column,omitempty"` // the input's name for it
	Code   Code   `json:"code"`
	Value  string `json:"value,omitempty"` // masked
	Detail string `json:"detail"`

	field Field
}

// masked returns the masked form of a refused value. It may be a password in
// the wrong column.
func masked(value string) string {
	if value == "" {
		return ""
	}
	if c := value[0]; len(value) > 4 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
		return string(c) + mask
	}
	return mask
}

// mask ends every masked value. A field can't end like that, so someone who
// sends errors.csv again has to retype the value.
const mask = "***"
