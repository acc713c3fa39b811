package gate_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// The declared settings, in the order in which they are written.
const (
	fewSettings = `{"MaximumGracePeriodInMinutes":0,"MaximumInactivityInMinutes":5,"MinimumLength":6,"RequireComplexPasscode":true,"RequirePasscode":true}`
	allSettings = `{"MaximumFailedAttempts":10,"MaximumGracePeriodInMinutes":240,"MaximumInactivityInMinutes":15,"MaximumPasscodeAgeInDays":730,` +
		`"MinimumComplexCharacters":2,"MinimumLength":12,"PasscodeReuseLimit":10,"RequireAlphanumericPasscode":true,"RequireComplexPasscode":true,"RequirePasscode":true}`
	macSettings = `{"FailedAttemptsResetInMinutes":15,"MaximumFailedAttempts":7,"MaximumGracePeriodInMinutes":0,"MaximumInactivityInMinutes":1,"MinimumLength":4,"RequireComplexPasscode":true,"RequirePasscode":true}`
)

// declare writes a declaration, and returns its identifier.
func declare(declarationType, payload string) (string, string) {
	namespace := uuid.MustParse("3ab7f3c6-6f0a-5b5c-9d0e-0c4f5a1d7e42")
	id := uuid.NewSHA1(namespace, []byte(declarationType+payload)).String()
	return `{"Type":"` + declarationType + `","Identifier":"` + id + `","ServerToken":"` + id + `","Payload":` + payload + `}`, id
}

// declarations returns the declarations of the settings.
func declarations(settings string) []string {
	first, id := declare("com.apple.configuration.passcode.settings", settings)
	second, _ := declare("com.apple.activation.simple", `{"StandardConfigurations":["`+id+`"]}`)
	return []string{first, second}
}

// declared returns the payload with the declarations.
func declared(identifier string, all ...string) dict {
	namespace := uuid.MustParse("3ab7f3c6-6f0a-5b5c-9d0e-0c4f5a1d7e42")
	var data []any
	for _, one := range all {
		data = append(data, []byte(one))
	}
	return dict{
		"Declarations": data, "PayloadDisplayName": "Passcode", "PayloadIdentifier": identifier + ".declarations",
		"PayloadUUID": uuid.NewSHA1(namespace, []byte(identifier+".declarations")).String(), "PayloadType": "com.apple.declarations", "PayloadVersion": 1,
	}
}

// asking returns the terms of a profile with declarations.
func asking(profile dict) gate.Terms {
	t := entitled(profile)
	t.Declared = true
	return t
}

