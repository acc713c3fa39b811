package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

var _ setup.Store = (*Store)(nil)

var links = db.NewTable("links", func(l *setup.Link) []db.Column {
	return []db.Column{
		db.Col("id", &l.ID), db.Col("account", &l.Account), db.Col("domain", &l.Domain), db.Col("address", &l.Address), db.Col("name", &l.Name), db.Col("login", &l.Login),
		db.Col("locale", &l.Locale), db.Col("variant", &l.Variant), db.Col("external_id", &l.ExternalID), db.Col("return_url", &l.ReturnURL), db.Col("metadata", &l.Metadata),
		db.Col("test", db.Bool(&l.Test)), db.Col("max_downloads", &l.MaxDownloads), db.Col("tickets", &l.Tickets), db.Col("downloads", &l.Downloads),
		db.Col("created", db.Time(&l.Created)), db.Col("expires", db.Time(&l.Expires)), db.Col("revoked", db.Time(&l.Revoked)),
	}
})

var (
	selectLink          = `SELECT ` + links.Columns + ` FROM links WHERE id = $1`
	selectLinkAndDomain = `SELECT ` + links.Columns + `, ` + domainColumns + `
		FROM links JOIN domains ON domains.name = links.domain` + withPolicy + ` WHERE links.id = $1 AND domains.account ` + notSuspended
)

// CreateLink stores l and a. If one of the limits is used up at l.Created, it
// stores nothing, counts nothing on any limit, and returns a Limited fault
// whose RetryAfter is how long to wait. A limit whose Max isn't positive
// permits no link. If the ID exists, it returns a Conflict fault, and if the
// request was executed before, [replay.ErrDone].
func (s *Store) CreateLink(ctx context.Context, by audit.Grant, l setup.Link, limits []admission.Limit, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		return createLink(t, l, limits)
	})
	return s.linkCreated(err)
}

// CreateLinks stores the links, each with the action of the same index. If an
// ID exists, it returns a Conflict fault, and if the request was executed
// before, [replay.ErrDone].
func (s *Store) CreateLinks(ctx context.Context, by audit.Grant, all []setup.Link, actions []audit.Action) error {
	mailboxes := make([]string, len(all))
	for i, l := range all {
		var err error
		if mailboxes[i], err = mailboxOf(l); err != nil {
			return err
		}
	}
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		err := links.InsertAllWith(t, all, func(i int) []db.Column { return []db.Column{db.Col("mailbox", &mailboxes[i])} })
		if err == nil {
			err = keepMetadata(t, all...)
		}
		return actions, err
	})
	return s.linkCreated(err)
}

// CreateLinkOnce is CreateLink that also records the pass as used. The
// statement decides which of two simultaneous requests is first. If the pass
// was used before, it returns a RedirectUsed fault, and if its key was
// deleted, RedirectInvalid.
func (s *Store) CreateLinkOnce(ctx context.Context, by audit.Grant, l setup.Link, p setup.Pass, limits []admission.Limit, a audit.Action) error {
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
		err = fault.New(fault.Conflict, "A link with this ID already exists.")
	}
	if s.db.Dangling(err) {
		err = fault.New(fault.Conflict, "The domain has just been deleted.")
	}
	if err != nil {
		return fmt.Errorf("store: create link: %w", err)
	}
	return nil
}

func createLink(t *db.Tx, l setup.Link, limits []admission.Limit) error {
	if err := useLimits(t, limits, l.Created, tooManyLinks); err != nil {
		return err
	}
	return insertLink(t, l)
}

// Link returns a link in any state, or a NotFound fault.
func (s *Store) Link(ctx context.Context, id string) (setup.Link, error) {
	l, err := links.Scan(s.db.Read(ctx).ByKey(selectLink, id))
	if err != nil {
		return setup.Link{}, s.found("link", err)
	}
	return l, nil
}

// LinkAndDomain returns a link in any state with its domain. If it doesn't
// exist or the account is suspended, it returns a NotFound fault.
func (s *Store) LinkAndDomain(ctx context.Context, id string) (setup.Link, settings.Domain, error) {
	var l setup.Link
	var d settings.Domain
	err := s.db.Read(ctx).ByKey(selectLinkAndDomain, id).Scan(append(links.Into(&l), intoDomain(&d)...)...)
	if err != nil {
		return setup.Link{}, settings.Domain{}, s.found("link", err)
	}
	standardPolicy(&d)
	return l, d, nil
}

func mailboxOf(l setup.Link) (string, error) {
	address, err := profile.ParseAddress(l.Address)
	return address.Folded(), err
}

func insertLink(t *db.Tx, l setup.Link) error {
	mailbox, err := mailboxOf(l)
	if err != nil {
		return err
	}
	if err := links.InsertWith(t, l, db.Col("mailbox", &mailbox)); err != nil {
		return err
	}
	return keepMetadata(t, l)
}

// keepMetadata stores the metadata by which links can be found.
func keepMetadata(t *db.Tx, all ...setup.Link) error {
	var runs [][]any
	for _, l := range all {
		for name, value := range l.Metadata.Values() {
			runs = append(runs, []any{l.Account, name, value, db.Millis(l.Created), l.ID})
		}
	}
	return t.Many(nil, `INSERT INTO link_metadata (account, name, value, created, link) VALUES ($1, $2, $3, $4, $5)`, runs)
}

// The texts of Limited faults.
const (
	tooManyLinks    = "Too many links were requested. Wait a little and try again."
	tooManyAttempts = "Too many attempts. Wait a few minutes and try again."
)

// useLimits uses each of the limits once, or returns a Limited fault with the
// text and the longest time to wait. Then the transaction must not be committed.
// All transactions lock in the same order, so that they wait for each other
// instead of deadlocking.
func useLimits(t *db.Tx, limits []admission.Limit, now time.Time, text string) error {
	sorted := slices.SortedFunc(slices.Values(limits), func(x, y admission.Limit) int { return cmp.Compare(x.Key, y.Key) })
	return eachLimit(sorted, text, func(l admission.Limit) (time.Duration, error) { return useLimit(t, l, now) })
}

// eachLimit returns a Limited fault if one of the limits is used up.
func eachLimit(limits []admission.Limit, text string, wait func(admission.Limit) (time.Duration, error)) error {
	var longest time.Duration
	for _, l := range limits {
		w, err := wait(l)
		if err != nil {
			return err
		}
		longest = max(longest, w)
	}
	if longest == 0 {
		return nil
	}
	f := fault.New(fault.Limited, "%s", text)
	f.RetryAfter = longest
	return f
}

// useLimit counts one use of the limit. If it is used up, it counts nothing
// and returns how long to wait.
func useLimit(t *db.Tx, l admission.Limit, now time.Time) (time.Duration, error) {
	if l.Max <= 0 {
		return max(l.Window, time.Millisecond), nil
	}
	// If a window begins only after a window from now would end, a wrong clock
	// wrote it. It counts as over, or it could last for years.
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
	wait, err := usedUp(t, l, now)
	return max(wait, time.Millisecond), err
}

// usedUp returns how long to wait if the limit is used up, or else 0.
func usedUp(t *db.Tx, l admission.Limit, now time.Time) (time.Duration, error) {
	var ends int64
	err := t.Row(`SELECT ends FROM limits WHERE key = $1 AND ends > $2 AND began < $3 AND used >= $4`,
		l.Key, db.Millis(now), db.Millis(now.Add(l.Window)), l.Max).Scan(&ends)
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return db.Moment(ends).Sub(now), nil
}
