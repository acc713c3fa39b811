package panel

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// shownLog is how many actions the page of the log shows at once.
const shownLog = 50

// logFields are what the log can be filtered by. All stand in the address of
// the page, so that a member can hand it on.
var logFields = []string{"from", "to", "zone", "actor", "action", "outcome", "interface", "kind", "target",
	"mailbox", "domain", "network", "link", "profile", "text", "before"}

// logForm is the filter of the request as its form shows it.
func logForm(v *visit) web.Form {
	form := web.Form{}
	query := v.QueryParams()
	for _, name := range logFields {
		if value := strings.TrimSpace(query.Get(name)); value != "" && len(value) <= maxQuery {
			form[name] = value
		}
	}
	return form
}

// log shows the action log.
func (p *Panel) log(v *visit) error {
	form := logForm(v)
	filter, zone, err := logFilter(v.account(), form)
	if err == nil && form["zone"] != "" {
		form["zone"] = zone.String()
	}
	page := logPage{frame: p.frame(v, "log"), Form: form, Zone: zone.String()}
	if failed := p.logChoices(v, &page); failed != nil {
		return failed
	}
	page.Chips = chips(form)
	if err != nil {
		page.Problems = p.problems(page.frame, err)
		return p.render(v, http.StatusUnprocessableEntity, "log", page.frame, page)
	}
	found, err := p.Actions.Search(v.ctx(), filter)
	if err != nil {
		return err
	}
	for _, r := range found.Records {
		row, err := logRowOf(r, form, zone)
		if err != nil {
			return err
		}
		page.Rows = append(page.Rows, row)
	}
	if found.Next != 0 {
		page.Older = logPath(form, "before", strconv.FormatInt(found.Next, 10))
		page.Searched = found.Reached.In(zone)
	}
	if form["before"] != "" {
		page.Newest = logPath(form, "before", "")
	}
	return p.render(v, http.StatusOK, "log", page.frame, page)
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

// logFilter reads the filter. Problems come all at once.
func logFilter(account string, form web.Form) (audit.Filter, *time.Location, error) {
	f := audit.Filter{
		Account:    account,
		Actor:      form["actor"],
		Outcome:    audit.Outcome(form["outcome"]),
		Interface:  audit.Interface(form["interface"]),
		TargetKind: audit.TargetKind(form["kind"]),
		Target:     form["target"],
		Link:       form["link"],
		Profile:    form["profile"],
		Text:       form["text"],
		Limit:      shownLog,
	}
	if kind, ok := strings.CutPrefix(form["actor"], "kind:"); ok {
		f.Actor, f.ActorKind = "", audit.ActorKind(kind)
	}
	if name := form["action"]; strings.HasSuffix(name, ".") {
		f.Names = slices.DeleteFunc(audit.Names(), func(n audit.Name) bool { return !strings.HasPrefix(string(n), name) })
	} else if name != "" {
		f.Names = []audit.Name{audit.Name(name)}
	}
	var bad problemList
	zone, err := time.LoadLocation(cmp.Or(form["zone"], "UTC"))
	if err != nil || zone == time.Local {
		zone = time.UTC
		bad.add("zone", "Write a time zone such as Europe/Berlin, or UTC.")
	}
	f.From, f.To = bad.time("from", form, zone), bad.time("to", form, zone)
	f.Mailbox, f.Domain, f.Network = bad.mailbox(form["mailbox"]), bad.domain(form["domain"]), bad.network(form["network"])
	if f.Before, err = strconv.ParseInt(cmp.Or(form["before"], "0"), 10, 64); err != nil || f.Before < 0 {
		f.Before = 0
	}
	return f, zone, bad.err()
}

// logRowOf is a record as a row.
func logRowOf(r audit.Record, form web.Form, zone *time.Location) (logRow, error) {
	row := logRow{Seq: r.Seq, At: r.At.In(zone)}
	if r.Leaf == nil {
		return row, nil
	}
	e, err := r.Read()
	if err != nil {
		return row, err
	}
	row.Name, row.Refused, row.Reason = string(e.Name), e.Outcome == audit.Refused, e.Reason
	row.Who, row.WhoKind, row.WhoID = e.Personal.ActorName, string(e.Actor.Kind), e.Actor.ID
	row.Target, row.TargetKind, row.TargetID = e.Personal.TargetName, string(e.Target.Kind), e.Target.ID
	row.Interface, row.Request, row.IP, row.Client = string(e.Actor.Interface), e.Actor.Request, e.Personal.IP, e.Personal.Client
	row.Link, row.Profile, row.Identity = e.Link, e.Profile, e.Identity
	row.Erased = r.Personal == nil
	for _, c := range e.Changes {
		row.Changes = append(row.Changes, change{c.Field, c.Old, c.New})
	}
	if row.TargetID != "" {
		row.History = logPath(web.Form{"target": row.TargetID}, "zone", form["zone"])
	}
	return row, nil
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

// problemList collects what is wrong with the fields of a filter.
type problemList []error

func (l *problemList) add(field, detail string) {
	*l = append(*l, fault.On(field, fault.Invalid, "%s", detail))
}

func (l problemList) err() error { return errors.Join(l...) }

// timeForms are how times are taken: as browsers send them, and as people
// write them.
var timeForms = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02", time.RFC3339}

func (l *problemList) time(name string, form web.Form, zone *time.Location) time.Time {
	if form[name] == "" {
		return time.Time{}
	}
	for _, layout := range timeForms {
		if t, err := time.ParseInLocation(layout, form[name], zone); err == nil {
			return t
		}
	}
	l.add(name, "Write a time such as 2026-11-24 08:30.")
	return time.Time{}
}

func (l *problemList) mailbox(text string) string {
	if text == "" {
		return ""
	}
	address, err := profile.ParseAddress(text)
	if err != nil {
		l.add("mailbox", "Write a whole mail address, such as jane@example.com.")
		return ""
	}
	return address.Folded()
}

func (l *problemList) domain(text string) string {
	if text == "" {
		return ""
	}
	host, err := profile.ParseHost(text)
	if err != nil {
		l.add("domain", "Write a domain such as example.com.")
	}
	return host
}

func (l *problemList) network(text string) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	network, err := parseNetwork(text)
	if err != nil {
		l.add("network", "Write an address or a network, such as 192.0.2.7 or 192.0.2.0/24.")
		return netip.Prefix{}
	}
	return network
}
