package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
)

// contentType is by what a device knows a profile.
const contentType = "application/x-apple-aspen-config"

// A NewProfile is what a profile is made of.
type NewProfile struct {
	Address  string `json:"address" minLength:"1" maxLength:"254" doc:"The mailbox." example:"jane@example.com"`
	Name     string `json:"name,omitempty" maxLength:"200" doc:"The sender's name in new messages." example:"Jane Doe"`
	Login    string `json:"login,omitempty" maxLength:"254" doc:"The user name on the servers; the default is what the domain says." example:"jane@example.com"`
	Locale   string `json:"locale,omitempty" maxLength:"35" doc:"Language of the profile's texts." example:"en"`
	Platform string `json:"platform,omitempty" enum:"iphone,mac" default:"iphone" doc:"The device; iphone means iPads too."`
	Variant  string `json:"variant,omitempty" enum:"mail,secure" default:"mail" doc:"secure erases an iPhone after too many wrong codes, unless the domain's policy never does: tell the person before."`
}

type createProfile struct{ Body NewProfile }

type profileBytes struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition" example:"attachment; filename=\"mail-example.com.mobileconfig\""`
	Hash        string `header:"X-Profile-Sha256" doc:"SHA-256 of the profile inside the signature, in hex."`
	Body        []byte
}

func (a *API) profiles(h huma.API) {
	create := forTests(operation("create-profile", http.MethodPost, "/profiles", account.ProfilesWrite, "Make a signed profile"))
	create.Responses = binary(contentType, "The signed profile.")
	register(a, h, create, a.createProfile)
}

// binary describes an answer that is a file of the media type.
func binary(kind, text string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: text,
		Content:     map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
}

// createProfile signs a profile and records that it did, before it is sent.
func (a *API) createProfile(ctx context.Context, c call, in *createProfile) (*profileBytes, error) {
	order, d, err := a.order(ctx, c, in)
	if err != nil {
		return nil, err
	}
	signed, err := a.Issuer.Issue(ctx, order)
	if err != nil {
		return nil, err
	}
	err = a.Actions.Record(ctx, c.by, audit.Action{
		Account:  d.Account,
		Name:     audit.ProfileIssue,
		Outcome:  audit.Done,
		Target:   audit.Target{Kind: audit.ProfileTarget, ID: signed.Identifier, Name: order.Person.Address.String()},
		Changes:  []audit.Change{{Field: "variant", New: string(order.Variant)}, {Field: "platform", New: string(order.Platform)}},
		Profile:  signed.Hash,
		Identity: signed.Identity,
		Domain:   d.Name,
		Mailbox:  order.Person.Address.Folded(),
	})
	if err != nil {
		return nil, err
	}
	return &profileBytes{contentType, `attachment; filename="` + order.FileName() + `"`, signed.Hash, signed.Bytes}, nil
}

func (in *createProfile) check(ctx context.Context, a *API, c call) error {
	_, _, err := a.order(ctx, c, in)
	return err
}

func (a *API) order(ctx context.Context, c call, in *createProfile) (issue.Order, settings.Domain, error) {
	b := in.Body
	who := issue.Person{Name: profile.Plain(b.Name), Login: profile.Trim(b.Login), Locale: profile.Trim(b.Locale)}
	bad := checkPerson(who)
	address, err := profile.ParseAddress(b.Address)
	if err != nil {
		err = fault.OnText("address", err, fault.AddressMalformed, "Enter an email address, for example jane@example.com.")
		return issue.Order{}, settings.Domain{}, errors.Join(err, bad)
	}
	d, err := a.permitted(ctx, c, address.Domain())
	if fault.Is(err, fault.NotFound) {
		err = fault.On("address", fault.AddressForeign, "The domain of this address isn't set up here.")
	}
	if err != nil {
		return issue.Order{}, settings.Domain{}, errors.Join(err, bad)
	}
	variant, platform := settings.Variant(cmp.Or(b.Variant, string(settings.Mail))), profile.Platform(cmp.Or(b.Platform, string(profile.IPhone)))
	if err := errors.Join(d.Offers(variant, platform), bad); err != nil {
		return issue.Order{}, settings.Domain{}, err
	}
	who.Address = address
	order, err := issue.OrderOf(d, who, variant, platform)
	order.Test = c.key.Test
	return order, d, err
}

// checkPerson refuses texts that no profile can have, all at once.
func checkPerson(who issue.Person) error {
	var bad []error
	if !profile.IsPersonName(who.Name) {
		bad = append(bad, fault.On("name", fault.Invalid, "A name has letters, digits, spaces and ' - . , & ( ) only, and no web address."))
	}
	if err := profile.CheckLine(who.Login); err != nil {
		bad = append(bad, fault.OnText("login", err, fault.Invalid, "The login has a character that may not stand there."))
	}
	return errors.Join(bad...)
}

// An Identity is what signs.
type Identity struct {
	Name        string       `json:"name" doc:"What a device shows as the signer." example:"setup.example.com"`
	Fingerprint string       `json:"fingerprint" doc:"SHA-256 of the certificate in hex." example:"9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de"`
	ExpiresAt   field.Moment `json:"expires_at" doc:"When the first certificate of the chain expires."`
	Development bool         `json:"development" doc:"No device trusts it." example:"false"`
	Usable      bool         `json:"usable" doc:"Whether profiles can be signed now." example:"true"`
}

func (a *API) identity(h huma.API) {
	register(a, h, operation("get-identity", http.MethodGet, "/identity", account.IdentityRead, "Show what signs"),
		func(context.Context, call, *struct{}) (*answer[Identity], error) {
			id := a.Identity()
			return &answer[Identity]{Identity{id.Name, id.Fingerprint, field.At(id.NotAfter), id.Development, id.Fault == nil}}, nil
		})
}
