package mdm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/profile/schematest"
)

var logins = []mdm.Login{mdm.AddressLogin, mdm.LocalPartLogin, mdm.GivenLogin}

// TestTemplatesFollowSchema fills in every template like its vendor and checks
// it against Apple's schema.
func TestTemplatesFollowSchema(t *testing.T) {
	schemas, templates := schematest.Read(t, filepath.Join("..", "testdata", "apple-schema")), 0
	for _, v := range mdm.Vendors() {
		for _, login := range logins {
			for _, secure := range []bool{false, true} {
				for _, one := range newSet(t, v, secure, login).Templates {
					templates++
					filled := fill(v, text(t, one))
					var tree map[string]any
					if err := plist.NewXMLDecoder(strings.NewReader(filled)).Decode(&tree); err != nil {
						t.Fatalf("%s: %v", v.Name, err)
					}
					for _, problem := range schemas.Check(tree) {
						t.Errorf("%s, %s: %s", v.Name, one.DisplayName, problem)
					}
				}
			}
		}
	}
	if templates != 18*len(logins)*5 {
		t.Errorf("%d templates", templates)
	}
}

// fill does what a vendor does: it replaces the variables and escapes the
// values.
func fill(v *mdm.Vendor, template string) string {
	values := []string{"jane@example.com", "Jane &amp; Co", "jane", "jane"}
	for i, variable := range []mdm.Variable{v.Address, v.PersonName, v.UserName, v.LocalPart} {
		if variable.Text != "" {
			template = strings.ReplaceAll(template, "<string>"+variable.Text+"</string>", "<string>"+values[i]+"</string>")
		}
	}
	return template
}

// TestVariablesAreReadBack reads every template with Python. Each variable must
// read back as the vendor writes it, and only be in the person's fields.
func TestVariablesAreReadBack(t *testing.T) {
	var documents []string
	var sets []*mdm.Set
	for _, v := range mdm.Vendors() {
		for _, login := range logins {
			s := newSet(t, v, true, login)
			for _, one := range s.Templates {
				documents, sets = append(documents, text(t, one)), append(sets, s)
			}
		}
	}
	for i, profile := range plistlib(t, documents) {
		s := sets[i]
		wantFields(t, s, profile)
		for _, dict := range append(payloadsOf(profile), profile) {
			for _, key := range []string{"PayloadIdentifier", "PayloadUUID", "PayloadDisplayName", "PayloadOrganization", "PayloadDescription"} {
				value, _ := dict[key].(string)
				if slices.ContainsFunc(s.Vendor.Variables(), func(v mdm.Variable) bool { return strings.Contains(value, v.Text) }) {
					t.Errorf("%s: %s has a variable: %s", s.Vendor.Name, key, value)
				}
			}
		}
	}
}

// wantFields checks the person's fields in all accounts.
func wantFields(t *testing.T, s *mdm.Set, profile map[string]any) {
	t.Helper()
	address, name, login := s.Vendor.Address.Text, s.Vendor.PersonName.Text, s.Login().Text
	if !s.Vendor.Fills() {
		address, name, login = "jane@example.com", "Jane", "jane"
	}
	for _, payload := range payloadsOf(profile) {
		want := map[string]string{}
		switch payload["PayloadType"] {
		case "com.apple.mail.managed":
			want = map[string]string{"EmailAddress": address, "EmailAccountDescription": address, "EmailAccountName": name, "IncomingMailServerUsername": login, "OutgoingMailServerUsername": login}
		case "com.apple.caldav.account":
			want = map[string]string{"CalDAVUsername": login, "CalDAVAccountDescription": address}
		case "com.apple.carddav.account":
			want = map[string]string{"CardDAVUsername": login, "CardDAVAccountDescription": address}
		}
		for key, value := range want {
			got, _ := payload[key].(string)
			if got != value {
				t.Errorf("%s: %s is %q, want %q", s.Vendor.Name, key, got, value)
			}
		}
	}
}

func payloadsOf(profile map[string]any) (all []map[string]any) {
	content, _ := profile["PayloadContent"].([]any)
	for _, payload := range content {
		all = append(all, payload.(map[string]any))
	}
	return all
}

