// Package branding manages the branding of an email provider: a name, a logo, a
// color and links. An account has one brand, and each domain can have its own:
// fields that a domain leaves empty come from the account.
package branding

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/branding/logo"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/templates"
)

// Maximum lengths, in characters.
const (
	MaxName = 64
	MaxURL  = 500
)

// A Brand is the branding of an email provider. Any field can be empty.
type Brand struct {
	Name       string
	Color      string // for example "#0b6b62"
	HelpURL    string // where people find help
	ImprintURL string // who is responsible
	PrivacyURL string
	// Logo is the SHA-256 of the logo's PNG, in hex.
	Logo    string
	Updated time.Time // zero: never
}

// Over returns b, with empty fields filled in from base.
func (b Brand) Over(base Brand) Brand {
	for _, each := range []struct{ to, from *string }{
		{&b.Name, &base.Name}, {&b.Color, &base.Color}, {&b.HelpURL, &base.HelpURL},
		{&b.ImprintURL, &base.ImprintURL}, {&b.PrivacyURL, &base.PrivacyURL}, {&b.Logo, &base.Logo},
	} {
		if *each.to == "" {
			*each.to = *each.from
		}
	}
	return b
}

// Shade returns the color, or the default.
func (b Brand) Shade() Color {
	if c, ok := ParseColor(b.Color); ok {
		return c
	}
	return standard
}

// An Owner is what a brand belongs to: an account, or one of its domains.
type Owner struct {
	Account string
	// DomainID and Domain name the domain. Empty: the brand is the account's.
	DomainID, Domain string
}

// ID returns the ID of the brand's owner.
func (o Owner) ID() string {
	if o.DomainID != "" {
		return o.DomainID
	}
	return o.Account
}

// A Spec is the editable fields of a brand, as people enter them. The logo is
// set separately.
type Spec struct{ Name, Color, HelpURL, ImprintURL, PrivacyURL string }

// Check returns a fault for each invalid field.
func (s Spec) Check() error { return s.apply(&Brand{}) }

// On returns b with the fields of the spec, or a fault for each invalid field.
func (s Spec) On(b Brand) (Brand, error) {
	err := s.apply(&b)
	return b, err
}

// Spec returns the editable fields of b.
func (b Brand) Spec() Spec { return Spec{b.Name, b.Color, b.HelpURL, b.ImprintURL, b.PrivacyURL} }

// apply sets the fields of the spec in b. The error has a fault for each
// invalid field.
func (s Spec) apply(b *Brand) error {
	var bad []error
	b.Name = profile.Plain(s.Name)
	if !isName(b.Name) {
		bad = append(bad, fault.On("name", fault.Invalid, "Enter the name on one line, up to %d characters, without invisible ones.", MaxName))
	}
	b.Color = strings.ToLower(profile.Trim(s.Color))
	if _, ok := ParseColor(b.Color); !ok && b.Color != "" {
		bad = append(bad, fault.On("color", fault.Invalid, "Enter the color as # and six hex digits, for example #0b6b62."))
	}
	for _, each := range []struct {
		field, text string
		to          *string
	}{{"help_url", s.HelpURL, &b.HelpURL}, {"imprint_url", s.ImprintURL, &b.ImprintURL}, {"privacy_url", s.PrivacyURL, &b.PrivacyURL}} {
		*each.to = profile.Trim(each.text)
		if *each.to != "" && !isURL(*each.to) {
			bad = append(bad, fault.On(each.field, fault.Invalid, "Enter a URL that starts with https://, up to %d characters.", MaxURL))
		}
	}
	return errors.Join(bad...)
}

func isName(s string) bool {
	private := func(r rune) bool { return unicode.Is(unicode.Co, r) }
	return profile.IsLine(s) && profile.IsText(s) && utf8.RuneCountInString(s) <= MaxName && !strings.ContainsFunc(s, private)
}

// isURL refuses what a page can't link to, and what would look like a different
// URL than it is.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= MaxURL && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Opaque == "" &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) })
}

// A Store stores brands and logos.
type Store interface {
	// Brands returns the brand of the owner and the one of its account, which
	// are the same if the owner is an account. A brand that was never set is
	// empty.
	Brands(ctx context.Context, o Owner) (own, base Brand, err error)
	// ChangeBrand applies change to the owner's brand, saves the result, fills
	// in the changes of a and records it. The logo is stored if its digest has
	// changed. If nothing differs, nothing is saved. A domain of another
	// account is a NotFound fault. Change may be called more than once.
	ChangeBrand(ctx context.Context, by audit.Grant, o Owner, change func(Brand) (Brand, error), logo []byte, a audit.Action) error
	// Logo returns the PNG with the digest, or a NotFound fault.
	Logo(ctx context.Context, digest string) ([]byte, error)
}

// Brands creates and changes brands.
type Brands struct {
	store Store
	logos *logo.Maker
	now   func() time.Time
}

