package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/signing/gate"
)

var _ Signer = (*Identity)(nil)

// Sign returns the profile that the gate cleared in a signed envelope, as
// described for [Signer].
func (id *Identity) Sign(ctx context.Context, profile gate.Cleared) ([]byte, error) {
	if profile.Size() == 0 {
		return nil, errors.New("signing: nothing was cleared")
	}
	now, err := id.ready(ctx)
	if err != nil {
		return nil, err
	}
	return id.writer.sign(id.key, profile, now)
}

// SignApart is Sign for a profile that the caller has: the result leaves it
// out, and it belongs at the index.
func (id *Identity) SignApart(ctx context.Context, profile gate.Cleared) (rest []byte, index int, err error) {
	if profile.Size() == 0 {
		return nil, 0, errors.New("signing: nothing was cleared")
	}
	now, err := id.ready(ctx)
	if err != nil {
		return nil, 0, err
	}
	return id.writer.apart(id.key, profile, now)
}

// SignChecksums returns a detached signature of the list, as described for
// [Signer].
func (id *Identity) SignChecksums(ctx context.Context, list *Checksums) ([]byte, error) {
	if len(list.text) == 0 {
		return nil, errors.New("signing: the list of checksums is empty")
	}
	now, err := id.ready(ctx)
	if err != nil {
		return nil, err
	}
	out, _, err := id.writer.envelope(id.key, list.digest(), 0, nil, now)
	return out, err
}

// ready returns the time of a signature, or the reason why it isn't possible.
func (id *Identity) ready(ctx context.Context) (time.Time, error) {
	if ctx.Err() != nil {
		return time.Time{}, fmt.Errorf("signing: %w", context.Cause(ctx))
	}
	now := id.now()
	return now, id.usable(now)
}

// Describe returns the identity's description.
func (id *Identity) Describe() Description {
	d := id.description
	d.Issuers = slices.Clone(d.Issuers)
	d.Development = id.development
	d.Fault = id.Usable()
	return d
}

// prepare encodes and describes what is the same for all signatures.
func (id *Identity) prepare() (err error) {
	id.description = Description{Name: id.Name(), Subject: Subject(id.leaf), Fingerprint: id.Fingerprint(), Key: id.keyFingerprint(), NotAfter: id.Expires()}
	for _, c := range id.path {
		id.description.Issuers = append(id.description.Issuers, c.Issuer.String())
	}
	id.writer, err = newCMSWriter(id.leaf, id.intermediates)
	return err
}
