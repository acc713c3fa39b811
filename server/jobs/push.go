package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/pushes"
)

// A Pusher sends batches to devices; its steps can be repeated. *pushes.Service
// is one.
type Pusher interface {
	// Plan decides which devices get what.
	Plan(ctx context.Context, batch string, round int) error
	// GiveUp ends a plan that has failed too often.
	GiveUp(ctx context.Context, batch string) error
	// Send sends NanoMDM a command. It returns how long to wait before the next
	// try; 0 if there is none.
	Send(ctx context.Context, delivery, command string) (time.Duration, error)
}

// A sendWorker sends profiles to devices.
type sendWorker struct {
	river.WorkerDefaults[pushes.SendJob]
	store  Store
	pusher Pusher
	log    *slog.Logger
}

// Work sends one profile to one device.
func (w *sendWorker) Work(ctx context.Context, job *river.Job[pushes.SendJob]) error {
	defer beat(ctx, w.store, w.log, job.ID)()
	return later(w.pusher.Send(ctx, job.Args.Delivery, job.Args.Command))
}
