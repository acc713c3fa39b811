package audit

import "net/netip"

// Columns are the fields of an action that a store indexes. They are derived
// from leaf and personal text.
type Columns struct {
	Name       Name
	Outcome    Outcome
	ActorKind  ActorKind
	Actor      string
	Interface  Interface
	TargetKind TargetKind
	Target     string
	Link       string
	Profile    string
	Domain     string
	Mailbox    string // personal
	IP         string // as SortableIP returns it; personal
}

// Columns returns the columns of the action.
func (a Action) Columns() Columns {
	return Columns{
		Name: a.Name, Outcome: a.Outcome, ActorKind: a.Actor.Kind, Actor: a.Actor.ID, Interface: a.Actor.Interface,
		TargetKind: a.Target.Kind, Target: a.Target.ID, Link: a.Link, Profile: a.Profile, Domain: a.Domain,
		Mailbox: a.Mailbox, IP: SortableIP(a.Actor.IP),
	}
}

// Columns returns the columns that belong to the entry.
func (e Entry) Columns() Columns {
	return Columns{
		Name: e.Name, Outcome: e.Outcome, ActorKind: e.Actor.Kind, Actor: e.Actor.ID, Interface: e.Actor.Interface,
		TargetKind: e.Target.Kind, Target: e.Target.ID, Link: e.Link, Profile: e.Profile, Domain: e.Domain,
		Mailbox: e.Personal.Mailbox, IP: SortableIP(e.Personal.IP),
	}
}

// SortableIP returns an address as 16 bytes that sort like addresses; IPv4 is
// mapped to IPv6. It is empty for text that isn't an address.
func SortableIP(text string) string {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	b := ip.As16()
	return string(b[:])
}
