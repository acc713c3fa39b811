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
	"github.com/updatecase/mobileconfig/profile/mdm"
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
	// Declared writes the policy as declarations, which is experimental.
	Declared bool
	// Test marks the profile as made by a test key. It stands beside the real
	// one on a device.
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
	texts   *templates.Set
	signer  func() signing.Signer
	buffers sync.Pool // of unsigned profiles

	mu        sync.RWMutex
	kept      map[kind]*made
	wordings  map[kind]*gate.Texts
	languages map[string]string // of a locale
}

// New returns an Issuer that takes the words of profiles from texts and asks
// signer, each time, what signs. Without one it can only build.
func New(texts *templates.Set, signer func() signing.Signer) *Issuer {
	return &Issuer{
		texts: texts, signer: signer, kept: map[kind]*made{}, wordings: map[kind]*gate.Texts{}, languages: map[string]string{},
		buffers: sync.Pool{New: func() any { return new([]byte) }},
	}
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
	buffer := i.buffers.Get().(*[]byte)
	defer i.buffers.Put(buffer)
	k := i.kind(o)
	made, text, err := i.build((*buffer)[:0], k, o.Person)
	if err != nil {
		return Signed{}, err
	}
	*buffer = text
	var (
		signer  = i.signer()
		out     = Signed{Identifier: made.template.Identifier(o.Person.Address)}
		failure error
	)
	err = gate.With(text, k.terms(o.Person, made.texts), func(cleared gate.Cleared) {
		digest := cleared.Digest()
		out.Hash = hex.EncodeToString(digest[:])
		out.Bytes, failure = signer.Sign(ctx, cleared)
	})
	if err != nil {
		return Signed{}, fmt.Errorf("issue: the gate refused what was built: %w", err)
	}
	if failure != nil {
		return Signed{}, unsigned(failure)
	}
	out.Identity = signer.Describe().Fingerprint
	return out, nil
}

// Terms returns what the order entitles its person to have signed. Of the policy
// only what the texts speak of counts: MinLength, MaxFailedAttempts and AutoLock.
// The signer that is a process of its own makes the terms of each profile by it.
func (i *Issuer) Terms(o Order) (gate.Terms, error) {
	k := i.kind(o)
	texts, err := i.wording(k)
	if err != nil {
		return gate.Terms{}, fmt.Errorf("issue: %w", err)
	}
	return k.terms(o.Person, texts), nil
}

// SignChecksums returns a detached signature of the list, by what signs
// profiles. A signer that may not sign gives a SignerUnavailable fault.
func (i *Issuer) SignChecksums(ctx context.Context, list *signing.Checksums) ([]byte, error) {
	signature, err := i.signer().SignChecksums(ctx, list)
	if err != nil {
		return nil, unsigned(err)
	}
	return signature, nil
}

// unsigned says why the signer refused.
func unsigned(err error) error {
	if e, ok := errors.AsType[*signing.IdentityError](err); ok {
		f := fault.New(fault.SignerUnavailable, "Nothing can be signed here at the moment: %s.", e.Detail)
		f.RetryAfter = e.RetryAfter
		return f
	}
	return fmt.Errorf("issue: %w", err)
}

// Build returns the profile unsigned. What is wrong with the person is a
// [profile.InvalidError].
func (i *Issuer) Build(o Order) ([]byte, error) {
	_, text, err := i.build(nil, i.kind(o), o.Person)
	return text, err
}

// build fills in the template of a kind. The text may be in the buffer.
func (i *Issuer) build(buffer []byte, k kind, who Person) (*made, []byte, error) {
	made, err := i.made(k)
	if err != nil {
		return nil, nil, fmt.Errorf("issue: %w", err)
	}
	if err := who.check(); err != nil {
		return nil, nil, fmt.Errorf("issue: %w", err)
	}
	text, err := made.template.Append(buffer, profile.Fields{Address: who.Address, PersonName: profile.PlainName(who.Name), Login: who.login()})
	if err != nil {
		return nil, nil, fmt.Errorf("issue: %w", err)
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
	if err := profile.CheckLine(p.Login); err != nil {
		problems = append(problems, profile.Problem{Path: "mail.login", Detail: err.Error()})
	}
	for _, field := range [...]struct{ path, text string }{{"address", p.Address.String()}, {"mail.login", p.Login}} {
		if err := mdm.CheckValue(field.text); err != nil {
			problems = append(problems, profile.Problem{Path: field.path, Detail: err.Error()})
		}
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
