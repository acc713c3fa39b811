package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/setup"
)

const ticketColumns = `tickets.id, tickets.link, tickets.variant, tickets.platform,
	tickets.created, tickets.expires, tickets.max_fetches, tickets.fetches`

// CreateTicket keeps t and a and counts t on its link. If the link is not
// live at t.Created, or there is none, nothing is kept and the fault is
// NotFound. An id that exists is a Conflict fault.
func (s *Store) CreateTicket(ctx context.Context, t setup.Ticket, a audit.Action) error {
	err := s.change(ctx, a, func(x *tx) error {
		n, err := x.exec(`UPDATE links SET tickets = tickets + 1
			WHERE id = $1 AND revoked = 0 AND expires > $2 AND tickets < max_downloads`, t.Link, millis(t.Created))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "There is no such link.")
		}
		return x.insertTicket(t)
	})
	if s.db.taken(err) {
		err = fault.New(fault.Conflict, "There is a ticket with this id.")
	}
	if err != nil {
		return fmt.Errorf("store: create ticket: %w", err)
	}
	return nil
}

// Ticket returns a ticket and its link, or a NotFound fault.
func (s *Store) Ticket(ctx context.Context, id string) (setup.Ticket, setup.Link, error) {
	var t setup.Ticket
	var l linkRow
	var created, expires int64
	fields := []any{&t.ID, &t.Link, &t.Variant, &t.Platform, &created, &expires, &t.MaxFetches, &t.Fetches}
	err := s.read(ctx).row(`SELECT `+ticketColumns+`, `+linkColumns+`
		FROM tickets JOIN links ON links.id = tickets.link WHERE tickets.id = $1`, id).Scan(append(fields, l.fields()...)...)
	if err != nil {
		return setup.Ticket{}, setup.Link{}, s.found("ticket", err)
	}
	t.Created, t.Expires = moment(created), moment(expires)
	return t, l.link(), nil
}

// UseTicket counts one fetch of the ticket, and on its link the download if
// it is the first, and keeps a. Once the ticket is spent or past its time, or
// its link revoked, nothing is kept and the fault is Gone. A ticket that never
// was is a NotFound fault.
func (s *Store) UseTicket(ctx context.Context, id string, at time.Time, a audit.Action) error {
	err := s.change(ctx, a, func(t *tx) error { return t.fetch(id, at) })
	if err != nil {
		return fmt.Errorf("store: use ticket: %w", err)
	}
	return nil
}

func (t *tx) insertTicket(k setup.Ticket) error {
	_, err := t.exec(`INSERT INTO tickets (id, link, variant, platform, created, expires, max_fetches, fetches)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		k.ID, k.Link, string(k.Variant), string(k.Platform), millis(k.Created), millis(k.Expires), k.MaxFetches, k.Fetches)
	return err
}

func (t *tx) fetch(id string, at time.Time) error {
	var fetches int
	var link string
	err := t.row(`UPDATE tickets SET fetches = fetches + 1
		WHERE id = $1 AND fetches < max_fetches AND expires > $2
		AND EXISTS (SELECT 1 FROM links WHERE links.id = tickets.link AND links.revoked = 0)
		RETURNING fetches, link`, id, millis(at)).Scan(&fetches, &link)
	if errors.Is(err, sql.ErrNoRows) {
		return t.whyNot(id)
	}
	if err != nil || fetches > 1 {
		return err
	}
	_, err = t.exec(`UPDATE links SET downloads = downloads + 1 WHERE id = $1`, link)
	return err
}

// whyNot says why a ticket cannot be used.
func (t *tx) whyNot(id string) error {
	var n int
	if err := t.row(`SELECT COUNT(*) FROM tickets WHERE id = $1`, id).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.NotFound, "There is no such ticket.")
	}
	return fault.New(fault.Gone, "This download is over. Go back to the page and ask for a new one.")
}
