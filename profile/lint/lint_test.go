package lint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// day is when the samples and testdata are inspected.
var day = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// codes returns the findings as "error tls_off*2", most serious first.
func codes(r *lint.Report) []string {
	var list []string
	counts := map[string]int{}
	for _, f := range r.Findings {
		code := string(f.Severity) + " " + string(f.Code)
		if counts[code]++; counts[code] == 1 {
			list = append(list, code)
		}
	}
	for i, code := range list {
		if counts[code] > 1 {
			list[i] = fmt.Sprintf("%s*%d", code, counts[code])
		}
	}
	return list
}

// files are the handwritten profiles in testdata with the findings in each.
var files = map[string]string{
	"contacts":      "error password_inside, error wrong_type, note unsigned, note tls_unstated",
	"domain":        "warning identifier_per_domain, note unsigned",
	"date-fraction": "error malformed_value, note unsigned",
	"host-blank":    "error wrong_value, note unsigned",
	"host-url":      "error wrong_value, note unsigned",
	"ports":         "warning wrong_port*4, note unsigned, note asks_twice, note starttls_port*2",
	"zero-width":    "warning hidden_characters*3, note unsigned",
	"empty":         "error wrong_outer_type, error no_payloads, warning trailing_data, note unsigned, note name_missing, note no_target_device",
	"encrypted":     "note unsigned, note encrypted_content",
	"good":          "note unsigned",
	"identity":      "error duplicate_identifier, error duplicate_uuid, warning random_identifier, warning malformed_identifier*2, warning malformed_uuid, warning same_description, note unsigned",
	"keys":          "error malformed_value, error duplicate_key, error payload_version, error wrong_value, error wrong_type, error missing_key, warning empty_string, warning hidden_characters, warning unknown_key, warning ignored_key, note unsigned, note deprecated, note payload_deprecated",
	"locked":        "warning removal_disallowed, warning removal_date_past, warning dangerous_payload, warning unknown_payload_type, note unsigned, note unknown_payload_type",
	"mac":           "error wrong_scope, warning wipe_without_delay, warning login_reset_missing, warning wrong_platform, warning repeated_payload, warning consent_missing, warning mixed_mac_file, note unsigned, note payload_deprecated*2",
	"password":      "error password_inside*2, note unsigned, note mdm_variable, note starttls_port, note unknown_payload_type",
	"plaintext":     "error tls_off*3, warning plaintext_port, warning port_missing, warning no_authentication, note unsigned, note port_missing",
	"policy":        "error wrong_value, warning failed_attempts_unclear, warning consent_missing, note unsigned, note payload_deprecated, note no_effect",
	"reset":         "warning no_effect, note unsigned, note payload_deprecated",
}

func TestFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.mobileconfig")
	if err != nil || len(names) != len(files) {
		t.Errorf("%d files, %d in the table (%v)", len(names), len(files), err)
	}
	for _, name := range names {
		data := read(t, name)
		r, err := lint.Inspect(data, day)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		base := strings.TrimSuffix(filepath.Base(name), ".mobileconfig")
		got := strings.Join(codes(r), ", ")
		if got != files[base] {
			t.Errorf("%s:\n got  %s\n want %s", base, got, files[base])
		}
		noCanary(t, base, data)
	}
}

// noCanary checks that a report has no canary in any of its forms.
func noCanary(t *testing.T, name string, data []byte) {
	t.Helper()
	if out := answer(data, day); bytes.Contains(out, []byte("canary")) {
		t.Errorf("%s: a secret is in the report:\n%s", name, out)
	}
}

// answer returns Inspect's whole output for data at the time.
func answer(data []byte, at time.Time) []byte {
	r, err := lint.Inspect(data, at)
	if err != nil {
		return []byte(err.Error())
	}
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		panic(err)
	}
	if err := json.NewEncoder(&b).Encode(r); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestEveryCode checks that each code is found in a file in testdata or a
// signature of these tests, and that all codes are in Codes.
func TestEveryCode(t *testing.T) {
	found := map[lint.Code]bool{}
	collect := func(name string, data []byte, at time.Time) {
		r, err := lint.Inspect(data, at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, f := range r.Findings {
			found[f.Code] = true
		}
	}
	for name := range files {
		collect(name, read(t, "testdata/"+name+".mobileconfig"), day)
	}
	for _, s := range signatures(t) {
		collect(s.name, s.data, s.at)
	}
	listed := map[lint.Code]bool{}
	for _, m := range lint.Codes() {
		if listed[m.Code] {
			t.Errorf("%s is listed twice", m.Code)
		}
		listed[m.Code] = true
		if !found[m.Code] {
			t.Errorf("%s is never found", m.Code)
		}
		if !strings.HasSuffix(m.Text, ".") || !strings.HasSuffix(m.Do, ".") {
			t.Errorf("%s: no sentence", m.Code)
		}
	}
	for code := range found {
		if !listed[code] {
			t.Errorf("%s isn't listed", code)
		}
	}
}

// TestOwnProfiles checks that profiles by this project only get notes.
func TestOwnProfiles(t *testing.T) {
	names, err := filepath.Glob("../testdata/*.mobileconfig")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d profiles: %v", len(names), err)
	}
	for _, name := range names {
		r, err := lint.Inspect(read(t, name), day)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if r.Worst() != lint.Note {
			t.Errorf("%s: %v", name, codes(r))
		}
	}
}

