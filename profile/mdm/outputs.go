package mdm

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/updatecase/mobileconfig/profile"
)

//go:embed files
var texts embed.FS

var outputs = template.Must(template.New("").Funcs(template.FuncMap{
	"shell": shellQuote, "json": jsonQuote, "add": func(a, b int) int { return a + b },
}).ParseFS(texts, "files/*"))

// shellQuote quotes the text as one word of a shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// jsonQuote quotes the text as a JSON string, which is also valid in YAML and
// Terraform.
func jsonQuote(text string) (string, error) {
	out, err := marshal(text, "")
	return strings.TrimSuffix(string(out), "\n"), err
}

// marshal writes JSON whose texts people can read.
func marshal(value any, indent string) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(value)
	return out.Bytes(), err
}

// An upload describes a file for the vendors' scripts.
type upload struct {
	File string // path
	Name string // title on the device
	Mac  bool
	User bool // for the user channel of a Mac, not the device channel
}

func (t *Template) upload(file string) upload {
	return upload{file, t.DisplayName, t.Platform == profile.Mac, t.Platform == profile.Mac && !t.Policy}
}

// render renders an embedded file with its data, usually the uploads.
func render(name string, uploads any) (File, error) {
	var out strings.Builder
	err := outputs.ExecuteTemplate(&out, name, uploads)
	as := name
	if strings.HasSuffix(name, ".sh") {
		as = name[strings.LastIndexByte(name, '-')+1:] // iru-upload.sh is upload.sh
	}
	return File{Path: as, Script: strings.HasSuffix(name, ".sh"), text: out.String()}, err
}

// with returns the unchanged templates and the rendered embedded files.
func (s *Set) with(names ...string) ([]File, error) {
	files := s.plain()
	var uploads []upload
	for i, t := range s.Templates {
		uploads = append(uploads, t.upload(files[i].Path))
	}
	for _, name := range names {
		file, err := render(name, uploads)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (s *Set) templatesOnly() ([]File, error) { return s.plain(), nil }
func (s *Set) jamfPro() ([]File, error)       { return s.with("mail.jamf.recipe.yaml") }
func (s *Set) jamfSchool() ([]File, error)    { return s.with("jamf-school-people.sh") }
func (s *Set) iru() ([]File, error)           { return s.with("iru-upload.sh") }
func (s *Set) addigy() ([]File, error)        { return s.with("addigy-upload.sh") }
func (s *Set) meraki() ([]File, error)        { return s.with("meraki-people.sh") }
func (s *Set) hexnode() ([]File, error)       { return s.with("hexnode-people.sh") }
func (s *Set) simpleMDM() ([]File, error)     { return s.with("simplemdm-upload.sh", "simplemdm.tf") }
func (s *Set) manageEngine() ([]File, error)  { return s.with("manageengine-upload.sh") }
func (s *Set) nanoMDM() ([]File, error)       { return s.with("nanomdm-enqueue.sh") }
func (s *Set) configurator() ([]File, error)  { return s.with("configurator-cfgutil.sh") }

// bodies returns the templates, the bodies of requests that upload them, and
// the script that sends these.
func (s *Set) bodies(script string, body func(*Template, string) any) ([]File, error) {
	files := s.plain()
	var uploads []upload
	for i, t := range s.Templates {
		text, err := marshal(body(t, files[i].Path), "  ")
		if err != nil {
			return nil, err
		}
		file := File{Path: t.base() + ".json", text: string(text)}
		files, uploads = append(files, file), append(uploads, t.upload(file.Path))
	}
	file, err := render(script, uploads)
	return append(files, file), err
}

// appleBusiness returns requests for
// https://developer.apple.com/documentation/applebusinessapi/create-a-configuration.
func (s *Set) appleBusiness() ([]File, error) {
	type settings struct {
		Profile  string `json:"configurationProfile"`
		FileName string `json:"filename"`
	}
	type attributes struct {
		Type      string   `json:"type"`
		Name      string   `json:"name"`
		Platforms []string `json:"configuredForPlatforms"`
		Settings  settings `json:"customSettingsValues"`
	}
	type data struct {
		Type       string     `json:"type"`
		Attributes attributes `json:"attributes"`
	}
	return s.bodies("apple-business-upload.sh", func(t *Template, file string) any {
		platform := map[profile.Platform]string{profile.IPhone: "PLATFORM_IOS", profile.Mac: "PLATFORM_MACOS"}[t.Platform]
		return struct {
			Data data `json:"data"`
		}{data{"configurations", attributes{"CUSTOM_SETTING", t.DisplayName + ": " + s.title(), []string{platform}, settings{t.text, file}}}}
	})
}

// intune returns the resources iosCustomConfiguration and
// macOSCustomConfiguration of Microsoft Graph. The latter is the beta version,
// which has channels.
func (s *Set) intune() ([]File, error) {
	type resource struct {
		Kind        string `json:"@odata.type"`
		DisplayName string `json:"displayName"`
		Description string `json:"description"`
		PayloadName string `json:"payloadName"`
		FileName    string `json:"payloadFileName"`
		Payload     string `json:"payload"`
		Channel     string `json:"deploymentChannel,omitempty"`
	}
	return s.bodies("intune-upload.sh", func(t *Template, file string) any {
		r := resource{"#microsoft.graph.iosCustomConfiguration", t.DisplayName, "Mail profile of " + s.domain, t.DisplayName, file,
			base64.StdEncoding.EncodeToString([]byte(t.text)), ""}
		if t.Platform == profile.Mac {
			r.Kind, r.Channel = "#microsoft.graph.macOSCustomConfiguration", "userChannel"
			if t.Policy {
				r.Channel = "deviceChannel"
			}
		}
		return r
	})
}

// fleet returns a part of a GitOps repository, and lines for its YAML.
func (s *Set) fleet() (files []File, err error) {
	var uploads []upload
	for _, t := range s.Templates {
		folder, name := "platforms/ios", "mail"
		if t.Platform == profile.Mac {
			folder = "platforms/macos"
		}
		if t.Policy {
			name = "passcode"
		}
		file := File{Path: folder + "/configuration-profiles/" + name + "-" + s.domain + ".mobileconfig", text: t.text}
		files, uploads = append(files, file), append(uploads, t.upload(file.Path))
	}
	var declared []fleetDeclaration
	for _, f := range s.declared {
		declared = append(declared, fleetDeclaration{f.Path, strings.HasPrefix(f.Path, "platforms/macos/")})
	}
	snippet, err := render("fleets-snippet.yml", struct {
		Uploads  []upload
		Declared []fleetDeclaration
	}{uploads, declared})
	return append(files, snippet), err
}

// A fleetDeclaration is a declaration in the snippet.
type fleetDeclaration struct {
	Path string
	Mac  bool
}

// fleetDeclared returns the path of a declaration in a GitOps repository. Fleet
// creates the activations itself.
func fleetDeclared(s *Set, p profile.Platform, name string) string {
	if name != "passcode" {
		return ""
	}
	return map[profile.Platform]string{profile.IPhone: "platforms/ios", profile.Mac: "platforms/macos"}[p] + "/declaration-profiles/" + name + "-" + s.domain + ".json"
}

// workspaceONE returns only the payloads, each in a file.
func (s *Set) workspaceONE() (files []File, err error) {
	for _, t := range s.Templates {
		payloads := t.payloads()
		for _, kind := range slices.Sorted(maps.Keys(payloads)) {
			files = append(files, File{Path: string(t.Platform) + "-" + kind + ".xml", text: payloads[kind]})
		}
	}
	return files, nil
}
