package api

import (
	"encoding/json"
	"maps"
)

// A mergePatch holds the fields that a PATCH changes (RFC 7396). Null gives a
// field its default.
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
	maps.Copy(fields, patch) // null becomes the zero value, which is the default
	if data, err = json.Marshal(fields); err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}
