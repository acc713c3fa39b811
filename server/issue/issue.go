// Package issue makes signed profiles: person and domain go in, the profile is
// built, read by the gate, and signed. Nothing else calls the signer.
package issue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/templates"
)

// A Person is whom a profile is for.
type Person struct {
	Address profile.Address
	Name    string // the sender's name in new messages; may be empty
	Login   string // the user name on the servers; empty: the address
	Locale  string // the language of the profile's texts; empty: English
}

// An Order says which profile to make.
type Order struct {
	Service settings.MailService
	// Organization is who issues the profile. Empty: the mail domain.
	Organization string
	Person       Person
	Platform     profile.Platform
	// Variant is Mail, or Secure for the device policy as well. On a Mac,
	// where the two are profiles of their own, Secure is the policy alone.
	Variant settings.Variant
	// Policy is the device policy of the variant Secure. Its names and
	// descriptions are filled in.
	Policy profile.Passcode
	// Test marks the profile as made by a test key. It works like any other.
	Test bool
}

// OrderOf is an order by the settings of the person's domain. Where they need
// a login that the person has not, the fault is LoginNeeded.
func OrderOf(d settings.Domain, who Person, v settings.Variant, p profile.Platform) (Order, error) {
	login, err := d.LoginFor(who.Address, who.Login)
	if err != nil {
		return Order{}, err
	}
	who.Login = login
	return Order{
		Service:      d.Service,
		Organization: d.Organization(),
		Person:       who,
		Platform:     p,
		Variant:      v,
		Policy:       d.DevicePolicy,
	}, nil
}

// An Issuer makes profiles. It can be used by several goroutines at once.
type Issuer struct {
	texts     *templates.Set
	signer    func() signing.Signer
	templates sync.Map     // kind -> *profile.Template
	kept      atomic.Int64 // how many templates
}

// New returns an Issuer that takes the words of profiles from texts and asks
// signer, each time, what signs. Without one it can only build.
func New(texts *templates.Set, signer func() signing.Signer) *Issuer {
	return &Issuer{texts: texts, signer: signer}
}

// A Signed is a profile as it goes to a device.
type Signed struct {
	Bytes []byte
	// Identifier is the profile's PayloadIdentifier.
	Identifier string
	// Hash is the SHA-256 of the profile inside, in hex.
	Hash string
	// Identity is the fingerprint of the certificate that signed.
	Identity string
}

// Issue builds the profile, has the gate read it, and signs it. What the gate
// refuses is a fault of this program and comes back as an error that says so;
// an identity that may not sign gives a SignerUnavailable fault.
func (i *Issuer) Issue(ctx context.Context, o Order) (Signed, error) {
	data, err := i.Build(o)
	if err != nil {
		return Signed{}, err
	}
	cleared, err := gate.Check(data, o.terms())
	if err != nil {
		return Signed{}, fmt.Errorf("issue: the gate refused what was built: %w", err)
	}
	signer := i.signer()
	signed, err := signer.Sign(ctx, cleared)
	if e, ok := errors.AsType[*signing.IdentityError](err); ok {
		return Signed{}, fault.New(fault.SignerUnavailable, "Nothing can be signed here at the moment: %s.", e.Detail)
	}
	if err != nil {
		return Signed{}, fmt.Errorf("issue: %w", err)
	}
	digest := cleared.Digest()
	return Signed{signed, o.identifier(), hex.EncodeToString(digest[:]), signer.Describe().Fingerprint}, nil
}

// Build returns the profile unsigned.
func (i *Issuer) Build(o Order) ([]byte, error) {
	template, err := i.template(o)
	if err != nil {
		return nil, fmt.Errorf("issue: %w", err)
	}
	login := o.Person.Login
	if login == "" {
		login = o.Person.Address.String()
	}
	data, err := template.Fill(profile.Fields{Address: o.Person.Address, PersonName: o.Person.Name, Login: login})
	if err != nil {
		return nil, fmt.Errorf("issue: %w", err)
	}
	return data, nil
}

// identifier is the PayloadIdentifier of the profile.
func (o Order) identifier() string {
	p := profile.Profile{Address: o.Person.Address, Platform: o.Platform}
	if o.Variant == settings.Secure {
		p.Payloads = []profile.Payload{&o.Policy}
	}
	return p.Identifier()
}

// terms is what o entitles to have signed.
func (o Order) terms() gate.Terms {
	return gate.Terms{
		Address:  o.Person.Address.String(),
		Hosts:    []string{o.Service.Incoming.Host, o.Service.Outgoing.Host},
		DAVHosts: o.davHosts(),
		Policy:   o.Variant == settings.Secure,
		Test:     o.Test,
	}
}

// davHosts are the hosts of calendars and contacts, as far as they are chosen.
func (o Order) davHosts() (hosts []string) {
	for _, s := range []profile.DAVServer{o.Service.Calendars, o.Service.Contacts} {
		if !s.IsZero() {
			hosts = append(hosts, s.Host)
		}
	}
	return hosts
}

// FileName is the name under which the profile is downloaded: letters that
// every system takes, and nothing of the person.
func (o Order) FileName() string {
	what := "mail"
	if o.Platform == profile.Mac && o.Variant == settings.Secure {
		what = "device"
	}
	return what + "-" + o.Person.Address.Domain() + ".mobileconfig"
}
