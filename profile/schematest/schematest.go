// Package schematest checks profiles against Apple's schema files, for tests.
package schematest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/language"
)

// A payloadSchema is one of Apple's schema files, limited to what concerns
// profiles that people install (docs/schema.md in Apple's repository).
type payloadSchema struct {
	Payload struct {
		Type        string             `json:"payloadtype"`
		SupportedOS map[string]support `json:"supportedOS"`
	} `json:"payload"`
	Keys []keySchema `json:"payloadkeys"`
}

// A keySchema describes the allowed values of a key. Its supportedOS overrides
// that of the payload, field by field.
type keySchema struct {
	Key         string             `json:"key"`
	Type        string             `json:"type"`
	Presence    string             `json:"presence"`
	Format      string             `json:"format"`
	SupportedOS map[string]support `json:"supportedOS"`
	RangeList   []any              `json:"rangelist"`
	Range       *struct{ Min, Max float64 }
	Subkeys     []keySchema `json:"subkeys"`
}

// A support describes how an OS supports a payload or key. Absent fields are
// nil.
type support struct {
	Introduced         *string `json:"introduced"`
	Removed            *string `json:"removed"`
	Multiple           *bool   `json:"multiple"`
	Supervised         *bool   `json:"supervised"`
	RequiresDEP        *bool   `json:"requiresdep"`
	UserApprovedMDM    *bool   `json:"userapprovedmdm"`
	AllowManualInstall *bool   `json:"allowmanualinstall"`
	DeviceChannel      *bool   `json:"devicechannel"`
	UserChannel        *bool   `json:"userchannel"`
}

// floors are the first versions with TargetDeviceType, which every profile has.
// No key may need a later version.
var floors = map[string]string{"iOS": "12.2", "macOS": "10.15"}

// declaredFloors are the first versions that accept declarations in profiles
// installed manually.
var declaredFloors = map[string]string{"iOS": "17.0", "macOS": "14.0"}

// Facts from schema files newer than 18.1.
var (
	newerRanges = map[string][2]float64{"maxPINAgeInDays": {1, 730}}
	newerGone   = []string{"IsEncrypted", "HasRemovalPasscode"}
)

// needs are keys that require another key, according to the schema's text.
var needs = map[string]string{"minutesUntilFailedLoginReset": "maxFailedAttempts"}

// Schemas are Apple's schema files of the payloads that a profile can have.
type Schemas struct {
	top, common payloadSchema
	payloads    map[string]payloadSchema
}

// Read reads the schemas in a folder that server/e2e/schema created from
// Apple's files.
func Read(t *testing.T, folder string) *Schemas {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%s: %d files, %v", folder, len(files), err)
	}
	s := &Schemas{payloads: map[string]payloadSchema{}}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p payloadSchema
		if err := json.Unmarshal(data, &p); err != nil || len(p.Keys) == 0 || p.Payload.Type == "" {
			t.Fatalf("%s: %d keys, type %q, %v", file, len(p.Keys), p.Payload.Type, err)
		}
		switch p.Payload.Type {
		case "TopLevel":
			s.top = p
		case "CommonPayloadKeys":
			s.common = p
		default:
			s.payloads[p.Payload.Type] = p
		}
	}
	return s
}

// A schemaCheck is one run over one profile.
type schemaCheck struct {
	os       string
	floor    string // minimum version
	channel  string // of a Mac: "System", "User" or empty
	problems []string
	seen     map[string]bool // identifiers and UUIDs
}

