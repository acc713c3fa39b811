package lint_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// shared is the folder with profiles and schema files that aren't part of the
// project.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(cmp.Or(os.Getenv("MOBILECONFIG_SHARED"), filepath.Join("..", "..", "..", "shared")), name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no folder %s; set MOBILECONFIG_SHARED to another", name)
	}
	return dir
}

// samples are real profiles from public repositories, with the findings in each
// on a day in November 2026, and why they are right.
var samples = []struct{ name, want, why string }{
	{"01-apple-example-mail", "error password_inside*2, note unsigned, note name_missing, note no_target_device, note deprecated*2, note starttls_port, note asks_twice",
		"Apple's mail example carries both passwords, and keeps S/MIME keys that iOS 10 retired."},
	{"02-apple-example-passcode", "warning wipe_without_delay, warning consent_missing, note unsigned, note name_missing, note no_target_device, note payload_deprecated",
		"Apple's passcode example erases after 5 wrong passcodes without a pause; its whole reals count as integers."},
	{"03-apple-example-caldav", "error password_inside, note unsigned, note name_missing, note no_target_device",
		"Apple's CalDAV example carries the password; TLS is on."},
	{"04-apple-example-webclip", "warning dangerous_payload, note unsigned, note name_missing, note no_target_device",
		"A web clip isn't an account."},
	{"05-apple-example-root-cert", "warning dangerous_payload, note unsigned, note name_missing, note no_target_device",
		"A root certificate: its owner can read what the device sends."},
	{"06-apple-example-removal-password", "error password_inside, warning removal_disallowed, warning dangerous_payload, note unsigned, note deprecated, note name_missing, note no_target_device",
		"It sets a removal password, which is readable."},
	{"07-apple-example-declarations", "warning dangerous_payload, warning random_identifier, note unsigned, note name_missing, note no_target_device, note random_identifier",
		"Declarations aren't read here; both identifiers end in random UUIDs."},
	{"08-mosen-mail-template", "error wrong_type, error missing_key*3, warning empty_string*11, warning no_authentication, note unsigned, note no_target_device, note deprecated*2, note starttls_port, note asks_twice",
		"A template: empty strings throughout, three of them where a text is required, PayloadVersion a string, no sign-in for incoming mail."},
	{"09-ncsc-ios-passcode-restrictions", "error duplicate_key*6, warning removal_disallowed, warning dangerous_payload, warning consent_missing, note unsigned, note deprecated, note no_target_device, note payload_deprecated, note random_identifier*2",
		"Two payloads were merged into one dict, so six keys are repeated; there's no consent text for the policy."},
	{"10-signed-ecdsa-letsencrypt-cloudflare", "error signer_expired, warning dangerous_payload, note name_missing, note no_target_device",
		"Strict DER, SHA-256, intermediate inside; the 90-day certificate has expired. The identifier's UUID is derived."},
	{"11-unsigned-cloudflare", "warning dangerous_payload, note unsigned, note name_missing, note no_target_device",
		"The same profile unsigned."},
	{"12-signed-rsa-sectigo-ber", "error signer_expired, warning ber, warning sha1, warning dangerous_payload, note name_missing, note no_target_device, note random_identifier",
		"Signed by an old Apple tool: BER, SHA-1; the one-year certificate has expired."},
	{"13-signed-developerid-ber", "error signer_expired, warning ber, warning sha1, warning empty_string*3, warning removal_disallowed, warning dangerous_payload*2, warning random_identifier, note deprecated*2, note no_target_device, note random_identifier*2",
		"BER, SHA-1, a Developer ID that expired in 2023; two payloads that change the system."},
	{"14-signed-mdm-builtin-ca", "error signer_expired, warning ber, warning sha1, warning empty_string*9, warning removal_disallowed, warning dangerous_payload*8, warning random_identifier, note deprecated*9, note no_target_device, note random_identifier*8",
		"Eight payloads of preferences by an MDM; its certificate expired, and the content is split into pieces, which must not count as changed."},
	{"15-signed-appledistribution-noattrs", "warning ber, warning sha1, warning missing_intermediate, warning dangerous_payload, warning random_identifier, note no_signed_attributes, note no_target_device, note random_identifier",
		"BER, SHA-1, neither attributes nor Apple's intermediate."},
	{"16-cfgprofiles-pkcs1", "warning empty_string, warning dangerous_payload, warning random_identifier, note unsigned, note no_target_device, note random_identifier",
		"A certificate; the identifier of the file is a UUID."},
	{"17-cfgprofiles-broken-multistring", "unreadable: line 29: a key has no value",
		"A key without a value: no device reads that."},
	{"18-validator-duplicate-uuid", "error duplicate_uuid, note unsigned, note name_missing, note no_target_device, note unknown_payload_type*2",
		"One UUID for two payloads."},
	{"19-validator-missing-payload-uuid", "error missing_key, note unsigned, note name_missing, note no_target_device, note unknown_payload_type",
		"A payload without a UUID."},
	{"20-validator-wrong-outer-type", "error wrong_outer_type, note unsigned, note name_missing, note no_target_device, note unknown_payload_type",
		"Wrong outer type."},
	{"21-validator-wrong-payload-version", "error payload_version, note unsigned, note name_missing, note no_target_device, note unknown_payload_type",
		"A PayloadVersion of 2."},
	{"22-validator-not-a-plist", "unreadable: it's neither an XML property list nor a signed envelope",
		"Plain text."},
	{"23-validator-multiple-payloads", "note unsigned, note no_target_device, note unknown_payload_type*2",
		"Valid; its payloads are for a Mac's preferences, which are unknown here."},
	{"24-intune-broken-missing-value", "unreadable: line 15: an element is inside the text of another; an end tag may be missing",
		"A broken end tag: no device reads that."},
	{"25-dod-root-removalpasscode", "warning dangerous_payload, warning random_identifier, note unsigned, note deprecated, note no_target_device, note random_identifier",
		"A root certificate; the identifier of the file is a UUID. HasRemovalPasscode is present, but false."},
	{"26-rtrouton-customsettings", "warning empty_string, warning removal_disallowed, warning dangerous_payload, warning malformed_identifier, note unsigned, note no_target_device, note deprecated, note random_identifier",
		"Preferences for a Mac; the identifier is one word, and the profile can't be removed."},
}

