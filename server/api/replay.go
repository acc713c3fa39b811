package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/replay"
)

// Replays are the requests that were done and may be sent again.
type Replays interface {
	// Replayed returns the request of the API key that was done under the
	// name, or a NotFound fault. If that one asked for something else, the
	// fault is RepeatDiffers.
	Replayed(ctx context.Context, r replay.Request) (replay.Request, error)
	// RecordOnce keeps an action that goes with no other change. If the request
	// was done before, the error is [replay.ErrDone].
	RecordOnce(ctx context.Context, by audit.Grant, once *replay.Request, a audit.Action) error
}

// A ReplayHeader names a request, so that it can be sent again.
type ReplayHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"A name of your own for the request. Sent again within 24 hours by the same key, it is done once and gets the same answer; with another body it is refused as idempotency_key_reused."`
}

// A ReplayedHeader says that the answer was given before.
type ReplayedHeader struct {
	Replayed string `header:"Idempotent-Replayed" enum:"true" doc:"The request was done before."`
}

func (h *ReplayedHeader) replayed() { h.Replayed = "true" }

// A replayable does a request for the first time, or makes the answer again
// from what was kept then.
type replayable[Out any] struct {
	operation string
	// first does it. Without a name the request is nil.
	first func(*replay.Request) (*Out, error)
	again func(replay.Request) (*Out, error)
}

// once does the request, unless it has a name and was done under it before.
// Of two that come at once, on whatever servers, the database refuses one: it
// gets the other's answer.
func once[Out any](ctx context.Context, a *API, c call, h ReplayHeader, body any, r replayable[Out]) (*Out, error) {
	if h.IdempotencyKey == "" {
		return r.first(nil)
	}
	asked, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	name, print := sha256.Sum256([]byte(h.IdempotencyKey)), sha256.Sum256([]byte(r.operation+"\x00"+string(asked)))
	request := replay.Request{Key: c.key.ID, Name: name[:], Fingerprint: print[:]}
	done, err := a.Replays.Replayed(ctx, request)
	if fault.Is(err, fault.NotFound) {
		var out *Out
		if out, err = r.first(&request); !errors.Is(err, replay.ErrDone) {
			return out, err
		}
		done, err = a.Replays.Replayed(ctx, request)
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