// plistlib reads the documents with Python.
func plistlib(t *testing.T, documents []string) (read []map[string]any) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
			t.Fatal("python3 is missing, and MOBILECONFIG_TEST_ALL is 1")
		}
		t.Skip("no python3")
	}
	in, err := json.Marshal(documents)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c",
		"import json, plistlib, sys\nprint(json.dumps([plistlib.loads(d.encode(), fmt=plistlib.FMT_XML) for d in json.load(sys.stdin)]))")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &read); err != nil || len(read) != len(documents) {
		t.Fatalf("%d documents, %d read, %v", len(documents), len(read), err)
	}
	return read
}

// TestIdentifiers checks that all vendors with variables get the same
// identifiers and UUIDs, and all others those of the mailbox.
func TestIdentifiers(t *testing.T) {
	want := []string{"com.example.mobileconfig.mdm.iphone", "com.example.mobileconfig.mdm.mac", "com.example.mobileconfig.mdm.mac.device"}
	var uuids []string
	for _, v := range mdm.Vendors() {
		s := newSet(t, v, true, mdm.AddressLogin)
		for i, one := range s.Templates {
			var top struct {
				PayloadIdentifier, PayloadUUID string
				PayloadContent                 []struct{ PayloadIdentifier, PayloadUUID string }
			}
			if err := plist.Unmarshal([]byte(text(t, one)), &top); err != nil {
				t.Fatal(err)
			}
			expected := want[i]
			if !v.Fills() {
				address, _ := profile.ParseAddress("jane@example.com")
				p := profile.Profile{Address: address, Platform: one.Platform}
				expected = p.Identifier()
				if one.Policy {
					expected += ".device"
				}
			}
			if top.PayloadIdentifier != expected || top.PayloadUUID != profile.UUID(expected) {
				t.Errorf("%s: %s %s, want %s", v.Name, top.PayloadIdentifier, top.PayloadUUID, expected)
			}
			if v.Fills() {
				uuids = append(uuids, top.PayloadUUID)
			}
			for _, payload := range top.PayloadContent {
				if !strings.HasPrefix(payload.PayloadIdentifier, expected+".") || payload.PayloadUUID != profile.UUID(payload.PayloadIdentifier) {
					t.Errorf("%s: payload %s %s", v.Name, payload.PayloadIdentifier, payload.PayloadUUID)
				}
			}
		}
	}
	slices.Sort(uuids)
	if different := slices.Compact(uuids); len(different) != len(want) {
		t.Errorf("the templates have %d UUIDs, want %d", len(different), len(want))
	}
}

// TestNames checks that each profile of a set has a different name, because
// some vendors distinguish profiles by name.
func TestNames(t *testing.T) {
	for _, v := range mdm.Vendors() {
		var names []string
		for _, one := range newSet(t, v, true, mdm.AddressLogin).Templates {
			names = append(names, one.DisplayName)
			if !strings.Contains(text(t, one), "<string>"+one.DisplayName+"</string>") {
				t.Errorf("%s: the device doesn't show %s", v.Name, one.DisplayName)
			}
		}
		slices.Sort(names)
		if len(slices.Compact(names)) != 3 {
			t.Errorf("%s: %q", v.Name, names)
		}
	}
}

