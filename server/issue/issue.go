// Package issue creates signed profiles: person and domain go in, the profile
// is built, checked by the gate, and signed. Nothing else calls the signer.
package issue

import (
	"cmp"
	"context"
	"crypto/sha256"
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

// A Person is the person that a profile is for.
type Person struct {
	Address profile.Address
	Name    string // the sender's name in new messages; may be empty
	Login   string // the username on the servers; empty: the address
	Locale  string // the language of the profile's texts; empty: English
}

// An Order says which profile to create.
type Order struct {
	Service settings.MailService
	// Organization is the issuer of the profile. Empty: the email domain.
	Organization string
	Person       Person
	Platform     profile.Platform
	// Variant is Mail, or Secure for the passcode policy as well. On a Mac, where
	// the two are separate profiles, Secure is only the policy.
	Variant settings.Variant
	// Policy is the passcode policy of the variant Secure. Its names and
	// descriptions are filled in.
	Policy profile.Passcode
	// Declared writes the policy as declarations, which is experimental.
	Declared bool
	// Test marks the profile as created by a test key. It doesn't replace the
	// real one on a device.
	Test bool
}

// OrderOf returns an order with the settings of the person's domain. If they
// require a login and the person has none, it returns a LoginNeeded fault.
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

// An Issuer creates profiles. It is safe for concurrent use.
type Issuer struct {
	texts   *templates.Set
	signer  func() signing.Signer
	buffers sync.Pool // of unsigned profiles

	mu        sync.RWMutex
	kept      map[kind]*made
	wordings  map[kind]*gate.Texts
	languages map[string]string // of a locale
}

// New returns an Issuer that takes the texts of profiles from texts and calls
// signer, each time, for the current signer. Without a signer it can only
// build.
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
	// Hash is the SHA-256 of the unsigned profile, in hex.
	Hash string
	// Identity is the fingerprint of the certificate that signed.
	Identity string
}

// Issue builds the profile, checks it with the gate, and signs it. Problems
// with the person are a [profile.InvalidError]. Anything else that the gate
// refuses is a bug of this program and is returned as an error that says so; a
// signer that can't sign gives a SignerUnavailable fault.
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
		if out.Bytes, failure = signer.Sign(ctx, cleared); failure == nil {
			out.Hash = hash(signer, cleared)
		}
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

// hash returns the digest of the signed profile in hex. A signer that hashed it
// elsewhere spares this process the same work.
func hash(signer signing.Signer, signed gate.Cleared) string {
	if elsewhere, ok := signer.(interface{ SignedDigest() *[sha256.Size]byte }); ok {
		if sum := elsewhere.SignedDigest(); sum != nil {
			return hex.EncodeToString(sum[:])
		}
	}
	sum := signed.Digest()
	return hex.EncodeToString(sum[:])
}

// Terms returns what the order permits to be signed for its person. Only what
// the texts mention of the policy counts: MinLength, MaxFailedAttempts and
// AutoLock. A separate signing process calls it to get the terms of each
// profile.
func (i *Issuer) Terms(o Order) (gate.Terms, error) {
	k := i.kind(o)
	texts, err := i.wording(k)
	if err != nil {
		return gate.Terms{}, fmt.Errorf("issue: %w", err)
	}
	return k.terms(o.Person, texts), nil
}

// SignChecksums returns a detached signature of the list, with the certificate
// that signs profiles. A signer that can't sign gives a SignerUnavailable
// fault.
func (i *Issuer) SignChecksums(ctx context.Context, list *signing.Checksums) ([]byte, error) {
	signature, err := i.signer().SignChecksums(ctx, list)
	if err != nil {
		return nil, unsigned(err)
	}
	return signature, nil
}

// unsigned returns a fault that says why the signer refused.
func unsigned(err error) error {
	if e, ok := errors.AsType[*signing.IdentityError](err); ok {
		f := fault.New(fault.SignerUnavailable, "Profiles can't be signed at the moment: %s.", e.Detail)
		f.RetryAfter = e.RetryAfter
		return f
	}
	return fmt.Errorf("issue: %w", err)
}

// Build returns the profile unsigned. Problems with the person are a
// [profile.InvalidError].
func (i *Issuer) Build(o Order) ([]byte, error) {
	_, text, err := i.build(nil, i.kind(o), o.Person)
	return text, err
}

// build fills in the template of a kind. The result may share the buffer.
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

// login returns the username on the servers.
func (p Person) login() string { return cmp.Or(p.Login, p.Address.String()) }

// check refuses what the gate would, with an error for the person.
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

// FileName is the download name of the profile: characters that every system
// accepts, and nothing about the person.
func (o Order) FileName() string {
	what := "mail"
	if o.Platform == profile.Mac && o.Variant == settings.Secure {
		what = "device"
	}
	return what + "-" + o.Person.Address.Domain() + ".mobileconfig"
}
