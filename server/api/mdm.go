package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Media types of files for an MDM. A template is XML and not a profile for a device, so
// that no one is asked to install it.
const (
	templateType = "application/xml"
	zipType      = "application/zip"
)

// An MDMQuery selects the files and the domain.
type MDMQuery struct {
	Vendor  field.Vendor `path:"vendor" doc:"The device management service." example:"fleet"`
	Domain  string       `query:"domain" required:"true" minLength:"1" maxLength:"255" doc:"The mail domain." example:"example.com"`
	Variant string       `query:"variant" enum:"mail,secure" default:"mail" doc:"secure adds the domain's passcode policy, even if its pages don't offer it."`
	Locale  string       `query:"locale" maxLength:"35" doc:"Language of the profiles' texts." example:"en"`
	Address string       `query:"address" maxLength:"254" doc:"For an MDM without variables: the mailbox that the files are for." example:"jane@example.com"`
	Name    string       `query:"name" maxLength:"200" doc:"With address: the sender's name in new messages." example:"Jane Doe"`
	Login   string       `query:"login" maxLength:"254" doc:"With address: the username on the servers. The default depends on the domain's login setting." example:"jane@example.com"`
}

type templateQuery struct {
	MDMQuery
	Platform string `query:"platform" enum:"iphone,mac" default:"iphone" doc:"Device type; iphone includes iPad. For a Mac, the variant secure contains only the passcode policy."`
}

type mdmFile struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition" example:"attachment; filename=\"fleet-example.com.zip\""`
	Warning     string `header:"X-MDM-Warning" doc:"What won't work as expected, for example a login that the MDM has no variable for. For a template, also which variables don't come from the MDM's own pages." example:"Mosyle has no variable for the part before the @."`
	Body        []byte
}

func (a *API) mdm(h huma.API) {
	template := operation("get-mdm-profile", http.MethodGet, "/mdm/{vendor}/profile", account.DomainsRead, "Create an unsigned template for an MDM")
	template.Responses = binary(templateType, "The template with the MDM's variables. Profiles with variables are never signed.")
	register(a, h, template, a.mdmProfile)
	files := operation("get-mdm-files", http.MethodGet, "/mdm/{vendor}/files.zip", account.DomainsRead, "Create all files for an MDM")
	files.Responses = binary(zipType, "The templates, the files for the MDM's tools, and README.txt. The same request returns the same bytes.")
	register(a, h, files, a.mdmFiles)
	register(a, h, operation("get-mdm-declarations", http.MethodGet, "/mdm/declarations", account.DomainsRead, "Create declarations of the passcode policy"), a.mdmDeclarations)
}

func (a *API) mdmProfile(ctx context.Context, c call, in *templateQuery) (*mdmFile, error) {
	set, err := a.mdmSet(ctx, c, &in.MDMQuery)
	if err != nil {
		return nil, err
	}
	platform := profile.Platform(cmp.Or(in.Platform, string(profile.IPhone)))
	template, found := set.Template(platform, platform == profile.Mac && in.Variant == string(settings.Secure))
	if !found {
		return nil, fault.On("platform", fault.PlatformOff, "This domain doesn't offer profiles for this platform.")
	}
	var out bytes.Buffer
	_, err = template.WriteTo(&out)
	file := answerFile(set, templateType, ".mobileconfig", out.Bytes())
	file.Warning = strings.TrimSpace(file.Warning + " " + set.Unsure())
	return file, err
}

func (a *API) mdmFiles(ctx context.Context, c call, in *MDMQuery) (*mdmFile, error) {
	set, err := a.mdmSet(ctx, c, in)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = set.WriteZIP(&out)
	return answerFile(set, zipType, ".zip", out.Bytes()), err
}

// answerFile is a response with a file of the set.
func answerFile(set *mdm.Set, kind, extension string, data []byte) *mdmFile {
	return &mdmFile{kind, `attachment; filename="` + set.FileName() + extension + `"`, strings.Join(set.Warnings, " "), data}
}

// mdmSet creates the set for the query.
func (a *API) mdmSet(ctx context.Context, c call, in *MDMQuery) (*mdm.Set, error) {
	d, err := a.permitted(ctx, c, in.Domain)
	if fault.Is(err, fault.NotFound) {
		err = fault.On("domain", fault.NotFound, "There is no such domain.")
	}
	if err != nil {
		return nil, err
	}
	vendor, _ := mdm.Find(string(in.Vendor)) // listed in the document
	order := issue.ManagedOrderOf(d, vendor, settings.Variant(cmp.Or(in.Variant, string(settings.Mail))))
	order.Locale, order.Test = profile.Trim(in.Locale), c.key.Test
	if in.Address != "" {
		order.Person = issue.Person{Name: profile.Plain(in.Name), Login: profile.Trim(in.Login)}
		if order.Person.Address, err = profile.ParseAddress(in.Address); err != nil {
			err = fault.OnText("address", err, fault.AddressMalformed, "Enter a full email address, for example jane@example.com.")
		}
		if err := errors.Join(err, checkPerson(order.Person)); err != nil {
			return nil, err
		}
	}
	return a.Issuer.Manage(order)
}

type declarationsQuery struct {
	Domain   string `query:"domain" required:"true" minLength:"1" maxLength:"255" doc:"Mail domain. The identifiers are derived from it." example:"example.com"`
	Platform string `query:"platform" enum:"iphone,mac" default:"iphone" doc:"Device type; iphone includes iPad."`
}

// A Declaration is a declaration of Apple's declarative device management, with Apple's
// field names. A server adds its own ServerToken.
type Declaration struct {
	Type       string         `json:"Type" example:"com.apple.configuration.passcode.settings"`
	Identifier string         `json:"Identifier" doc:"The same after each change to the policy, so a new version replaces the old one." example:"com.example.mobileconfig.iphone.passcode"`
	Payload    map[string]any `json:"Payload" doc:"As Apple defines it for the type."`
}

// Declarations are the passcode policy of a domain.
type Declarations struct {
	Domain       string        `json:"domain" example:"example.com"`
	Platform     string        `json:"platform" example:"iphone"`
	Declarations []Declaration `json:"declarations" doc:"The configuration, and the activation that applies it, without a predicate. KMFDDM takes each as a file; Fleet creates the activation itself."`
}

func (a *API) mdmDeclarations(ctx context.Context, c call, in *declarationsQuery) (*answer[Declarations], error) {
	d, err := a.permitted(ctx, c, in.Domain)
	if fault.Is(err, fault.NotFound) {
		err = fault.On("domain", fault.NotFound, "There is no such domain.")
	}
	if err != nil {
		return nil, err
	}
	out := Declarations{Domain: d.Name, Platform: cmp.Or(in.Platform, string(profile.IPhone))}
	all, err := a.Issuer.Declare(d, profile.Platform(out.Platform))
	for _, one := range all {
		out.Declarations = append(out.Declarations, Declaration{one.Type, one.Identifier, one.Payload})
	}
	return &answer[Declarations]{out}, err
}
