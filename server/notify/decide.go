package notify

import (
	"crypto/sha256"
	"net/netip"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
)

// Refused sign-ins of a member are told of when there are refusedMany within
// refusedWindow.
const (
	refusedWindow = time.Hour
	refusedMany   = 10
)

// DeviceLife is for how long a device is known that a member doesn't sign in
// from any more.
const DeviceLife = 400 * 24 * time.Hour

// A Reader looks up, in the transaction of an action, what decides who is told
// of it.
type Reader interface {
	// Webhooks returns the ids of the account's enabled webhooks that want the
	// type.
	Webhooks(account string, t Type) ([]string, error)
	// SendsMail reports whether mails can be sent.
	SendsMail() (bool, error)
	// Recipients returns the members and the further addresses of the account,
	// and what each has said about the topic, sorted by address. Those of the
	// installation are its operators.
	Recipients(account string, topic Topic) ([]Recipient, error)
	// CountRefused counts a refused sign-in of the member, and returns how many
	// there were in the window.
	CountRefused(member string, at time.Time, window time.Duration) (int, error)
	// SeeDevice notes that the member has signed in from the device. It reports
	// whether it was seen before, and whether any was.
	SeeDevice(member string, device []byte, at time.Time) (known, any bool, err error)
}

// A Recipient is somebody who may be told of a topic by mail.
type Recipient struct {
	Member  string // the member's id; empty for a further address
	Address string
	Owner   bool
	// Said is whether the recipient has said anything about the topic, and
	// Wanted what.
	Said, Wanted bool
}

// told reports whether the recipient is told of the event, which concerns a
// member more than others. Owners are told by default.
func (r Recipient) told(e Event, concerned string) bool {
	if e.Locked && r.Member != "" && (r.Owner || r.Member == concerned) {
		return true
	}
	return r.Wanted || !r.Said && r.Owner
}

// Decide returns which events an action is, and the deliveries by which it is
// told of, to be kept in its transaction with the action's number. It looks up
// nothing for an action that nobody is told of.
func Decide(r Reader, a audit.Action, at time.Time) ([]Type, []Delivery, error) {
	events, err := eventsOf(r, a, at)
	if err != nil {
		return nil, nil, err
	}
	var types []Type
	var all []Delivery
	for _, e := range events {
		some, err := tell(r, a, e, at)
		if err != nil {
			return nil, nil, err
		}
		types, all = append(types, e.Type), append(all, some...)
	}
	return types, all, nil
}

// DecideCheckpoint returns the deliveries of a checkpoint of the account's log,
// to be kept with its size: to webhooks, and by mail if that is due.
func DecideCheckpoint(r Reader, account string, mail bool, at time.Time) ([]Delivery, error) {
	e := Event{Type: LogCheckpoint}
	if mail {
		e.Topic = Log
	}
	return tell(r, audit.Action{Account: account}, e, at)
}

// eventsOf returns what the action is to those who are told of it.
func eventsOf(r Reader, a audit.Action, at time.Time) ([]Event, error) {
	if a.Name == audit.MemberSignIn {
		return signInEvents(r, a, at)
	}
	var all []Event
	if e, ok := eventOf(a); ok {
		all = append(all, e)
	}
	if e, ok := second(a); ok {
		all = append(all, e)
	}
	return all, nil
}

// signInEvents returns what a member should know of a sign-in: that it came
// from a new device, that it used a recovery code, or that many were refused.
func signInEvents(r Reader, a audit.Action, at time.Time) ([]Event, error) {
	if a.Target.ID == "" {
		return nil, nil
	}
	if a.Outcome == audit.Refused {
		n, err := r.CountRefused(a.Target.ID, at, refusedWindow)
		if err != nil || n != refusedMany {
			return nil, err
		}
		return []Event{signIns[SignInsRefused]}, nil
	}
	var all []Event
	if slices.ContainsFunc(a.Changes, func(c audit.Change) bool { return c.New == string(account.ByRecovery) }) {
		all = append(all, signIns[RecoveryUsed])
	}
	device := sha256.Sum256([]byte(a.Target.ID + "\x00" + a.Actor.Client + "\x00" + networkOf(a.Actor.IP)))
	known, any, err := r.SeeDevice(a.Target.ID, device[:], at)
	if err == nil && any && !known {
		all = append(all, signIns[NewDevice])
	}
	return all, err
}

// networkOf is the network of an address, as far as providers give it to one
// customer or many.
func networkOf(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	bits := 24
	if addr = addr.Unmap(); addr.Is6() {
		bits = 48
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// tell returns the deliveries of an event.
func tell(r Reader, a audit.Action, e Event, at time.Time) ([]Delivery, error) {
	var all []Delivery
	add := func(t Type, address, webhook string) {
		all = append(all, Delivery{Account: a.Account, Type: t, Address: address, Webhook: webhook, Created: at})
	}
	webhooks, err := r.Webhooks(a.Account, e.Type)
	if err != nil {
		return nil, err
	}
	for _, webhook := range webhooks {
		add(e.Type, "", webhook)
	}
	if e.Topic == "" {
		return all, nil
	}
	if mail, err := r.SendsMail(); err != nil || !mail {
		return all, err
	}
	addresses, err := addresses(r, a, e)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		add(e.Type, address, "")
	}
	if a.Name == audit.InvitationCreate && IsAddress(a.Target.Name) {
		add(InvitationMail, a.Target.Name, "")
	}
	return all, nil
}

// addresses returns the addresses that are told of an event by mail: those who
// want to be and, if it is locked, all owners and the member concerned.
func addresses(r Reader, a audit.Action, e Event) ([]string, error) {
	recipients, err := r.Recipients(a.Account, e.Topic)
	if err != nil {
		return nil, err
	}
	concerned, address := Concerned(a)
	var all []string
	for _, one := range recipients {
		if one.told(e, concerned) {
			all = append(all, one.Address)
		}
	}
	if e.Locked && IsAddress(address) && !slices.Contains(all, address) {
		all = append(all, address) // a member who was just removed
	}
	return slices.Compact(all), nil
}
