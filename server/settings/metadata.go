package settings

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Bounds on metadata.
const (
	MaxMetadata      = 20  // names
	MaxMetadataName  = 40  // characters
	MaxMetadataValue = 500 // bytes
)

// Metadata is what a program keeps with a domain or a link for itself: values by
// their names. It is JSON with the names in order, so equal metadata are equal;
// empty: none.
type Metadata string

// metadataName is the spelling of names.
var metadataName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// NewMetadata returns the metadata of the values, of which empty ones don't
// count. The error holds a fault for each value that cannot be taken.
func NewMetadata(values map[string]string) (Metadata, error) {
	var bad []error
	kept := map[string]string{}
	for name, value := range values {
		err := checkMetadata(name, value)
		switch {
		case err != nil:
			bad = append(bad, err)
		case value != "":
			kept[name] = value
		}
	}
	if len(kept) > MaxMetadata {
		bad = append(bad, fault.On("metadata", fault.Invalid, "There may be up to %d names.", MaxMetadata))
	}
	if len(kept) == 0 || len(bad) > 0 {
		return "", errors.Join(bad...)
	}
	data, err := json.Marshal(kept)
	return Metadata(data), err
}

// checkMetadata refuses a value. What looks like a password isn't repeated.
func checkMetadata(name, value string) error {
	if !metadataName.MatchString(name) {
		return fault.On("metadata", fault.Invalid, "A name has up to %d letters, digits and the characters _ . -", MaxMetadataName)
	}
	field := "metadata/" + name
	if err := fault.PasswordField(name); err != nil {
		return fault.On(field, fault.PasswordRefused, "%s", fault.Of(err).Detail)
	}
	if err := profile.CheckLine(value); err != nil || len(value) > MaxMetadataValue || !utf8.ValidString(value) {
		return fault.OnText(field, err, fault.Invalid, "A value is one line of up to %d bytes.", MaxMetadataValue)
	}
	return nil
}

// Values are the values by their names. None is an empty map.
func (m Metadata) Values() map[string]string {
	values := map[string]string{}
	_ = json.Unmarshal([]byte(m), &values) // NewMetadata made it
	return values
}

// Has reports whether the value is under the name.
func (m Metadata) Has(p Pair) bool { return p.Value != "" && m.Values()[p.Name] == p.Value }

// ParsePair reads a name and a value with a colon between, such as customer:4711.
// Empty: no pair. The fault is of the field "metadata".
func ParsePair(text string) (Pair, error) {
	if text == "" {
		return Pair{}, nil
	}
	name, value, ok := strings.Cut(text, ":")
	if _, err := NewMetadata(map[string]string{name: value}); err != nil || !ok || value == "" {
		return Pair{}, fault.On("metadata", fault.Invalid, "Send a name and a value with a colon between, such as customer:4711.")
	}
	return Pair{name, value}, nil
}

// MaxPair is the longest text that ParsePair reads, in bytes.
const MaxPair = MaxMetadataName + 1 + MaxMetadataValue

// A Pair is a value of metadata under its name, by which things are found.
type Pair struct{ Name, Value string }
