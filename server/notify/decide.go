package notify

import (
	"crypto/sha256"
	"net/netip"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
)

// Failed sign-ins of a member are reported when there are refusedMany within
// refusedWindow.
const (
	refusedWindow = time.Hour
	refusedMany   = 10
)

// DeviceLife is how long a device is remembered after a member's last sign-in
// from it.
const DeviceLife = 400 * 24 * time.Hour

// backupAge is how old the last backup may become before it's reported.
const backupAge = 72 * time.Hour

// OldBackup reports whether the last backup, written at that time, is too old. The
// zero time means that there was none.
func OldBackup(at, now time.Time) bool { return !at.IsZero() && now.Sub(at) > backupAge }

// A Reader looks up, in the transaction of an action, the facts that decide
// who is notified about it.
type Reader interface {
	// Webhooks returns the IDs of the account's enabled webhooks that want the
	// type.
	Webhooks(account string, t Type) ([]string, error)
	// SendsMail reports whether email can be sent.
	SendsMail() (bool, error)
	// Recipients returns the members and the additional addresses of the
	// account with their choices about the topic, sorted by address. The
	// recipients of the installation are its operators.
	Recipients(account string, topic Topic) ([]Recipient, error)
	// CountRefused counts a refused sign-in of the member, and returns how
	// many there were in the window.
	CountRefused(member string, at time.Time, window time.Duration) (int, error)
	// SeeDevice records that the member has signed in from the device. It
	// reports whether that device was seen before, and whether any device was.
	SeeDevice(member string, device []byte, at time.Time) (known, any bool, err error)
}

// A Recipient may be notified about a topic by email.
type Recipient struct {
	Member  string // the member's ID; empty for an additional address
	Address string
	Owner   bool
	// Said is whether the recipient has made a choice about the topic, and
	// Wanted is that choice.
	Said, Wanted bool
}

// told reports whether the recipient is notified about the event. The event
// concerns one member more than others. Owners are notified by default.
func (r Recipient) told(e Event, concerned string) bool {
	if e.Locked && r.Member != "" && (r.Owner || r.Member == concerned) {
		return true
	}
	return r.Wanted || !r.Said && r.Owner
}

// Decide returns the events of an action and the deliveries that report them.
// The caller stores the deliveries in the action's transaction, with its
// number. Decide looks up nothing for an action that isn't reported.
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

// DecideCheckpoint returns the deliveries of a checkpoint of the account's
// log, to be stored with its size: to webhooks, and by email if that is due.
func DecideCheckpoint(r Reader, account string, mail bool, at time.Time) ([]Delivery, error) {
	e := Event{Type: LogCheckpoint}
	if mail {
		e.Topic = Log
	}
	return tell(r, audit.Action{Account: account}, e, at)
}

// eventsOf returns the events of an action.
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

// signInEvents returns the events of a sign-in: that it came from a new
// device, that it used a recovery code, or that many were refused.
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

// networkOf returns the network of an address, in the size that providers
// assign to customers.
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

// addresses returns the addresses that are notified about an event by email:
// those that want it and, if it is locked, all owners and the member
// concerned.
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
