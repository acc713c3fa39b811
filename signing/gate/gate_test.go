package gate_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// code returns the code of data's refusal, or "" if it's cleared.
func code(t testing.TB, data []byte, terms gate.Terms) gate.Code {
	t.Helper()
	cleared, err := gate.Check(data, terms)
	if err == nil {
		if !bytes.Equal(cleared.Bytes(), data) {
			t.Fatal("got different bytes from those that were checked")
		}
		return ""
	}
	var refusal *gate.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %T, want a *Refusal", err)
	}
	if cleared.Bytes() != nil {
		t.Fatal("got bytes with a refusal")
	}
	return refusal.Code
}

func TestCheckClears(t *testing.T) {
	for name, profile := range profiles() {
		t.Run(name, func(t *testing.T) {
			data := encode(t, profile)
			if _, err := gate.Check(data, entitled(profile)); err != nil {
				t.Fatalf("%v in\n%s", err, data)
			}
			assertSound(t, data)
		})
	}
}

func TestCheckKeepsItsOwnCopy(t *testing.T) {
	data := encode(t, iphone(mail()))
	want := bytes.Clone(data)
	cleared, err := gate.Check(data, terms())
	if err != nil {
		t.Fatal(err)
	}
	data[100]++
	cleared.Bytes()[100]++
	if !bytes.Equal(cleared.Bytes(), want) {
		t.Error("got changed bytes, want those that were checked")
	}
}

func TestClearedZero(t *testing.T) {
	if got := (gate.Cleared{}).Bytes(); got != nil {
		t.Errorf("got %q, want nil", got)
	}
}

// A place is a dict of a good profile. put returns the profile with d in it.
type place struct {
	name     string
	dict     dict
	put      func(d dict) dict
	optional []string
}

func places() []place {
	return []place{
		{"top", profiles()["iphone-full"], func(d dict) dict { return d },
			[]string{"DurationUntilRemoval", "PayloadDescription", "PayloadOrganization", "RemovalDate"}},
		{"mail", with(mail(), dict{"EmailAccountName": "Anna", "PayloadDescription": "Text"}), func(d dict) dict { return macMail(d) },
			[]string{"EmailAccountName", "PayloadDescription"}},
		{"policy", strict(policy()), func(d dict) dict { return secure(mail(), d) },
			[]string{"PayloadDescription", "maxFailedAttempts", "maxPINAgeInDays", "minComplexChars", "pinHistory", "requireAlphanumeric"}},
		{"device", with(strict(macPolicy()), dict{"minutesUntilFailedLoginReset": 60}), func(d dict) dict { return macDevice(d) },
			[]string{"PayloadDescription", "maxPINAgeInDays", "minComplexChars", "pinHistory", "requireAlphanumeric"}},
		{"calendars", with(calendars(), dict{"PayloadDescription": "Text"}), func(d dict) dict { return iphone(mail(), d) },
			[]string{"PayloadDescription"}},
		{"contacts", with(contacts(), dict{"PayloadDescription": "Text"}), func(d dict) dict { return macMail(mail(), calendars(), d) },
			[]string{"PayloadDescription"}},
	}
}

func TestCheckAbsentKeys(t *testing.T) {
	special := map[string]gate.Code{
		"ConsentText": gate.ConsentMissing, "IncomingMailServerUseSSL": gate.TLSOff, "OutgoingMailServerUseSSL": gate.TLSOff,
		"CalDAVUseSSL": gate.TLSOff, "CardDAVUseSSL": gate.TLSOff,
		"maxFailedAttempts": gate.LoginReset, "minutesUntilFailedLoginReset": gate.LoginReset,
	}
	for _, p := range places() {
		for key := range p.dict {
			want, ok := special[key]
			switch {
			case slices.Contains(p.optional, key):
				want = ""
			case !ok:
				want = gate.MissingKey
			}
			if got := code(t, encode(t, p.put(without(p.dict, key))), entitled(p.put(without(p.dict, key)))); got != want {
				t.Errorf("%s without %s: got %q, want %q", p.name, key, got, want)
			}
		}
	}
}

