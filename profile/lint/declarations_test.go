package lint_test

import (
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// A profile with declarations, as written by package profile.
const declared = "../testdata/declared/iphone-secure.mobileconfig"

// TestDeclarations reads declarations inside a profile.
func TestDeclarations(t *testing.T) {
	good, err := os.ReadFile(declared)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(good), "<data>")
	raw, rest, _ := strings.Cut(rest, "</data>")
	_, rest, _ = strings.Cut(rest, "<data>")
	rawActivation, _, _ := strings.Cut(rest, "</data>")
	decoded := func(raw string) string {
		text, err := base64.StdEncoding.DecodeString(raw)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	settings, activation := decoded(raw), decoded(rawActivation)
	for _, tt := range []struct {
		name, settings, activation, want string
	}{
		{"as it is", settings, activation, ""},
		{"few attempts", strings.Replace(settings, `Attempts":10`, `Attempts":4`, 1), activation, "warning wipe_without_delay"},
		{"a predicate", settings, strings.Replace(activation, `{"Standard`, `{"Predicate":"TRUEPREDICATE","Standard`, 1), "warning dangerous_payload"},
		{"another type", strings.Replace(settings, "passcode.settings", "account.mail", 1), activation, "warning dangerous_payload"},
		{"no type", strings.Replace(settings, `"Type"`, `"Kind"`, 1), activation, "error missing_key"},
		{"no token", settings, strings.Replace(activation, `"ServerToken"`, `"Token"`, 1), "error missing_key"},
		{"no JSON", "<plist/>", activation, "error wrong_value"},
		{"more behind", settings + "{}", activation, "error wrong_value"},
		{"a list", "[]", activation, "error wrong_value"},
	} {
		text := strings.Replace(string(good), raw, base64.StdEncoding.EncodeToString([]byte(tt.settings)), 1)
		text = strings.Replace(text, rawActivation, base64.StdEncoding.EncodeToString([]byte(tt.activation)), 1)
		if got := foundIn(t, text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"a string", "<data>" + raw + "</data>", "<string>" + settings + "</string>", "error wrong_type"},
		{"no base64", raw, "{}", "error malformed_value"},
		{"no consent", "ConsentText", "OtherText", "warning consent_missing, warning unknown_key"},
		{"another key", "Declarations</key>", "Declaration</key>", "error missing_key, warning unknown_key"},
	} {
		if got := foundIn(t, strings.Replace(string(good), tt.old, tt.new, 1)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// foundIn returns the codes of the findings in a profile, except that it's
// unsigned and uses STARTTLS for sending.
func foundIn(t *testing.T, text string) string {
	t.Helper()
	r, err := lint.Inspect([]byte(text), day)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(codes(r), func(c string) bool { return c == "note unsigned" || c == "note starttls_port" })
	slices.Sort(all)
	return strings.Join(all, ", ")
}
