package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/updatecase/mobileconfig/signing/gate"
)

var _ Signer = (*Identity)(nil)

// Sign returns the profile that the gate has cleared in a signed envelope, as
// a [Signer] does.
func (id *Identity) Sign(ctx context.Context, profile gate.Cleared) ([]byte, error) {
	if profile.Size() == 0 {
		return nil, errors.New("signing: nothing was cleared")
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("signing: %w", context.Cause(ctx))
	}
	now := id.now()
	if err := id.usable(now); err != nil {
		return nil, err
	}
	return id.writer.sign(id.key, profile, now)
}

// Describe says what signs.
func (id *Identity) Describe() Description {
	d := id.description
	d.Issuers = slices.Clone(d.Issuers)
	d.Development = id.development
	d.Fault = id.Usable()
	return d
}

// prepare encodes and describes what stays the same for all signatures.
func (id *Identity) prepare() (err error) {
	id.description = Description{Name: id.Name(), Subject: Subject(id.leaf), Fingerprint: id.Fingerprint(), NotAfter: id.Expires()}
	for _, c := range id.path {
		id.description.Issuers = append(id.description.Issuers, c.Issuer.String())
	}
	id.writer, err = newCMSWriter(id.leaf, id.intermediates)
	return err
}
