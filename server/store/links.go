package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/replay"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

var _ setup.Store = (*Store)(nil)

const linkColumns = `links.id, links.account, links.domain, links.address, links.name, links.login, links.locale,
	links.created, links.expires, links.revoked, links.max_downloads, links.tickets, links.downloads,
	links.variant, links.external_id, links.return_url, links.test`

// CreateLink keeps l and a. Where one of the limits is used up at l.Created it
// keeps nothing, counts nothing on any limit, and returns a Limited fault
// whose RetryAfter is how long to wait. A limit whose Max is not positive
// covers no link. An id that exists is a Conflict fault, and a request that was
// done before [replay.ErrDone].
func (s *Store) CreateLink(ctx context.Context, by audit.Grant, l setup.Link, once *replay.Request, limits []setup.Limit, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if err := claim(t, once, l.ID, s.now()); err != nil {
			return err
		}
		return createLink(t, l, limits)
	})
	return s.linkCreated(err)
}

// CreateLinkOnce is CreateLink, and keeps that the pass was used: the statement
// decides which of two that bring the same is first. One that was used is a
// RedirectUsed fault, one whose key is gone RedirectInvalid.
func (s *Store) CreateLinkOnce(ctx context.Context, by audit.Grant, l setup.Link, p setup.Pass, limits []setup.Limit, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if err := usePass(t, p, l.Created); err != nil {
			return err
		}
		return createLink(t, l, limits)
	})
	return s.linkCreated(err)
}

func (s *Store) linkCreated(err error) error {
	if s.db.Taken(err) {
		err = fault.New(fault.Conflict, "There is a link with this id.")
	}
	if err != nil {
		return fmt.Errorf("store: create link: %w", err)
	}
	return nil
}

func createLink(t *db.Tx, l setup.Link, limits []setup.Limit) error {
	// One order for all transactions: two that need the same rows wait for
	// each other instead of locking each other out.
	limits = slices.SortedFunc(slices.Values(limits), func(x, y setup.Limit) int { return cmp.Compare(x.Key, y.Key) })
	if err := useLimits(t, limits, l.Created); err != nil {
		return err
	}
	return insertLink(t, l)
}

// Link returns a link in whatever state, or a NotFound fault.
func (s *Store) Link(ctx context.Context, id string) (setup.Link, error) {
	var l linkRow
	err := s.db.Read(ctx).ByKey(`SELECT `+linkColumns+` FROM links WHERE id = $1`, id).Scan(l.fields()...)
	if err != nil {
		return setup.Link{}, s.found("link", err)
	}
	return l.link(), nil
}

// LinkAndDomain returns a link in whatever state with its domain, or a NotFound
// fault: also if their account is suspended.
func (s *Store) LinkAndDomain(ctx context.Context, id string) (setup.Link, settings.Domain, error) {
	var l linkRow
	var d domainRow
	err := s.db.Read(ctx).ByKey(`SELECT `+linkColumns+`, `+domainColumns+`
		FROM links JOIN domains ON domains.name = links.domain`+withPolicy+`
		WHERE links.id = $1 AND domains.account `+notSuspended, id).Scan(append(l.fields(), d.fields()...)...)
	if err != nil {
		return setup.Link{}, settings.Domain{}, s.found("link", err)
	}
	return l.link(), d.domain(), nil
}

func insertLink(t *db.Tx, l setup.Link) error {
	address, err := profile.ParseAddress(l.Address)
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO links (id, account, domain, address, name, login, locale,
		created, expires, revoked, max_downloads, tickets, downloads, mailbox, variant, external_id, return_url, test)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		l.ID, l.Account, l.Domain, l.Address, l.Name, l.Login, l.Locale,
		db.Millis(l.Created), db.Millis(l.Expires), db.Millis(l.Revoked), l.MaxDownloads, l.Tickets, l.Downloads,
		address.Folded(), string(l.Variant), l.ExternalID, l.ReturnURL, db.Bit(l.Test))
	return err
}

// useLimits uses each of the limits once, or returns a Limited fault with the
// longest time to wait.
func useLimits(t *db.Tx, limits []setup.Limit, now time.Time) error {
	var wait time.Duration
	for _, l := range limits {
		w, err := useLimit(t, l, now)
		if err != nil {
			return err
		}
		wait = max(wait, w)
	}
	if wait == 0 {
		return nil
	}
	f := fault.New(fault.Limited, "Too many links were asked for. Wait a little and try again.")
	f.RetryAfter = wait
	return f
}

// useLimit counts once on the limit. If it is used up, use counts nothing and
// returns how long to wait.
func useLimit(t *db.Tx, l setup.Limit, now time.Time) (time.Duration, error) {
	if l.Max <= 0 {
		return max(l.Window, time.Millisecond), nil
	}
	// A window that began only after this one will end was written by a clock
	// that was wrong. It counts as passed, or it could last for years.
	ends := now.Add(l.Window)
	n, err := t.Exec(`INSERT INTO limits (key, began, ends, used) VALUES ($1, $2, $3, 1)
		ON CONFLICT (key) DO UPDATE SET
			used  = CASE WHEN limits.ends <= $2 OR limits.began >= $3 THEN 1 ELSE limits.used + 1 END,
			ends  = CASE WHEN limits.ends <= $2 OR limits.began >= $3 THEN $3 ELSE limits.ends END,
			began = CASE WHEN limits.ends <= $2 OR limits.began >= $3 THEN $2 ELSE limits.began END
		WHERE limits.ends <= $2 OR limits.began >= $3 OR limits.used < $4`,
		l.Key, db.Millis(now), db.Millis(ends), l.Max)
	if err != nil || n == 1 {
		return 0, err
	}
	var until int64
	if err := t.Row(`SELECT ends FROM limits WHERE key = $1`, l.Key).Scan(&until); err != nil {
		return 0, err
	}
	return max(db.Moment(until).Sub(now), time.Millisecond), nil
}

// A linkRow is a link as its columns hold it.
type linkRow struct {
	l                         setup.Link
	created, expires, revoked int64
	test                      int64
}

// fields are where linkColumns are scanned to.
func (r *linkRow) fields() []any {
	l := &r.l
	return []any{&l.ID, &l.Account, &l.Domain, &l.Address, &l.Name, &l.Login, &l.Locale,
		&r.created, &r.expires, &r.revoked, &l.MaxDownloads, &l.Tickets, &l.Downloads,
		&l.Variant, &l.ExternalID, &l.ReturnURL, &r.test}
}

func (r *linkRow) link() setup.Link {
	l := r.l
	l.Created, l.Expires, l.Revoked = db.Moment(r.created), db.Moment(r.expires), db.Moment(r.revoked)
	l.Test = r.test != 0
	return l
}
