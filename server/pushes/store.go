package pushes

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/push"
)

// A Store keeps device servers, enrollments and deliveries. *store.Store is one.
type Store interface {
	// DeviceServer returns the server of the account, or a NotFound fault.
	DeviceServer(ctx context.Context, account string) (Server, error)
	// DeviceServerByHook returns the server whose webhook has the address, or a
	// NotFound fault.
	DeviceServerByHook(ctx context.Context, hook string) (Server, error)
	// ChangeDeviceServer keeps what change makes of the account's server as it
	// is, with the action that change returns. One that isn't there is the zero
	// value. It may be called more than once.
	ChangeDeviceServer(ctx context.Context, by audit.Grant, account string, change func(Server) (Server, audit.Action, error)) error
	// DeleteDeviceServer deletes the server with all enrollments, and keeps what
	// the action of the server as it is says.
	DeleteDeviceServer(ctx context.Context, by audit.Grant, account string, action func(Server) audit.Action) error

	// AskForPush has the batch pushed, if check has nothing against it as it is.
	AskForPush(ctx context.Context, by audit.Grant, p Push, check func(batches.Batch) (audit.Action, error)) error
	// Push returns the push of the account's batch, or a NotFound fault.
	Push(ctx context.Context, account, batch string) (Push, error)
	// CountDeliveries counts the deliveries of the batch by their state.
	CountDeliveries(ctx context.Context, account, batch string) (map[push.State]int, error)
	// PushDeliveries returns those of the batch that the filter finds.
	PushDeliveries(ctx context.Context, account, batch string, f Filter) ([]Delivery, error)
	WorkStore
}

// A WorkStore is what jobs and webhooks need beside.
type WorkStore interface {
	// AnyPush returns the push of the batch, whosever it is, or a NotFound fault.
	AnyPush(ctx context.Context, batch string) (Push, error)
	// Enrollments returns all enrollments of the account.
	Enrollments(ctx context.Context, account string) ([]Enrollment, error)
	// PlanDeliveries keeps deliveries, and has those sent that aren't on their
	// way or there already, in the place of others. It does nothing for a push
	// that was asked for again since. Without a server it's a NotFound fault.
	PlanDeliveries(ctx context.Context, p Push, all []Delivery) error
	// EndPlan keeps how planning ended, unless the push was asked for again.
	EndPlan(ctx context.Context, by audit.Grant, p Push) error
	// BeginDelivery counts a try of a delivery that waits for the command to be
	// sent, and returns it. If the maker of its push has lost the right to it, it
	// returns the delivery with the fault. Any other is a NotFound fault.
	BeginDelivery(ctx context.Context, id, command string) (Delivery, error)
	// EndDelivery keeps how a try ended.
	EndDelivery(ctx context.Context, id, command string, state push.State, detail string) error
	// HearDevice notes an enrollment. It and the next two do nothing if check has
	// something against the account's server as it is, or if that isn't there any
	// more, which is a NotFound fault.
	HearDevice(ctx context.Context, e Enrollment, check func(Server) error) error
	// LeaveDevice forgets an enrollment.
	LeaveDevice(ctx context.Context, account, id string, at time.Time, check func(Server) error) error
	// AnswerDelivery keeps what a device says of a command. A delivery that the
	// device refuses is sent again, up to Attempts times.
	AnswerDelivery(ctx context.Context, account string, e push.Event, at time.Time, check func(Server) error) error
}

// Queue is the queue of the jobs.
const Queue = "push"

// A PlanJob says for each profile of a batch which devices get it.
type PlanJob struct {
	Batch string `json:"batch"`
	Round int    `json:"round"`
}

// Kind names the job in the queue.
func (PlanJob) Kind() string { return "push.plan" }

// A SendJob sends one profile to one device.
type SendJob struct {
	Delivery string `json:"delivery"`
	Command  string `json:"command"`
}

// Kind names the job in the queue.
func (SendJob) Kind() string { return "push.send" }
