package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/setup"
)

var tickets = db.NewTable("tickets", func(t *setup.Ticket) []db.Column {
	return []db.Column{
		db.Col("id", &t.ID), db.Col("link", &t.Link), db.Col("variant", &t.Variant), db.Col("platform", &t.Platform), db.Col("created", db.Time(&t.Created)),
		db.Col("expires", db.Time(&t.Expires)), db.Col("max_fetches", &t.MaxFetches), db.Col("fetches", &t.Fetches),
	}
})

// selectPermits reads tickets with their links and domains, by their IDs.
var selectPermits = `SELECT ` + tickets.Columns + `, ` + links.Columns + `, ` + domainColumns + `
	FROM tickets JOIN links ON links.id = tickets.link JOIN domains ON domains.name = links.domain` + withPolicy + `
	WHERE domains.account ` + notSuspended + ` AND tickets.id`

// CreateTicket stores t and a and counts t on its link. If t is the last of
// the link, it records that in a. If the link isn't active at t.Created, or
// doesn't exist, it stores nothing and returns a NotFound fault. If the ID
// exists, it returns a Conflict fault.
func (s *Store) CreateTicket(ctx context.Context, by audit.Grant, t setup.Ticket, a audit.Action) error {
	err := s.Change(ctx, by, func(x *db.Tx) ([]audit.Action, error) {
		var left int64
		err := x.Row(`UPDATE links SET tickets = tickets + 1
			WHERE id = $1 AND revoked = 0 AND expires > $2 AND tickets < max_downloads RETURNING max_downloads - tickets`,
			t.Link, db.Millis(t.Created)).Scan(&left)
		if errors.Is(err, db.ErrNoRows) {
			err = fault.New(fault.NotFound, "There is no such link.")
		}
		if err != nil {
			return nil, err
		}
		a := a // fn may run again
		if left == 0 {
			a.Changes = append(slices.Clone(a.Changes), notify.UsedField)
		}
		return []audit.Action{a}, tickets.Insert(x, t)
	})
	if s.db.Taken(err) {
		err = fault.New(fault.Conflict, "A ticket with this ID already exists.")
	}
	if err != nil {
		return fmt.Errorf("store: create ticket: %w", err)
	}
	return nil
}

// Permit returns a ticket with its link and the link's domain. If it doesn't
// exist or the account is suspended, it returns a NotFound fault. Simultaneous
// calls share a statement, which costs more than each of its rows; a failure of
// the database fails all of them.
func (s *Store) Permit(ctx context.Context, ticket string) (setup.Permit, error) {
	ctx, end := s.db.Limit(ctx)
	defer end()
	c := newCall(ctx, ticket, setup.Permit{})
	if err := s.permits.wait(c, s.permitAll); err != nil {
		return setup.Permit{}, s.found("ticket", err)
	}
	return c.what, nil
}

// permitAll reads the permits of a group. If one of them can't be read, only
// its own call fails.
func (s *Store) permitAll(group []*call[setup.Permit]) {
	ctx, stop := whileAny(group)
	defer stop()
	err := s.readPermits(ctx, group)
	if err == nil || isFault(s.db.Diagnose(err)) || ctx.Err() != nil {
		return
	}
	for i := range group {
		_ = s.readPermits(ctx, group[i:i+1]) // the call has the error
	}
}

// readPermits reads the permits of the group by one statement, whose error is
// that of all of its calls.
func (s *Store) readPermits(ctx context.Context, group []*call[setup.Permit]) error {
	ids := make([]string, len(group))
	for i, c := range group {
		ids[i] = c.ticket
	}
	found := make(map[string]setup.Permit, len(group))
	var p setup.Permit
	into := slices.Concat(tickets.Into(&p.Ticket), links.Into(&p.Link), intoDomain(&p.Domain))
	err := s.db.Read(ctx).ByKeys(func(r db.Row) error {
		p = setup.Permit{} // rows share nothing
		err := r.Scan(into...)
		standardPolicy(&p.Domain)
		found[p.Ticket.ID] = p
		return err
	}, selectPermits, ids)
	for _, c := range group {
		p, ok := found[c.ticket]
		if c.what, c.err = p, err; err == nil && !ok {
			c.err = db.ErrNoRows
		}
	}
	return err
}

// A use is what a call of UseTicket does.
type use struct {
	by     audit.Grant
	at     time.Time
	action audit.Action
}

// UseTicket counts one fetch of the ticket and, if it's the first, a download
// on its link, and stores a. If the ticket is used up or expired, or its link
// revoked, it stores nothing and returns a Gone fault. If the ticket never
// existed, it returns a NotFound fault. Simultaneous calls share a
// transaction. A ticket that can't be used fails only its own call; a failure
// of the database fails all of them.
func (s *Store) UseTicket(ctx context.Context, by audit.Grant, id string, at time.Time, a audit.Action) error {
	ctx, end := s.db.Limit(ctx)
	defer end()
	if err := s.uses.wait(newCall(ctx, id, use{by, at, a}), s.useAll); err != nil {
		return fmt.Errorf("store: use ticket: %w", s.db.Diagnose(err))
	}
	return nil
}

