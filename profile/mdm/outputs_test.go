package mdm_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
)

// strict decodes JSON and refuses keys that into doesn't have.
func strict(t *testing.T, data string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
}

// TestAppleBusinessShape compares the files with the request of
// https://developer.apple.com/documentation/applebusinessapi/create-a-configuration.
func TestAppleBusinessShape(t *testing.T) {
	v, _ := mdm.Find("apple-business")
	files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
	for file, platform := range map[string]string{"mail-iphone": "PLATFORM_IOS", "mail-mac": "PLATFORM_MACOS", "policy-mac": "PLATFORM_MACOS"} {
		var body struct {
			Data struct {
				Type       string `json:"type"`
				Attributes struct {
					Type                   string   `json:"type"`
					Name                   string   `json:"name"`
					ConfiguredForPlatforms []string `json:"configuredForPlatforms"`
					CustomSettingsValues   struct {
						ConfigurationProfile string `json:"configurationProfile"`
						Filename             string `json:"filename"`
					} `json:"customSettingsValues"`
				} `json:"attributes"`
			} `json:"data"`
		}
		strict(t, files[file+".json"], &body)
		a := body.Data.Attributes
		if body.Data.Type != "configurations" || a.Type != "CUSTOM_SETTING" || len(a.ConfiguredForPlatforms) != 1 || a.ConfiguredForPlatforms[0] != platform {
			t.Errorf("%s: %+v", file, body)
		}
		if !strings.HasSuffix(a.Name, ": jane@example.com") || a.CustomSettingsValues.Filename != file+".mobileconfig" || a.CustomSettingsValues.ConfigurationProfile != files[file+".mobileconfig"] {
			t.Errorf("%s: %s, %s, %s", file, a.Name, a.CustomSettingsValues.Filename, a.CustomSettingsValues.ConfigurationProfile)
		}
	}
}

// TestIntuneShape compares the files with the resources iosCustomConfiguration
// and macOSCustomConfiguration (beta, which has channels) of
// https://learn.microsoft.com/graph/api/resources/intune-deviceconfig-ioscustomconfiguration
// and
// https://learn.microsoft.com/graph/api/resources/intune-deviceconfig-macoscustomconfiguration.
func TestIntuneShape(t *testing.T) {
	v, _ := mdm.Find("intune")
	files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
	for file, want := range map[string][2]string{
		"mail-iphone": {"#microsoft.graph.iosCustomConfiguration", ""},
		"mail-mac":    {"#microsoft.graph.macOSCustomConfiguration", "userChannel"},
		"policy-mac":  {"#microsoft.graph.macOSCustomConfiguration", "deviceChannel"},
	} {
		var body struct {
			Kind        string  `json:"@odata.type"`
			DisplayName string  `json:"displayName"`
			Description string  `json:"description"`
			PayloadName string  `json:"payloadName"`
			FileName    string  `json:"payloadFileName"`
			Payload     string  `json:"payload"`
			Channel     *string `json:"deploymentChannel"`
		}
		strict(t, files[file+".json"], &body)
		if body.Kind != want[0] || (body.Channel == nil) != (want[1] == "") || body.Channel != nil && *body.Channel != want[1] {
			t.Errorf("%s: %+v", file, body)
		}
		payload, err := base64.StdEncoding.DecodeString(body.Payload)
		if err != nil || string(payload) != files[file+".mobileconfig"] || body.FileName != file+".mobileconfig" || body.PayloadName == "" || body.DisplayName == "" {
			t.Errorf("%s: %v, %s, %s", file, err, body.FileName, payload)
		}
	}
}

