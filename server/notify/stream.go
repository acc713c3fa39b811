package notify

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Place is the position of an event in an account: the number of its action
// in the log, and its index among the action's events, from 0. Events are sent
// in the order of their places.
type Place struct {
	Seq    int64
	Number int
}

// String returns the place as the event's ID: "41", or "41.1" for the second
// event of its action.
func (p Place) String() string {
	text := strconv.FormatInt(p.Seq, 10)
	if p.Number > 0 {
		text += "." + strconv.Itoa(p.Number)
	}
	return text
}

// maxNumber is more than the number of events of an action.
const maxNumber = 9

// ParsePlace parses the ID of an event, or "0" for the place before the first.
// The fault names the field.
func ParsePlace(field, text string) (Place, error) {
	seq, number, second := strings.Cut(text, ".")
	var p Place
	var err error
	if p.Seq, err = strconv.ParseInt(seq, 10, 64); err == nil && second {
		p.Number, err = strconv.Atoi(number)
	}
	if err != nil || p.Seq < 0 || second && p.Number < 1 || p.Number > maxNumber || p.String() != text {
		return Place{}, fault.On(field, fault.Invalid, "Send the ID of an event, or 0 for all events.")
	}
	return p, nil
}

// EndOf returns the place after all events of an action.
func EndOf(seq int64) Place { return Place{seq, maxNumber} }

// Compare returns a negative number if p comes before q.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.Number, q.Number))
}

// An Occurrence is an event that has happened in an account.
type Occurrence struct {
	Place
	Account string
	Type    Type
	Record  audit.Record
	// ExternalID is the external ID of the link that led to the action. May be
	// empty.
	ExternalID string
}

// Message returns the body that webhooks receive for the event. For an action
// that can't be read it contains only the place.
func (o Occurrence) Message() Message {
	m, err := messageOf(Try{Delivery: Delivery{Account: o.Account, Seq: o.Seq, Type: o.Type, Created: o.Record.At}, Record: o.Record, ExternalID: o.ExternalID})
	if err != nil {
		m.Timestamp = o.Record.At.UTC()
	}
	return m
}

// A Part is a page of the events of an account.
type Part struct {
	Events []Occurrence
	// Next is the place after which the next page begins.
	Next Place
	// More is whether there already is a next page.
	More bool
}