func TestCheckTypes(t *testing.T) {
	others := []any{"1", 1, 1.0, true, time.Unix(0, 0), []byte("1"), []any{1}, dict{"a": 1}}
	for _, p := range places() {
		for key, value := range p.dict {
			want := gate.WrongType
			if strings.HasSuffix(key, "UseSSL") {
				want = gate.TLSOff
			}
			if key == "PayloadType" && p.name != "top" {
				want = gate.MissingKey
			}
			for _, other := range others {
				if sameType(value, other) {
					continue
				}
				if got := code(t, encode(t, p.put(with(p.dict, dict{key: other}))), entitled(p.put(with(p.dict, dict{key: other})))); got != want {
					t.Errorf("%s, %s as %T: got %q, want %q", p.name, key, other, got, want)
				}
			}
		}
	}
}

func sameType(a, b any) bool {
	kind := func(v any) string {
		switch v.(type) {
		case string:
			return "string"
		case int:
			return "int"
		case float64:
			return "float"
		case bool:
			return "bool"
		case time.Time:
			return "date"
		case []any:
			return "array"
		case dict:
			return "dict"
		}
		return "data"
	}
	return kind(a) == kind(b)
}

func TestCheckRanges(t *testing.T) {
	for _, tt := range []struct {
		place     int
		key       string
		low, high int
		code      gate.Code
	}{
		{0, "PayloadVersion", 1, 1, gate.WrongValue},
		{1, "PayloadVersion", 1, 1, gate.WrongValue},
		{2, "PayloadVersion", 1, 1, gate.WrongValue},
		{1, "IncomingMailServerPortNumber", 1, 65535, gate.Port},
		{1, "IncomingMailServerPortNumber", 26, 109, gate.Port},
		{1, "IncomingMailServerPortNumber", 111, 24, gate.Port},
		{1, "OutgoingMailServerPortNumber", 1, 65535, gate.Port},
		{1, "OutgoingMailServerPortNumber", 26, 109, gate.Port},
		{1, "OutgoingMailServerPortNumber", 111, 24, gate.Port},
		{2, "maxFailedAttempts", 7, 10, gate.PolicyFloor},
		{2, "maxGracePeriod", 0, 240, gate.PolicyFloor},
		{2, "maxInactivity", 1, 15, gate.PolicyFloor},
		{2, "maxPINAgeInDays", 30, 730, gate.PolicyFloor},
		{2, "minComplexChars", 1, 2, gate.PolicyFloor},
		{2, "minLength", 4, 12, gate.PolicyFloor},
		{2, "pinHistory", 1, 10, gate.PolicyFloor},
		{3, "minutesUntilFailedLoginReset", 1, 60, gate.PolicyFloor},
		{4, "CalDAVPort", 1, 65535, gate.Port},
		{4, "CalDAVPort", 81, 79, gate.Port},
		{4, "PayloadVersion", 1, 1, gate.WrongValue},
		{5, "CardDAVPort", 1, 65535, gate.Port},
		{5, "CardDAVPort", 81, 79, gate.Port},
		{5, "PayloadVersion", 1, 1, gate.WrongValue},
	} {
		p := places()[tt.place]
		for _, value := range []int{tt.low, tt.high, tt.low - 1, tt.high + 1, math.MaxInt} {
			want := tt.code
			switch {
			case value == tt.low, value == tt.high:
				want = ""
			case value < 0:
				want = gate.NotCanonical
			}
			if got := code(t, encode(t, p.put(with(p.dict, dict{tt.key: value}))), entitled(p.put(with(p.dict, dict{tt.key: value})))); got != want {
				t.Errorf("%s %d: got %q, want %q", tt.key, value, got, want)
			}
		}
	}
}

func TestCheckDuration(t *testing.T) {
	for value, want := range map[float64]gate.Code{
		3600: "", 86400: "", 999999: "", 1e6: "", 2592000: "", 1234567: "", 315360000: "",
		3599: gate.WrongValue, 315360001: gate.WrongValue, 0: gate.WrongValue, -3600: gate.WrongValue,
		1e300: gate.WrongValue, -1e300: gate.WrongValue, 3600.5: gate.NotCanonical, math.NaN(): gate.NotCanonical,
	} {
		profile := with(iphone(mail()), dict{"DurationUntilRemoval": value})
		if got := code(t, encode(t, profile), entitled(profile)); got != want {
			t.Errorf("%v: got %q, want %q", value, got, want)
		}
	}
}

