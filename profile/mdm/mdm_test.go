package mdm_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// job returns what an installation would request for the vendor: mail,
// calendars and contacts, with or without a policy.
func job(t *testing.T, v *mdm.Vendor, secure bool, login mdm.Login) mdm.Job {
	t.Helper()
	accounts := func() []profile.Payload {
		return []profile.Payload{
			&profile.Mail{DisplayName: "Mail", Incoming: profile.Server{Host: "imap.example.com", Port: 993}, Outgoing: profile.Server{Host: "smtp.example.com", Port: 465}},
			&profile.CalDAV{DAV: profile.DAV{DisplayName: "Calendars", Server: profile.DAVServer{Host: "dav.example.com", Port: 443}}},
			&profile.CardDAV{DAV: profile.DAV{DisplayName: "Contacts", Server: profile.DAVServer{Host: "dav.example.com", Port: 443}}},
		}
	}
	iphone := &profile.Profile{Platform: profile.IPhone, DisplayName: "Mail at example.com", Organization: "A & B", Payloads: accounts()}
	mac := &profile.Profile{Platform: profile.Mac, DisplayName: "Mail at example.com", Organization: "A & B", Payloads: accounts()}
	j := mdm.Job{Domain: "example.com", Profiles: []*profile.Profile{iphone, mac}, Login: login}
	if secure {
		policy := profile.DefaultPasscode()
		policy.DisplayName = "Code"
		consent := map[string]string{"default": "Too many wrong codes erase it."}
		iphone.Payloads, iphone.Consent = append(iphone.Payloads, &policy), consent
		j.Profiles = append(j.Profiles, &profile.Profile{Platform: profile.Mac, DisplayName: "Rules for this Mac", Payloads: []profile.Payload{&policy}, Consent: consent})
	}
	if !v.Fills() {
		address, err := profile.ParseAddress("jane@example.com")
		if err != nil {
			t.Fatal(err)
		}
		j.Person = profile.Fields{Address: address, PersonName: "Jane", Login: "jane"}
	}
	return j
}

func newSet(t *testing.T, v *mdm.Vendor, secure bool, login mdm.Login) *mdm.Set {
	t.Helper()
	s, err := mdm.New(v, job(t, v, secure, login))
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return s
}

// filesOf returns the files of the set by path.
func filesOf(t *testing.T, s *mdm.Set) map[string]string {
	t.Helper()
	files, err := s.Files()
	if err != nil {
		t.Fatalf("%s: %v", s.Vendor.Name, err)
	}
	out := map[string]string{}
	for _, f := range files {
		if _, twice := out[f.Path]; twice {
			t.Errorf("%s has %s twice", s.Vendor.Name, f.Path)
		}
		if f.Script != strings.HasSuffix(f.Path, ".sh") {
			t.Errorf("%s: %s can be run: %v", s.Vendor.Name, f.Path, f.Script)
		}
		out[f.Path] = text(t, f)
	}
	return out
}