// TestJSON checks the names of the fields, which programs rely on.
func TestJSON(t *testing.T) {
	r, err := lint.Inspect(read(t, "testdata/good.mobileconfig"), day)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"signed":false,"signer":null,"identifier":"com.example.jane","platform":"iphone",` +
		`"payloads":[{"type":"com.apple.mail.managed","identifier":"com.example.jane.mail","uuid":"22222222-0000-5000-8000-000000000001","servers":["imap.example.com:993","smtp.example.com:465"]}],` +
		`"findings":[{"code":"unsigned","severity":"note","path":"","detail":"The file isn't signed: devices show \"Unsigned\", and anyone may have changed it. Sign it when it is finished."}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r, err = lint.Inspect(signatures(t)[0].data, time.Now()); err != nil {
		t.Fatal(err)
	}
	want = `{"subject":"CN=setup.example.com","issuer":"CN=Middle","not_after":"` + r.Signer.NotAfter + `","digest":"SHA-256","chain":["CN=setup.example.com","CN=Middle"]}`
	if got, err = json.Marshal(r.Signer); err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s (%v)", got, want, err)
	}
	if _, err := time.Parse(time.RFC3339, r.Signer.NotAfter); err != nil {
		t.Error(err)
	}
}

// TestShown puts terminal control characters into every text that is shown.
func TestShown(t *testing.T) {
	data := string(read(t, "testdata/good.mobileconfig"))
	for _, evil := range []string{"\u202egpj", "\u009b31m", "\u200b", "\u2028", "\u2066", "\ufeff", "\U000e0041", "&#127;", "&#10;forged: line"} {
		raw := strings.NewReplacer("&#127;", "\u007f", "&#10;forged: line", "\nforged: line").Replace(evil)
		for _, place := range []string{"com.example.jane<", "com.apple.mail.managed<", "22222222-0000", "<key>EmailAccountDescription<"} {
			changed := strings.Replace(data, place, place[:len(place)-1]+evil+place[len(place)-1:], 1)
			if changed == data {
				t.Fatalf("%s isn't in the file", place)
			}
			if out := answer([]byte(changed), day); bytes.Contains(out, []byte(raw)) {
				t.Errorf("%q in %s is shown unescaped:\n%s", evil, place, out)
			}
		}
	}
}

// TestPrint checks the output for people.
func TestPrint(t *testing.T) {
	r, err := lint.Inspect(read(t, "testdata/plaintext.mobileconfig"), day)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if !strings.HasPrefix(lines[0], "#  Payload ") || !strings.HasPrefix(lines[1], "0  com.apple.mail.managed ") {
		t.Errorf("the payloads don't come first:\n%s", b.String())
	}
	var order []string
	for _, line := range lines {
		if len([]rune(line)) > 110 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
		if word, _, ok := strings.Cut(line, " "); ok && slices.Contains([]string{"error", "warning", "note"}, word) {
			order = append(order, word)
		}
	}
	if !slices.IsSorted(order[:3]) || order[0] != "error" || order[len(order)-1] != "note" {
		t.Errorf("the order is %v", order)
	}
}

// TestFlood checks that an error after thousands of notes is reported.
func TestFlood(t *testing.T) {
	data := string(read(t, "testdata/plaintext.mobileconfig"))
	flood := strings.Repeat("<dict><key>PayloadType</key><string>x</string></dict>\n", 5000)
	r, err := lint.Inspect([]byte(strings.Replace(data, "<array>", "<array>"+flood, 1)), day)
	if err != nil {
		t.Fatal(err)
	}
	got := codes(r)
	if len(r.Findings) > 200 || !slices.Contains(got, "error tls_off*3") || !slices.Contains(got, "error missing_key*20") {
		t.Errorf("%d findings: %v", len(r.Findings), got)
	}
	if !strings.Contains(fmt.Sprint(r.Findings), "more like this") {
		t.Error("the omitted findings aren't mentioned")
	}
}
