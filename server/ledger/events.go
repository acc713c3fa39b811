package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
)

// eventsReach is how many actions are read for a page of events.
const eventsReach = 500

// Events returns a page of the account's events, at most limit, in order,
// starting with the first one after the given place. None is missed: the
// numbers of a log have no gaps, and transactions add to it one after the
// other. Events of actions whose content was removed are gone. A place that the
// log hasn't reached is a fault of the field "after".
func (l *Ledger) Events(ctx context.Context, account string, after notify.Place, limit int) (notify.Part, error) {
	size, retained, _, err := l.logBounds(ctx, account)
	if err != nil {
		return notify.Part{}, l.found("log", err)
	}
	if after.Seq > size {
		return notify.Part{}, fault.On("after", fault.Invalid, "The action log is shorter than that. It may have been restored from a backup. Continue from %d.", size)
	}
	part := notify.Part{Next: after}
	if retained > after.Seq {
		part.Next = notify.EndOf(retained)
	}
	looked := 0
	err = l.db.Read(ctx).Each(func(r db.Row) error {
		var types, external string
		rec, err := records.Scan(r, &types, &external)
		if err != nil {
			return err
		}
		looked++
		for i, kind := range strings.Fields(types) {
			o := notify.Occurrence{Place: notify.Place{Seq: rec.Seq, Number: i}, Account: account, Type: notify.Type(kind), Record: rec, ExternalID: external}
			if o.Compare(part.Next) <= 0 {
				continue
			}
			if len(part.Events) == limit {
				return errFull
			}
			part.Events, part.Next = append(part.Events, o), o.Place
		}
		if rec.Seq > part.Next.Seq {
			part.Next = notify.Place{Seq: rec.Seq}
		}
		return nil
	}, `SELECT `+records.Columns+`, actions.events, COALESCE(links.external_id, '') FROM actions LEFT JOIN links ON links.id = actions.link
		WHERE actions.account = $1 AND actions.seq >= $2 ORDER BY actions.seq LIMIT $3`, account, part.Next.Seq, eventsReach)
	if err != nil && !errors.Is(err, errFull) {
		return notify.Part{}, fmt.Errorf("ledger: events: %w", l.db.Diagnose(err))
	}
	part.More = err != nil || looked == eventsReach
	return part, nil
}

// errFull ends a query when no more rows are needed.
var errFull = errors.New("the part is full")

// LastEvent returns the place after the account's last action.
func (l *Ledger) LastEvent(ctx context.Context, account string) (notify.Place, error) {
	size, _, _, err := l.logBounds(ctx, account)
	if err != nil {
		return notify.Place{}, l.found("log", err)
	}
	return notify.EndOf(size), nil
}