// TestLogins checks the variable for each form of usernames, and the warning if
// the vendor has none.
func TestLogins(t *testing.T) {
	for _, tt := range []struct {
		vendor  string
		form    mdm.Login
		login   string
		warning string
	}{
		{"fleet", mdm.AddressLogin, "$FLEET_VAR_HOST_END_USER_IDP_USERNAME", ""},
		{"fleet", mdm.LocalPartLogin, "$FLEET_VAR_HOST_END_USER_IDP_USERNAME_LOCAL_PART", ""},
		{"iru", mdm.LocalPartLogin, "$EMAIL_PREFIX", ""},
		{"intune", mdm.LocalPartLogin, "{{partialupn}}", ""},
		{"workspace-one", mdm.LocalPartLogin, "{EmailUserName}", ""},
		{"jamf-pro", mdm.AddressLogin, "$EMAIL", ""},
		{"jamf-pro", mdm.LocalPartLogin, "$USERNAME", "Jamf Pro has no variable for the part before the @."},
		{"mosyle", mdm.LocalPartLogin, "%UserId%", "Mosyle has no variable for the part before the @. The template has %UserId% [Second-hand], the"},
		{"hexnode", mdm.GivenLogin, "%username%", "The template has %username% [Unconfirmed], the username in the MDM"},
		{"jamf-pro", mdm.GivenLogin, "$USERNAME", "The template has $USERNAME, the username in the MDM"},
		{"nanomdm", mdm.LocalPartLogin, "", ""},
	} {
		v, _ := mdm.Find(tt.vendor)
		s := newSet(t, v, false, tt.form)
		if got := s.Login().Text; got != tt.login {
			t.Errorf("%s, %s: the login is %s, want %s", tt.vendor, tt.form, got, tt.login)
		}
		if got := strings.Join(s.Warnings, "\n"); (got == "") != (tt.warning == "") || !strings.HasPrefix(got, tt.warning) {
			t.Errorf("%s, %s: the warning is %q, want %q", tt.vendor, tt.form, got, tt.warning)
		}
		if readme := filesOf(t, s)["README.txt"]; !strings.Contains(readme, tt.warning) || strings.Contains(readme, "WARNING") != (tt.warning != "") {
			t.Errorf("%s, %s: README.txt doesn't have the warning:\n%s", tt.vendor, tt.form, readme)
		}
	}
	v, _ := mdm.Find("jamf-pro")
	without := *v
	without.UserName = mdm.Variable{}
	for _, form := range []mdm.Login{mdm.LocalPartLogin, mdm.GivenLogin} {
		s := newSet(t, &without, false, form)
		if s.Login() != v.Address || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "the full address") {
			t.Errorf("%s without a username: %v, %q", form, s.Login(), s.Warnings)
		}
	}
}

// TestUnsure checks that exactly the variables that don't come from the
// vendors are named, with their marks.
func TestUnsure(t *testing.T) {
	for _, v := range mdm.Vendors() {
		for _, login := range logins {
			s := newSet(t, v, false, login)
			note := s.Unsure()
			for _, one := range []mdm.Variable{v.Address, v.PersonName, s.Login()} {
				if unsure := one.Sure.Mark() != ""; unsure != strings.Contains(note, one.Text+" ["+one.Sure.Mark()+"]") {
					t.Errorf("%s, %s: %q, about %s", v.Name, login, note, one)
				}
			}
			if documented := v.Name == "jamf-pro" || v.Name == "fleet" || v.Name == "nanomdm"; documented && note != "" {
				t.Errorf("%s: %q", v.Name, note)
			}
		}
	}
}

// TestNewRefuses checks that a person is required only for vendors without
// variables, and that the profile must be valid for the vendor.
func TestNewRefuses(t *testing.T) {
	intune, _ := mdm.Find("intune")
	nano, _ := mdm.Find("nanomdm")
	if _, err := mdm.New(intune, job(t, nano, false, "")); !errors.Is(err, mdm.ErrPerson) {
		t.Errorf("a template for one person: %v", err)
	}
	if _, err := mdm.New(nano, job(t, intune, false, "")); !errors.Is(err, mdm.ErrNoPerson) {
		t.Errorf("a file for no one: %v", err)
	}
	bad := job(t, nano, false, "")
	bad.Person.Login = "jane\n"
	if _, err := mdm.New(nano, bad); err == nil {
		t.Error("a login with a newline is taken")
	}
	size := len(text(t, newSet(t, intune, false, "").Templates[0]))
	narrow := *intune
	narrow.MaxBytes = size - 1
	_, err := mdm.New(&narrow, job(t, intune, false, ""))
	if e, ok := errors.AsType[*mdm.TooLargeError](err); !ok || e.Size != size || e.Most != size-1 {
		t.Errorf("too large: %v", err)
	}
	if intune.MaxBytes != 1_000_000 {
		t.Errorf("Intune takes %d bytes", intune.MaxBytes)
	}
}
