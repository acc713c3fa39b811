package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// The known declaration types.
const (
	settingsType   = "com.apple.configuration.passcode.settings"
	activationType = "com.apple.activation.simple"
)

// declarations inspects a payload of declarations, each of which is JSON in a
// data value.
func (i *inspector) declarations(_ *payloadType, v *value, at *place) {
	list := v.find("Declarations")
	if list == nil || list.kind != array {
		return // reported elsewhere
	}
	at = at.at("Declarations")
	for n := range list.items {
		if item := &list.items[n]; item.kind == data {
			i.declaration(item, at.item(n))
		} else {
			i.add(codeWrongType, at.item(n), "A declaration is JSON in a data value.").of(item)
		}
	}
}

// A declaration has the fields that devices read.
type declaration struct {
	Type, Identifier, ServerToken string
	Payload                       map[string]any
}

// declaration inspects one declaration.
func (i *inspector) declaration(v *value, at *place) {
	if v.bad {
		return // reported elsewhere
	}
	var d declaration
	decoder := json.NewDecoder(bytes.NewReader(v.data))
	err := decoder.Decode(&d)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		i.add(codeWrongValue, at, "The data isn't a declaration in JSON.").of(v)
		return
	}
	for _, key := range []struct{ name, text string }{{"Type", d.Type}, {"Identifier", d.Identifier}, {"ServerToken", d.ServerToken}} {
		if key.text == "" {
			i.add(codeMissingKey, at.at(key.name), "")
		}
	}
	switch d.Type {
	case settingsType:
		i.declared = true
		if n, ok := d.Payload["MaximumFailedAttempts"].(float64); ok && n <= 6 {
			i.wipe(at.at("Payload").at("MaximumFailedAttempts"))
		}
	case activationType:
		if _, has := d.Payload["Predicate"]; has {
			i.add(codeDangerousPayload, at.at("Payload").at("Predicate"), "Whether the activation applies depends on a predicate. One that a device can't evaluate has made Macs unmanageable.").advise("Remove the predicate.")
		}
	case "":
	default:
		i.add(codeDangerousPayload, at, fmt.Sprintf("It applies a declaration of the type %s.", shown(d.Type, maxShown)))
	}
}
