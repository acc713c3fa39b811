package mdm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// schemaFolder contains Apple's schema of declarations, which package schema
// maintains.
var schemaFolder = filepath.Join("..", "..", "..", "profile", "testdata", "apple-schema", "declarations")

// A key is a key in Apple's schema.
type key struct {
	Key, Type, Presence string
	Range               *struct{ Min, Max int64 }
	Subkeys             []key
}

// schemas are the files of the declarations that devices here know.
var schemas = map[string]string{
	"com.apple.configuration.passcode.settings": "passcode.settings.json",
	"com.apple.activation.simple":               "simple.json",
}

func readSchema(name string) ([]key, error) {
	data, err := os.ReadFile(filepath.Join(schemaFolder, name))
	if err != nil {
		return nil, err
	}
	var schema struct{ PayloadKeys []key }
	err = json.Unmarshal(data, &schema)
	return schema.PayloadKeys, err
}

// checkDeclaration checks a declaration against Apple's schema and against the
// list that names it.
func checkDeclaration(text []byte, item declared) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var d map[string]any
	if err := decoder.Decode(&d); err != nil {
		return err
	}
	if d["Identifier"] != item.Identifier || d["ServerToken"] != item.ServerToken {
		return fmt.Errorf("it is %v with the token %v, the list says %v", d["Identifier"], d["ServerToken"], item)
	}
	kind, _ := d["Type"].(string)
	base, err := readSchema("declarationbase.json")
	if err != nil {
		return err
	}
	payload, _ := d["Payload"].(map[string]any)
	d["Payload"] = map[string]any{}
	if err := checkKeys(base, d); err != nil {
		return err
	}
	keys, err := readSchema(schemas[kind])
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return checkKeys(keys, payload)
}

// checkKeys checks the keys of an object against their schema.
func checkKeys(keys []key, object map[string]any) error {
	for _, k := range keys {
		if _, ok := object[k.Key]; !ok && k.Presence == "required" {
			return fmt.Errorf("%s is missing", k.Key)
		}
	}
	for name, value := range object {
		i := slices.IndexFunc(keys, func(k key) bool { return k.Key == name })
		if i < 0 {
			return fmt.Errorf("%s isn't known", name)
		}
		if !keys[i].fits(value) {
			return fmt.Errorf("%s can't be %v", name, value)
		}
	}
	return nil
}

// fits reports whether the value has the type and is in the range.
func (k key) fits(value any) bool {
	switch value := value.(type) {
	case string:
		return k.Type == "<string>" && value != ""
	case bool:
		return k.Type == "<boolean>"
	case json.Number:
		n, err := value.Int64()
		return err == nil && k.Type == "<integer>" && (k.Range == nil || k.Range.Min <= n && n <= k.Range.Max)
	case []any:
		return k.Type == "<array>" && !slices.ContainsFunc(value, func(one any) bool { return !k.Subkeys[0].fits(one) })
	case map[string]any:
		return k.Type == "<dictionary>"
	}
	return false
}