// TestFleetShape compares the files with the folders and the YAML of
// https://github.com/fleetdm/fleet/blob/main/articles/custom-os-settings.md:
// paths are relative to the folder of fleets, and labels distinguish iPhones
// from Macs.
func TestFleetShape(t *testing.T) {
	v, _ := mdm.Find("fleet")
	files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
	snippet := files["fleets-snippet.yml"]
	for path, labels := range map[string]string{
		"platforms/ios/configuration-profiles/mail-example.com.mobileconfig":       "          - iOS\n          - iPadOS\n",
		"platforms/macos/configuration-profiles/mail-example.com.mobileconfig":     "          - macOS\n",
		"platforms/macos/configuration-profiles/passcode-example.com.mobileconfig": "          - macOS\n",
	} {
		if files[path] == "" || !strings.Contains(snippet, "      - path: ../"+path+"\n        labels_include_any:\n"+labels) {
			t.Errorf("%s is missing, or not in\n%s", path, snippet)
		}
	}
	for uncommented, want := range map[string]int{snippet: 3, strings.ReplaceAll(snippet, "\n#  ", "\n  "): 5} {
		var settings struct {
			Controls struct {
				AppleSettings struct {
					Profiles []struct {
						Path   string
						Labels []string `yaml:"labels_include_any"`
					} `yaml:"configuration_profiles"`
				} `yaml:"apple_settings"`
			}
		}
		strictYAML(t, uncommented, &settings)
		profiles := settings.Controls.AppleSettings.Profiles
		if len(profiles) != want {
			t.Errorf("%d profiles, want %d in\n%s", len(profiles), want, uncommented)
		}
		for _, p := range profiles {
			if files[strings.TrimPrefix(p.Path, "../")] == "" || len(p.Labels) == 0 {
				t.Errorf("%+v in\n%s", p, uncommented)
			}
		}
	}
	for platform, label := range map[string]string{"ios": "iOS", "macos": "macOS"} {
		path := "platforms/" + platform + "/declaration-profiles/passcode-example.com.json"
		var declaration struct {
			Type, Identifier string
			Payload          map[string]any
		}
		strict(t, files[path], &declaration)
		if declaration.Type != "com.apple.configuration.passcode.settings" || declaration.Identifier == "" || declaration.Payload["RequirePasscode"] != true ||
			!strings.Contains(snippet, "#      - path: ../"+path+"\n#        labels_include_any:\n#          - "+label+"\n") {
			t.Errorf("%s is %+v, in\n%s", path, declaration, snippet)
		}
	}
	if mail := files["platforms/macos/configuration-profiles/mail-example.com.mobileconfig"]; !strings.Contains(mail, "<key>PayloadScope</key>\n\t\t<string>User</string>") {
		t.Errorf("mail on a Mac isn't for the user:\n%s", mail)
	}
}

// strictYAML decodes YAML and refuses keys that into doesn't have.
func strictYAML(t *testing.T, data string, into any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
}

// TestJamfShape compares the recipe with AutoPkg's form, and its arguments with
// the input variables of JamfMobileDeviceProfileUploader and
// JamfComputerProfileUploader in https://github.com/grahampugh/jamf-upload.
func TestJamfShape(t *testing.T) {
	v, _ := mdm.Find("jamf-pro")
	files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
	var recipe struct {
		Description    string            `yaml:"Description"`
		Identifier     string            `yaml:"Identifier"`
		MinimumVersion string            `yaml:"MinimumVersion"`
		Input          map[string]string `yaml:"Input"`
		Process        []struct {
			Processor string `yaml:"Processor"`
			Arguments struct {
				Name          string `yaml:"profile_name"`
				File          string `yaml:"mobileconfig"`
				MobileGroup   string `yaml:"profile_mobiledevicegroup"`
				ComputerGroup string `yaml:"profile_computergroup"`
				Replace       string `yaml:"replace_profile"`
			} `yaml:"Arguments"`
		} `yaml:"Process"`
	}
	strictYAML(t, files["mail.jamf.recipe.yaml"], &recipe)
	if recipe.Identifier == "" || recipe.Input["NAME"] == "" || recipe.MinimumVersion == "" || len(recipe.Process) != 3 {
		t.Errorf("the recipe is %+v", recipe)
	}
	for i, file := range []string{"mail-iphone", "mail-mac", "policy-mac"} {
		step, processor, group := recipe.Process[i], "JamfComputerProfileUploader", "COMPUTER_GROUP"
		a := step.Arguments
		if file == "mail-iphone" {
			processor, group = "JamfMobileDeviceProfileUploader", "MOBILE_GROUP"
		}
		if step.Processor != "com.github.grahampugh.jamf-upload.processors/"+processor || a.File != "%RECIPE_DIR%/"+file+".mobileconfig" || files[file+".mobileconfig"] == "" ||
			a.MobileGroup+a.ComputerGroup != "%"+group+"%" || (a.MobileGroup != "") != (file == "mail-iphone") || recipe.Input[group] == "" || a.Replace != "True" || a.Name == "" {
			t.Errorf("%s: %+v", file, step)
		}
	}
}

