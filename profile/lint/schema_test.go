package lint_test

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// A schemaKey is a key of a payload in Apple's schema.
type schemaKey struct {
	kind     string
	required bool
}

// schemaKeys reads the top-level keys from one of Apple's files. It handles
// just enough YAML for their format.
func schemaKeys(data []byte) (payloadType string, keys map[string]schemaKey) {
	keys = map[string]schemaKey{}
	inside, key := false, ""
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "  payloadtype: "); ok {
			payloadType = name
		}
		if line != "" && line[0] != ' ' && line[0] != '-' {
			inside = line == "payloadkeys:"
		}
		if !inside {
			continue
		}
		if name, ok := strings.CutPrefix(line, "- key: "); ok {
			key = name
		}
		k := keys[key]
		if kind, ok := strings.CutPrefix(line, "  type: "); ok {
			k.kind = strings.Trim(kind, "<>")
			keys[key] = k
		}
		if line == "  presence: required" {
			k.required = true
			keys[key] = k
		}
	}
	return payloadType, keys
}

// sample has a value of each kind.
var sample = map[string]string{
	"string": "<string>x</string>", "integer": "<integer>1</integer>", "boolean": "<true/>", "data": "<data/>",
	"array": "<array/>", "dictionary": "<dict/>", "real": "<real>1.5</real>", "date": "<date>2030-01-01T00:00:00Z</date>",
}

// TestSchema compares the known payloads with Apple's schema: each key is known
// with its type, required keys are required, and no others are.
func TestSchema(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(shared(t, "apple-schema"), "mdm", "profiles", "com.apple.*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range names {
		kind, keys := schemaKeys(read(t, name))
		if kind == "com.apple.mdm" || kind == "com.apple.applicationaccess" {
			continue // none of whose keys are checked
		}
		if len(keys) == 0 {
			t.Errorf("%s: no keys", name)
		}
		var all, odd strings.Builder
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			fmt.Fprintf(&all, "<key>%s</key>%s", key, sample[keys[key].kind])
			other := sample["date"]
			fmt.Fprintf(&odd, "<key>%s</key>%s", key, other)
		}
		if got := found(t, kind, all.String(), "unknown_key", "wrong_type", "missing_key", "unknown_payload_type"); len(got) > 0 {
			t.Errorf("%s: %v", kind, got)
		}
		if got := found(t, kind, all.String()+"<key>NoSuchKey</key><true/>", "unknown_key"); len(got) != 1 {
			t.Errorf("%s: unknown keys aren't reported: %v", kind, got)
		}
		var want []string
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if keys[key].required {
				want = append(want, "missing_key PayloadContent.0."+key)
			}
		}
		if got := found(t, kind, "", "missing_key"); !slices.Equal(got, want) {
			t.Errorf("%s:\n got  %v\n want %v", kind, got, want)
		}
		if got := len(found(t, kind, odd.String(), "wrong_type", "password_inside", "tls_off")); got < min(len(keys), 20) {
			t.Errorf("%s: of %d dates as values, %d are reported", kind, len(keys), got)
		}
	}
}

// found inspects a payload of the kind and returns the findings with the codes,
// sorted.
func found(t *testing.T, kind, keys string, codes ...lint.Code) (list []string) {
	t.Helper()
	r, err := lint.Inspect([]byte("<plist><dict><key>PayloadContent</key><array><dict>"+
		"<key>PayloadIdentifier</key><string>com.example.one</string><key>PayloadUUID</key><string>11111111-0000-5000-8000-000000000000</string>"+
		"<key>PayloadVersion</key><integer>1</integer><key>PayloadType</key><string>"+kind+"</string>"+keys+"</dict></array></dict></plist>"), day)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if slices.Contains(codes, f.Code) && strings.HasPrefix(f.Path, "PayloadContent.") {
			list = append(list, string(f.Code)+" "+f.Path)
		}
	}
	slices.Sort(list)
	return list
}

// TestTLS checks that TLS is reported as off exactly if it is, by Apple's
// defaults.
func TestTLS(t *testing.T) {
	for _, tt := range []struct {
		kind, key string
		on        bool // if the key is absent
	}{
		{"com.apple.mail.managed", "IncomingMailServerUseSSL", false},
		{"com.apple.mail.managed", "OutgoingMailServerUseSSL", false},
		{"com.apple.eas.account", "SSL", false},
		{"com.apple.subscribedcalendar.account", "SubCalAccountUseSSL", false},
		{"com.apple.caldav.account", "CalDAVUseSSL", true},
		{"com.apple.carddav.account", "CardDAVUseSSL", true},
		{"com.apple.ldap.account", "LDAPAccountUseSSL", true},
		{"com.apple.ews.account", "SSL", true},
		{"com.apple.ews.account", "ExternalSSL", true},
	} {
		off := "tls_off PayloadContent.0." + tt.key
		for value, want := range map[string]bool{
			"": !tt.on, "<true/>": false, "<false/>": true, "<string>true</string>": true, "<integer>1</integer>": true,
		} {
			keys := ""
			if value != "" {
				keys = "<key>" + tt.key + "</key>" + value
			}
			if got := slices.Contains(found(t, tt.kind, keys, "tls_off"), off); got != want {
				t.Errorf("%s %s %q: reported %t, want %t", tt.kind, tt.key, value, got, want)
			}
		}
	}
}

// TestDAV checks that all possible faults of calendars and contacts are
// reported.
func TestDAV(t *testing.T) {
	codes := []lint.Code{"tls_off", "tls_unstated", "port_missing", "plaintext_port", "wrong_type", "wrong_value", "malformed_value", "empty_string", "password_inside", "missing_key"}
	const on = "<key>CalDAVUseSSL</key><true/>"
	const port = "<key>CalDAVPort</key><integer>443</integer>"
	const host = "<key>CalDAVHostName</key><string>cal.example.com</string>"
	for keys, want := range map[string][]string{
		host + port + on: nil,
		host + port:      {"tls_unstated UseSSL"},
		host + port + "<key>CalDAVUseSSL</key><false/>": {"tls_off UseSSL"},
		host + on: {"port_missing Port"},
		host + on + "<key>CalDAVPort</key><integer>80</integer>": {"plaintext_port Port"},
		host + on + "<key>CalDAVPort</key><integer/>":            {"malformed_value Port"},
		host + on + "<key>CalDAVPort</key><string></string>":     {"wrong_type Port"},
		host + on + "<key>CalDAVPort</key><integer>0</integer>":  {"wrong_value Port"},
		port + on: {"missing_key HostName"},
		host + port + on + "<key>CalDAVPassword</key><string>canary</string>": {"password_inside Password"},
	} {
		for kind, prefix := range map[string]string{"com.apple.caldav.account": "CalDAV", "com.apple.carddav.account": "CardDAV"} {
			var all []string
			for _, one := range want {
				code, key, _ := strings.Cut(one, " ")
				all = append(all, code+" PayloadContent.0."+prefix+key)
			}
			if got := found(t, kind, strings.ReplaceAll(keys, "CalDAV", prefix), codes...); !slices.Equal(got, all) {
				t.Errorf("%s %s:\n got  %v\n want %v", kind, keys, got, all)
			}
		}
	}
}
