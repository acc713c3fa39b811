package log

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// shownLog is how many actions a page of the log shows.
const shownLog = 50

// log shows the action log.
func (p *Pages) log(v *panel.Visit) error {
	form, err := web.ReadQuery(v, logFields...)
	if err != nil {
		return err
	}
	filter, zone, err := logFilter(v.Account(), v.In.Member.Zone, form)
	if err != nil {
		return p.badLog(v, form, zone, err)
	}
	page, err := p.logPage(v, form, zone)
	if err != nil {
		return err
	}
	found, err := p.Actions.Search(v.Ctx(), filter)
	if err != nil {
		return err
	}
	for _, r := range found.Records {
		page.Rows = append(page.Rows, logRowOf(r.View(), form, zone))
	}
	if found.Next != 0 {
		page.Older = logPath(form, "before", strconv.FormatInt(found.Next, 10))
		page.Searched = found.Reached.In(zone)
	}
	return p.Render(v, http.StatusOK, "log", page.Frame, page)
}

// logPage returns the page of the filter, without entries.
func (p *Pages) logPage(v *panel.Visit, form web.Form, zone *time.Location) (logPage, error) {
	page := logPage{Frame: p.Frame(v, "log"), Form: form, Zone: zone.String(), Chips: chips(form)}
	page.Path = panel.Prefix + panel.LogPath // also after a refused export
	if form["before"] != "" {
		page.Newest = logPath(form, "before", "")
	}
	ahead, err := p.Actions.Ahead(v.Ctx())
	if err != nil {
		return page, err
	}
	page.Ahead = ahead > 0
	return page, p.logChoices(v, &page)
}

// badLog shows the filter again with its problems.
func (p *Pages) badLog(v *panel.Visit, form web.Form, zone *time.Location, wrong error) error {
	page, err := p.logPage(v, form, zone)
	if err != nil {
		return err
	}
	page.Problems = p.Problems(page.Frame, wrong)
	return p.Render(v, http.StatusUnprocessableEntity, "log", page.Frame, page)
}

// logPath returns the path of the log with one field changed.
func logPath(form web.Form, name, value string) string {
	values := url.Values{}
	for field, now := range form {
		values.Set(field, now)
	}
	if values.Set(name, value); value == "" {
		values.Del(name)
	}
	if len(values) == 0 {
		return panel.Prefix + panel.LogPath
	}
	return panel.Prefix + panel.LogPath + "?" + values.Encode()
}

// chips returns the active filters, each with a link that removes it.
func chips(form web.Form) []chip {
	var out []chip
	for _, name := range logFields {
		if value := form[name]; value != "" && name != "before" && name != "zone" {
			without := web.Form{}
			for field, now := range form {
				if field != name && field != "before" {
					without[field] = now
				}
			}
			out = append(out, chip{name, value, logPath(without, "", "")})
		}
	}
	return out
}

// logRowOf returns an action as a row.
func logRowOf(a audit.View, form web.Form, zone *time.Location) logRow {
	row := logRow{
		Seq: a.Seq, At: a.Time.In(zone), Name: string(a.Action), Refused: a.Outcome == audit.Refused, Reason: a.Reason,
		Interface: string(a.Interface), Request: a.Request, IP: a.IP, Client: a.Client,
		Link: a.Link, Profile: a.Profile, Identity: a.Identity, Erased: a.Erased, Unreadable: a.Unreadable,
	}
	if a.Actor != nil {
		row.Who, row.WhoKind, row.WhoID, row.WhoTest = a.Actor.Name, a.Actor.Kind, a.Actor.ID, a.Actor.Test
		row.Target, row.TargetKind, row.TargetID = a.Target.Name, a.Target.Kind, a.Target.ID
	}
	for _, c := range a.Changes {
		row.Changes = append(row.Changes, change{c.Field, c.Old, c.New})
		if told[a.Action] == c.Field {
			row.Told = c.New
		}
	}
	if row.TargetID != "" {
		row.History = logPath(web.Form{"target": row.TargetID}, "zone", form["zone"])
	}
	return row
}

// told are the fields of operators' actions that the row itself shows.
var told = map[audit.Name]string{
	audit.AccountOpen: "reason", audit.AccountSuspend: "reason", audit.AccountResume: "reason", audit.AccountLook: "page",
}

// logChoices returns the choices of the filter's lists.
func (p *Pages) logChoices(v *panel.Visit, page *logPage) error {
	members, err := p.Members.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	for _, m := range members {
		page.Members = append(page.Members, panel.Choice{Value: m.ID, Label: cmp.Or(m.Name, m.Email)})
	}
	keys, err := p.Keys.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	for _, k := range keys {
		page.Keys = append(page.Keys, panel.Choice{Value: k.ID, Label: k.Name})
	}
	for _, name := range audit.Names() {
		page.Names = append(page.Names, string(name))
	}
	return nil
}

// A Forgetter removes a mailbox from batches, and reports whether it was
// there. *batches.Service is one.
type Forgetter interface {
	Forget(ctx context.Context, by audit.Grant, account, mailbox string) (had bool, err error)
}

// Actions is the action log of every account.
type Actions interface {
	// Search returns the actions that match the filter, newest first.
	Search(ctx context.Context, f audit.Filter) (audit.Found, error)
	// Ahead returns by how much a log is ahead of the clock, or 0.
	Ahead(ctx context.Context) (time.Duration, error)
	// Record stores an action without any other change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
	// ErasePersonal removes the personal text of actions of the account, and
	// stores a as an action that names them. If there is none, it returns a
	// NotFound fault.
	ErasePersonal(ctx context.Context, by audit.Grant, account string, which audit.Erasure, a audit.Action) (int64, error)
}
