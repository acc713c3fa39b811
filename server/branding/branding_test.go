package branding_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/templates"
)

// A readStore can only read brands.
type readStore struct {
	branding.Store
	read func(context.Context) (branding.Brand, error)
}

func (s readStore) Brands(ctx context.Context, _ branding.Owner) (own, base branding.Brand, err error) {
	own, err = s.read(ctx)
	return own, own, err
}

// TestShown checks that pages have a name, whether or not the database answers.
func TestShown(t *testing.T) {
	for name, tt := range map[string]struct {
		read func(context.Context) (branding.Brand, error)
		want templates.Brand
	}{
		"a brand": {func(context.Context) (branding.Brand, error) {
			return branding.Brand{Name: "Example Host", Color: "#0b6b62"}, nil
		}, templates.Brand{Name: "Example Host", Sheet: "/brand/0b6b62.css"}},
		"no brand": {func(context.Context) (branding.Brand, error) { return branding.Brand{}, nil }, templates.Brand{Name: "setup.example.com"}},
		"an error": {func(context.Context) (branding.Brand, error) {
			return branding.Brand{Color: "#0b6b62"}, errors.New("closed")
		}, templates.Brand{Name: "setup.example.com"}},
		"no answer": {func(ctx context.Context) (branding.Brand, error) { <-ctx.Done(); return branding.Brand{}, ctx.Err() }, templates.Brand{Name: "setup.example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := branding.New(readStore{read: tt.read}, time.Now)
				if got := b.Shown(t.Context(), account.Default, "setup.example.com"); got != tt.want {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
			})
		})
	}
}
