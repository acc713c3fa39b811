package api

import (
	"context"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/branding/logo"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// BrandingSettings are the settings of a brand. The logo has its own operation.
type BrandingSettings struct {
	Name       string `json:"name,omitempty" maxLength:"64" doc:"Shown at the top of pages and in emails." example:"Example Host"`
	Color      string `json:"color,omitempty" maxLength:"7" doc:"A darker or lighter color is used where text in this color would be hard to read." example:"#0b6b62"`
	HelpURL    string `json:"help_url,omitempty" maxLength:"500" doc:"Help page." example:"https://example.com/help"`
	ImprintURL string `json:"imprint_url,omitempty" maxLength:"500" doc:"Legal notice: who is responsible for the service." example:"https://example.com/imprint"`
	PrivacyURL string `json:"privacy_url,omitempty" maxLength:"500" doc:"Privacy policy." example:"https://example.com/privacy"`
}

func (s BrandingSettings) spec() branding.Spec { return branding.Spec(s) }

// A Branding is a brand in the API.
type Branding struct {
	BrandingSettings
	LogoURL   string           `json:"logo_url,omitempty" doc:"The logo as PNG. Absent if there is none." example:"https://setup.example.com/brand/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b.png"`
	Inherited BrandingSettings `json:"inherited" doc:"For a domain: the account's branding, used for everything absent above."`
	UpdatedAt *field.Moment    `json:"updated_at,omitempty"`
}

func (a *API) brandingOf(o branding.Owner, own, base branding.Brand) Branding {
	b := Branding{BrandingSettings: BrandingSettings(own.Spec()), UpdatedAt: field.AtOrNil(own.Updated)}
	if logo := own.View("").Logo; logo != "" {
		b.LogoURL = a.BaseURL.String() + logo
	}
	if o.DomainID != "" {
		b.Inherited = BrandingSettings(base.Spec())
	}
	return b
}

// accountBrand is the owner of the account's brand.
func (a *API) accountBrand(c call) (branding.Owner, error) {
	return branding.Owner{Account: c.key.Account}, c.permitAll()
}

// domainBrand is the owner of the brand of a domain that the key can access.
func (a *API) domainBrand(ctx context.Context, c call, name string) (branding.Owner, error) {
	d, err := a.permitted(ctx, c, name)
	return ownerOf(d), err
}

func ownerOf(d settings.Domain) branding.Owner {
	return branding.Owner{Account: d.Account, DomainID: d.ID, Domain: d.Name}
}

func (a *API) branding(h huma.API, e *echo.Echo) {
	get := operation("get-branding", http.MethodGet, "/branding", account.DomainsRead, "Show the branding of the account")
	register(a, h, get, func(ctx context.Context, c call, _ *struct{}) (*resource[Branding], error) {
		o, err := a.accountBrand(c)
		return a.showBranding(ctx, o, err)
	})
	update := operation("update-branding", http.MethodPut, "/branding", account.DomainsWrite, "Replace the branding of the account")
	patch := operation("patch-branding", http.MethodPatch, "/branding", account.DomainsWrite, "Update the branding of the account")
	openapi.Takes[BrandingSettings, Branding](h, &update, &patch)
	register(a, h, update, func(ctx context.Context, c call, in *updateBranding) (*resource[Branding], error) {
		o, err := a.accountBrand(c)
		return a.changeBranding(ctx, c, o, err, in.replace)
	})
	register(a, h, patch, func(ctx context.Context, c call, in *patchBranding) (*resource[Branding], error) {
		o, err := a.accountBrand(c)
		return a.changeBranding(ctx, c, o, err, in.apply)
	})
	a.domainBranding(h)
	a.logos(h, e)
}

func (a *API) domainBranding(h huma.API) {
	get := operation("get-domain-branding", http.MethodGet, "/domains/{id}/branding", account.DomainsRead, "Show the branding of a domain")
	register(a, h, get, func(ctx context.Context, c call, in *DomainPath) (*resource[Branding], error) {
		o, err := a.domainBrand(ctx, c, in.Name)
		return a.showBranding(ctx, o, err)
	})
	update := operation("update-domain-branding", http.MethodPut, "/domains/{id}/branding", account.DomainsWrite, "Replace the branding of a domain")
	patch := operation("patch-domain-branding", http.MethodPatch, "/domains/{id}/branding", account.DomainsWrite, "Update the branding of a domain")
	openapi.Takes[BrandingSettings, Branding](h, &update, &patch)
	register(a, h, update, func(ctx context.Context, c call, in *updateDomainBranding) (*resource[Branding], error) {
		o, err := a.domainBrand(ctx, c, in.Name)
		return a.changeBranding(ctx, c, o, err, in.replace)
	})
	register(a, h, patch, func(ctx context.Context, c call, in *patchDomainBranding) (*resource[Branding], error) {
		o, err := a.domainBrand(ctx, c, in.Name)
		return a.changeBranding(ctx, c, o, err, in.apply)
	})
}

type updateBranding struct{ Body BrandingSettings }

func (in *updateBranding) check(context.Context, *API, call) error { return in.Body.spec().Check() }

func (in *updateBranding) replace(BrandingSettings) (BrandingSettings, error) { return in.Body, nil }

type updateDomainBranding struct {
	DomainPath
	updateBranding
}

type patchBranding struct {
	Body mergePatch `contentType:"application/merge-patch+json"`
}

func (in *patchBranding) check(context.Context, *API, call) error {
	s, err := in.apply(BrandingSettings{})
	if err != nil {
		return err
	}
	return s.spec().Check()
}

func (in *patchBranding) apply(s BrandingSettings) (BrandingSettings, error) {
	return patched(s, in.Body)
}

type patchDomainBranding struct {
	DomainPath
	patchBranding
}

// showBranding responds with the brand of an owner, if found.
func (a *API) showBranding(ctx context.Context, o branding.Owner, err error) (*resource[Branding], error) {
	if err != nil {
		return nil, err
	}
	own, base, err := a.Brands.Own(ctx, o)
	return resourceOf(a.brandingOf(o, own, base)), err
}

// changeBranding changes an owner's current settings.
func (a *API) changeBranding(ctx context.Context, c call, o branding.Owner, err error, change func(BrandingSettings) (BrandingSettings, error)) (*resource[Branding], error) {
	if err != nil {
		return nil, err
	}
	check, err := a.matchesBrand(ctx, c, o)
	if err != nil {
		return nil, err
	}
	err = a.Brands.Change(ctx, c.by, o, func(own branding.Brand) (branding.Spec, error) {
		if err := check(own); err != nil {
			return branding.Spec{}, err
		}
		s, err := change(BrandingSettings(own.Spec()))
		return s.spec(), err
	})
	return a.showBranding(ctx, o, err)
}

// matchesBrand returns matches for the owner's own settings.
func (a *API) matchesBrand(ctx context.Context, c call, o branding.Owner) (func(branding.Brand) error, error) {
	_, base, err := a.Brands.Own(ctx, o)
	return func(own branding.Brand) error { return c.matches(a.brandingOf(o, own, base)) }, err
}

// logos adds the routes to set and remove a logo.
func (a *API) logos(h huma.API, e *echo.Echo) {
	remove := operation("delete-logo", http.MethodDelete, "/branding/logo", account.DomainsWrite, "Remove the logo of the account")
	register(a, h, remove, func(ctx context.Context, c call, _ *struct{}) (*noBody, error) {
		o, err := a.accountBrand(c)
		return nil, a.removeLogo(ctx, c, o, err)
	})
	removeOfDomain := operation("delete-domain-logo", http.MethodDelete, "/domains/{id}/branding/logo", account.DomainsWrite, "Remove the logo of a domain")
	register(a, h, removeOfDomain, func(ctx context.Context, c call, in *DomainPath) (*noBody, error) {
		o, err := a.domainBrand(ctx, c, in.Name)
		return nil, a.removeLogo(ctx, c, o, err)
	})
	a.takesLogo(h, e, operation("set-logo", http.MethodPut, "/branding/logo", account.DomainsWrite, "Upload the logo of the account"),
		"/branding/logo", func(_ echo.Context, who call) (branding.Owner, error) { return a.accountBrand(who) })
	ofDomain := operation("set-domain-logo", http.MethodPut, "/domains/{id}/branding/logo", account.DomainsWrite, "Upload the logo of a domain")
	ofDomain.Parameters = []*huma.Param{path("id", "The domain.")}
	ofDomain.Parameters[0].Schema.MaxLength = new(255)
	a.takesLogo(h, e, ofDomain, "/domains/:id/branding/logo", func(c echo.Context, who call) (branding.Owner, error) {
		return a.domainBrand(c.Request().Context(), who, c.Param("id"))
	})
}

var brandingType = reflect.TypeFor[Branding]()

// svgType is the media type of SVG.
const svgType = "image/svg+xml"

// takesLogo adds an operation whose body is a logo.
func (a *API) takesLogo(h huma.API, e *echo.Echo, op huma.Operation, route string, owner func(echo.Context, call) (branding.Owner, error)) {
	op.Description += " A PNG or SVG of up to 1 MB. The service redraws it as a PNG and stores only that."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The branding.",
		Headers:     map[string]*huma.Param{"ETag": {Description: "Identifies this version of the resource.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Content:     map[string]*huma.MediaType{openapi.JSON: {Schema: h.OpenAPI().Components.Schemas.Schema(brandingType, true, "")}},
	}}
	openapi.AddParameters(&op, true)
	read := op
	picture := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	form := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{web.UploadField}, Properties: map[string]*huma.Schema{web.UploadField: picture.Schema}}}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{web.PNGType: picture, svgType: picture, echo.MIMEMultipartForm: form}}
	h.OpenAPI().AddOperation(&op)
	e.PUT(Prefix+route, a.direct(h, &read, func(c echo.Context, who call) error {
		o, err := owner(c, who)
		if err != nil {
			return err
		}
		return a.setLogo(c, who, o)
	}))
}

// removeLogo removes the logo of an owner, if found.
func (a *API) removeLogo(ctx context.Context, c call, o branding.Owner, err error) error {
	if err != nil {
		return err
	}
	check, err := a.matchesBrand(ctx, c, o)
	if err != nil {
		return err
	}
	return a.Brands.RemoveLogo(ctx, c.by, o, check)
}

func (a *API) setLogo(c echo.Context, who call, o branding.Owner) error {
	file, _, err := web.Upload(c, logo.MaxBytes, web.PNGType, svgType)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	check, err := a.matchesBrand(ctx, who, o)
	if err != nil {
		return err
	}
	if err := a.Brands.SetLogo(ctx, who.by, o, data, check); err != nil {
		return err
	}
	shown, err := a.showBranding(ctx, o, nil)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", shown.ETag)
	return c.JSON(http.StatusOK, shown.Body)
}
