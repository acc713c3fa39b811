package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Repeats are the requests that were done and may be sent again.
type Repeats interface {
	// Repeated returns the request of the API key that was done under the
	// name, or a NotFound fault. If that one asked for something else, the
	// fault is RepeatDiffers.
	Repeated(ctx context.Context, r audit.Repeat) (audit.Repeat, error)
}

// A RepeatHeader names a request, so that it can be sent again.
type RepeatHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"A name of your own for the request. Sent again within 24 hours by the same key, it is done once and gets the same answer; with another body it is refused as idempotency_key_reused."`
}

// A ReplayedHeader says that the answer was given before.
type ReplayedHeader struct {
	Replayed string `header:"Idempotent-Replayed" enum:"true" doc:"The request was done before."`
}

func (h *ReplayedHeader) replayed() { h.Replayed = "true" }

// A repeatable does a request for the first time, or makes the answer again
// from what was kept then.
type repeatable[Out any] struct {
	operation string
	first     func(call) (*Out, error)
	again     func(audit.Repeat) (*Out, error)
}

// once does the request, unless it has a name and was done under it before.
// Of two that come at once, on whatever servers, the database refuses one: it
// gets the other's answer.
func once[Out any](ctx context.Context, a *API, c call, h RepeatHeader, body any, r repeatable[Out]) (*Out, error) {
	if h.IdempotencyKey == "" {
		return r.first(c)
	}
	asked, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	name, print := sha256.Sum256([]byte(h.IdempotencyKey)), sha256.Sum256([]byte(r.operation+"\x00"+string(asked)))
	repeat := audit.Repeat{Key: c.key.ID, Name: name[:], Fingerprint: print[:]}
	done, err := a.Repeats.Repeated(ctx, repeat)
	if fault.Is(err, fault.NotFound) {
		c.by.Repeat = &repeat
		var out *Out
		if out, err = r.first(c); !errors.Is(err, audit.ErrRepeated) {
			return out, err
		}
		done, err = a.Repeats.Repeated(ctx, repeat)
	}
	if err != nil {
		return nil, err
	}
	out, err := r.again(done)
	if err != nil {
		return nil, err
	}
	if h, ok := any(out).(interface{ replayed() }); ok {
		h.replayed()
	}
	return out, nil
}
