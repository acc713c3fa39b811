// Package branding holds what people see of who runs their mail: a name, a logo, a
// color and links. An account has one set, and each domain can have its own: what
// a domain leaves empty is the account's.
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

// Longest values, in characters.
const (
	MaxName = 64
	MaxURL  = 500
)

// A Brand is what people see of who runs their mail. Anything can be empty.
type Brand struct {
	Name       string
	Color      string // such as "#0b6b62"
	HelpURL    string // where people find help
	ImprintURL string // who is responsible
	PrivacyURL string
	// Logo is the SHA-256 of the logo's PNG, in hex.
	Logo    string
	Updated time.Time // zero: never
}

// Over is b, with what base has in place of what is empty.
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

// Shade returns the color, or the one of pages that have no other.
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

// ID is the id of what has the brand.
func (o Owner) ID() string {
	if o.DomainID != "" {
		return o.DomainID
	}
	return o.Account
}

// A Spec is what a brand is to be, as people write it. The logo has a way of its
// own.
type Spec struct{ Name, Color, HelpURL, ImprintURL, PrivacyURL string }

// Check returns a fault for each field that can't be taken.
func (s Spec) Check() error { return s.apply(&Brand{}) }

// On returns b as the spec would make it, or a fault for each field that can't be
// taken.
func (s Spec) On(b Brand) (Brand, error) {
	err := s.apply(&b)
	return b, err
}

// Spec is what can be written of b.
func (b Brand) Spec() Spec { return Spec{b.Name, b.Color, b.HelpURL, b.ImprintURL, b.PrivacyURL} }

// apply puts the spec into b. The error holds a fault for each field that can't be
// taken.
func (s Spec) apply(b *Brand) error {
	var bad []error
	b.Name = profile.Plain(s.Name)
	if !isName(b.Name) {
		bad = append(bad, fault.On("name", fault.Invalid, "Write the name on one line, in up to %d characters and none that is invisible.", MaxName))
	}
	b.Color = strings.ToLower(profile.Trim(s.Color))
	if _, ok := ParseColor(b.Color); !ok && b.Color != "" {
		bad = append(bad, fault.On("color", fault.Invalid, "Write the color as # and six digits, such as #0b6b62."))
	}
	for _, each := range []struct {
		field, text string
		to          *string
	}{{"help_url", s.HelpURL, &b.HelpURL}, {"imprint_url", s.ImprintURL, &b.ImprintURL}, {"privacy_url", s.PrivacyURL, &b.PrivacyURL}} {
		*each.to = profile.Trim(each.text)
		if *each.to != "" && !isURL(*each.to) {
			bad = append(bad, fault.On(each.field, fault.Invalid, "Write an address that begins with https://, in up to %d characters.", MaxURL))
		}
	}
	return errors.Join(bad...)
}

func isName(s string) bool {
	private := func(r rune) bool { return unicode.Is(unicode.Co, r) }
	return profile.IsLine(s) && profile.IsText(s) && utf8.RuneCountInString(s) <= MaxName && !strings.ContainsFunc(s, private)
}

// isURL refuses what a page could not lead to, and what would look like another
// address than it is.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= MaxURL && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Opaque == "" &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) })
}

// A Store keeps brands and logos.
type Store interface {
	// Brands returns the brand of the owner and the one of its account, which are
	// the same if the owner is an account. One that nobody has set is empty.
	Brands(ctx context.Context, o Owner) (own, base Brand, err error)
	// ChangeBrand gives the owner what change makes of its brand as it is, and
	// keeps a, whose changes it fills in. The logo is kept if the digest is another
	// one. Where nothing differs it keeps nothing. A domain that isn't the account's
	// is a NotFound fault. Change may be called more than once.
	ChangeBrand(ctx context.Context, by audit.Grant, o Owner, change func(Brand) (Brand, error), logo []byte, a audit.Action) error
	// Logo returns the PNG with the digest, or a NotFound fault.
	Logo(ctx context.Context, digest string) ([]byte, error)
}

// Brands makes and changes brands.
type Brands struct {
	store Store
	logos *logo.Maker
	now   func() time.Time
}

// New returns Brands that are kept in the store.
func New(store Store, now func() time.Time) *Brands { return &Brands{store, logo.NewMaker(), now} }

// Own returns what the owner has set itself, and what its account has set.
func (b *Brands) Own(ctx context.Context, o Owner) (own, base Brand, err error) {
	return b.store.Brands(ctx, o)
}

// patience is how long a page waits for what it can do without.
const patience = 2 * time.Second

// Shown is what pages for people of an account show, under the name if it has none.
// Error pages must not fail, so where the database doesn't answer it's the name alone.
func (b *Brands) Shown(ctx context.Context, account, name string) templates.Brand {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := b.View(ctx, Owner{Account: account}, "", name)
	if err != nil {
		return templates.Brand{Name: name}
	}
	return v
}

// View is what pages for people of the owner show. A domain without a name of its
// own has the one that it is called by, which may be empty; where nobody has named
// anything, it's the last name.
func (b *Brands) View(ctx context.Context, o Owner, called, last string) (templates.Brand, error) {
	brand, err := b.named(ctx, o, called)
	return brand.View(last), err
}

// Mail is what mails to people of the owner show, and the logo, which may be
// missing. The names are as for View, the last one being the
// domain's.
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

// picture is the logo of a brand, or nothing if it has none.
func (b *Brands) picture(ctx context.Context, brand Brand) ([]byte, error) {
	if brand.Logo == "" {
		return nil, nil
	}
	picture, err := b.Logo(ctx, brand.Logo)
	if fault.Is(err, fault.NotFound) {
		return nil, nil // removed a moment ago
	}
	return picture, err
}

func errNoLogo() error { return fault.New(fault.NotFound, "There is no such logo.") }

// Change gives the owner's brand what change makes of it as it is, except for the
// logo. If change fails, nothing is changed. It may be called more than once.
func (b *Brands) Change(ctx context.Context, by audit.Grant, o Owner, change func(Brand) (Spec, error)) error {
	return b.change(ctx, by, o, nil, func(brand Brand) (Brand, error) {
		spec, err := change(brand)
		if err == nil {
			err = spec.apply(&brand)
		}
		return brand, err
	})
}

// SetLogo draws the PNG or SVG anew and makes it the owner's logo, if check, which
// may be nil, has nothing against the brand as it is.
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