// TestCheckLiterals puts other spellings of a good value into a good profile.
func TestCheckLiterals(t *testing.T) {
	full := string(encode(t, profiles()["iphone-full"]))
	for _, tt := range []struct{ old, new string }{
		{"<integer>993</integer>", "<integer>0993</integer>"},
		{"<integer>993</integer>", "<integer>+993</integer>"},
		{"<integer>993</integer>", "<integer>-993</integer>"},
		{"<integer>993</integer>", "<integer> 993</integer>"},
		{"<integer>993</integer>", "<integer>0x3e1</integer>"},
		{"<integer>993</integer>", "<integer>99_3</integer>"},
		{"<integer>993</integer>", "<integer></integer>"},
		{"<integer>993</integer>", "<integer>٩٩٣</integer>"},
		{"<real>2.592e+06</real>", "<real>2592000</real>"},
		{"<real>2.592e+06</real>", "<real>2.592E+06</real>"},
		{"<real>2.592e+06</real>", "<real>2.592e6</real>"},
		{"<real>2.592e+06</real>", "<real>inf</real>"},
		{"<real>2.592e+06</real>", "<real>0x1p20</real>"},
		{"<date>2032-02-29T03:04:05Z</date>", "<date>2031-02-29T03:04:05Z</date>"},
		{"<date>2032-02-29T03:04:05Z</date>", "<date>2032-02-29T03:04:05.5Z</date>"},
		{"<date>2032-02-29T03:04:05Z</date>", "<date>2032-02-29T03:04:05+00:00</date>"},
		{"<date>2032-02-29T03:04:05Z</date>", "<date>2032-02-29T24:00:00Z</date>"},
		{"<date>2032-02-29T03:04:05Z</date>", "<date>2032-02-29T3:04:05Z</date>"},
		{"<date>2032-02-29T03:04:05Z</date>", "<date>2032-02-29T03:04:05Z </date>"},
		{"Email</key>", ""},
		{"<key>PayloadContent</key>\n\t\t<array>", "<key>PayloadContent</key><array>"},
		{"<true/>", "\n\t\t\t\t<true/>"},
		{"<true/>", "<true></true>"},
		{"<true/>", "<true />"},
		{"\n\t\t\t</dict>", "\n\t\t</dict>"},
	} {
		data := strings.Replace(full, tt.old, tt.new, 1)
		if tt.old == "Email</key>" {
			data = full[:strings.Index(full, "EmailAddress</key>")]
		}
		if data == full {
			t.Fatalf("%q isn't in the profile", tt.old)
		}
		if got := code(t, []byte(data), entitled(profiles()["iphone-full"])); got != gate.NotCanonical {
			t.Errorf("%q: got %q, want %q", tt.new, got, gate.NotCanonical)
		}
	}
}

func TestCheckText(t *testing.T) {
	for _, char := range []rune{
		0x01, '\t', '\r', '\n', 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0x61c, 0xad, 0x34f, 0x200b, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e,
		0x2060, 0x2065, 0x2066, 0x2069, 0x3164, 0xfe0f, 0xfeff, 0xffa0, 0xe0041, 0xfdd0, 0xfdef, 0xfffd, 0xfffe, 0xffff, 0x1fffe, 0x10ffff,
	} {
		data := bytes.Replace(encode(t, iphone(mail())), []byte("Example Mail"), []byte("a"+string(char)+"b"), 1)
		if got := code(t, data, terms()); got != gate.Text {
			t.Errorf("%U: got %q, want %q", char, got, gate.Text)
		}
	}
	for _, raw := range []string{"a\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf", "\x00"} {
		data := bytes.Replace(encode(t, iphone(mail())), []byte("Example Mail"), []byte(raw), 1)
		if got := code(t, data, terms()); got != gate.Text {
			t.Errorf("%q: got %q, want %q", raw, got, gate.Text)
		}
	}
	for _, char := range []rune{' ', '~', 0xa0, 0x61b, 0x2010, 0x2027, 0x202f, 0xfdcf, 0xfdf0, 0xfffc, 0x1fffd, 0x10fffd} {
		profile := iphone(with(mail(), dict{"EmailAccountDescription": string(char)}))
		if got := code(t, encode(t, profile), entitled(profile)); got != "" {
			t.Errorf("%U: got %q, want it cleared", char, got)
		}
	}
}