// TestTerraformShape compares the resources with the arguments of
// simplemdm_customprofile in
// https://github.com/DavidKrau/terraform-provider-simplemdm (examples).
func TestTerraformShape(t *testing.T) {
	v, _ := mdm.Find("simplemdm")
	files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
	resource := regexp.MustCompile(`(?m)^resource "simplemdm_customprofile" "(\w+)" \{\n((?:  \w+ += .+\n)+)\}$`)
	found := resource.FindAllStringSubmatch(files["simplemdm.tf"], -1)
	if left := resource.ReplaceAllString(files["simplemdm.tf"], ""); len(found) != 3 || strings.Contains(left, "{") {
		t.Fatalf("%d resources in\n%s", len(found), files["simplemdm.tf"])
	}
	for i, want := range []struct{ file, user string }{{"mail-iphone", "false"}, {"mail-mac", "true"}, {"policy-mac", "false"}} {
		arguments := map[string]string{}
		for line := range strings.Lines(found[i][2]) {
			name, value, _ := strings.Cut(line, "=")
			arguments[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
		if !strings.HasPrefix(arguments["name"], `"`) {
			t.Errorf("%s has the name %s", want.file, arguments["name"])
		}
		delete(arguments, "name")
		if !maps.Equal(arguments, map[string]string{
			"mobileconfig": `file("${path.module}/` + want.file + `.mobileconfig")`, "user_scope": want.user,
			"attribute_support": "true", "escape_attributes": "true", "reinstall_after_os_update": "false",
		}) {
			t.Errorf("%s: %v", want.file, arguments)
		}
	}
}

// TestWorkspaceONEShape checks for one <dict> per payload, exactly as in a
// profile.
func TestWorkspaceONEShape(t *testing.T) {
	v, _ := mdm.Find("workspace-one")
	files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
	var documents []string
	for _, path := range []string{"iphone-mail.xml", "iphone-caldav.xml", "iphone-carddav.xml", "iphone-passcode.xml", "mac-mail.xml", "mac-passcode.xml"} {
		if !strings.HasPrefix(files[path], "<dict>\n\t<key>") || !strings.HasSuffix(files[path], "</dict>\n") {
			t.Errorf("%s is\n%s", path, files[path])
		}
		documents = append(documents, `<plist version="1.0">`+files[path]+"</plist>")
	}
	payloads := plistlib(t, documents)
	for i, want := range []string{"com.apple.mail.managed", "com.apple.caldav.account", "com.apple.carddav.account", "com.apple.mobiledevice.passwordpolicy", "com.apple.mail.managed", "com.apple.mobiledevice.passwordpolicy"} {
		if got := payloads[i]["PayloadType"]; got != want {
			t.Errorf("payload %d is %v, want %s", i, got, want)
		}
	}
}

// TestDeclared checks that the files of exactly those vendors that accept
// declarations contain the policy as declarations, the same as the program's
// own command writes.
func TestDeclared(t *testing.T) {
	for _, v := range mdm.Vendors() {
		for _, policy := range []bool{false, true} {
			files := filesOf(t, newSet(t, v, policy, mdm.AddressLogin))
			found := 0
			for path, content := range files {
				if strings.Contains(content, `"com.apple.configuration.passcode.settings"`) || strings.Contains(content, `"com.apple.activation.simple"`) {
					found++
					if strings.Contains(content, "Predicate") || strings.Contains(content, "ServerToken") {
						t.Errorf("%s: %s is\n%s", v.Name, path, content)
					}
				}
			}
			want := map[string]int{"fleet": 2, "simplemdm": 4, "manageengine": 4, "nanomdm": 4}[v.Name]
			if !policy {
				want = 0
			}
			if found != want || strings.Contains(files["README.txt"], "THE POLICY AS DECLARATIONS") != (want > 0) {
				t.Errorf("%s, policy %v: %d declarations, want %d:\n%s", v.Name, policy, found, want, files["README.txt"])
			}
		}
	}
	policy := profile.DefaultPasscode()
	policy.DisplayName = "Code"
	all, err := policy.Declarations("example.com", profile.Mac)
	if err != nil {
		t.Fatal(err)
	}
	nano, _ := mdm.Find("nanomdm")
	files := filesOf(t, newSet(t, nano, true, mdm.AddressLogin))
	for n, name := range []string{"passcode", "activation"} {
		want, err := json.MarshalIndent(all[n], "", "  ")
		if got := files["declarations/mac/"+name+".json"]; err != nil || got != string(want)+"\n" {
			t.Errorf("%s is\n%swant\n%s", name, got, want)
		}
	}
}

// TestReadmes checks that every README has the general notes, and a mark on
// everything that isn't from the vendor.
func TestReadmes(t *testing.T) {
	always := []string{"can't promise a single password prompt", "manually stays", "Microsoft 365 takes no password over IMAP at all", "To lock or erase a lost device: ", "Email password, when Mail first connects: once or twice"}
	secure := []string{"(User Enrollment) ignore passcode rules", "email is a profile of the user and the policy one of the system. That's two files", "acts on wrong passcodes only", "too many of them erase an iPhone or lock a Mac", "locking and erasing one is the MDM's job", "A new passcode, if theirs doesn't meet the policy"}
	for _, v := range mdm.Vendors() {
		for _, policy := range []bool{false, true} {
			readme := filesOf(t, newSet(t, v, policy, mdm.AddressLogin))["README.txt"]
			for _, part := range append([]string{v.Title, v.Checked, v.Lost.String(), v.Signed.String(), v.Steps[2]}, always...) {
				if !strings.Contains(readme, part) {
					t.Errorf("%s: README.txt doesn't have %q:\n%s", v.Name, part, readme)
				}
			}
			for _, part := range secure {
				if strings.Contains(readme, part) != policy {
					t.Errorf("%s, policy %v: README.txt has %q: %v", v.Name, policy, part, !policy)
				}
			}
			if v.Fills() && v.Address.Sure != mdm.Documented && !strings.Contains(readme, v.Address.Text+" ["+v.Address.Sure.Mark()+"]") {
				t.Errorf("%s: the variable isn't marked:\n%s", v.Name, readme)
			}
			if mark := v.StepsSure.Mark(); mark != "" && !strings.Contains(readme, "FIVE STEPS ["+mark+"]") {
				t.Errorf("%s: the steps aren't marked:\n%s", v.Name, readme)
			}
		}
	}
	intune, _ := mdm.Find("intune")
	j := job(t, intune, false, "")
	j.Advice = "Google takes an app password only."
	s, err := mdm.New(intune, j)
	if err != nil || !strings.Contains(filesOf(t, s)["README.txt"], "- "+j.Advice) {
		t.Errorf("README.txt doesn't have the advice: %v", err)
	}
}

// run unpacks the files of a set and runs a script from it with a fake version
// of the tool that it calls. It returns the tool's input.
func run(t *testing.T, files map[string]string, tool, answer, script string, args ...string) (log string, out string, err error) {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	fake := "#!/bin/sh\n{ echo \"$@\"; case \"$*\" in *'--config -'*) cat ;; esac; for a; do [ \"$was\" != --upload-file ] || cat \"$a\"; was=$a; done; } >>\"$LOG\"\ncase \"$*\" in *evil*) exit 6 ;; esac\nprintf '%s\\n' \"$ANSWER\"\n"
	for _, name := range []string{tool, "uuidgen"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(fake), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "SECRET", secret), "DIR", dir)
	}
	logFile := filepath.Join(bin, "log")
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{filepath.Join(dir, script)}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LOG="+logFile, "ANSWER="+answer)
	output, err := cmd.CombinedOutput()
	calls, _ := os.ReadFile(logFile)
	return string(calls), string(output), err
}

