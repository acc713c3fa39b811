package profile_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/schematest"
)

// schemaFolder has Apple's schema files of github.com/apple/device-management
// at b6202ca2 (iOS 18.1, macOS 15.1) as JSON. server/e2e/schema updates them.
var schemaFolder = filepath.Join("testdata", "apple-schema")

// writtenKeys are all keys that a profile can have.
const writtenKeys = `ConsentText DurationUntilRemoval PayloadContent PayloadDescription PayloadDisplayName PayloadIdentifier
	PayloadOrganization PayloadScope PayloadType PayloadUUID PayloadVersion RemovalDate TargetDeviceType
	EmailAccountDescription EmailAccountName EmailAccountType EmailAddress IncomingMailServerAuthentication
	IncomingMailServerHostName IncomingMailServerPortNumber IncomingMailServerUseSSL IncomingMailServerUsername
	OutgoingMailServerAuthentication OutgoingMailServerHostName OutgoingMailServerPortNumber OutgoingMailServerUseSSL
	OutgoingMailServerUsername OutgoingPasswordSameAsIncomingPassword
	CalDAVAccountDescription CalDAVHostName CalDAVPort CalDAVUseSSL CalDAVUsername
	CardDAVAccountDescription CardDAVHostName CardDAVPort CardDAVUseSSL CardDAVUsername
	allowSimple forcePIN maxFailedAttempts maxGracePeriod maxInactivity maxPINAgeInDays minComplexChars minLength
	minutesUntilFailedLoginReset pinHistory requireAlphanumeric`

// TestSchema checks every possible profile against Apple's schema: each field
// omitted and set, and at the limits of its range.
func TestSchema(t *testing.T) {
	schemas := schematest.Read(t, schemaFolder)
	profiles, problems, seen := 0, 0, map[string]bool{}
	check := func(p *profile.Profile) {
		data, err := p.Marshal()
		if err != nil {
			t.Fatalf("invalid test profile: %v", err)
		}
		tree := tree(t, data)
		profiles++
		noteKeys(tree, seen)
		for _, problem := range schemas.Check(tree) {
			if problems++; problems <= 20 {
				t.Errorf("%s\n%s", problem, data)
			}
		}
	}
	for _, platform := range []profile.Platform{profile.IPhone, profile.Mac} {
		eachMail(t, platform, check)
		eachDAV(t, platform, check)
		eachPolicy(t, platform, check)
	}
	if want := strings.Fields(writtenKeys); len(seen) != len(want) || slices.ContainsFunc(want, func(key string) bool { return !seen[key] }) {
		t.Errorf("the profiles have the keys %q, want %q", slices.Sorted(maps.Keys(seen)), want)
	}
	t.Logf("%d profiles, %d problems", profiles, problems)
}

// TestSchemaGolden checks the golden files against Apple's schema.
func TestSchemaGolden(t *testing.T) {
	schemas := schematest.Read(t, schemaFolder)
	files, err := filepath.Glob(filepath.Join("testdata", "*.mobileconfig"))
	if err != nil || len(files) < 25 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range schemas.Check(tree(t, data)) {
			t.Errorf("%s: %s", file, problem)
		}
	}
}

