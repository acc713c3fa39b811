package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// An Action is an entry of the action log in the API.
type Action struct {
	Seq        int64            `json:"seq" doc:"Position in the log: 1, 2, 3 … without gaps." example:"41"`
	Time       field.Moment     `json:"time"`
	Action     field.ActionName `json:"action,omitempty" example:"domain.update" doc:"Absent if retention has removed the content."`
	Outcome    string           `json:"outcome,omitempty" enum:"done,refused"`
	Reason     string           `json:"reason,omitempty" doc:"Error code of the refusal; see docs/codes.md." example:"sign_in_refused"`
	Interface  string           `json:"interface,omitempty" enum:"page,panel,command_line,api,internal" example:"api"`
	Actor      *audit.Party     `json:"actor,omitempty"`
	Target     *audit.Party     `json:"target,omitempty"`
	IP         string           `json:"ip,omitempty" example:"192.0.2.7"`
	Client     string           `json:"client,omitempty" example:"Safari on iPhone"`
	Request    string           `json:"request,omitempty" doc:"The Request-Id of the request." example:"req_k3v7q2m4x5r6t7ab"`
	Changes    []audit.Change   `json:"changes,omitempty"`
	Link       string           `json:"link,omitempty" doc:"ID of the setup link." example:"lnk_k3v7q2m4x5r6t7ab"`
	Profile    string           `json:"profile,omitempty" doc:"SHA-256 of the profile, in hex."`
	Identity   string           `json:"identity,omitempty" doc:"SHA-256 of the signing certificate, in hex."`
	Erased     bool             `json:"erased,omitempty" doc:"Personal text has been erased."`
	Unreadable bool             `json:"unreadable,omitempty" doc:"The entry can't be read: it was changed in the database."`
}

// actionOf converts a record.
func actionOf(r audit.Record) Action {
	v := r.View()
	return Action{
		Seq: v.Seq, Time: field.At(v.Time), Action: field.ActionName(v.Action), Outcome: string(v.Outcome), Reason: v.Reason, Interface: string(v.Interface),
		Actor: v.Actor, Target: v.Target, IP: v.IP, Client: v.Client, Request: v.Request, Changes: v.Changes,
		Link: v.Link, Profile: v.Profile, Identity: v.Identity, Erased: v.Erased, Unreadable: v.Unreadable,
	}
}

type actionsQuery struct {
	From      time.Time        `query:"from" doc:"Actions at or after this time."`
	To        time.Time        `query:"to" doc:"Actions before this time."`
	Actor     string           `query:"actor" maxLength:"40" doc:"ID of a member or key."`
	Action    field.ActionName `query:"action" doc:"Name of the action." example:"domain.update"`
	Outcome   string           `query:"outcome" enum:"done,refused" doc:"Outcome of the action."`
	Interface string           `query:"interface" enum:"page,panel,command_line,api,internal" doc:"Source of the action."`
	Target    string           `query:"target" maxLength:"80" doc:"ID of the object."`
	Mailbox   string           `query:"mailbox" maxLength:"254" doc:"Mailbox concerned." example:"jane@example.com"`
	Domain    string           `query:"domain" maxLength:"255" doc:"Mail domain concerned." example:"example.com"`
	IP        string           `query:"ip" maxLength:"64" doc:"IP address or network of the client." example:"192.0.2.0/24"`
	Link      string           `query:"link" maxLength:"40" doc:"ID of a setup link."`
	Text      string           `query:"text" maxLength:"100" doc:"Text anywhere in the entry."`
	Cursor    string           `query:"cursor" maxLength:"20" doc:"The next_cursor of the previous page."`
	Limit     int              `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Number of entries per page."`
}

// An ActionList is a page of the action log.
type ActionList struct {
	Actions    []Action `json:"actions" doc:"Newest first. A page can be short or empty and still have a next one."`
	NextCursor string   `json:"next_cursor,omitempty" doc:"Absent on the last page." example:"41"`
}

func (a *API) actions(h huma.API) {
	register(a, h, operation("list-actions", http.MethodGet, "/actions", account.ActionsRead, "Read the action log"), a.listActions)
}

func (a *API) listActions(ctx context.Context, c call, in *actionsQuery) (*answer[ActionList], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	f, err := in.filter(c.key.Account)
	if err != nil {
		return nil, err
	}
	found, err := a.Actions.Search(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &answer[ActionList]{ActionList{Actions: []Action{}}}
	for _, r := range found.Records {
		out.Body.Actions = append(out.Body.Actions, actionOf(r))
	}
	if found.Next != 0 {
		out.Body.NextCursor = strconv.FormatInt(found.Next, 10)
	}
	return out, nil
}

// filter parses the query.
func (q *actionsQuery) filter(owner string) (audit.Filter, error) {
	f := audit.Filter{
		Account: owner, From: q.From, To: q.To, Actor: q.Actor, Outcome: audit.Outcome(q.Outcome),
		Interface: audit.Interface(q.Interface), Target: q.Target, Link: q.Link, Text: q.Text, Limit: q.Limit,
	}
	if q.Action != "" {
		f.Names = []audit.Name{audit.Name(q.Action)}
	}
	var bad []error
	if q.Mailbox != "" {
		address, err := profile.ParseAddress(q.Mailbox)
		if err != nil {
			bad = append(bad, fault.OnText("mailbox", err, fault.AddressMalformed, "Enter a full email address."))
		} else {
			f.Mailbox = address.Folded()
		}
	}
	var err error
	if q.Domain != "" {
		if f.Domain, err = profile.ParseHost(q.Domain); err != nil {
			bad = append(bad, fault.On("domain", fault.Invalid, "Enter a domain, for example example.com."))
		}
	}
	if q.IP != "" {
		if f.Network, err = account.ParseNetwork(q.IP); err != nil {
			bad = append(bad, fault.On("ip", fault.Invalid, "Enter an IP address or a network, for example 192.0.2.0/24."))
		}
	}
	if q.Cursor != "" {
		if f.Before, err = strconv.ParseInt(q.Cursor, 10, 64); err != nil || f.Before <= 0 {
			bad = append(bad, fault.On("cursor", fault.Invalid, "Use the cursor of the previous page."))
		}
	}
	return f, errors.Join(bad...)
}

func (q *actionsQuery) check(_ context.Context, _ *API, c call) error {
	_, err := q.filter(c.key.Account)
	return err
}