func text(t *testing.T, from io.WriterTo) string {
	t.Helper()
	var out strings.Builder
	if _, err := from.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// named are the vendors that the program promises to support.
const named = `apple-business jamf-pro jamf-school intune fleet iru mosyle simplemdm addigy workspace-one meraki sophos manageengine
	maas360 hexnode ivanti nanomdm configurator`

// TestVendors checks that the table is complete, with a degree for each fact.
func TestVendors(t *testing.T) {
	if want := strings.Fields(named); !slices.Equal(mdm.Names(), want) {
		t.Errorf("the vendors are %q, want %q", mdm.Names(), want)
	}
	degrees := []mdm.Sure{mdm.Documented, mdm.SecondHand, mdm.Unconfirmed}
	sentence := func(v *mdm.Vendor, what string, f mdm.Fact) {
		if f.Text == "" || !slices.Contains(degrees, f.Sure) {
			t.Errorf("%s, %s: %+v", v.Name, what, f)
		}
	}
	secret := regexp.MustCompile(`(?i)pass|pwd|secret|pin`)
	for _, v := range mdm.Vendors() {
		if found, ok := mdm.Find(v.Name); !ok || found != v {
			t.Errorf("%s isn't found", v.Name)
		}
		for what, f := range map[string]mdm.Fact{"values": v.Values, "signed": v.Signed, "needs": v.Needs, "lost": v.Lost} {
			sentence(v, what, f)
		}
		for _, f := range v.Limits {
			sentence(v, "limits", f)
		}
		for i, step := range v.Steps {
			sentence(v, "steps", mdm.Fact{Text: step, Sure: v.StepsSure})
			if i == 4 && !strings.Contains(step, "Open Mail") {
				t.Errorf("%s: the last step isn't to open Mail: %s", v.Name, step)
			}
		}
		for _, variable := range v.Variables() {
			sentence(v, "a variable", mdm.Fact(variable))
			if secret.MatchString(variable.Text) {
				t.Errorf("%s: %s reads like a password", v.Name, variable.Text)
			}
			if err := mdm.CheckValue("x" + variable.Text + "@example.com"); err == nil {
				t.Errorf("%s: %s isn't a variable", v.Name, variable.Text)
			}
		}
		if _, err := time.Parse(time.DateOnly, v.Checked); err != nil || len(v.Sources) == 0 || v.Install == "" {
			t.Errorf("%s: checked %q, %d sources, installed %q", v.Name, v.Checked, len(v.Sources), v.Install)
		}
		if v.Fills() && (v.UserName.Text == "" || len(v.Variables()) < 2) {
			t.Errorf("%s fills in %v", v.Name, v.Variables())
		}
	}
	if _, ok := mdm.Find("jamf"); ok {
		t.Error("found a vendor that doesn't exist")
	}
	for _, text := range []string{"", "jane@example.com", "$jane", "50%off", "{jane}"} {
		if err := mdm.CheckValue(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// shapes are the vendors that get more than templates, each with the public
// documentation that the tests in outputs_test.go compare these files with.
var shapes = map[string]string{
	"apple-business": "https://developer.apple.com/documentation/applebusinessapi/create-a-configuration",
	"jamf-pro":       "https://github.com/grahampugh/jamf-upload",
	"jamf-school":    "https://deno.land/x/jamf_school",
	"intune":         "https://learn.microsoft.com/graph/api/resources/intune-deviceconfig-ioscustomconfiguration",
	"fleet":          "https://github.com/fleetdm/fleet/blob/main/articles/custom-os-settings.md",
	"iru":            "https://github.com/kandji-inc/iructl/wiki/API-Custom-Profiles",
	"simplemdm":      "https://api.simplemdm.com/v1/#custom-configuration-profiles",
	"addigy":         "https://github.com/pliancy/addigy-node",
	"workspace-one":  "https://gist.github.com/synic/fc7a219f229ef1df7748b8564a2fbcf1",
	"meraki":         "https://github.com/meraki/dashboard-api-go/blob/main/client/docs/UsersApi.md",
	"manageengine":   "https://www.manageengine.com/mobile-device-management/help/api/cloud/ios-add-custom-profile-payload-ios.html",
	"hexnode":        "https://github.com/JupiterOne/graph-hexnode",
	"nanomdm":        "https://github.com/micromdm/nanomdm/blob/main/docs/operations-guide.md",
	"configurator":   "https://github.com/libimobiledevice/libimobiledevice/issues/489",
}

// TestBeyondTemplates checks that exactly the vendors of shapes have more files
// than the templates and their check, and that their documentation is named as
// a source.
func TestBeyondTemplates(t *testing.T) {
	everybodys := []string{"README.txt", "check-mac.sh"}
	for _, v := range mdm.Vendors() {
		beyond := false
		for path := range filesOf(t, newSet(t, v, true, mdm.AddressLogin)) {
			beyond = beyond || !slices.Contains(everybodys, path) && !strings.HasSuffix(path, ".mobileconfig")
		}
		shape, want := shapes[v.Name]
		if beyond != want {
			t.Errorf("%s has more than templates: %v, want %v", v.Name, beyond, want)
		}
		if want && !slices.ContainsFunc(v.Sources, func(source string) bool { return strings.HasPrefix(source, shape) }) {
			t.Errorf("%s doesn't name %s: %q", v.Name, shape, v.Sources)
		}
	}
}

// TestStable checks that the result is always the same, including archives, and
// that no file has a password variable.
func TestStable(t *testing.T) {
	for _, v := range mdm.Vendors() {
		var archives [2]bytes.Buffer
		for i := range archives {
			if err := newSet(t, v, true, mdm.AddressLogin).WriteZIP(&archives[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(archives[0].Bytes(), archives[1].Bytes()) {
			t.Errorf("%s: two archives differ", v.Name)
		}
		for path, content := range filesOf(t, newSet(t, v, true, mdm.AddressLogin)) {
			if regexp.MustCompile(`(?i)[%${]_?password_?[%$}]`).MatchString(content) {
				t.Errorf("%s: %s has a variable for a password", v.Name, path)
			}
		}
	}
}

// TestGolden shows the effect of a change on the files of four vendors.
func TestGolden(t *testing.T) {
	for _, name := range []string{"fleet", "apple-business", "jamf-pro", "workspace-one"} {
		v, _ := mdm.Find(name)
		folder := filepath.Join("testdata", name)
		files := filesOf(t, newSet(t, v, true, mdm.LocalPartLogin))
		if *update {
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			for path, content := range files {
				file := filepath.Join(folder, filepath.FromSlash(path))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		kept := 0
		err := filepath.WalkDir(folder, func(file string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			kept++
			path, _ := filepath.Rel(folder, file)
			want, err := os.ReadFile(file)
			if got := files[filepath.ToSlash(path)]; got != string(want) {
				t.Errorf("%s differs; run: go test ./profile/mdm -update\n%s", file, got)
			}
			return err
		})
		if err != nil || kept != len(files) {
			t.Errorf("%s: %d files for %d, %v", folder, kept, len(files), err)
		}
	}
}