// TestScripts runs every script that uploads files to a vendor. The requests
// have the shapes of the documentation in shapes.
func TestScripts(t *testing.T) {
	for _, tt := range []struct {
		vendor, tool, answer, script string
		args                         []string
		want                         []string
	}{
		{"apple-business", "curl", "{}", "upload.sh", []string{"SECRET"}, []string{"--data @mail-iphone.json https://api-business.apple.com/v1/configurations", "--data @policy-mac.json", "Authorization: Bearer s3cret"}},
		{"intune", "az", "{}", "upload.sh", nil, []string{"rest --method POST", "--body @mail-iphone.json --url https://graph.microsoft.com/v1.0/deviceManagement/deviceConfigurations", "--body @mail-mac.json --url https://graph.microsoft.com/beta/"}},
		{"iru", "curl", "{}", "upload.sh", []string{"https://x.api.kandji.io", "SECRET"}, []string{"name=Mail at example.com (iPhone)", "file=@mail-mac.mobileconfig --form active=false --form runs_on_mac=true --form runs_on_iphone=false", "https://x.api.kandji.io/api/v1/library/custom-profiles", "Bearer s3cret"}},
		{"simplemdm", "curl", "{}", "upload.sh", []string{"SECRET"}, []string{"mobileconfig=@mail-iphone.mobileconfig --form user_scope=false", "mobileconfig=@mail-mac.mobileconfig --form user_scope=true --form attribute_support=true --form escape_attributes=true", `user = "s3cret:"`}},
		{"manageengine", "curl", `{"file_id": 42}`, "upload.sh", []string{"https://mdm.example", "SECRET", "11", "22"}, []string{"Module: MDM_CUSTOM_PROFILE --form file=@mail-iphone.mobileconfig https://mdm.example/emsapi/files", `"custom_profile_file_id":"42"`, "/api/v1/mdm/profiles/11/payloads/ioscustomprofiles", "/api/v1/mdm/profiles/22/payloads/maccustomprofiles", "Authorization: s3cret"}},
		{"addigy", "curl", "{}", "upload.sh", []string{"SECRET"}, []string{"profile=@mail-iphone.mobileconfig;type=application/x-apple-aspen-config", "profile=@policy-mac.mobileconfig;", "https://api.addigy.com/api/v2/mdm/configurations/custom-profile", "x-api-key: s3cret"}},
		{"nanomdm", "curl", "{}", "enqueue.sh", []string{"https://nano.example", "SECRET", "DIR/mail-iphone.mobileconfig", "UDID"}, []string{"<string>InstallProfile</string>", "https://nano.example/v1/enqueue/UDID", `user = "nanomdm:s3cret"`}},
		{"configurator", "cfgutil", "Type: iPhone ECID: 0x1A2B UDID: x", "cfgutil.sh", nil, []string{"--ecid 0x1A2B install-profile mail-iphone.mobileconfig"}},
	} {
		v, _ := mdm.Find(tt.vendor)
		files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
		log, out, err := run(t, files, tt.tool, tt.answer, tt.script, tt.args...)
		if err != nil {
			t.Errorf("%s: %v\n%s", tt.vendor, err, out)
		}
		for _, part := range tt.want {
			if !strings.Contains(log, part) {
				t.Errorf("%s: the tool didn't get %q:\n%s", tt.vendor, part, log)
			}
		}
		for line := range strings.Lines(log) {
			if strings.Contains(line, "s3cret") && !strings.HasPrefix(line, "header = ") && !strings.HasPrefix(line, "user = ") {
				t.Errorf("%s: the secret is an argument, which everyone on the machine can see: %s", tt.vendor, line)
			}
		}
		if len(tt.args) > 0 {
			if _, out, err := run(t, files, tt.tool, "", tt.script); err == nil || !strings.Contains(out, "usage: "+tt.script) {
				t.Errorf("%s without arguments: %v, %s", tt.vendor, err, out)
			}
		}
	}
	v, _ := mdm.Find("configurator")
	if _, out, err := run(t, filesOf(t, newSet(t, v, false, "")), "cfgutil", "ECID: 0x1\nECID: 0x2", "cfgutil.sh"); err == nil || !strings.Contains(out, "several devices") {
		t.Errorf("two devices: %v, %s", err, out)
	}
}

