package server

import (
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server/reload"
	"github.com/updatecase/mobileconfig/signing"
)

// An Identity says what signs now.
type Identity interface {
	// Current is what to sign with.
	Current() signing.Signer
	// Err says why a newer one can't be used, or nil.
	Err() error
}

// Fixed is an Identity that stays the same.
func Fixed(signer signing.Signer) Identity { return fixed{signer} }

type fixed struct{ signer signing.Signer }

func (f fixed) Current() signing.Signer { return f.signer }
func (f fixed) Err() error              { return nil }

// FromFiles is an Identity that is read again when its files change. A bad new
// file leaves the old identity in use and says so in the log.
func FromFiles(files signing.Files, now func() time.Time, log *slog.Logger) (Identity, error) {
	load := func() (signing.Signer, error) {
		id, err := files.Load(now)
		if err != nil {
			return nil, err
		}
		for _, n := range id.Notices() {
			log.Warn("signing identity: "+n.Detail, "code", n.Code)
		}
		return id, nil
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
