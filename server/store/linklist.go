package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Links returns a part of the links that the filter finds at the time, the
// newest first.
func (s *Store) Links(ctx context.Context, f setup.Filter, at time.Time) (setup.Found, error) {
	domains := []string{""}
	switch {
	case f.Domain == "" && len(f.Domains) > 0:
		domains = f.Domains
	case f.Domain != "" && len(f.Domains) > 0 && !slices.Contains(f.Domains, f.Domain):
		return setup.Found{}, nil
	}
	var found setup.Found
	for _, domain := range domains {
		query, args := listLinks(f, cmp.Or(f.Domain, domain), at)
		some, err := links.All(s.db.Read(ctx), query, args...)
		if err != nil {
			return setup.Found{}, fmt.Errorf("store: links: %w", s.db.Diagnose(err))
		}
		found.Links = append(found.Links, some...)
	}
	slices.SortStableFunc(found.Links, func(a, b setup.Link) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	if len(found.Links) > f.Limit {
		found.Links = found.Links[:f.Limit]
		last := found.Links[f.Limit-1]
		found.Next = setup.Place{Created: last.Created, ID: last.ID}
	}
	return found, nil
}

// listLinks is the query for one link more than the filter's limit, of the
// domain if one is named. It goes by an index in the order of the list: that of
// the most telling filter, or of the domain, the state or both.
func listLinks(f setup.Filter, domain string, at time.Time) (query string, args []any) {
	var w db.Where
	w.Add(`links.account = ?`, f.Account)
	leads := true // no index is chosen yet
	if f.ExternalID != "" {
		w.Add(`links.external_id = ? AND links.external_id <> ''`, f.ExternalID)
		leads = false
	}
	if f.Mailbox != "" {
		w.Add(column("mailbox", leads)+` = ?`, f.Mailbox)
		leads = false
	}
	if domain != "" {
		w.Add(column("domain", leads)+` = ?`, domain)
	}
	if f.State != "" {
		inState(&w, f.State, column("progress", leads), at)
	}
	if f.Before != (setup.Place{}) {
		w.Add(`(links.created, links.id) < (?, ?)`, db.Millis(f.Before.Created), f.Before.ID)
	}
	return w.Query(`SELECT `+links.Columns+` FROM links`, `ORDER BY links.created DESC, links.id DESC LIMIT ?`, f.Limit+1)
}

// column is a text column in a condition, for which an index is used or isn't.
func column(name string, indexed bool) string {
	if indexed {
		return "links." + name
	}
	return "links." + name + " || ''"
}

// inState adds the condition that says of a link what its method State does.
// The column progress has all states but that of a link that has expired.
func inState(w *db.Where, state setup.State, progress string, at time.Time) {
	switch state {
	case setup.Revoked:
		w.Add(progress+` = ?`, string(state))
	case setup.Expired:
		w.Add(`links.revoked = 0 AND links.expires <= ?`, db.Millis(at))
	default:
		w.Add(progress+` = ? AND links.expires > ?`, string(state), db.Millis(at))
	}
}

// RevokeLink revokes a link of the account and keeps a. One that is revoked
// already stays as it is, without an action; one that is not there is a
// NotFound fault, and one that is no test is Forbidden to a test key.
func (s *Store) RevokeLink(ctx context.Context, by audit.Grant, owner, id string, at time.Time, a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		if err := lockLinks(t, ` WHERE id = $1 AND account = $2`, []any{id, owner}); err != nil {
			return nil, err
		}
		n, err := t.Exec(`UPDATE links SET revoked = $1 WHERE id = $2 AND account = $3 AND test >= $4 AND revoked = 0`,
			db.Millis(at), id, owner, db.Bit(by.Actor.Test))
		if err != nil {
			return nil, err
		}
		if n == 1 {
			return []audit.Action{a}, nil
		}
		var there, tests int
		err = t.Row(`SELECT COUNT(*), COALESCE(SUM(test), 0) FROM links WHERE id = $1 AND account = $2`, id, owner).Scan(&there, &tests)
		switch {
		case err != nil:
		case there == 0:
			err = fault.New(fault.NotFound, "There is no such link.")
		case by.Actor.Test && tests == 0:
			err = ledger.ErrLive()
		}
		return nil, err
	})
	if err != nil {
		return fmt.Errorf("store: revoke link: %w", err)
	}
	return nil
}

