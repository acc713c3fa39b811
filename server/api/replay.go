package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"

	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/replay"
)

// Replays stores completed requests that can be repeated.
type Replays interface {
	// Replayed returns the completed request of the API key with that name, or a
	// NotFound fault. If that request was different, the fault is RepeatDiffers.
	Replayed(ctx context.Context, r replay.Request) (replay.Request, error)
	// KeepAnswer saves the response to the request.
	KeepAnswer(ctx context.Context, r replay.Request) error
}

// How long a repeated request waits for the first one's response, and how often it
// checks.
const (
	answerWait = 5 * time.Second
	answerLook = 20 * time.Millisecond
)

// once does the request, unless it has a name and was already done with it. If two
// arrive at once, on any servers, the database refuses one, which gets the other's
// response.
func once[Out any](ctx context.Context, a *API, c call, do func(context.Context) (*Out, error)) (*Out, error) {
	name := c.header.Get(openapi.IdempotencyKey)
	if name == "" || c.op.Method != http.MethodPost {
		return do(ctx)
	}
	hash := sha256.Sum256([]byte(name))
	request := replay.Request{Key: c.key.ID, Name: hash[:], Fingerprint: c.fingerprint}
	if _, err := a.Replays.Replayed(ctx, request); fault.Is(err, fault.NotFound) {
		out, err := do(replay.With(ctx, request))
		if err == nil {
			return out, a.keep(ctx, request, out)
		}
		// The reason can be that the other request was done.
		if _, missing := a.Replays.Replayed(ctx, request); missing != nil {
			return nil, err
		}
	}
	out := new(Out)
	if err := a.replay(ctx, request, out); err != nil {
		return nil, err
	}
	c.answer.Set(openapi.Replayed, "true")
	return out, nil
}

// keep saves the response, which can contain a secret.
func (a *API) keep(ctx context.Context, r replay.Request, out any) error {
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	r.Answer = a.Answers.Encrypt(data, r.Key)
	return a.Replays.KeepAnswer(ctx, r)
}

// replay reads the first response to the request. If it isn't known yet, replay waits.
func (a *API) replay(ctx context.Context, r replay.Request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	for {
		done, err := a.Replays.Replayed(ctx, r)
		if err != nil {
			return err
		}
		if len(done.Answer) > 0 {
			data, err := a.Answers.Decrypt(done.Answer, r.Key)
			if err != nil {
				return err
			}
			return json.Unmarshal(data, out)
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Conflict, "This request was sent before, and its result isn't known. Check whether it was done.")
		case <-time.After(answerLook):
		}
	}
}
