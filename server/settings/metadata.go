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

// Limits on metadata.
const (
	MaxMetadata      = 20  // names
	MaxMetadataName  = 40  // characters
	MaxMetadataValue = 500 // bytes
)

// Metadata is data that a program stores with a domain or a link: values by
// name. It is JSON with sorted names, so equal metadata have equal text.
// Empty: none.
type Metadata string

// metadataName matches valid names.
var metadataName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// NewMetadata returns the metadata of the values without empty ones. The error
// holds a fault for each invalid value.
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
		bad = append(bad, fault.On("metadata", fault.Invalid, "Use up to %d names.", MaxMetadata))
	}
	if len(kept) == 0 || len(bad) > 0 {
		return "", errors.Join(bad...)
	}
	data, err := json.Marshal(kept)
	return Metadata(data), err
}

// checkMetadata refuses an invalid value. Its fault doesn't repeat anything
// that looks like a password.
func checkMetadata(name, value string) error {
	if !metadataName.MatchString(name) {
		return fault.On("metadata", fault.Invalid, "Use up to %d letters, digits and the characters _ . - in a name.", MaxMetadataName)
	}
	field := "metadata/" + name
	if err := fault.PasswordField(name); err != nil {
		return fault.On(field, fault.PasswordRefused, "%s", fault.Of(err).Detail)
	}
	if err := profile.CheckLine(value); err != nil || len(value) > MaxMetadataValue || !utf8.ValidString(value) {
		return fault.OnText(field, err, fault.Invalid, "Enter the value as one line of up to %d bytes.", MaxMetadataValue)
	}
	return nil
}

// Values returns the values by name. If there are none, it's an empty map.
func (m Metadata) Values() map[string]string {
	values := map[string]string{}
	_ = json.Unmarshal([]byte(m), &values) // NewMetadata created it
	return values
}

// Has reports whether the name has the value.
func (m Metadata) Has(p Pair) bool { return p.Value != "" && m.Values()[p.Name] == p.Value }

// ParsePair parses a name and a value separated by a colon, such as
// customer:4711. An empty text is no pair. The fault names the field
// "metadata".
func ParsePair(text string) (Pair, error) {
	if text == "" {
		return Pair{}, nil
	}
	name, value, ok := strings.Cut(text, ":")
	if _, err := NewMetadata(map[string]string{name: value}); err != nil || !ok || value == "" {
		return Pair{}, fault.On("metadata", fault.Invalid, "Send a name and a value separated by a colon, for example customer:4711.")
	}
	return Pair{name, value}, nil
}

// MaxPair is the longest text that ParsePair accepts, in bytes.
const MaxPair = MaxMetadataName + 1 + MaxMetadataValue

// A Pair is a metadata name and value to search for.
type Pair struct{ Name, Value string }
