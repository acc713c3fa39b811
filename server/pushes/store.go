package pushes

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/push"
)

// A Store stores MDM servers, enrollments and deliveries. *store.Store is one.
type Store interface {
	// DeviceServer returns the server of the account, or a NotFound fault.
	DeviceServer(ctx context.Context, account string) (Server, error)
	// DeviceServerByHook returns the server whose webhook has this URL part,
	// or a NotFound fault.
	DeviceServerByHook(ctx context.Context, hook string) (Server, error)
	// ChangeDeviceServer applies change to the account's server, and stores
	// the result with the action that change returns. If there is no server,
	// change gets the zero value. Change may be called more than once.
	ChangeDeviceServer(ctx context.Context, by audit.Grant, account string, change func(Server) (Server, audit.Action, error)) error
	// DeleteDeviceServer deletes the server with all enrollments, and records
	// the action that is derived from the server.
	DeleteDeviceServer(ctx context.Context, by audit.Grant, account string, action func(Server) audit.Action) error

	// AskForPush requests a push of the batch if check allows it.
	AskForPush(ctx context.Context, by audit.Grant, p Push, check func(batches.Batch) (audit.Action, error)) error
	// Push returns the push of the account's batch, or a NotFound fault.
	Push(ctx context.Context, account, batch string) (Push, error)
	// CountDeliveries counts the deliveries of the batch by state.
	CountDeliveries(ctx context.Context, account, batch string) (map[push.State]int, error)
	// PushDeliveries returns the deliveries of the batch that match the
	// filter.
	PushDeliveries(ctx context.Context, account, batch string, f Filter) ([]Delivery, error)
	WorkStore
}

// A WorkStore is what jobs and webhooks need in addition.
type WorkStore interface {
	// AnyPush returns the push of the batch of any account, or a NotFound
	// fault.
	AnyPush(ctx context.Context, batch string) (Push, error)
	// Enrollments returns all enrollments of the account.
	Enrollments(ctx context.Context, account string) ([]Enrollment, error)
	// PlanDeliveries stores deliveries in place of older ones, and enqueues
	// those that aren't already sent or delivered. It does nothing for a push
	// that was requested again since. Without a server it returns a NotFound
	// fault.
	PlanDeliveries(ctx context.Context, p Push, all []Delivery) error
	// EndPlan records the result of planning, unless the push was requested
	// again.
	EndPlan(ctx context.Context, by audit.Grant, p Push) error
	// BeginDelivery counts an attempt at a delivery whose command is waiting
	// to be sent, and returns it. If the requester of its push has lost the
	// authority, it returns the delivery with the fault. For any other
	// delivery it returns a NotFound fault.
	BeginDelivery(ctx context.Context, id, command string) (Delivery, error)
	// EndDelivery records the result of an attempt.
	EndDelivery(ctx context.Context, id, command string, state push.State, detail string) error
	// HearDevice stores an enrollment. It and the next two do nothing if check
	// refuses the account's server. If the server no longer exists, they
	// return a NotFound fault.
	HearDevice(ctx context.Context, e Enrollment, check func(Server) error) error
	// LeaveDevice deletes an enrollment.
	LeaveDevice(ctx context.Context, account, id string, at time.Time, check func(Server) error) error
	// AnswerDelivery records a device's answer to a command. A delivery that
	// the device refuses is sent again, up to Attempts times.
	AnswerDelivery(ctx context.Context, account string, e push.Event, at time.Time, check func(Server) error) error
}

// Queue is the name of the job queue.
const Queue = "push"

// A PlanJob decides which devices get each profile of a batch.
type PlanJob struct {
	Batch string `json:"batch"`
	Round int    `json:"round"`
}

// Kind is the job's name in the queue.
func (PlanJob) Kind() string { return "push.plan" }

// A SendJob sends one profile to one device.
type SendJob struct {
	Delivery string `json:"delivery"`
	Command  string `json:"command"`
}

// Kind is the job's name in the queue.
func (SendJob) Kind() string { return "push.send" }