// useAll decides the outcome of each use and stores the good ones, or fails
// all. It doesn't begin a use whose caller has gone.
func (s *Store) useAll(group []*call[use]) {
	ctx, stop := whileAny(group)
	defer stop()
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		var here []*call[use]
		for _, u := range group {
			if u.err = u.ctx.Err(); u.err == nil {
				here = append(here, u)
			}
		}
		if err := lockForDownload(t, here); err != nil {
			return err
		}
		if err := fetchAll(t, here); err != nil {
			return err
		}
		return s.recordUses(t, here)
	})
	if err == nil {
		return
	}
	for _, u := range group {
		if u.err = err; u.ctx.Err() != nil && !isFault(err) {
			u.err = fmt.Errorf("%w: %w", u.ctx.Err(), err)
		}
	}
}

// lockForDownload locks the accounts and links of a group of downloads against
// suspension and revocation, and links and tickets for the update, in one
// statement and in the order of the links: groups of two servers wait for each
// other in only one direction.
func lockForDownload(t *db.Tx, group []*call[use]) error {
	if !t.Locks() || len(group) == 0 {
		return nil
	}
	ids := make([]string, len(group))
	for i, u := range group {
		ids[i] = u.ticket
	}
	return t.Each(func(db.Row) error { return nil }, `SELECT 1 FROM accounts JOIN links ON links.account = accounts.id
		JOIN tickets ON tickets.link = links.id WHERE tickets.id = ANY($1)
		ORDER BY links.id, tickets.id`+t.Share("accounts")+` FOR NO KEY UPDATE OF links, tickets`, ids)
}

// usable are the tickets that permit a fetch.
const usable = `fetches < max_fetches AND EXISTS (SELECT 1 FROM links JOIN accounts ON accounts.id = links.account
	WHERE links.id = tickets.link AND links.revoked = 0 AND accounts.suspended = 0)`

// fetchAll counts the fetches of the uses whose tickets permit it, and sets
// the faults of the others. The uses are sorted by ticket.
func fetchAll(t *db.Tx, group []*call[use]) error {
	fetch := fetchEach
	if t.Locks() {
		fetch = fetchTogether
	}
	for _, u := range group {
		u.err = fault.New(fault.NotFound, "There is no such ticket.")
	}
	if err := fetch(t, group); err != nil {
		return err
	}
	return whyNot(t, group)
}

// fetchEach runs a statement for each use, and for each link with another
// download.
func fetchEach(t *db.Tx, group []*call[use]) error {
	runs := make([][]any, len(group))
	for i, u := range group {
		runs[i] = []any{u.ticket, db.Millis(u.what.at)}
	}
	var counted [][]any
	err := t.Many(func(i int, r db.Row) error {
		var fetches int64
		var link string
		err := r.Scan(&fetches, &link)
		group[i].err = nil
		if fetches == 1 {
			counted = append(counted, []any{link})
		}
		return err
	}, `UPDATE tickets SET fetches = fetches + 1 WHERE id = $1 AND expires > $2 AND `+usable+` RETURNING fetches, link`, runs)
	if err != nil {
		return err
	}
	return t.Many(nil, `UPDATE links SET downloads = downloads + 1 WHERE id = $1`, counted)
}

// fetchTogether runs one statement for all uses, or several if a ticket is used
// more than once, and one for all links. For PostgreSQL, each statement is much
// more work than each of its rows.
func fetchTogether(t *db.Tx, group []*call[use]) error {
	counted := map[string]int64{}
	for rest := group; len(rest) > 0; {
		var again []*call[use]
		now := map[string]*call[use]{}
		var ids []string
		var at []int64
		for _, u := range rest {
			if now[u.ticket] != nil {
				again = append(again, u)
				continue
			}
			now[u.ticket] = u
			ids, at = append(ids, u.ticket), append(at, db.Millis(u.what.at))
		}
		err := t.Each(func(r db.Row) error {
			var id, link string
			var fetches int64
			err := r.Scan(&id, &fetches, &link)
			if err == nil {
				now[id].err = nil
			}
			if fetches == 1 {
				counted[link]++
			}
			return err
		}, `UPDATE tickets SET fetches = fetches + 1 FROM unnest($1::text[], $2::bigint[]) AS used (ticket, at)
			WHERE id = used.ticket AND expires > used.at AND `+usable+` RETURNING id, fetches, link`, ids, at)
		if err != nil {
			return err
		}
		rest = again
	}
	if len(counted) == 0 {
		return nil
	}
	ids, more := make([]string, 0, len(counted)), make([]int64, 0, len(counted))
	for id, n := range counted {
		ids, more = append(ids, id), append(more, n)
	}
	_, err := t.Exec(`UPDATE links SET downloads = downloads + more FROM unnest($1::text[], $2::bigint[]) AS counted (link, more)
		WHERE id = counted.link`, ids, more)
	return err
}

// whyNot sets the reasons for refused uses.
func whyNot(t *db.Tx, group []*call[use]) error {
	group = slices.DeleteFunc(slices.Clone(group), func(u *call[use]) bool { return u.err == nil })
	runs := make([][]any, len(group))
	for i, u := range group {
		runs[i] = []any{u.ticket}
	}
	return t.Many(func(i int, _ db.Row) error {
		group[i].err = fault.New(fault.Gone, "This download has expired. Go back to the page and tap the button again.")
		return nil
	}, `SELECT 1 FROM tickets WHERE id = $1`, runs)
}

// recordUses appends the actions of the good uses.
func (s *Store) recordUses(t *db.Tx, group []*call[use]) error {
	var entries []ledger.Entry
	for _, u := range group {
		if u.err == nil {
			entries = append(entries, ledger.Entry{By: u.what.by, Action: u.what.action})
		}
	}
	return s.Append(t, entries...)
}