func TestDeclared(t *testing.T) {
	few := secure(mail(), declared(base, declarations(fewSettings)...))
	mac := macDevice(declared(base+".device", declarations(macSettings)...))
	for name, profile := range map[string]dict{
		"few": few, "mac": mac,
		"all": secure(mail(), calendars(), declared(base, declarations(allSettings)...)),
	} {
		if _, err := gate.Check(encode(t, profile), asking(profile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := code(t, encode(t, profile), entitled(profile)); got != gate.PolicyNotAllowed {
			t.Errorf("%s, although the terms don't ask for declarations: got %q", name, got)
		}
		terms := asking(profile)
		terms.Policy = false
		if got := code(t, encode(t, profile), terms); got != gate.PolicyNotAllowed {
			t.Errorf("%s, although a policy isn't allowed: got %q", name, got)
		}
	}
	for name, tt := range map[string]struct {
		profile dict
		want    gate.Code
	}{
		"the payload instead": {secure(mail(), policy()), gate.PolicyNotAllowed},
		"both":                {secure(mail(), policy(), declared(base, declarations(fewSettings)...)), gate.PolicyNotAllowed},
		"twice":               {secure(mail(), declared(base, declarations(fewSettings)...), declared(base, declarations(fewSettings)...)), gate.Content},
		"without consent":     {iphone(mail(), declared(base, declarations(fewSettings)...)), gate.ConsentMissing},
		"reset on an iPhone":  {secure(mail(), declared(base, declarations(macSettings)...)), gate.LoginReset},
		"no reset on a Mac":   {macDevice(declared(base+".device", declarations(allSettings)...)), gate.LoginReset},
		"beside a Mac's mail": {with(macMail(mail(), declared(base, declarations(fewSettings)...)), consent()), gate.Content},
	} {
		if got := code(t, encode(t, tt.profile), asking(tt.profile)); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestDeclaredRefuses(t *testing.T) {
	settings := func(old, new string) []string { return declarations(strings.Replace(allSettings, old, new, 1)) }
	good := declarations(allSettings)
	_, id := declare("com.apple.configuration.passcode.settings", allSettings)
	activation := func(payload string) []string {
		other, _ := declare("com.apple.activation.simple", payload)
		return []string{good[0], other}
	}
	account, _ := declare("com.apple.configuration.account.mail", fewSettings)
	for name, tt := range map[string]struct {
		all  []string
		want gate.Code
	}{
		"no declaration":       {nil, gate.NotCanonical},
		"no activation":        {good[:1], gate.NotCanonical},
		"a third one":          {append(good[:2:2], account), gate.NotCanonical},
		"the other order":      {[]string{good[1], good[0]}, gate.NotCanonical},
		"of mail":              {[]string{account, good[1]}, gate.NotCanonical},
		"with a predicate":     {activation(`{"StandardConfigurations":["` + id + `"],"Predicate":"TRUEPREDICATE"}`), gate.NotCanonical},
		"of another":           {activation(`{"StandardConfigurations":["8cda1cf2-67eb-5b96-9c58-356195d50196"]}`), gate.NotCanonical},
		"of two":               {activation(`{"StandardConfigurations":["` + id + `","` + id + `"]}`), gate.NotCanonical},
		"an unknown key":       {settings(`"RequirePasscode":true`, `"RequirePasscode":true,"Zero":0`), gate.UnknownKey},
		"ChangeAtNextAuth":     {settings(`{`, `{"ChangeAtNextAuth":true,`), gate.MissingKey},
		"a key twice":          {settings(`"MinimumLength":12`, `"MinimumLength":12,"MinimumLength":4`), gate.MissingKey},
		"no length":            {settings(`"MinimumLength":12,`, ``), gate.MissingKey},
		"few attempts":         {settings(`:10,"MaximumGrace`, `:6,"MaximumGrace`), gate.PolicyFloor},
		"11 attempts":          {settings(`:10,"MaximumGrace`, `:11,"MaximumGrace`), gate.PolicyFloor},
		"a short code":         {settings(`"MinimumLength":12`, `"MinimumLength":3`), gate.PolicyFloor},
		"a long code":          {settings(`"MinimumLength":12`, `"MinimumLength":13`), gate.PolicyFloor},
		"no lock":              {settings(`"MaximumInactivityInMinutes":15`, `"MaximumInactivityInMinutes":0`), gate.PolicyFloor},
		"a zero before":        {settings(`"MinimumLength":12`, `"MinimumLength":012`), gate.PolicyFloor},
		"a fraction":           {settings(`"MinimumLength":12`, `"MinimumLength":12.0`), gate.MissingKey},
		"a text":               {settings(`"MinimumLength":12`, `"MinimumLength":"12"`), gate.PolicyFloor},
		"not required":         {settings(`"RequirePasscode":true`, `"RequirePasscode":false`), gate.PolicyFloor},
		"a space":              {settings(`"MinimumLength":12`, `"MinimumLength": 12`), gate.PolicyFloor},
		"settings of an array": {declarations(`[]`), gate.NotCanonical},
		"another identifier":   {[]string{strings.Replace(good[0], id, passcodeID, 1), good[1]}, gate.UUID},
		"another token":        {[]string{strings.Replace(good[0], `"ServerToken":"`+id, `"ServerToken":"`+passcodeID, 1), good[1]}, gate.UUID},
		"more behind":          {[]string{good[0] + "\n", good[1]}, gate.NotCanonical},
		"another key behind":   {[]string{strings.TrimSuffix(good[0], "}") + `,"More":1}`, good[1]}, gate.NotCanonical},
		"an empty one":         {[]string{"", good[1]}, gate.NotCanonical},
	} {
		profile := secure(mail(), declared(base, tt.all...))
		if got := code(t, encode(t, profile), asking(profile)); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestDeclaredBytes changes each byte of the declarations in several ways, and
// their encoding. Only the original is signed.
func TestDeclaredBytes(t *testing.T) {
	profile := secure(mail(), declared(base, declarations(allSettings)...))
	terms, data := asking(profile), string(encode(t, profile))
	for n, one := range declarations(allSettings) {
		raw := base64.StdEncoding.EncodeToString([]byte(one))
		for i := range one {
			for _, other := range []byte{one[i] ^ 1, one[i] ^ 32, '0', '9', '"', '}', 0} {
				if other == one[i] {
					continue
				}
				changed := base64.StdEncoding.EncodeToString([]byte(one[:i] + string(rune(other)) + one[i+1:]))
				if got := code(t, []byte(strings.Replace(data, raw, changed, 1)), terms); got == "" {
					t.Errorf("declaration %d is cleared with another byte at %d", n, i)
				}
			}
		}
		for _, changed := range []string{raw[:4] + "\n" + raw[4:], " " + raw, raw + "====", raw + "\n", strings.TrimRight(raw, "="), ""} {
			if changed == raw {
				continue
			}
			if got := code(t, []byte(strings.Replace(data, raw, changed, 1)), terms); got == "" {
				t.Errorf("declaration %d is cleared in another encoding: %.20q", n, changed)
			}
		}
	}
}