// Check lists the problems of a profile that a person installs.
func (s *Schemas) Check(top map[string]any) []string {
	c := &schemaCheck{seen: map[string]bool{}}
	switch fmt.Sprint(top["TargetDeviceType"]) {
	case "1":
		c.os = "iOS"
	case "5":
		c.os = "macOS"
		c.channel, _ = top["PayloadScope"].(string)
	default:
		return []string{"TargetDeviceType: neither an iPhone nor a Mac"}
	}
	c.floor = floors[c.os]
	c.payload("", s.top, s.top.Keys, top)
	c.languages(top)
	payloads, _ := top["PayloadContent"].([]any)
	count := map[string]int{}
	for i, payload := range payloads {
		path := fmt.Sprintf("PayloadContent.%d", i)
		dict, _ := payload.(map[string]any)
		kind, _ := dict["PayloadType"].(string)
		schema, ok := s.payloads[kind]
		if !ok {
			c.add(path+".PayloadType", "no schema for it")
			continue
		}
		if count[kind]++; count[kind] > 1 && !isTrue(schema.Payload.SupportedOS[c.os].Multiple) {
			c.add(path, "more than one of this type")
		}
		c.floor = floors[c.os]
		if kind == "com.apple.declarations" {
			c.floor = declaredFloors[c.os]
		}
		c.payload(path+".", schema, slices.Concat(s.common.Keys, schema.Keys), dict)
	}
	return c.problems
}

// Declaration lists the problems of a declaration for "iOS" or "macOS", checked
// against the schema of its payload: a file in the folder declarations, without
// its extension. Declarations for a server have no ServerToken.
func Declaration(t *testing.T, folder, system, payload string, forServer bool, declaration map[string]any) []string {
	t.Helper()
	c := &schemaCheck{os: system, floor: declaredFloors[system]}
	first := "1.0"
	base := support{Introduced: &first}
	keys := declarationKeys(t, folder, "declarationbase")
	if forServer {
		keys = slices.DeleteFunc(keys, func(k keySchema) bool { return k.Key == "ServerToken" })
	}
	outer := maps.Clone(declaration)
	outer["Payload"] = map[string]any{}
	c.dict("", base, keys, outer)
	inner, _ := declaration["Payload"].(map[string]any)
	c.dict("Payload.", base, declarationKeys(t, folder, payload), inner)
	return c.problems
}

func declarationKeys(t *testing.T, folder, name string) []keySchema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "declarations", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema payloadSchema
	if err := json.Unmarshal(data, &schema); err != nil || len(schema.Keys) == 0 {
		t.Fatalf("%s: %d keys, %v", name, len(schema.Keys), err)
	}
	return schema.Keys
}

func (c *schemaCheck) add(path, format string, args ...any) {
	c.problems = append(c.problems, path+": "+fmt.Sprintf(format, args...))
}

// payload checks a payload, or the top level, with its keys.
func (c *schemaCheck) payload(path string, schema payloadSchema, keys []keySchema, dict map[string]any) {
	base, name := schema.Payload.SupportedOS[c.os], strings.TrimSuffix(path, ".")
	c.supported(name, base)
	if !isTrue(base.AllowManualInstall) {
		c.add(name, "can't be installed manually")
	}
	if c.channel == "System" && !isTrue(base.DeviceChannel) {
		c.add(name, "not for the device channel of a Mac")
	}
	if c.channel == "User" && !isTrue(base.UserChannel) {
		c.add(name, "not for the user channel of a Mac")
	}
	for _, key := range []string{"PayloadIdentifier", "PayloadUUID"} {
		c.unique(path+key, dict[key])
	}
	if text, ok := dict["PayloadUUID"].(string); ok && uuid.Validate(text) != nil {
		c.add(path+"PayloadUUID", "not a UUID")
	}
	c.dict(path, base, keys, dict)
}

func (c *schemaCheck) unique(path string, value any) {
	text, ok := value.(string)
	if ok && c.seen[text] {
		c.add(path, "not unique")
	}
	c.seen[text] = true
}

