package notify

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Place is that of an event in an account: the number of its action in the
// log, and which of the action's events it is, from 0. Events come in the order
// of their places.
type Place struct {
	Seq    int64
	Number int
}

// String is the place as the ID of the event: "41", or "41.1" for the second of
// its action.
func (p Place) String() string {
	text := strconv.FormatInt(p.Seq, 10)
	if p.Number > 0 {
		text += "." + strconv.Itoa(p.Number)
	}
	return text
}

// maxNumber is more than an action has events.
const maxNumber = 9

// ParsePlace reads the ID of an event, or "0" for the place before the first. The
// fault is of the field.
func ParsePlace(field, text string) (Place, error) {
	seq, number, second := strings.Cut(text, ".")
	var p Place
	var err error
	if p.Seq, err = strconv.ParseInt(seq, 10, 64); err == nil && second {
		p.Number, err = strconv.Atoi(number)
	}
	if err != nil || p.Seq < 0 || second && p.Number < 1 || p.Number > maxNumber || p.String() != text {
		return Place{}, fault.On(field, fault.Invalid, "Send the id of an event, or 0 for all.")
	}
	return p, nil
}

// EndOf is the place behind all events of an action.
func EndOf(seq int64) Place { return Place{seq, maxNumber} }

// Compare is negative if p comes before q.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.Number, q.Number))
}

// An Occurrence is an event that has happened in an account.
type Occurrence struct {
	Place
	Account string
	Type    Type
	Record  audit.Record
	// ExternalID is what whoever made the link that led to the action knows it
	// by. May be empty.
	ExternalID string
}

// Message is what webhooks are told of the event. Of an action that can't be
// read it has no more than the place.
func (o Occurrence) Message() Message {
	m, err := messageOf(Try{Delivery: Delivery{Account: o.Account, Seq: o.Seq, Type: o.Type, Created: o.Record.At}, Record: o.Record, ExternalID: o.ExternalID})
	if err != nil {
		m.Timestamp = o.Record.At.UTC()
	}
	return m
}

// A Part is a part of the events of an account.
type Part struct {
	Events []Occurrence
	// Next is the place behind which the next part begins.
	Next Place
	// More is whether there is a next part by now.
	More bool
}
