package log

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// logFields are the filter's fields. They are all in the page's URL, so that
// members can share it.
var logFields = []string{"from", "to", "zone", "actor", "action", "outcome", "interface", "kind", "target",
	"mailbox", "domain", "network", "link", "profile", "text", "before"}

// maxFilter is the maximum length of a field, in characters.
const maxFilter = 255

// The values of fields with a choice.
var (
	outcomes    = []audit.Outcome{audit.Done, audit.Refused}
	interfaces  = []audit.Interface{audit.Page, audit.Panel, audit.API, audit.CommandLine, audit.Internal}
	actorKinds  = []audit.ActorKind{audit.Member, audit.KeyActor, audit.Visitor, audit.Operator, audit.System}
	targetKinds = []audit.TargetKind{audit.DomainTarget, audit.HostTarget, audit.PolicyTarget, audit.LinkTarget, audit.BatchTarget, audit.DeviceServerTarget, audit.TicketTarget, audit.ProfileTarget,
		audit.KeyTarget, audit.RedirectKeyTarget, audit.MemberTarget, audit.InvitationTarget, audit.PasskeyTarget, audit.SessionTarget, audit.AccountTarget,
		audit.WebhookTarget, audit.RecipientTarget, audit.IdentityTarget, audit.InstallationTarget, audit.LogTarget}
)

// logFilter reads the filter of the account's log and reports all problems at
// once. It converts the form's times and zone to the browser's format. If the
// form names no zone, it uses the usual one.
func logFilter(account, usual string, form web.Form) (audit.Filter, *time.Location, error) {
	tidy(form)
	bad := problemList{form: form}
	zone := bad.zone(usual)
	f := audit.Filter{
		Account:    account,
		Outcome:    oneOf(&bad, "outcome", outcomes),
		Interface:  oneOf(&bad, "interface", interfaces),
		TargetKind: oneOf(&bad, "kind", targetKinds),
		Names:      bad.names(),
		From:       bad.time("from", zone),
		To:         bad.time("to", zone),
		Target:     bad.id("target"),
		Link:       bad.id("link"),
		Profile:    bad.hash("profile"),
		Mailbox:    bad.mailbox("mailbox"),
		Domain:     bad.domain("domain"),
		Network:    bad.network("network"),
		Text:       form["text"],
		Before:     bad.before(),
		Limit:      shownLog,
	}
	f.Actor, f.ActorKind = bad.actor()
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		bad.add("to", "The end must be later than the beginning.")
	}
	for name, value := range form {
		if utf8.RuneCountInString(value) > maxFilter || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			bad.unless(name, "Enter up to 255 characters on one line.")
		}
	}
	return f, zone, bad.err()
}

// tidy removes spaces around values, and fields without a value.
func tidy(form web.Form) {
	for name, value := range form {
		if form[name] = profile.Trim(value); form[name] == "" {
			delete(form, name)
		}
	}
}

// A problemList collects the problems of a filter's fields.
type problemList struct {
	form web.Form
	all  []*fault.Fault
}

func (l *problemList) add(field, detail string) {
	l.all = append(l.all, fault.On(field, fault.Invalid, "%s", detail))
}

// unless adds the problem unless the field already has one.
func (l *problemList) unless(field, detail string) {
	if !slices.ContainsFunc(l.all, func(f *fault.Fault) bool { return f.Field == field }) {
		l.add(field, detail)
	}
}