// sampleFile returns the path of the sample, here or in the shared folder.
func sampleFile(t *testing.T, name string) string {
	t.Helper()
	here := filepath.Join("testdata", "samples", name)
	if _, err := os.Stat(here); err == nil {
		return here
	}
	return filepath.Join(shared(t, "samples"), name)
}

func TestSamples(t *testing.T) {
	if len(samples) != 26 {
		t.Errorf("%d samples", len(samples))
	}
	here, err := filepath.Glob("testdata/samples/*.mobileconfig")
	if err != nil || len(here) != 18 {
		t.Errorf("found %d samples: %v", len(here), err)
	}
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			data := read(t, sampleFile(t, s.name+".mobileconfig"))
			got := ""
			if r, err := lint.Inspect(data, day); err != nil {
				got = "unreadable: " + err.Error()
			} else {
				got = strings.Join(codes(r), ", ")
				onlyOnce(t, r)
			}
			if got != s.want || s.why == "" {
				t.Errorf("\n got  %s\n want %s", got, s.want)
			}
			if strings.Contains(string(answer(data, day)), "Password123") {
				t.Error("the password is in the report")
			}
		})
	}
}

// reported are inputs based on bug reports about other programs, which reported
// something wrong or nothing.
var reported = []struct{ name, want string }{
	{"hosturl", "error wrong_value, note unsigned"},
	{"hostspace", "error wrong_value, note unsigned"},
	{"exp-ms", "error malformed_value, note unsigned"},
	{"x-zwsp", "warning hidden_characters*3, note unsigned"},
	{"s-pss", "note untrusted_signer"},
	{"s-crossexp", "note untrusted_signer"},
	{"s-leadnl", "error leading_data, note untrusted_signer"},
	{"s-texthdr", "error mail_header, note untrusted_signer"},
}

// TestReported inspects these in the folder samples/found of
// MOBILECONFIG_SHARED. All of their servers must be listed.
func TestReported(t *testing.T) {
	dir := shared(t, filepath.Join("samples", "found"))
	files, err := filepath.Glob(filepath.Join(dir, "*.mobileconfig"))
	if err != nil || len(files) != len(reported) {
		t.Errorf("%d files for %d rows: %v", len(files), len(reported), err)
	}
	for _, f := range reported {
		data := read(t, filepath.Join(dir, f.name+".mobileconfig"))
		r, err := lint.Inspect(data, time.Now()) // the certificates are new
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if got := strings.Join(codes(r), ", "); got != f.want {
			t.Errorf("%s:\n got  %s\n want %s", f.name, got, f.want)
		}
		if n := len(r.Payloads[0].Servers); n != 2 {
			t.Errorf("%s: %d servers", f.name, n)
		}
	}
}
