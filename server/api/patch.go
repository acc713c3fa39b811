package api

import "encoding/json"

// A mergePatch has the fields that a PATCH changes (RFC 7396). Null resets a field to
// its default.
type mergePatch map[string]json.RawMessage

// patched returns the settings with the patch applied.
func patched[S any](current S, patch mergePatch) (S, error) {
	var out S
	fields := mergePatch{}
	data, err := json.Marshal(current)
	if err == nil {
		err = json.Unmarshal(data, &fields)
	}
	if err != nil {
		return out, err
	}
	merge(fields, patch) // null becomes the zero value, which is the default
	if data, err = json.Marshal(fields); err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

// merge applies the patch to the fields. Objects in both are merged field by field, and
// null removes a field.
func merge(fields, patch mergePatch) {
	for name, value := range patch {
		var current, inner mergePatch
		if json.Unmarshal(fields[name], &current) != nil || json.Unmarshal(value, &inner) != nil || current == nil || inner == nil {
			fields[name] = value
			continue
		}
		merge(current, inner)
		for within, value := range current {
			if string(value) == "null" {
				delete(current, within)
			}
		}
		fields[name], _ = json.Marshal(current) // it was JSON
	}
}
