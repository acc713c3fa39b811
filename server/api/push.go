package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/push"
	"github.com/updatecase/mobileconfig/server/pushes"
)

// PushStates counts devices by the state of their profiles.
type PushStates struct {
	Waiting   int `json:"waiting" doc:"Will be sent." example:"0"`
	Queued    int `json:"queued" doc:"NanoMDM has it; no response from the device yet." example:"12"`
	NotNow    int `json:"not_now" doc:"The device is busy and will install it later." example:"1"`
	Installed int `json:"installed" doc:"Installed on the device." example:"285"`
	Refused   int `json:"refused" doc:"The device reported an error 3 times." example:"1"`
	Failed    int `json:"failed" doc:"NanoMDM didn't accept it." example:"0"`
	Replaced  int `json:"replaced" doc:"Replaced by the push of another batch." example:"0"`
}

// A Push is the progress of pushing a batch to devices.
type Push struct {
	Batch     string       `json:"batch" doc:"The batch's ID." example:"bat_k3v7q2m4x5r6t7ab"`
	Planned   bool         `json:"planned" doc:"Whether the counts include every device." example:"true"`
	Detail    string       `json:"detail,omitempty" doc:"Why not all devices are included, as a sentence."`
	NoDevice  int          `json:"no_device" doc:"Profiles without a known device." example:"2"`
	States    PushStates   `json:"states"`
	CreatedAt field.Moment `json:"created_at"`
	UpdatedAt field.Moment `json:"updated_at" doc:"When it was last requested or planned."`
}

func pushOf(o pushes.Overview) Push {
	n := o.States
	return Push{
		Batch: o.Batch, Planned: o.Planned, Detail: o.Detail, NoDevice: o.NoDevice,
		States:    PushStates{n[pushes.Waiting], n[push.Queued], n[push.NotNow], n[push.Installed], n[push.Refused], n[push.Failed], n[pushes.Replaced]},
		CreatedAt: field.At(o.Created), UpdatedAt: field.At(o.Updated),
	}
}

// A PushDelivery is the delivery of a profile to a device.
type PushDelivery struct {
	ID         string       `json:"id" example:"psh_k3v7q2m4x5r6t7ab"`
	Email      string       `json:"email" example:"jane@example.com"`
	Enrollment string       `json:"enrollment_id" doc:"NanoMDM's ID of the device, or of a user on a Mac." example:"470E005B-17C1-4537-BBB3-0EBC340D432A"`
	Identifier string       `json:"profile_identifier" example:"com.example.mobileconfig.iphone.k3v7q2m4x5r6"`
	Command    string       `json:"command_uuid" doc:"The newest InstallProfile command." example:"2f6f2b0e-7d2a-4f0e-9b1a-2f1a5c1f9d11"`
	Attempt    int          `json:"attempt" doc:"Number of the attempt since the push was requested." example:"1"`
	State      string       `json:"state" enum:"waiting,queued,not_now,installed,refused,failed,replaced"`
	Detail     string       `json:"detail,omitempty" doc:"Message from NanoMDM or the device." example:"There isn't enough space. (MCInstallationErrorDomain 4001)"`
	UpdatedAt  field.Moment `json:"updated_at"`
}

// A PushPage is a push with a page of its deliveries.
type PushPage struct {
	Push
	Deliveries []PushDelivery `json:"deliveries" doc:"By address."`
	More       bool           `json:"more" doc:"Whether there are more." example:"false"`
}

type pushQuery struct {
	BatchPath
	State string `query:"state" enum:"waiting,queued,not_now,installed,refused,failed,replaced" doc:"Only deliveries in this state."`
	After string `query:"after" maxLength:"40" doc:"ID of the last delivery on the previous page."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Number of deliveries per page."`
}

func (a *API) pushes(h huma.API) {
	ask := operation("push-batch", http.MethodPost, "/batches/{id}/push", account.BatchesWrite, "Push a batch to managed devices")
	ask.DefaultStatus = http.StatusAccepted
	register(a, h, ask, func(ctx context.Context, c call, in *BatchPath) (*answer[Push], error) {
		if err := c.permitAll(); err != nil {
			return nil, err
		}
		o, err := a.Pushes.Push(ctx, c.by, c.key.Account, in.ID)
		return &answer[Push]{pushOf(o)}, err
	})
	register(a, h, operation("get-batch-push", http.MethodGet, "/batches/{id}/push", account.BatchesRead, "Show the push of a batch"), a.showPush)
}

func (a *API) showPush(ctx context.Context, c call, in *pushQuery) (*answer[PushPage], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	o, err := a.Pushes.Overview(ctx, c.key.Account, in.ID)
	if err != nil {
		return nil, err
	}
	limit := cmp.Or(in.Limit, 100)
	all, err := a.Pushes.Deliveries(ctx, c.key.Account, in.ID, pushes.Filter{State: push.State(in.State), After: in.After, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	out := &answer[PushPage]{PushPage{Push: pushOf(o), Deliveries: []PushDelivery{}, More: len(all) > limit}}
	for _, d := range all[:min(len(all), limit)] {
		out.Body.Deliveries = append(out.Body.Deliveries, PushDelivery{d.ID, d.Email, d.Enrollment, d.Identifier, d.Command, d.Attempt, string(d.State), d.Detail, field.At(d.Updated)})
	}
	return out, nil
}
