package batches_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/templates"
)

// A restarting signer is unavailable at first, like one in another process that
// is being restarted.
type restarting struct {
	signing.Signer
	away atomic.Int64 // how often it is still unavailable
}

func (s *restarting) absent() error {
	if s.away.Add(-1) < 0 {
		return nil
	}
	return &signing.IdentityError{Code: signing.SignerAway, Detail: "the signer doesn't answer", RetryAfter: time.Second}
}

func (s *restarting) Sign(ctx context.Context, profile gate.Cleared) ([]byte, error) {
	if err := s.absent(); err != nil {
		return nil, err
	}
	return s.Signer.Sign(ctx, profile)
}

func (s *restarting) SignChecksums(ctx context.Context, list *signing.Checksums) ([]byte, error) {
	if err := s.absent(); err != nil {
		return nil, err
	}
	return s.Signer.SignChecksums(ctx, list)
}

// TestSignerAway makes the signer unavailable while files are created, while
// their checksums are signed, and before it has sent its certificate. The batch
// continues as soon as it is back.
func TestSignerAway(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		texts, err := templates.Words()
		if err != nil {
			t.Fatal(err)
		}
		signer := &restarting{Signer: r.signer()}
		r.Service.Issuer = issue.New(texts, func() signing.Signer { return signer })
		var unknown atomic.Int64
		describe := r.Service.Identity
		r.Service.Identity = func() signing.Description {
			if unknown.Add(-1) >= 0 {
				return signing.Description{Fault: &signing.IdentityError{Code: signing.SignerAway, Detail: "away", RetryAfter: time.Second}}
			}
			return describe()
		}
		b := r.create(t, owner(), people(3), batches.Choice{})
		stop := r.work(t)
		r.want(t, b.ID, batches.Ready)
		stop()
		r.start(t, owner(), b.ID)
		signer.away.Store(2)
		unknown.Store(1)
		r.work(t)
		r.want(t, b.ID, batches.Done)
		if signer.away.Load() >= 0 || unknown.Load() >= 0 {
			t.Error("the signer wasn't called while it was unavailable")
		}
	})
}
