package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

var _ branding.Store = (*Store)(nil)

// A brandRow is a brand and its owner.
type brandRow struct {
	id, account, domain string
	branding.Brand
}

// brands are read without their logos, which few requests need.
var brands = db.NewTable("brands", func(b *brandRow) []db.Column {
	return []db.Column{
		db.Col("id", &b.id), db.Col("account", &b.account), db.Col("domain", db.Optional(&b.domain)),
		db.Col("name", &b.Name), db.Col("color", &b.Color),
		db.Col("help_url", &b.HelpURL), db.Col("imprint_url", &b.ImprintURL), db.Col("privacy_url", &b.PrivacyURL),
		db.Col("logo", &b.Logo), db.Col("updated", db.Time(&b.Updated)),
	}
})

// selectBrands reads the brand of an owner and that of its account.
var selectBrands = `SELECT ` + brands.Columns + ` FROM brands WHERE id IN ($1, $2) AND account = $2`

// Brands returns the brand of the owner and that of its account. Unset brands
// are empty.
func (s *Store) Brands(ctx context.Context, o branding.Owner) (own, base branding.Brand, err error) {
	all, err := brands.All(s.db.Read(ctx), selectBrands, o.ID(), o.Account)
	if err != nil {
		return own, base, fmt.Errorf("store: brands: %w", s.db.Diagnose(err))
	}
	for _, b := range all {
		if b.id == o.ID() {
			own = b.Brand
		}
		if b.id == o.Account {
			base = b.Brand
		}
	}
	return own, base, nil
}

// Logo returns the PNG with the digest, or a NotFound fault.
func (s *Store) Logo(ctx context.Context, digest string) ([]byte, error) {
	var picture []byte
	err := s.db.Read(ctx).ByKey(`SELECT logo_png FROM brands WHERE logo = $1 LIMIT 1`, digest).Scan(&picture)
	if err != nil {
		return nil, s.found("logo", err)
	}
	return picture, nil
}

// ChangeBrand applies change to the owner's brand, and stores the result and
// a, whose changes it fills in. It stores the logo if its digest has changed.
// If nothing differs, it stores nothing. If the domain isn't the account's, it
// returns a NotFound fault.
func (s *Store) ChangeBrand(ctx context.Context, by audit.Grant, o branding.Owner, change func(branding.Brand) (branding.Brand, error), logo []byte, a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockBrand(t, o, s.now().UnixMilli())
		if err != nil {
			return nil, err
		}
		b := old
		if b.Brand, err = change(old.Brand); err != nil {
			return nil, err
		}
		a := a // fn may run again
		if a.Changes = changes(brandText(old.Brand), brandText(b.Brand)); len(a.Changes) == 0 {
			return nil, nil
		}
		if b.Logo == old.Logo {
			return []audit.Action{a}, brands.Update(t, b, "account", "domain", "logo")
		}
		if err := brands.Update(t, b, "account", "domain", "logo"); err != nil {
			return nil, err
		}
		_, err = t.Exec(`UPDATE brands SET logo = $1, logo_png = $2 WHERE id = $3`, b.Logo, logo, b.id)
		return []audit.Action{a}, err
	})
	if err != nil {
		return fmt.Errorf("store: change brand: %w", err)
	}
	return nil
}

// lockBrand returns the brand and locks its row until the transaction ends. It
// creates the row if there is none.
func lockBrand(t *db.Tx, o branding.Owner, now int64) (brandRow, error) {
	if o.DomainID != "" {
		d, err := lockDomain(t, o.Domain)
		if errors.Is(err, db.ErrNoRows) || err == nil && (d.ID != o.DomainID || d.Account != o.Account) {
			err = fault.New(fault.NotFound, "There is no such domain.")
		}
		if err != nil {
			return brandRow{}, err
		}
	}
	var domain any
	if o.DomainID != "" {
		domain = o.DomainID
	}
	_, err := t.Exec(`INSERT INTO brands (id, account, domain, updated) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`, o.ID(), o.Account, domain, now)
	if err != nil {
		return brandRow{}, err
	}
	return brands.Scan(t.Row(`UPDATE brands SET updated = updated WHERE id = $1 RETURNING `+brands.Columns, o.ID()))
}

// brandText returns a brand's settings as its log shows them.
func brandText(b branding.Brand) []setting {
	return []setting{
		{"name", b.Name}, {"color", b.Color}, {"help_url", b.HelpURL}, {"imprint_url", b.ImprintURL}, {"privacy_url", b.PrivacyURL}, {"logo", b.Logo},
	}
}
