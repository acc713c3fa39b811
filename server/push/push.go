package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A Pusher sends profiles and follows their deliveries. All fields are
// required.
type Pusher struct {
	NanoMDM  *API
	Journal  *Journal
	Attempts int // the most attempts per profile and device, and per request to NanoMDM
	Workers  int // concurrent requests
	Now      func() time.Time
	// Pause waits before a request is repeated.
	Pause func(ctx context.Context, attempt int) error
	// Tell is called for each change, one after the other.
	Tell func(Delivery)

	mu      sync.Mutex
	sent    map[string]sent // by command
	all     []item
	result  Result
	refused chan item // to be sent again
	changed chan struct{}
	telling sync.Mutex
}

// An item is a profile for a device.
type item struct {
	profile    *Profile
	enrollment string
	attempts   int    // so far
	after      string // the last command sent to the device; empty: none
	command    string // the command to repeat; empty: a new one
}

// A sent is a command that was sent to NanoMDM, or is being sent.
type sent struct {
	item     item
	delivery Delivery
}

// A Result counts the profiles of a batch by their state.
type Result struct {
	States    map[State]int `json:"states"`
	NoDevice  int           `json:"no_device"` // profiles without a known device
	Unchanged int           `json:"unchanged"` // of the states: not sent, because the device has the file or soon will
}

// Waiting returns how many devices will still answer.
func (r Result) Waiting() int { return r.States[Queued] + r.States[NotNow] }

// Push sends each profile to the devices of its person, unless they have the
// same file or it's waiting for them. It returns when NanoMDM has accepted
// everything that it will. It must be called only once.
func (p *Pusher) Push(ctx context.Context, profiles []Profile, enrollments Enrollments) (Result, error) {
	todo := p.plan(profiles, enrollments)
	err := p.sendAll(ctx, todo)
	return p.count(), err
}

// plan prepares for the devices' answers, and returns what has to be sent.
func (p *Pusher) plan(profiles []Profile, enrollments Enrollments) (todo []item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent, p.changed = map[string]sent{}, make(chan struct{}, 1)
	for n := range profiles {
		ids := enrollments.Of(&profiles[n])
		if len(ids) == 0 {
			p.result.NoDevice++
		}
		for _, id := range ids {
			last, ok := p.Journal.find(id, profiles[n].Identifier)
			i := item{profile: &profiles[n], enrollment: id, after: last.Command}
			same := ok && last.Digest == i.profile.Digest
			if same {
				i.attempts = last.Attempt
			}
			switch {
			case same && (last.State == Installed || last.State.Waiting()):
				p.sent[last.Command] = sent{i, last}
				p.result.Unchanged++
			case same && last.State == Failed:
				i.attempts-- // NanoMDM may have the command anyway
				i.command = last.Command
				todo = append(todo, i)
			default:
				todo = append(todo, i)
			}
			p.all = append(p.all, i)
		}
	}
	p.refused = make(chan item, len(p.all))
	return todo
}

// Wait returns when all devices have answered and all of it has been reported,
// or ctx is done. Meanwhile it repeats what devices refuse. It must be called
// after Push.
func (p *Pusher) Wait(ctx context.Context) (Result, error) {
	for {
		select {
		case i := <-p.refused:
			if err := p.send(ctx, i); err != nil {
				return p.count(), err
			}
			continue
		default:
		}
		p.telling.Lock() // what counts has also been reported
		result := p.count()
		p.telling.Unlock()
		if result.Waiting() == 0 && len(p.refused) == 0 || ctx.Err() != nil {
			return result, nil
		}
		select {
		case <-p.changed:
		case <-ctx.Done():
		}
	}
}

// count counts the states of everything in the batch.
func (p *Pusher) count() Result {
	result := p.result
	result.States = map[State]int{}
	for _, i := range p.all {
		if last, ok := p.Journal.find(i.enrollment, i.profile.Identifier); ok && last.Digest == i.profile.Digest {
			result.States[last.State]++
		}
	}
	return result
}

// sendAll sends several items at a time. The first error that concerns all of
// them ends it.
func (p *Pusher) sendAll(ctx context.Context, todo []item) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan item)
	var workers sync.WaitGroup
	for range p.Workers {
		workers.Go(func() {
			for i := range queue {
				if err := p.send(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, i := range todo {
		if ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// send sends one profile to one device. It returns only errors that concern
// all items.
func (p *Pusher) send(ctx context.Context, i item) error {
	data, err := i.profile.Bytes()
	if err != nil {
		return err
	}
	i.attempts++
	d := i.delivery()
	p.mu.Lock()
	p.sent[d.Command] = sent{i, d}
	p.mu.Unlock()
	command := install(d.Command, data)
	for try := 1; ; try++ {
		err = p.NanoMDM.enqueue(ctx, i.enrollment, command)
		if !Again(err) || try >= p.Attempts {
			break
		}
		if p.Pause(ctx, try) != nil {
			break
		}
	}
	switch {
	case errors.Is(err, ErrKey), ctx.Err() != nil:
		return errors.Join(err, context.Cause(ctx))
	case err != nil:
		d.State, d.Detail = Failed, legible(err.Error())
	}
	// The device may have answered by now.
	return p.note(d, func(last Delivery) bool { return last.Command != d.Command || last.State == Failed })
}

// delivery returns the newest attempt at an item. The ID of its command is
// derived from its content and its predecessor. So NanoMDM recognizes a
// command that it has, but treats a file that returns after another as new.
func (i item) delivery() Delivery {
	name := strings.Join([]string{i.enrollment, i.profile.Identifier, i.profile.Digest, fmt.Sprint(i.attempts), i.after}, "\n")
	command := cmp.Or(i.command, uuid.NewSHA1(uuid.NameSpaceURL, []byte("mobileconfig push\n"+name)).String())
	return Delivery{
		Enrollment: i.enrollment, Email: i.profile.Email, File: i.profile.File, Identifier: i.profile.Identifier, Digest: i.profile.Digest,
		Command: command, Attempt: i.attempts, State: Queued,
	}
}

// note records a change, if the last one allows it, and reports it.
func (p *Pusher) note(d Delivery, allowed func(last Delivery) bool) error {
	p.telling.Lock()
	defer p.telling.Unlock()
	d.At = p.Now().UTC()
	written, err := p.Journal.write(d, allowed)
	if written {
		p.Tell(d)
	}
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return err
}

// answered records a device's answer to a command. It ignores commands of
// other senders.
func (p *Pusher) answered(enrollment, command string, state State, detail string) error {
	p.mu.Lock()
	s, ok := p.sent[command]
	p.mu.Unlock()
	if !ok || s.item.enrollment != enrollment {
		return nil
	}
	d := s.delivery
	d.State, d.Detail = state, legible(detail)
	return p.note(d, func(last Delivery) bool {
		if last.Digest == d.Digest && last.Attempt > d.Attempt {
			return false // an answer to an earlier attempt
		}
		fresh := last.Command != command || last.State.Waiting() || last.State == Failed
		if fresh && state == Refused && d.Attempt < p.Attempts {
			again := s.item
			again.command = ""
			p.refused <- again
		}
		return fresh
	})
}
