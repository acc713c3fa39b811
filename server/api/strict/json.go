package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/server/fault"
)

// maxDepth is the maximum nesting of objects and lists in a body.
const maxDepth = 16

// A decoder reads JSON more strictly than encoding/json: names are case-sensitive and
// unique within an object.
type decoder struct {
	*json.Decoder
	duplicates []string // JSON pointers
}

// decode reads one value and the pointers to duplicate fields, of which the first
// counts. Numbers keep their spelling.
func decode(data []byte) (value any, duplicates []string, err error) {
	d := &decoder{Decoder: json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	if utf8.Valid(data) && json.Valid(data) {
		value, err = d.value("", maxDepth)
	} else {
		err = errors.New("no JSON")
	}
	if err != nil {
		return nil, nil, fault.New(fault.FormMalformed, "The request can't be parsed as JSON in UTF-8.")
	}
	return value, d.duplicates, nil
}

// value reads the next value of a valid document.
func (d *decoder) value(at string, depth int) (any, error) {
	t, err := d.Token()
	delim, nested := t.(json.Delim)
	switch {
	case err != nil || !nested:
		return t, err
	case depth == 0:
		return nil, errors.New("nested too deeply")
	case delim == '{':
		return d.object(at, depth-1)
	}
	list := []any{}
	for d.More() {
		v, err := d.value(at+"/"+strconv.Itoa(len(list)), depth-1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err = d.Token()
	return list, err
}

func (d *decoder) object(at string, depth int) (any, error) {
	fields := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		below := at
		if fieldName.MatchString(name) {
			below += "/" + name
		}
		v, err := d.value(below, depth)
		if err != nil {
			return nil, err
		}
		if _, ok := fields[name]; ok {
			d.duplicates = append(d.duplicates, below)
			continue
		}
		fields[name] = v
	}
	_, err := d.Token()
	return fields, err
}

// fieldName matches plausible field names. Errors never repeat other names, which could
// be anything, such as a password.
var fieldName = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)
