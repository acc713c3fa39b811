package server

import (
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server/reload"
	"github.com/updatecase/mobileconfig/signing"
)

// An Identity says what signs now.
type Identity interface {
	// Current is the identity to sign with.
	Current() *signing.Identity
	// Err says why a newer one cannot be used, or nil.
	Err() error
}

// Fixed is an Identity that stays the same.
func Fixed(id *signing.Identity) Identity { return fixed{id} }

type fixed struct{ id *signing.Identity }

func (f fixed) Current() *signing.Identity { return f.id }
func (f fixed) Err() error                 { return nil }

// FromFiles is an Identity that is read again when its files change. A bad new
// file leaves the old identity in use and says so in the log.
func FromFiles(files signing.Files, now func() time.Time, log *slog.Logger) (Identity, error) {
	load := func() (*signing.Identity, error) {
		id, err := files.Load(now)
		if err == nil {
			for _, n := range id.Notices() {
				log.Warn("signing identity: "+n.Detail, "code", n.Code)
			}
		}
		return id, err
	}
	v, err := reload.New(files.Names(), load, func(err error) {
		if err != nil {
			log.Error("signing identity not reloaded; the old one stays", "error", err)
			return
		}
		log.Info("signing identity reloaded")
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}
