package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/replay"
	"github.com/updatecase/mobileconfig/server/settings"
)

// contentType is by what a device knows a profile.
const contentType = "application/x-apple-aspen-config"

type createProfile struct {
	ReplayHeader
	Body struct {
		Address  string `json:"address" maxLength:"254" doc:"The mailbox." example:"jane@example.com"`
		Name     string `json:"name,omitempty" maxLength:"200" doc:"The sender's name in new messages." example:"Jane Doe"`
		Login    string `json:"login,omitempty" maxLength:"254" doc:"The user name on the servers; the default is what the domain says."`
		Locale   string `json:"locale,omitempty" maxLength:"35" doc:"Language of the profile's texts." example:"en"`
		Platform string `json:"platform,omitempty" enum:"iphone,mac" default:"iphone" doc:"The device; iphone means iPads too."`
		Variant  string `json:"variant,omitempty" enum:"mail,secure" default:"mail" doc:"secure erases an iPhone after too many wrong codes, unless the domain's policy never does: tell the person before."`
	}
}

type profileBytes struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Hash        string `header:"X-Profile-Sha256" doc:"SHA-256 of the profile inside the signature, in hex."`
	ReplayedHeader
	Body []byte
}

func (a *API) profiles(h huma.API) {
	create := operation("create-profile", http.MethodPost, "/profiles", account.ProfilesWrite, "Make a signed profile")
	create.Responses = map[string]*huma.Response{"200": {
		Description: "The signed profile.",
		Content:     map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
	}}
	register(a, h, create, func(ctx context.Context, c call, in *createProfile) (*profileBytes, error) {
		return once(ctx, a, c, in.ReplayHeader, in.Body, replayable[profileBytes]{
			operation: create.OperationID,
			first:     func(once *replay.Request) (*profileBytes, error) { return a.createProfile(ctx, c, in, once) },
			again: func(r replay.Request) (*profileBytes, error) {
				var kept keptProfile
				err := json.Unmarshal(r.Answer, &kept)
				return kept.answer(), err
			},
		})
	})
}

// A keptProfile is the answer as it is kept to be given again: a second
// signature would differ.
type keptProfile struct {
	FileName, Hash string
	Bytes          []byte
}

func (k keptProfile) answer() *profileBytes {
	return &profileBytes{ContentType: contentType, Disposition: `attachment; filename="` + k.FileName + `"`, Hash: k.Hash, Body: k.Bytes}
}

// createProfile signs a profile and records that it did, before it is sent.
func (a *API) createProfile(ctx context.Context, c call, in *createProfile, once *replay.Request) (*profileBytes, error) {
	order, d, err := a.order(ctx, c, in)
	if err != nil {
		return nil, err
	}
	signed, err := a.Issuer.Issue(ctx, order)
	if err != nil {
		return nil, err
	}
	out := keptProfile{order.FileName(), signed.Hash, signed.Bytes}
	if once != nil {
		if once.Answer, err = json.Marshal(out); err != nil {
			return nil, err
		}
	}
	err = a.Replays.RecordOnce(ctx, c.by, once, audit.Action{
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
	return out.answer(), nil
}

func (a *API) order(ctx context.Context, c call, in *createProfile) (issue.Order, settings.Domain, error) {
	b := in.Body
	address, err := profile.ParseAddress(b.Address)
	if err != nil {
		return issue.Order{}, settings.Domain{}, fault.OnText("address", err, fault.AddressMalformed, "Write a mail address such as jane@example.com.")
	}
	d, err := a.permitted(ctx, c, address.Domain())
	if fault.Is(err, fault.NotFound) {
		err = fault.On("address", fault.AddressForeign, "The mail domain of this address is not set up here.")
	}
	if err != nil {
		return issue.Order{}, settings.Domain{}, err
	}
	variant, platform := settings.Variant(b.Variant), profile.Platform(b.Platform)
	if err := d.Offers(variant, platform); err != nil {
		return issue.Order{}, settings.Domain{}, err
	}
	who := issue.Person{Address: address, Name: profile.Plain(b.Name), Login: profile.Trim(b.Login), Locale: profile.Trim(b.Locale)}
	if err := checkPerson(who); err != nil {
		return issue.Order{}, d, err
	}
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

type identityBody struct {
	Body struct {
		Name        string    `json:"name" doc:"What a device shows as the signer."`
		Fingerprint string    `json:"fingerprint" doc:"SHA-256 of the certificate in hex."`
		Expires     time.Time `json:"expires" doc:"When the first certificate of the chain expires."`
		Development bool      `json:"development" doc:"No device trusts it."`
		Usable      bool      `json:"usable"`
	}
}

func (a *API) identity(h huma.API) {
	register(a, h, operation("get-identity", http.MethodGet, "/identity", account.IdentityRead, "Show what signs"),
		func(context.Context, call, *struct{}) (*identityBody, error) {
			id, out := a.Identity(), &identityBody{}
			out.Body.Name, out.Body.Fingerprint, out.Body.Expires = id.Name, id.Fingerprint, id.NotAfter
			out.Body.Development, out.Body.Usable = id.Development, id.Fault == nil
			return out, nil
		})
}
