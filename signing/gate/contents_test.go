package gate_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// TestContents compares the contents of every good profile with a reader that
// only looks for keys.
func TestContents(t *testing.T) {
	seen := map[gate.Contents]bool{}
	for name, profile := range profiles() {
		data := encode(t, profile)
		cleared, err := gate.Check(data, entitled(profile))
		if err != nil {
			t.Fatal(err)
		}
		text, got := string(data), cleared.Contents()
		has := func(s string) bool { return strings.Contains(text, s) }
		if got.Mac != has("<key>TargetDeviceType</key>\n\t\t<integer>5<") || got.Mail != has("com.apple.mail.managed") ||
			got.Calendars != has("com.apple.caldav.account") || got.Contacts != has("com.apple.carddav.account") ||
			got.Policy != (has("passwordpolicy") || has("com.apple.declarations")) || got.Policy == (got.MinLength == 0) || got.Policy == (got.LockMinutes == 0) {
			t.Errorf("%s: %+v of\n%s", name, got, text)
		}
		if has("passwordpolicy") && (got.Attempts > 0) != has("maxFailedAttempts") {
			t.Errorf("%s: %d attempts of\n%s", name, got.Attempts, text)
		}
		seen[got] = true
	}
	if len(seen) < 4 {
		t.Errorf("%d different contents", len(seen))
	}
	if got := (gate.Cleared{}).Contents(); got != (gate.Contents{}) {
		t.Errorf("nothing has %+v", got)
	}
}

// TestDeclaredContents compares the numbers of a policy written as declarations
// with those of the payload.
func TestDeclaredContents(t *testing.T) {
	for name, tt := range map[string]struct {
		profile dict
		want    gate.Contents
	}{
		"few":     {secure(mail(), declared(base, declarations(fewSettings)...)), gate.Contents{Mail: true, Policy: true, MinLength: 6, LockMinutes: 5}},
		"all":     {secure(mail(), calendars(), declared(base, declarations(allSettings)...)), gate.Contents{Mail: true, Calendars: true, Policy: true, MinLength: 12, LockMinutes: 15, Attempts: 10}},
		"mac":     {macDevice(declared(base+".device", declarations(macSettings)...)), gate.Contents{Mac: true, Policy: true, MinLength: 4, LockMinutes: 1, Attempts: 7}},
		"payload": {secure(mail(), contacts(), with(policy(), dict{"maxFailedAttempts": 8, "minLength": 7, "maxInactivity": 3})), gate.Contents{Mail: true, Contacts: true, Policy: true, MinLength: 7, LockMinutes: 3, Attempts: 8}},
	} {
		terms := entitled(tt.profile)
		terms.Declared = name != "payload"
		cleared, err := gate.Check(encode(t, tt.profile), terms)
		if err != nil || cleared.Contents() != tt.want {
			t.Errorf("%s: %v, %+v", name, err, cleared.Contents())
		}
	}
}
