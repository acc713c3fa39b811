package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// An action is an entry of the action log as the API shows it.
type action struct{ audit.View }

type actionsQuery struct {
	From      time.Time `query:"from" doc:"Actions from this time on."`
	To        time.Time `query:"to" doc:"Actions before this time."`
	Actor     string    `query:"actor" maxLength:"40" doc:"The id of a member or key."`
	Action    string    `query:"action" maxLength:"60" doc:"What was done." example:"domain.update"`
	Outcome   string    `query:"outcome" enum:"done,refused" doc:"How it ended."`
	Interface string    `query:"interface" enum:"page,panel,command_line,api,internal" doc:"By what it was done."`
	Target    string    `query:"target" maxLength:"80" doc:"The id of what was acted on."`
	Mailbox   string    `query:"mailbox" maxLength:"254" doc:"The mailbox that it was about." example:"jane@example.com"`
	Domain    string    `query:"domain" maxLength:"255" doc:"The mail domain that it was about." example:"example.com"`
	Network   string    `query:"network" maxLength:"64" doc:"From where: an address or a network." example:"192.0.2.0/24"`
	Link      string    `query:"link" maxLength:"40" doc:"The id of a setup link."`
	Text      string    `query:"text" maxLength:"100" doc:"Text that stands anywhere in the entry."`
	Cursor    string    `query:"cursor" maxLength:"20" doc:"What next_cursor of the page before was."`
	Limit     int       `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many to a page."`
}

type actionList struct {
	Body struct {
		Actions    []action `json:"actions" doc:"The newest first. A page may be short, or empty, and have a next one."`
		NextCursor string   `json:"next_cursor,omitempty"`
	}
}

func (a *API) actions(h huma.API) {
	register(a, h, operation("list-actions", http.MethodGet, "/actions", account.ActionsRead, "Read the action log"), a.listActions)
}

func (a *API) listActions(ctx context.Context, c call, in *actionsQuery) (*actionList, error) {
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
	out := &actionList{}
	out.Body.Actions = []action{}
	for _, r := range found.Records {
		out.Body.Actions = append(out.Body.Actions, action{r.View()})
	}
	if found.Next != 0 {
		out.Body.NextCursor = strconv.FormatInt(found.Next, 10)
	}
	return out, nil
}

// filter reads the query.
func (q *actionsQuery) filter(owner string) (audit.Filter, error) {
	f := audit.Filter{
		Account: owner, From: q.From, To: q.To, Actor: q.Actor, Outcome: audit.Outcome(q.Outcome),
		Interface: audit.Interface(q.Interface), Target: q.Target, Link: q.Link, Text: q.Text, Limit: q.Limit,
	}
	if q.Action != "" {
		f.Names = []audit.Name{audit.Name(q.Action)}
	}
	if q.Mailbox != "" {
		address, err := profile.ParseAddress(q.Mailbox)
		if err != nil {
			return f, fault.OnText("mailbox", err, fault.AddressMalformed, "Write a whole mail address.")
		}
		f.Mailbox = address.Folded()
	}
	var err error
	if q.Domain != "" {
		if f.Domain, err = profile.ParseHost(q.Domain); err != nil {
			return f, fault.On("domain", fault.Invalid, "Name a domain such as example.com.")
		}
	}
	if q.Network != "" {
		if f.Network, err = account.ParseNetwork(q.Network); err != nil {
			return f, fault.On("network", fault.Invalid, "Name an address or a network such as 192.0.2.0/24.")
		}
	}
	if q.Cursor != "" {
		if f.Before, err = strconv.ParseInt(q.Cursor, 10, 64); err != nil || f.Before <= 0 {
			return f, fault.On("cursor", fault.Invalid, "Take the cursor of the page before.")
		}
	}
	return f, nil
}