// New returns Brands that use the store.
func New(store Store, now func() time.Time) *Brands { return &Brands{store, logo.NewMaker(), now} }

// Own returns the brand that the owner has set, and that of its account.
func (b *Brands) Own(ctx context.Context, o Owner) (own, base Brand, err error) {
	return b.store.Brands(ctx, o)
}

// patience is how long a page waits for optional data.
const patience = 2 * time.Second

// Shown returns the brand on pages for people of an account, with the given
// name if it has none. Error pages must not fail, so if the database doesn't
// answer it has only the name.
func (b *Brands) Shown(ctx context.Context, account, name string) templates.Brand {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := b.View(ctx, Owner{Account: account}, "", name)
	if err != nil {
		return templates.Brand{Name: name}
	}
	return v
}

// View returns the brand on pages for people of the owner. A domain whose brand
// has no name uses its display name, which may be empty; the last fallback is
// the given name.
func (b *Brands) View(ctx context.Context, o Owner, called, last string) (templates.Brand, error) {
	brand, err := b.named(ctx, o, called)
	return brand.View(last), err
}

// Mail returns the brand in emails to people of the owner, and the logo, which
// may be missing. The name is chosen as in View; the last fallback is that of
// the domain.
func (b *Brands) Mail(ctx context.Context, o Owner, called string) (templates.MailBrand, []byte, error) {
	brand, err := b.named(ctx, o, called)
	if err != nil {
		return templates.MailBrand{}, nil, err
	}
	picture, err := b.picture(ctx, brand)
	return brand.Mail(idn.Show(o.Domain), picture), picture, err
}

func (b *Brands) named(ctx context.Context, o Owner, called string) (Brand, error) {
	own, base, err := b.store.Brands(ctx, o)
	own.Name = cmp.Or(own.Name, called)
	return own.Over(base), err
}

// Logo returns the PNG of a brand with its digest, or a NotFound fault.
func (b *Brands) Logo(ctx context.Context, digest string) ([]byte, error) {
	if len(digest) != 2*sha256.Size || strings.Trim(digest, "0123456789abcdef") != "" {
		return nil, errNoLogo()
	}
	return b.store.Logo(ctx, digest)
}

// picture returns the logo of a brand, or nothing if it has none.
func (b *Brands) picture(ctx context.Context, brand Brand) ([]byte, error) {
	if brand.Logo == "" {
		return nil, nil
	}
	picture, err := b.Logo(ctx, brand.Logo)
	if fault.Is(err, fault.NotFound) {
		return nil, nil // just removed
	}
	return picture, err
}

func errNoLogo() error { return fault.New(fault.NotFound, "There is no such logo.") }

// Change applies change to the owner's brand, except for the logo. If change
// returns an error, nothing is changed. It may be called more than once.
func (b *Brands) Change(ctx context.Context, by audit.Grant, o Owner, change func(Brand) (Spec, error)) error {
	return b.change(ctx, by, o, nil, func(brand Brand) (Brand, error) {
		spec, err := change(brand)
		if err == nil {
			err = spec.apply(&brand)
		}
		return brand, err
	})
}

// SetLogo redraws the PNG or SVG and stores it as the owner's logo, unless
// check, which may be nil, refuses the current brand.
func (b *Brands) SetLogo(ctx context.Context, by audit.Grant, o Owner, data []byte, check func(Brand) error) error {
	picture, err := b.logos.Make(ctx, data)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(picture)
	return b.setLogo(ctx, by, o, hex.EncodeToString(sum[:]), picture, check)
}

// RemoveLogo removes the owner's logo.
func (b *Brands) RemoveLogo(ctx context.Context, by audit.Grant, o Owner, check func(Brand) error) error {
	return b.setLogo(ctx, by, o, "", nil, check)
}

func (b *Brands) setLogo(ctx context.Context, by audit.Grant, o Owner, digest string, picture []byte, check func(Brand) error) error {
	return b.change(ctx, by, o, picture, func(brand Brand) (Brand, error) {
		if check != nil {
			if err := check(brand); err != nil {
				return Brand{}, err
			}
		}
		brand.Logo = digest
		return brand, nil
	})
}

func (b *Brands) change(ctx context.Context, by audit.Grant, o Owner, picture []byte, change func(Brand) (Brand, error)) error {
	a := audit.Action{
		Account: o.Account,
		Name:    audit.BrandingUpdate,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.AccountTarget, ID: o.Account},
	}
	if o.DomainID != "" {
		a.Target, a.Domain = audit.Target{Kind: audit.DomainTarget, ID: o.DomainID, Name: o.Domain}, o.Domain
	}
	return b.store.ChangeBrand(ctx, by, o, func(brand Brand) (Brand, error) {
		changed, err := change(brand)
		changed.Updated = b.now()
		return changed, err
	}, picture, a)
}
