package lint

import (
	"bytes"
	"errors"

	"github.com/updatecase/mobileconfig/signing"
)

// errBinary is for the other format of profiles, whose readers have crashed on
// files of fifty bytes.
var errBinary = errors.New("it's a binary property list; convert it: plutil -convert xml1 FILE")

// open extracts the property list from its envelope and reads it.
func (i *inspector) open(data []byte) (value, error) {
	if signing.Enveloped(data) {
		content, err := i.envelope(data)
		if err != nil {
			return value{}, err
		}
		return i.document(content)
	}
	i.add(codeUnsigned, nil, "")
	return i.document(data)
}

// document reads a property list and what follows it.
func (i *inspector) document(data []byte) (value, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	if err := checkStart(text); err != nil {
		return value{}, err
	}
	root, rest, err := readPlist(text)
	if err != nil {
		return root, err
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		i.add(codeTrailingData, nil, "")
	}
	if root.kind != dict {
		return root, errors.New("the property list isn't a dict, which a profile must be")
	}
	return root, nil
}

// checkStart recognizes non-XML files by their first bytes.
func checkStart(text []byte) error {
	for _, known := range []struct {
		start string
		err   error
	}{
		{"bplist", errBinary},
		{"\xfe\xff", errUTF16}, {"\xff\xfe", errUTF16}, {"<\x00", errUTF16}, {"\x00<", errUTF16},
		{"0", errors.New("it's signed twice")},
	} {
		if bytes.HasPrefix(text, []byte(known.start)) {
			return known.err
		}
	}
	if len(text) == 0 {
		return errors.New("it's empty")
	}
	if text[0] != '<' {
		return errors.New("it's neither an XML property list nor a signed envelope")
	}
	return nil
}