// TestPeopleScripts checks that people.sh lists people without an address, and
// rejects answers that aren't a list. The answers have the shapes of
// https://github.com/meraki/dashboard-api-go/blob/main/client/docs/UsersApi.md,
// https://deno.land/x/jamf_school (models/user.ts) and
// https://github.com/JupiterOne/graph-hexnode (HexnodeUserResponse).
func TestPeopleScripts(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("no jq")
	}
	meraki, school, hexnode := []string{"N_1", "SECRET"}, []string{"https://school.jamfcloud.com/", "SECRET"}, []string{"https://x.hexnodemdm.com", "SECRET"}
	for _, tt := range []struct {
		vendor string
		args   []string
		answer string
		want   string // empty: everyone has an address
		calls  string
	}{
		{"meraki", meraki, `[{"id":"1","email":"jane@example.com","username":"jane"},{"id":"2","email":"","username":"joe"},{"id":"3"}]`, "joe\n3\n", "https://api.meraki.com/api/v1/networks/N_1/sm/users"},
		{"meraki", meraki, `[{"id":"1","email":"jane@example.com"}]`, "", `header = "Authorization: Bearer s3cret"`},
		{"meraki", meraki, `{"errors":["Invalid API key"]}`, "jq: error", ""},
		{"jamf-school", school, `{"code":200,"count":2,"users":[{"id":1,"email":"jane@example.com","name":"Jane"},{"id":2,"email":"","username":"joe","name":"Joe"}]}`, "joe\n", "https://school.jamfcloud.com/api/users"},
		{"jamf-school", school, `{"users":[]}`, "", `user = "s3cret"`},
		{"jamf-school", school, `<html>`, "parse error", ""},
		{"hexnode", hexnode, `{"count":2,"next":null,"results":[{"id":1,"name":"Jane","email":"jane@example.com"},{"id":2,"name":"Joe"}]}`, "Joe\n", "https://x.hexnodemdm.com/api/v1/users/"},
		{"hexnode", hexnode, `{"results":[{"id":1,"email":"jane@example.com"}]}`, "", `header = "Authorization: s3cret"`},
		{"hexnode", hexnode, `{"next":"https://evil.example/api/v1/users/?page=2","results":[]}`, "where the key isn't sent", ""},
	} {
		v, _ := mdm.Find(tt.vendor)
		files := filesOf(t, newSet(t, v, false, mdm.AddressLogin))
		log, out, err := run(t, files, "curl", tt.answer, "people.sh", slices.Clone(tt.args)...)
		if good := tt.want == ""; (err == nil) != good || good != strings.Contains(out, "has an email address") || !strings.Contains(out, tt.want) || !strings.Contains(log, tt.calls) {
			t.Errorf("%s, %s: %v, %s\n%s", tt.vendor, tt.answer, err, out, log)
		}
		if strings.Contains(log, "evil") || strings.Contains(strings.SplitN(log, "\n", 2)[0], "s3cret") {
			t.Errorf("%s: the key leaks:\n%s", tt.vendor, log)
		}
		if _, out, err := run(t, files, "curl", "", "people.sh"); err == nil || !strings.Contains(out, "usage: people.sh") {
			t.Errorf("%s without arguments: %v, %s", tt.vendor, err, out)
		}
	}
}

// TestCheckScript checks that check-mac.sh finds a missing profile, and a
// profile with an unreplaced variable.
func TestCheckScript(t *testing.T) {
	for _, v := range mdm.Vendors() {
		files := filesOf(t, newSet(t, v, true, mdm.AddressLogin))
		if _, ok := files["check-mac.sh"]; ok != v.Fills() {
			t.Errorf("%s has check-mac.sh: %v", v.Name, ok)
		}
		if !v.Fills() {
			continue
		}
		s := newSet(t, v, true, mdm.AddressLogin)
		installed := text(t, s.Templates[1])
		for answer, want := range map[string]string{
			fill(v, installed): "the person's data was filled in",
			installed:          v.Address.Text + " wasn't filled in.",
			"<plist/>":         "isn't installed",
		} {
			_, out, err := run(t, files, "profiles", answer, "check-mac.sh")
			if good := strings.HasPrefix(want, "the person"); (err == nil) != good || !strings.Contains(out, want) {
				t.Errorf("%s: got %v, %s; want %s", v.Name, err, out, want)
			}
		}
	}
}
