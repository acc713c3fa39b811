package gate_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// A want describes an allowed value, written independently of the package's
// rules.
type want struct {
	optional bool
	ok       func(any) bool
}

func one(values ...any) want {
	return want{ok: func(v any) bool {
		for _, value := range values {
			if v == value {
				return true
			}
		}
		return false
	}}
}

func within(low, high uint64) want {
	return want{ok: func(v any) bool {
		n, ok := v.(uint64)
		return ok && low <= n && n <= high
	}}
}

func free(lines bool) want {
	return want{ok: func(v any) bool {
		s, ok := v.(string)
		return ok && s != "" && (lines || !strings.Contains(s, "\n")) && strings.ToValidUTF8(s, "") == s
	}}
}

// unmarked is free, except for texts that start like a test's.
func unmarked(lines bool) want {
	return want{ok: func(v any) bool {
		s, _ := v.(string)
		return free(lines).ok(v) && !strings.HasPrefix(s, "TEST – ")
	}}
}

func perhaps(w want) want { return want{true, w.ok} }

func anything(any) bool { return true }

func mailWants() map[string]want {
	wants := map[string]want{
		"EmailAccountDescription": free(false), "EmailAccountName": perhaps(free(false)),
		"EmailAccountType": one("EmailTypeIMAP"), "EmailAddress": one(address),
		"OutgoingPasswordSameAsIncomingPassword": one(true),
		"PayloadDescription":                     perhaps(free(true)), "PayloadDisplayName": free(false),
		"PayloadIdentifier": one(base + ".mail"), "PayloadUUID": one(mailID),
		"PayloadType": one("com.apple.mail.managed"), "PayloadVersion": one(uint64(1)),
	}
	for _, way := range []string{"IncomingMailServer", "OutgoingMailServer"} {
		wants[way+"Authentication"] = one("EmailAuthPassword")
		wants[way+"HostName"] = one("imap.example.de", "smtp.example.de")
		wants[way+"PortNumber"] = within(1, 65535)
		wants[way+"UseSSL"] = one(true)
		wants[way+"Username"] = free(false)
	}
	return wants
}

// davWants are those of calendars (CalDAV) and of contacts (CardDAV).
func davWants(kind, suffix, id, payloadType string) map[string]want {
	return map[string]want{
		kind + "AccountDescription": free(false), kind + "HostName": one("cal.example.de", "card.example.de"),
		kind + "Port":   {ok: func(v any) bool { return within(1, 65535).ok(v) && v != uint64(80) }},
		kind + "UseSSL": one(true), kind + "Username": free(false),
		"PayloadDescription": perhaps(free(true)), "PayloadDisplayName": free(false),
		"PayloadIdentifier": one(base + suffix), "PayloadUUID": one(id),
		"PayloadType": one(payloadType), "PayloadVersion": one(uint64(1)),
	}
}

func policyWants(middle, id string) map[string]want {
	return map[string]want{
		"PayloadDescription": perhaps(free(true)), "PayloadDisplayName": free(false),
		"PayloadIdentifier": one(base + middle + ".passcode"), "PayloadUUID": one(id),
		"PayloadType": one("com.apple.mobiledevice.passwordpolicy"), "PayloadVersion": one(uint64(1)),
		"allowSimple": one(false), "forcePIN": one(true), "maxGracePeriod": within(0, 240),
		"maxInactivity": within(1, 15), "minLength": within(4, 12),
		"maxFailedAttempts": perhaps(within(7, 10)), "maxPINAgeInDays": perhaps(within(30, 730)),
		"minComplexChars": perhaps(within(1, 2)), "minutesUntilFailedLoginReset": perhaps(within(1, 60)),
		"pinHistory": perhaps(within(1, 10)), "requireAlphanumeric": perhaps(one(true)),
	}
}

func topWants(identifier, id, scope string, device uint64) map[string]want {
	wants := map[string]want{
		"ConsentText": {true, anything}, "PayloadContent": {false, anything},
		"DurationUntilRemoval": {true, func(v any) bool { f, ok := v.(float64); return ok && 3600 <= f && f <= 315360000 }},
		"RemovalDate":          {true, func(v any) bool { d, ok := v.(time.Time); return ok && d.Nanosecond() == 0 }},
		"PayloadDescription":   perhaps(unmarked(true)), "PayloadDisplayName": unmarked(false),
		"PayloadOrganization": perhaps(free(false)), "PayloadIdentifier": one(identifier), "PayloadUUID": one(id),
		"PayloadType": one("Configuration"), "PayloadVersion": one(uint64(1)), "TargetDeviceType": one(device),
	}
	if scope != "" {
		wants["PayloadScope"] = one(scope)
	}
	return wants
}

// fits returns the fault of d, or "".
func fits(d dict, wants map[string]want) string {
	for key, value := range d {
		w, ok := wants[key]
		if !ok || !w.ok(value) {
			return fmt.Sprintf("%s is %v", key, value)
		}
	}
	for key, w := range wants {
		if _, ok := d[key]; !ok && !w.optional {
			return key + " is absent"
		}
	}
	return ""
}