// dict checks the keys of a dict and their values.
func (c *schemaCheck) dict(path string, base support, keys []keySchema, dict map[string]any) {
	for _, key := range keys {
		if _, ok := dict[key.Key]; !ok && key.Presence == "required" && key.Key != "ANY" {
			c.add(path+key.Key, "required key is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(dict)) {
		i := slices.IndexFunc(keys, func(k keySchema) bool { return k.Key == name || k.Key == "ANY" })
		if i < 0 {
			c.add(path+name, "unknown key")
			continue
		}
		if keys[i].Key == "ANY" && keys[i].Type == "<any>" {
			continue // a payload has its own schema
		}
		if slices.Contains(newerGone, name) {
			c.add(path+name, "removed from newer schemas")
		}
		if other, ok := needs[name]; ok && dict[other] == nil {
			c.add(path+name, "not without %s", other)
		}
		own := base.with(keys[i].SupportedOS[c.os])
		if c.supported(path+name, own) {
			c.value(path+name, own, keys[i], dict[name])
		}
	}
}

// supported checks that the OS supports the payload or key for everyone, from
// its minimum version.
func (c *schemaCheck) supported(path string, s support) bool {
	before := len(c.problems)
	switch {
	case s.Introduced == nil || *s.Introduced == "n/a" || s.Removed != nil:
		c.add(path, "not for %s", c.os)
	case later(*s.Introduced, c.floor):
		c.add(path, "needs %s %s", c.os, *s.Introduced)
	case isTrue(s.Supervised):
		c.add(path, "for supervised devices only")
	case isTrue(s.RequiresDEP), isTrue(s.UserApprovedMDM):
		c.add(path, "for managed devices only")
	}
	return len(c.problems) == before
}

// value checks the value of a key.
func (c *schemaCheck) value(path string, base support, key keySchema, value any) {
	if !hasType(value, key.Type) {
		c.add(path, "not %s", key.Type)
		return
	}
	if value == "" {
		c.add(path, "empty")
	}
	if key.RangeList != nil && !slices.ContainsFunc(key.RangeList, func(one any) bool { return fmt.Sprint(one) == fmt.Sprint(value) }) {
		c.add(path, "not one of %v", key.RangeList)
	}
	c.between(path, key, value)
	if text, ok := value.(string); ok && key.Format != "" && !regexp.MustCompile(key.Format).MatchString(text) {
		c.add(path, "not in the format")
	}
	switch value := value.(type) {
	case []any:
		for i, item := range value {
			c.value(fmt.Sprintf("%s.%d", path, i), base, key.Subkeys[0], item)
		}
	case map[string]any:
		c.dict(path+".", base, key.contents(), value)
	}
}

func (c *schemaCheck) between(path string, key keySchema, value any) {
	limits, ok := newerRanges[key.Key]
	if !ok {
		if key.Range == nil {
			return
		}
		limits = [2]float64{key.Range.Min, key.Range.Max}
	}
	n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
	if err != nil || n < limits[0] || n > limits[1] {
		c.add(path, "not from %v to %v", limits[0], limits[1])
	}
}

// languages checks the language tags of the consent text, which the schema only
// describes in prose.
func (c *schemaCheck) languages(top map[string]any) {
	consent, _ := top["ConsentText"].(map[string]any)
	for tag := range consent {
		if _, err := language.Parse(tag); err != nil && tag != "default" {
			c.add("ConsentText."+tag, "not a language tag")
		}
	}
}

// contents returns the keys of a dict. If the only subkey is a dict of ANY
// keys, it describes the dict itself, as for ConsentText.
func (k keySchema) contents() []keySchema {
	if len(k.Subkeys) == 1 && len(k.Subkeys[0].Subkeys) == 1 && k.Subkeys[0].Subkeys[0].Key == "ANY" {
		return k.Subkeys[0].Subkeys
	}
	return k.Subkeys
}

// with returns s with the fields that over sets.
func (s support) with(over support) support {
	if over.Introduced != nil {
		s.Introduced = over.Introduced
	}
	if over.Removed != nil {
		s.Removed = over.Removed
	}
	if over.Supervised != nil {
		s.Supervised = over.Supervised
	}
	return s
}

func hasType(value any, kind string) bool {
	switch value.(type) {
	case string:
		return kind == "<string>"
	case int64, uint64:
		return kind == "<integer>"
	case float64:
		return kind == "<real>"
	case bool:
		return kind == "<boolean>"
	case time.Time:
		return kind == "<date>"
	case []byte:
		return kind == "<data>"
	case []any:
		return kind == "<array>"
	case map[string]any:
		return kind == "<dictionary>"
	}
	return false
}

func isTrue(b *bool) bool { return b != nil && *b }

// later reports whether version a is newer than version b.
func later(a, b string) bool {
	numbers := func(s string) (out []int) {
		for part := range strings.SplitSeq(s, ".") {
			n, _ := strconv.Atoi(part)
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(a), numbers(b)) > 0
}