// ChangeLink gives the link of the account what can be changed of what change
// makes of it as it is, and keeps a, whose changes it adds to. Where nothing
// differs it keeps nothing. One that is not there is a NotFound fault.
func (s *Store) ChangeLink(ctx context.Context, by audit.Grant, owner, id string, change func(setup.Link) (setup.Link, error), a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		if err := lockLinks(t, ` WHERE id = $1 AND account = $2`, []any{id, owner}); err != nil {
			return nil, err
		}
		old, err := links.Scan(t.Row(selectLink+` AND account = $2`, id, owner))
		if errors.Is(err, db.ErrNoRows) {
			err = fault.New(fault.NotFound, "There is no such link.")
		}
		if err != nil {
			return nil, err
		}
		l, err := change(old)
		if err != nil {
			return nil, err
		}
		differ := linkChanges(old, l)
		if len(differ) == 0 {
			return nil, nil
		}
		a := a // fn may run again
		a.Changes = append(slices.Clone(a.Changes), differ...)
		_, err = t.Exec(`UPDATE links SET name = $3, login = $4, locale = $5, variant = $6, expires = $7, max_downloads = $8, external_id = $9, return_url = $10
			WHERE id = $1 AND account = $2`,
			id, owner, l.Name, l.Login, l.Locale, string(l.Variant), db.Millis(l.Expires), l.MaxDownloads, l.ExternalID, l.ReturnURL)
		return []audit.Action{a}, err
	})
	if err != nil {
		return fmt.Errorf("store: change link: %w", err)
	}
	return nil
}

// linkChanges are the fields in which the two differ, as the log shows them. Of
// what is personal it shows that it differs, and no more.
func linkChanges(before, after setup.Link) []audit.Change {
	all := changes(linkText(before), linkText(after))
	for i, c := range all {
		switch c.Field {
		case "name", "login", "external_id", "return_url":
			all[i].Old, all[i].New = "***", "***"
		}
	}
	return all
}

// linkText is what can be changed of a link.
func linkText(l setup.Link) []setting {
	return []setting{
		{"name", l.Name},
		{"login", l.Login},
		{"locale", l.Locale},
		{"variant", string(l.Variant)},
		{"expires_at", l.Expires.UTC().Format(time.RFC3339Nano)},
		{"max_downloads", strconv.Itoa(l.MaxDownloads)},
		{"external_id", l.ExternalID},
		{"return_url", l.ReturnURL},
	}
}

// lockLinks waits until no download is under way by the links that the
// condition finds, and keeps new ones out until the transaction ends.
func lockLinks(t *db.Tx, condition string, args []any) error {
	if !t.Locks() {
		return nil
	}
	return t.Each(func(db.Row) error { return nil }, `SELECT 1 FROM links`+condition+` ORDER BY id`+t.Exclusive(), args...)
}

// ofGroup are the links of a group that could still lead to a download: also
// those that expired while their last ticket lives on. A grant of a test key
// finds test links alone.
func ofGroup(g setup.Group, by audit.Grant, at time.Time) *db.Where {
	w := &db.Where{}
	w.Add(`account = ?`, g.Account)
	if g.Mailbox != "" {
		w.Add(`mailbox = ?`, g.Mailbox)
	}
	if g.Domain != "" {
		w.Add(`domain = ?`, g.Domain)
	}
	w.Add(`test >= ?`, db.Bit(by.Actor.Test))
	w.Add(`revoked = 0`)
	w.Add(`expires > ?`, db.Millis(at.Add(-setup.TicketLife)))
	return w
}

// RevokeLinks revokes the links of a mailbox or domain that could still lead
// to a download, and keeps a, in which it says how many. Where there are none
// it keeps nothing.
func (s *Store) RevokeLinks(ctx context.Context, by audit.Grant, g setup.Group, at time.Time, a audit.Action) (int, error) {
	if g.Mailbox == "" && g.Domain == "" {
		return 0, errors.New("store: revoke links: neither a mailbox nor a domain is named")
	}
	var revoked int64
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		condition, args := ofGroup(g, by, at).Query(``, ``)
		if err := lockLinks(t, condition, args); err != nil {
			return nil, err
		}
		w := ofGroup(g, by, at)
		query, args := w.Query(`UPDATE links SET revoked = `+w.Arg(db.Millis(at)), ``)
		var err error
		revoked, err = t.Exec(query, args...)
		if err != nil || revoked == 0 {
			return nil, err
		}
		a := a // fn may run again
		a.Changes = []audit.Change{{Field: "links", New: strconv.FormatInt(revoked, 10)}}
		return []audit.Action{a}, nil
	})
	if err != nil {
		return 0, fmt.Errorf("store: revoke links: %w", err)
	}
	return int(revoked), nil
}

// CountLinks returns how many links RevokeLinks would revoke.
func (s *Store) CountLinks(ctx context.Context, g setup.Group, at time.Time) (int, error) {
	var n int
	query, args := ofGroup(g, audit.Grant{}, at).Query(`SELECT COUNT(*) FROM links`, ``)
	if err := s.db.Read(ctx).Row(query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("store: count links: %w", s.db.Diagnose(err))
	}
	return n, nil
}