// assertSound fails if data, which Check has cleared under terms(), is
// ambiguous or contains anything that a good profile can't have.
func assertSound(t testing.TB, data []byte) {
	t.Helper()
	var top dict
	if err := plist.NewXMLDecoder(bytes.NewReader(data)).Decode(&top); err != nil {
		t.Fatalf("cleared, but not a property list: %v\n%s", err, data)
	}
	if again := encode(t, top); !bytes.Equal(again, data) {
		t.Fatalf("cleared, but encoded again it is\n%s\nnot\n%s", again, data)
	}
	if fault := unsound(top); fault != "" {
		t.Fatalf("cleared, but %s in\n%s", fault, data)
	}
}

func unsound(top dict) string {
	payloads, _ := top["PayloadContent"].([]any)
	types := ""
	for _, payload := range payloads {
		types += fmt.Sprintf(" %v", payload.(dict)["PayloadType"])
	}
	const mail, calendar, contact = " com.apple.mail.managed", " com.apple.caldav.account", " com.apple.carddav.account"
	const policy = " com.apple.mobiledevice.passwordpolicy"
	ofType := map[string]map[string]want{
		mail:     mailWants(),
		calendar: davWants("CalDAV", ".caldav", calendarID, "com.apple.caldav.account"),
		contact:  davWants("CardDAV", ".carddav", contactsID, "com.apple.carddav.account"),
		policy:   policyWants("", passcodeID),
	}
	var wants []map[string]want
	switch form := fmt.Sprint(top["TargetDeviceType"], types); form {
	case "1" + mail, "1" + mail + calendar, "1" + mail + contact, "1" + mail + calendar + contact,
		"1" + mail + policy, "1" + mail + calendar + policy, "1" + mail + contact + policy, "1" + mail + calendar + contact + policy:
		wants = []map[string]want{topWants(base, baseID, "", 1)}
	case "5" + mail, "5" + mail + calendar, "5" + mail + contact, "5" + mail + calendar + contact:
		wants = []map[string]want{topWants(base, baseID, "User", 5)}
	case "5" + policy:
		wants = []map[string]want{topWants(base+".device", deviceID, "System", 5)}
		ofType[policy] = policyWants(".device", devicePass)
	default:
		return "it has the form " + form
	}
	for _, payload := range payloads {
		wants = append(wants, ofType[fmt.Sprintf(" %v", payload.(dict)["PayloadType"])])
	}
	if fault := fits(top, wants[0]); fault != "" {
		return fault
	}
	for i, payload := range payloads {
		if fault := fits(payload.(dict), wants[i+1]); fault != "" {
			return fault
		}
	}
	texts, asks := top["ConsentText"].(dict)
	if asks != strings.Contains(types, "passwordpolicy") || asks && texts["default"] == nil {
		return "the consent is " + fmt.Sprint(texts)
	}
	return ""
}

// TestCheckMutations changes, repeats and removes each byte of good profiles.
// Anything that is still cleared must be sound.
func TestCheckMutations(t *testing.T) {
	for name, profile := range profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := encode(t, profile)
			tries, cleared, limits := 0, 0, entitled(profile)
			try := func(mutant []byte) {
				tries++
				if _, err := gate.Check(mutant, limits); err == nil {
					cleared++
					assertSound(t, mutant)
				}
			}
			for i, char := range data {
				for _, other := range []byte{char ^ 1, char ^ ' ', char ^ 0x80} {
					mutant := bytes.Clone(data)
					mutant[i] = other
					try(mutant)
				}
				try(append(bytes.Clone(data[:i]), data[i+1:]...))
				try(append(append(bytes.Clone(data[:i]), char), data[i:]...))
				try(data[:i])
			}
			t.Logf("%d of %d mutants cleared", cleared, tries)
		})
	}
}

// TestCheckSplices removes and repeats every run of up to six lines of a good
// profile.
func TestCheckSplices(t *testing.T) {
	limits := entitled(profiles()["iphone-full"])
	lines := bytes.SplitAfter(encode(t, profiles()["iphone-full"]), []byte("\n"))
	for i := range lines {
		for j := i + 1; j <= min(len(lines), i+6); j++ {
			for _, mutant := range [][]byte{
				bytes.Join(append(append([][]byte{}, lines[:i]...), lines[j:]...), nil),
				bytes.Join(append(append([][]byte{}, lines[:j]...), lines[i:]...), nil),
			} {
				if _, err := gate.Check(mutant, limits); err == nil {
					assertSound(t, mutant)
				}
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, profile := range profiles() {
		f.Add(encode(f, profile))
	}
	files, err := filepath.Glob("testdata/bad/*.mobileconfig")
	if err != nil || len(files) == 0 {
		f.Fatalf("got %d files and %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// The terms allow whatever another reader finds, so that only the form
		// and universally forbidden content can be wrong.
		var top dict
		limits := terms()
		if len(data) <= gate.MaxSize && bytes.HasPrefix(data, []byte("<?xml")) && plist.NewXMLDecoder(bytes.NewReader(data)).Decode(&top) == nil {
			limits = entitled(top)
		}
		if code(t, data, limits) == "" {
			assertSound(t, data)
		}
	})
}
