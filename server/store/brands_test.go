package store_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"reflect"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// aLogo returns a picture in one of many colors.
func aLogo(t *testing.T, red uint8) []byte {
	t.Helper()
	p := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	for i := range 20 {
		p.SetNRGBA(i, i, color.NRGBA{R: red, A: 255})
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, p))
	return b.Bytes()
}

// TestBrands sets brands of an account and its domain. It checks that a domain
// inherits from its account what it hasn't set, that each change is logged,
// and that logos are deleted with their owners.
func TestBrands(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		secondAccount(t, database)
		d := newDomain("a.example")
		must(t, s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.Name)))
		b := branding.New(s, time.Now)
		ofAccount := branding.Owner{Account: account.Default}
		ofDomain := branding.Owner{Account: account.Default, DomainID: d.ID, Domain: d.Name}
		set := func(o branding.Owner, spec branding.Spec) error {
			return b.Change(t.Context(), by, o, func(branding.Brand) (branding.Spec, error) { return spec, nil })
		}
		must(t, set(ofAccount, branding.Spec{Name: "Example Host", Color: "#0B6B62", HelpURL: "https://example.com/help"}))
		must(t, b.SetLogo(t.Context(), by, ofAccount, aLogo(t, 200), nil))
		must(t, set(ofDomain, branding.Spec{Name: "Its own", PrivacyURL: "https://a.example/privacy"}))
		got := brandOf(t, b, ofDomain)
		want := branding.Brand{Name: "Its own", Color: "#0b6b62", HelpURL: "https://example.com/help", PrivacyURL: "https://a.example/privacy", Logo: got.Logo}
		if got != want || got.Logo == "" {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if other := brandOf(t, b, branding.Owner{Account: "acc_2"}); other != (branding.Brand{}) {
			t.Errorf("another account has %+v", other)
		}

		first := got.Logo
		must(t, b.SetLogo(t.Context(), by, ofDomain, aLogo(t, 100), nil))
		second := brandOf(t, b, ofDomain).Logo
		if second == first {
			t.Error("the domain has no logo of its own")
		}
		for _, digest := range []string{first, second} {
			picture, err := b.Logo(t.Context(), digest)
			must(t, err)
			if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
				t.Error(err)
			}
		}
		entries := len(storetest.Entries(t, s))
		must(t, set(ofDomain, branding.Spec{Name: "Its own", PrivacyURL: "https://a.example/privacy"}))
		if n := len(storetest.Entries(t, s)); n != entries {
			t.Errorf("a change of nothing is logged: %d entries, then %d", entries, n)
		}
		wantFault(t, set(branding.Owner{Account: "acc_2", DomainID: d.ID, Domain: d.Name}, branding.Spec{Name: "Mine"}), fault.NotFound)
		wantFault(t, set(branding.Owner{Account: account.Default, DomainID: "dom_other", Domain: d.Name}, branding.Spec{Name: "Old"}), fault.NotFound)

		must(t, s.DeleteDomain(t.Context(), by, account.Default, d.Name, nil, action(audit.DomainDelete, d.Name)))
		_, err := b.Logo(t.Context(), second)
		wantFault(t, err, fault.NotFound)
		must(t, b.RemoveLogo(t.Context(), by, ofAccount, nil))
		_, err = b.Logo(t.Context(), first)
		wantFault(t, err, fault.NotFound)
	})
}

func brandOf(t *testing.T, b *branding.Brands, o branding.Owner) branding.Brand {
	t.Helper()
	own, base, err := b.Own(t.Context(), o)
	must(t, err)
	brand := own.Over(base)
	brand.Updated = time.Time{}
	return brand
}

// TestBrandIsLogged checks that the log says what was changed, and in which
// domain.
func TestBrandIsLogged(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		d := newDomain("a.example")
		must(t, s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.Name)))
		o := branding.Owner{Account: account.Default, DomainID: d.ID, Domain: d.Name}
		must(t, branding.New(s, time.Now).Change(t.Context(), by, o, func(branding.Brand) (branding.Spec, error) {
			return branding.Spec{Color: "#0b6b62"}, nil
		}))
		all := storetest.Entries(t, s)
		e, err := all[len(all)-1].Read()
		must(t, err)
		if want := []audit.Change{{Field: "color", New: "#0b6b62"}}; e.Leaf.Name != audit.BrandingUpdate || e.Domain != d.Name || e.Target.ID != d.ID || !reflect.DeepEqual(e.Changes, want) {
			t.Errorf("got %+v", e)
		}
	})
}