func TestCheckLengths(t *testing.T) {
	line, prose := strings.Repeat("ä&", 1024/3)+"a", strings.Repeat("a\n", 4096/2)
	for name, tt := range map[string]struct {
		profile dict
		want    gate.Code
	}{
		"line":             {iphone(with(mail(), dict{"EmailAccountName": line})), ""},
		"long line":        {iphone(with(mail(), dict{"EmailAccountName": line + "a"})), gate.LongText},
		"description":      {iphone(with(mail(), dict{"PayloadDescription": prose})), ""},
		"long description": {iphone(with(mail(), dict{"PayloadDescription": prose + "a"})), gate.LongText},
		"consent":          {with(secure(mail(), policy()), dict{"ConsentText": dict{"default": prose}}), ""},
		"long consent":     {with(secure(mail(), policy()), dict{"ConsentText": dict{"default": prose + "a"}}), gate.LongText},
		"empty consent":    {with(secure(mail(), policy()), dict{"ConsentText": dict{"default": ""}}), gate.EmptyText},
		"40 languages":     {with(secure(mail(), policy()), languages(39)), ""},
		"41 languages":     {with(secure(mail(), policy()), languages(40)), gate.ConsentLanguage},
	} {
		if got := code(t, encode(t, tt.profile), entitled(tt.profile)); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestCheckLanguages(t *testing.T) {
	for key, want := range map[string]gate.Code{
		"de": "", "gsw": "", "zh-Hant-TW": "", "es-419": "", "EN": "", "de-1996-abcdefgh": "",
		"d": gate.ConsentLanguage, "deut": gate.ConsentLanguage, "d1": gate.ConsentLanguage, "de-": gate.ConsentLanguage,
		"de-x": gate.ConsentLanguage, "de-abcdefghi": gate.ConsentLanguage, "de_DE": gate.ConsentLanguage, "-de": gate.ConsentLanguage,
		"Default": gate.ConsentLanguage, "\u212ae": gate.ConsentLanguage, "de-\u212ae": gate.ConsentLanguage, "": gate.ConsentLanguage,
		"de-password": gate.PasswordKey,
	} {
		profile := with(secure(mail(), policy()), dict{"ConsentText": dict{"default": "Text", key: "Text"}})
		if got := code(t, encode(t, profile), entitled(profile)); got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}

func TestCheckPayloads(t *testing.T) {
	nothing := bytes.Replace(encode(t, iphone()), []byte("<array></array>"), []byte("<array>\n\t\t</array>"), 1)
	if got := code(t, nothing, terms()); got != gate.Content {
		t.Errorf("nothing: got %q, want %q", got, gate.Content)
	}
	for name, tt := range map[string]struct {
		profile dict
		want    gate.Code
	}{
		"mail twice":                {iphone(mail(), mail()), gate.Content},
		"policy twice":              {secure(mail(), policy(), policy()), gate.Content},
		"policy first":              {secure(macPolicy(), mail()), gate.Content},
		"policy alone on iPhone":    {without(with(macDevice(macPolicy()), dict{"TargetDeviceType": 1}), "PayloadScope"), gate.Content},
		"both on a Mac":             {with(macMail(mail(), policy()), consent()), gate.Content},
		"both on a Mac, System":     {with(with(macMail(mail(), policy()), consent()), dict{"PayloadScope": "System"}), gate.Content},
		"scope on iPhone":           {with(iphone(mail()), dict{"PayloadScope": "User"}), gate.Scope},
		"no scope on a Mac":         {without(macMail(mail()), "PayloadScope"), gate.Scope},
		"mail for the system":       {with(macMail(mail()), dict{"PayloadScope": "System"}), gate.Scope},
		"policy for the user":       {with(macDevice(macPolicy()), dict{"PayloadScope": "User"}), gate.Scope},
		"reset on iPhone":           {secure(mail(), with(strict(policy()), dict{"minutesUntilFailedLoginReset": 1})), gate.LoginReset},
		"reset alone on a Mac":      {macDevice(with(macPolicy(), dict{"minutesUntilFailedLoginReset": 1})), gate.LoginReset},
		"attempts alone on a Mac":   {macDevice(with(macPolicy(), dict{"maxFailedAttempts": 9})), gate.LoginReset},
		"consent without policy":    {with(iphone(mail()), consent()), gate.WrongValue},
		"consent only in a tongue":  {with(secure(mail(), policy()), dict{"ConsentText": dict{"en": "Text"}}), gate.ConsentMissing},
		"Mac identifier on iPhone":  {with(secure(mail(), policy()), dict{"PayloadIdentifier": base + ".device", "PayloadUUID": deviceID}), gate.Identifier},
		"iPhone identifier on Mac":  {with(macDevice(macPolicy()), dict{"PayloadIdentifier": base, "PayloadUUID": baseID}), gate.Identifier},
		"iPhone policy in a device": {macDevice(policy()), gate.Identifier},
		"another payload's UUID":    {iphone(with(mail(), dict{"PayloadUUID": baseID})), gate.UUID},
		"mail's UUID on the policy": {secure(mail(), with(policy(), dict{"PayloadUUID": mailID})), gate.UUID},
		"calendars alone":           {iphone(calendars()), gate.Content},
		"contacts alone on a Mac":   {macMail(contacts()), gate.Content},
		"calendars before mail":     {iphone(calendars(), mail()), gate.Content},
		"contacts before calendars": {iphone(mail(), contacts(), calendars()), gate.Content},
		"calendars twice":           {iphone(mail(), calendars(), calendars()), gate.Content},
		"contacts twice":            {iphone(mail(), contacts(), contacts()), gate.Content},
		"mail after calendars":      {iphone(mail(), calendars(), mail()), gate.Content},
		"calendars after a policy":  {secure(mail(), policy(), calendars()), gate.Content},
		"contacts in a device":      {macDevice(macPolicy(), contacts()), gate.Content},
		"all on a Mac":              {with(macMail(mail(), calendars(), policy()), consent()), gate.Content},
		"calendars for the system":  {with(macMail(mail(), calendars()), dict{"PayloadScope": "System"}), gate.Scope},
		"mail's UUID on calendars":  {iphone(mail(), with(calendars(), dict{"PayloadUUID": mailID})), gate.UUID},
		"calendars' id on contacts": {iphone(mail(), with(contacts(), dict{"PayloadIdentifier": base + ".caldav"})), gate.Identifier},
		"calendars' keys in mail":   {iphone(with(mail(), dict{"CalDAVUseSSL": true})), gate.UnknownKey},
		"contacts' keys for dates":  {iphone(mail(), with(contacts(), dict{"PayloadType": "com.apple.caldav.account"})), gate.UnknownKey},
		"unknown device":            {with(iphone(mail()), dict{"TargetDeviceType": 2}), gate.WrongValue},
		"type as a device":          {with(iphone(mail()), dict{"TargetDeviceType": 0}), gate.WrongValue},
	} {
		if got := code(t, encode(t, tt.profile), entitled(tt.profile)); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestCheckSize(t *testing.T) {
	if got := code(t, bytes.Repeat([]byte("a"), gate.MaxSize), terms()); got != gate.NotCanonical {
		t.Errorf("got %q, want %q", got, gate.NotCanonical)
	}
	if got := code(t, bytes.Repeat([]byte("a"), gate.MaxSize+1), terms()); got != gate.TooLarge {
		t.Errorf("got %q, want %q", got, gate.TooLarge)
	}
}

func TestRefusalPath(t *testing.T) {
	for _, tt := range []struct {
		profile dict
		want    string
	}{
		{secure(mail(), with(policy(), dict{"minLength": 3})), "gate: PayloadContent.1.minLength: The number must be from 4 to 12. (policy_floor)"},
		{iphone(without(mail(), "EmailAddress")), "gate: PayloadContent.0.EmailAddress: The key must be present. (missing_key)"},
		{with(iphone(mail()), dict{"Secret": "canary"}), "gate: Line 55 has a key that isn't allowed there. (unknown_key)"},
		{iphone(with(mail(), dict{"Zanary": "canary"})), "gate: PayloadContent.0: Line 43 has a key that isn't allowed there. (unknown_key)"},
	} {
		_, err := gate.Check(encode(t, tt.profile), entitled(tt.profile))
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, name := range []string{"iphone-mail", "iphone-full"} {
		data, limits := encode(b, profiles()[name]), entitled(profiles()[name])
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := gate.Check(data, limits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
