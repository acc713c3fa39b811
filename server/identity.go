package server

import (
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server/reload"
	"github.com/updatecase/mobileconfig/signing"
)

// An Identity provides the current signing identity.
type Identity interface {
	// Current returns the identity to sign with.
	Current() signing.Signer
	// Err returns the reason why a newer one can't be used, or nil.
	Err() error
}

// Fixed returns an Identity that never changes.
func Fixed(signer signing.Signer) Identity { return fixed{signer} }

type fixed struct{ signer signing.Signer }

func (f fixed) Current() signing.Signer { return f.signer }
func (f fixed) Err() error              { return nil }

// FromFiles returns an Identity that is reloaded when its files change. If the
// new files are bad, the old identity stays in use and the log says so.
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
			log.Error("signing identity not reloaded; the old one stays in use", "error", err)
			return
		}
		log.Info("signing identity reloaded")
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}