// tree reads a profile with a different reader than the product's.
func tree(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := plist.NewXMLDecoder(bytes.NewReader(data)).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func noteKeys(tree map[string]any, seen map[string]bool) {
	for key, value := range tree {
		seen[key] = true
		payloads, _ := value.([]any)
		for _, payload := range payloads {
			if dict, ok := payload.(map[string]any); ok {
				noteKeys(dict, seen)
			}
		}
	}
}

// eachMail calls f with mail profiles: every combination of omitted fields and
// every kind of server.
func eachMail(t *testing.T, platform profile.Platform, f func(*profile.Profile)) {
	t.Helper()
	incoming := []profile.Server{
		{Host: "imap.example.com", Port: 993}, {Host: "a.b", Port: 1}, {Host: "xn--bcher-kva.example", Port: 65535},
		{Host: "imap.example.com", Port: 143, STARTTLS: true},
	}
	outgoing := []profile.Server{
		{Host: "smtp.example.com", Port: 465}, {Host: "a.b", Port: 1}, {Host: "xn--bcher-kva.example", Port: 65535},
		{Host: "smtp.example.com", Port: 587, STARTTLS: true},
	}
	for i := range incoming {
		for _, name := range []string{"", "Jane", `<b>"&'`, "山田 太郎", strings.Repeat("x", 1024)} {
			for _, text := range []string{"", "A text\nof two lines", strings.Repeat("é", 2048)} {
				eachRemoval(func(on time.Time, after time.Duration) {
					p := mailProfile(t, platform, name)
					mailOf(p).Incoming, mailOf(p).Outgoing = incoming[i], outgoing[i]
					p.Description, mailOf(p).Description = text, text
					p.RemoveOn, p.RemoveAfter = on, after
					f(p)
				})
			}
		}
	}
}

// eachDAV calls f with calendars, contacts and both next to mail.
func eachDAV(t *testing.T, platform profile.Platform, f func(*profile.Profile)) {
	t.Helper()
	for _, parts := range [][]string{{"caldav"}, {"carddav"}, {"caldav", "carddav"}} {
		for _, text := range []string{"", strings.Repeat("é", 2048)} {
			p := gather(mailProfile(t, platform, "Jane"), parts...)
			if account := calDAVOf(p); account != nil {
				account.Description = text
			}
			if account := cardDAVOf(p); account != nil {
				account.Description = text
			}
			f(p)
			if platform == profile.IPhone {
				f(protect(p))
			}
		}
	}
}

func eachRemoval(f func(on time.Time, after time.Duration)) {
	for _, on := range []time.Time{{}, time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} {
		for _, after := range []time.Duration{0, time.Hour, 10 * 365 * 24 * time.Hour} {
			f(on, after)
		}
	}
}

// eachPolicy calls f with profiles that have a policy, alone and next to mail
// where possible, with all limits combined.
func eachPolicy(t *testing.T, platform profile.Platform, f func(*profile.Profile)) {
	t.Helper()
	base := protect(mailProfile(t, platform, "Jane"))
	base.Consent = map[string]string{"default": "Text", "en": "Text", "de": "Text", "zh-Hant-TW": "Text", "pt-BR": "Text"}
	eachEdge([][]int{
		{4, 12}, {0, 7, 10}, {1, 60}, {1, 15}, {0, 1, 240}, {0, 1, 2}, {0, 1}, {0, 30, 730}, {0, 1, 10},
	}, func(n []int) {
		p := *base
		drop[*profile.Passcode](&p)
		policy := &profile.Passcode{
			DisplayName:       "Passcode",
			MinLength:         n[0],
			MaxFailedAttempts: n[1],
			ResetAfter:        time.Duration(n[2]) * time.Minute,
			AutoLock:          time.Duration(n[3]) * time.Minute,
			Grace:             time.Duration(n[4]) * time.Minute,
			MinComplex:        n[5],
			Alphanumeric:      n[6] == 1,
			MaxAgeDays:        n[7],
			History:           n[8],
		}
		if n[6] == 1 { // a policy without mail is a valid profile
			policy.Description = "The rules"
			drop[*profile.Mail](&p)
		}
		p.Payloads = append(p.Payloads, policy)
		f(&p)
	})
}

// eachEdge calls f with every choice of one number from each row.
func eachEdge(rows [][]int, f func([]int)) {
	chosen := make([]int, len(rows))
	var choose func(i int)
	choose = func(i int) {
		if i == len(rows) {
			f(chosen)
			return
		}
		for _, n := range rows[i] {
			chosen[i] = n
			choose(i + 1)
		}
	}
	choose(0)
}

// TestSchemaFinds breaks good profiles to check that the schema check finds
// each fault.
func TestSchemaFinds(t *testing.T) {
	schemas := schematest.Read(t, schemaFolder)
	type dict = map[string]any
	payload := func(top dict, i int) dict { return top["PayloadContent"].([]any)[i].(dict) }
	tests := []struct {
		want  string
		spoil func(top, mail, policy dict)
	}{
		{"Surprise: unknown key", func(top, _, _ dict) { top["Surprise"] = "x" }},
		{"PayloadIdentifier: required key is missing", func(top, _, _ dict) { delete(top, "PayloadIdentifier") }},
		{"PayloadVersion: not one of [1]", func(top, _, _ dict) { top["PayloadVersion"] = uint64(2) }},
		{"PayloadVersion: not <integer>", func(top, _, _ dict) { top["PayloadVersion"] = 1.0 }},
		{"PayloadUUID: not a UUID", func(top, _, _ dict) { top["PayloadUUID"] = "1" }},
		{"DurationUntilRemoval: not <real>", func(top, _, _ dict) { top["DurationUntilRemoval"] = uint64(3600) }},
		{"RemovalDate: not <date>", func(top, _, _ dict) { top["RemovalDate"] = "2031-01-01" }},
		{"PayloadScope: not one of [System User]", func(top, _, _ dict) { top["PayloadScope"] = "user" }},
		{"PayloadRemovalDisallowed: for supervised devices only", func(top, _, _ dict) { top["PayloadRemovalDisallowed"] = true }},
		{"HasRemovalPasscode: removed from newer schemas", func(top, _, _ dict) { top["HasRemovalPasscode"] = false }},
		{"TargetDeviceType: neither an iPhone nor a Mac", func(top, _, _ dict) { top["TargetDeviceType"] = uint64(4) }},
		{"ConsentText.jp2x_: not a language tag", func(top, _, _ dict) { top["ConsentText"].(dict)["jp2x_"] = "Text" }},
		{"ConsentText.de: not <string>", func(top, _, _ dict) { top["ConsentText"].(dict)["de"] = true }},
		{"PayloadContent.0.PayloadType: no schema for it", func(_, mail, _ dict) { mail["PayloadType"] = "com.example.none" }},
		{"PayloadContent.0.IncomingMailServerHostName: required key is missing", func(_, mail, _ dict) { delete(mail, "IncomingMailServerHostName") }},
		{"PayloadContent.0.PayloadUUID: required key is missing", func(_, mail, _ dict) { delete(mail, "PayloadUUID") }},
		{"PayloadContent.0.EmailAccountType: not one of [EmailTypeIMAP EmailTypePOP]", func(_, mail, _ dict) { mail["EmailAccountType"] = "IMAP" }},
		{"PayloadContent.0.IncomingMailServerPortNumber: not <integer>", func(_, mail, _ dict) { mail["IncomingMailServerPortNumber"] = "993" }},
		{"PayloadContent.0.IncomingMailServerUseSSL: not <boolean>", func(_, mail, _ dict) { mail["IncomingMailServerUseSSL"] = uint64(1) }},
		{"PayloadContent.0.SMIMESigningCertificateUUID: not in the format", func(_, mail, _ dict) { mail["SMIMESigningCertificateUUID"] = "1234" }},
		{"PayloadContent.0.VPNUUID: needs iOS 14.0", func(_, mail, _ dict) { mail["VPNUUID"] = "x" }},
		{"PayloadContent.0.EmailAddress: empty", func(_, mail, _ dict) { mail["EmailAddress"] = "" }},
		{"PayloadContent.1.maxFailedAttempts: not from 2 to 11", func(_, _, policy dict) { policy["maxFailedAttempts"] = uint64(12) }},
		{"PayloadContent.1.minLength: not from 0 to 16", func(_, _, policy dict) { policy["minLength"] = uint64(17) }},
		{"PayloadContent.1.maxPINAgeInDays: not from 1 to 730", func(_, _, policy dict) { policy["maxPINAgeInDays"] = uint64(0) }},
		{"PayloadContent.1.changeAtNextAuth: not for iOS", func(_, _, policy dict) { policy["changeAtNextAuth"] = true }},
		{"PayloadContent.1.PayloadUUID: not unique", func(_, mail, policy dict) { policy["PayloadUUID"] = mail["PayloadUUID"] }},
		{"PayloadContent.1.PayloadIdentifier: not unique", func(_, mail, policy dict) { policy["PayloadIdentifier"] = mail["PayloadIdentifier"] }},
	}
	for _, tt := range tests {
		data, err := protect(mailProfile(t, profile.IPhone, "Jane")).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		top := tree(t, data)
		tt.spoil(top, payload(top, 0), payload(top, 1))
		if got := schemas.Check(top); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestSchemaFindsOnMac is TestSchemaFinds for rules that are specific to Macs.
func TestSchemaFindsOnMac(t *testing.T) {
	schemas := schematest.Read(t, schemaFolder)
	tests := []struct {
		p     *profile.Profile
		want  string
		spoil func(top map[string]any)
	}{
		{mailProfile(t, profile.Mac, "Jane"), "PayloadContent.0: not for the device channel of a Mac",
			func(top map[string]any) { top["PayloadScope"] = "System" }},
		{mailProfile(t, profile.Mac, "Jane"), "PayloadContent.0.PreventMove: not for macOS",
			func(top map[string]any) { top["PayloadContent"].([]any)[0].(map[string]any)["PreventMove"] = true }},
		{protect(mailProfile(t, profile.Mac, "Jane")), "PayloadContent.0.minutesUntilFailedLoginReset: not without maxFailedAttempts",
			func(top map[string]any) {
				delete(top["PayloadContent"].([]any)[0].(map[string]any), "maxFailedAttempts")
			}},
	}
	for _, tt := range tests {
		data, err := tt.p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		top := tree(t, data)
		tt.spoil(top)
		if got := schemas.Check(top); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
