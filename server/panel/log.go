package panel

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/web"
)

// shownLog is how many actions the page of the log shows at once.
const shownLog = 50

// log shows the action log.
func (p *Panel) log(v *visit) error {
	form, err := web.ReadQuery(v, logFields...)
	if err != nil {
		return err
	}
	filter, zone, err := logFilter(v.account(), form)
	if err != nil {
		return p.badLog(v, form, zone, err)
	}
	page, err := p.logPage(v, form, zone)
	if err != nil {
		return err
	}
	found, err := p.Actions.Search(v.ctx(), filter)
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
	return p.render(v, http.StatusOK, "log", page.frame, page)
}

// logPage is the page of the filter, without entries.
func (p *Panel) logPage(v *visit, form web.Form, zone *time.Location) (logPage, error) {
	page := logPage{frame: p.frame(v, "log"), Form: form, Zone: zone.String(), Chips: chips(form)}
	page.Path = Prefix + logOwnPath // also where an export was asked for
	if form["before"] != "" {
		page.Newest = logPath(form, "before", "")
	}
	return page, p.logChoices(v, &page)
}

// badLog shows the filter again with what is wrong with it.
func (p *Panel) badLog(v *visit, form web.Form, zone *time.Location, wrong error) error {
	page, err := p.logPage(v, form, zone)
	if err != nil {
		return err
	}
	page.Problems = p.problems(page.frame, wrong)
	return p.render(v, http.StatusUnprocessableEntity, "log", page.frame, page)
}

// logPath is the page of the log with one field changed.
func logPath(form web.Form, name, value string) string {
	values := url.Values{}
	for field, now := range form {
		values.Set(field, now)
	}
	if values.Set(name, value); value == "" {
		values.Del(name)
	}
	if len(values) == 0 {
		return Prefix + logOwnPath
	}
	return Prefix + logOwnPath + "?" + values.Encode()
}

// chips are the filters in force, each with the way to go without it.
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

// logRowOf is an action as a row.
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
	}
	if row.TargetID != "" {
		row.History = logPath(web.Form{"target": row.TargetID}, "zone", form["zone"])
	}
	return row
}

// logChoices are what the selects of the filter offer.
func (p *Panel) logChoices(v *visit, page *logPage) error {
	members, err := p.Members.List(v.ctx(), v.account())
	if err != nil {
		return err
	}
	for _, m := range members {
		page.Members = append(page.Members, choice{Value: m.ID, Label: cmp.Or(m.Name, m.Email)})
	}
	keys, err := p.Keys.List(v.ctx(), v.account())
	if err != nil {
		return err
	}
	for _, k := range keys {
		page.Keys = append(page.Keys, choice{Value: k.ID, Label: k.Name})
	}
	for _, name := range audit.Names() {
		page.Names = append(page.Names, string(name))
	}
	return nil
}
