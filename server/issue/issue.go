// Package issue makes signed profiles: person and domain go in, the profile is
// built, read by the gate, and signed. Nothing else calls the signer.
package issue

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

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
	texts  *templates.Set
	signer func() signing.Signer

	mu        sync.RWMutex
	kept      map[kind]*made
	languages map[string]string // of a locale
}

// New returns an Issuer that takes the words of profiles from texts and asks
// signer, each time, what signs. Without one it can only build.
func New(texts *templates.Set, signer func() signing.Signer) *Issuer {
	return &Issuer{texts: texts, signer: signer, kept: map[kind]*made{}, languages: map[string]string{}}
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

// Issue builds the profile, has the gate read it, and signs it. What is wrong
// with the person is a [profile.InvalidError]. Whatever else the gate refuses is
// a fault of this program and comes back as an error that says so; a signer that
// may not sign gives a SignerUnavailable fault.
func (i *Issuer) Issue(ctx context.Context, o Order) (Signed, error) {
	k := i.kind(o)
	made, text, err := i.build(k, o.Person)
	if err != nil {
		return Signed{}, err
	}
	cleared, err := gate.CheckText(text, k.terms(o.Person, made.texts))
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
	return Signed{signed, made.template.Identifier(o.Person.Address), hex.EncodeToString(digest[:]), signer.Describe().Fingerprint}, nil
}

// Build returns the profile unsigned. What is wrong with the person is a
// [profile.InvalidError].
func (i *Issuer) Build(o Order) ([]byte, error) {
	_, text, err := i.build(i.kind(o), o.Person)
	return []byte(text), err
}

// build fills in the template of a kind.
func (i *Issuer) build(k kind, who Person) (*made, string, error) {
	made, err := i.made(k)
	if err != nil {
		return nil, "", fmt.Errorf("issue: %w", err)
	}
	text, err := made.template.Fill(profile.Fields{Address: who.Address, PersonName: profile.PlainName(who.Name), Login: who.login()})
	if err == nil {
		err = who.check()
	}
	if err != nil {
		return nil, "", fmt.Errorf("issue: %w", err)
	}
	return made, text, nil
}

// login is the user name on the servers.
func (p Person) login() string { return cmp.Or(p.Login, p.Address.String()) }

// check refuses what the gate would, in words for the person.
func (p Person) check() error {
	var problems []profile.Problem
	if !profile.IsPersonName(p.Name) {
		problems = append(problems, profile.Problem{Path: "mail.person_name", Detail: "a name has letters, digits, spaces and ' - . , & ( ) only, and no web address"})
	}
	if !profile.IsLine(p.Login) {
		problems = append(problems, profile.Problem{Path: "mail.login", Detail: "it has a character that may not stand there"})
	}
	if len(problems) > 0 {
		return &profile.InvalidError{Problems: problems}
	}
	return nil
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