// err returns nil, or all problems in the order of the fields.
func (l *problemList) err() error {
	slices.SortStableFunc(l.all, func(x, y *fault.Fault) int {
		return cmp.Compare(slices.Index(logFields, x.Field), slices.Index(logFields, y.Field))
	})
	var all []error
	for _, f := range l.all {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// chooseListed is the message for a value that isn't in a list.
const chooseListed = "Choose a value from the list."

// oneOf reads a field with a choice.
func oneOf[T ~string](l *problemList, name string, offered []T) T {
	value := T(l.form[name])
	if value != "" && !slices.Contains(offered, value) {
		l.add(name, chooseListed)
	}
	return value
}

// names returns the names of the action, or of a group of actions: "domain.".
func (l *problemList) names() []audit.Name {
	wanted := l.form["action"]
	if wanted == "" {
		return nil
	}
	names := slices.DeleteFunc(audit.Names(), func(n audit.Name) bool {
		return string(n) != wanted && !(strings.HasSuffix(wanted, ".") && strings.HasPrefix(string(n), wanted))
	})
	if len(names) == 0 {
		l.add("action", chooseListed)
	}
	return names
}

// actor reads an ID, also of somebody who is gone, or a kind of actor.
func (l *problemList) actor() (string, audit.ActorKind) {
	kind, ok := strings.CutPrefix(l.form["actor"], "kind:")
	if !ok {
		return l.id("actor"), ""
	}
	if !slices.Contains(actorKinds, audit.ActorKind(kind)) {
		l.add("actor", chooseListed)
	}
	return "", audit.ActorKind(kind)
}

// id reads an ID as an entry's details show it.
func (l *problemList) id(name string) string {
	if strings.ContainsFunc(l.form[name], unicode.IsSpace) {
		l.add(name, "Enter one ID, as the details of an entry show it.")
	}
	return l.form[name]
}

func (l *problemList) hash(name string) string {
	value := strings.ToLower(l.form[name])
	if value != "" && (len(value) != 64 || strings.Trim(value, "0123456789abcdef") != "") {
		l.add(name, "Enter the checksum's 64 digits and letters.")
	}
	return value
}

func (l *problemList) zone(usual string) *time.Location {
	zone, err := account.ParseZone(cmp.Or(l.form["zone"], usual))
	if err != nil {
		l.add("zone", fault.Of(err).Detail)
	}
	return zone
}

// timeForms are the accepted formats of times: as browsers send them, and as
// people write them.
var timeForms = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02", time.RFC3339}

func (l *problemList) time(name string, zone *time.Location) time.Time {
	if l.form[name] == "" {
		return time.Time{}
	}
	for _, layout := range timeForms {
		if t, err := time.ParseInLocation(layout, l.form[name], zone); err == nil {
			l.form[name] = inField(t.In(zone))
			return t
		}
	}
	l.add(name, "Enter a time, for example 2026-11-24 08:30.")
	return time.Time{}
}

// inField returns a time in the format of a browser's field.
func inField(t time.Time) string {
	if t.Truncate(time.Minute).Equal(t) {
		return t.Format("2006-01-02T15:04")
	}
	return t.Format("2006-01-02T15:04:05.999")
}

func (l *problemList) mailbox(name string) string {
	if l.form[name] == "" {
		return ""
	}
	address, err := profile.ParseAddress(l.form[name])
	if err != nil {
		l.add(name, "Enter a full email address, for example jane@example.com.")
		return ""
	}
	return address.Folded()
}

func (l *problemList) domain(name string) string {
	if l.form[name] == "" {
		return ""
	}
	host, err := profile.ParseHost(l.form[name])
	if err != nil {
		l.add(name, "Enter a domain, for example example.com.")
		return ""
	}
	return host
}

func (l *problemList) network(name string) netip.Prefix {
	if l.form[name] == "" {
		return netip.Prefix{}
	}
	network, err := account.ParseNetwork(l.form[name])
	if err != nil {
		l.add(name, "Enter an address or a network, for example 192.0.2.7 or 192.0.2.0/24.")
		return netip.Prefix{}
	}
	return network
}

// before reads the cursor of a page, which no field shows.
func (l *problemList) before() int64 {
	text := l.form["before"]
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		l.add("", "This page of the log doesn't exist. Go back to the newest entries.")
		delete(l.form, "before")
		return 0
	}
	return n
}
