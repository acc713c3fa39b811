package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Links returns a page of the links that match the filter at the time.
func (s *Store) Links(ctx context.Context, f setup.Filter, at time.Time) (setup.Found, error) {
	found, err := s.linksWithin(ctx, f, at, setup.ListReach)
	if err != nil {
		return setup.Found{}, fmt.Errorf("store: links: %w", s.db.Diagnose(err))
	}
	return found, nil
}

// linksWithin merges the strands of the filter. If one of them has reached its
// limit, the page ends there, because links of other strands may be missing
// after that place.
func (s *Store) linksWithin(ctx context.Context, f setup.Filter, at time.Time, reach int) (setup.Found, error) {
	var found setup.Found
	strands := strandsOf(f)
	for _, one := range strands {
		some, end, err := s.strand(ctx, one, at, max(reach/len(strands), 1))
		if err != nil {
			return setup.Found{}, err
		}
		found.Links = append(found.Links, some...)
		if end != (setup.Place{}) && (found.Next == (setup.Place{}) || f.Sort.Compare(end, found.Next) < 0) {
			found.Next = end
		}
	}
	slices.SortFunc(found.Links, func(a, b setup.Link) int { return f.Sort.Compare(f.Sort.PlaceOf(a), f.Sort.PlaceOf(b)) })
	if found.Next != (setup.Place{}) {
		found.Links = slices.DeleteFunc(found.Links, func(l setup.Link) bool { return f.Sort.Compare(f.Sort.PlaceOf(l), found.Next) > 0 })
	}
	if len(found.Links) > f.Limit {
		found.Links = found.Links[:f.Limit]
		found.Next = f.Sort.PlaceOf(found.Links[f.Limit-1])
	}
	return found, nil
}

// A strand is the part of a list that one index returns in order, and the
// other conditions that its links must meet.
type strand struct {
	setup.Filter
	state setup.State // of Filter's, if the index includes it
	rest  []func(setup.Link, time.Time) bool
}

// strandsOf splits the list by domains and states if the index includes these.
func strandsOf(f setup.Filter) []strand {
	domains := []string{f.Domain}
	switch {
	case f.Domain == "" && len(f.Domains) > 0:
		domains = f.Domains
	case f.Domain != "" && len(f.Domains) > 0 && !slices.Contains(f.Domains, f.Domain):
		return nil
	}
	var rest []func(setup.Link, time.Time) bool
	if f.Test != nil {
		rest = append(rest, func(l setup.Link, _ time.Time) bool { return l.Test == *f.Test })
	}
	if name := strings.ToLower(f.Name); name != "" {
		rest = append(rest, func(l setup.Link, _ time.Time) bool { return strings.Contains(strings.ToLower(l.Name), name) })
	}
	states := slices.Compact(slices.Sorted(slices.Values(f.States)))
	if f.Sort.ByEnd() {
		if within := slices.DeleteFunc(slices.Clone(domains), func(name string) bool { return name == "" }); len(within) > 0 {
			rest = append(rest, func(l setup.Link, _ time.Time) bool { return slices.Contains(within, l.Domain) })
		}
		if len(states) > 0 {
			rest = append(rest, func(l setup.Link, at time.Time) bool { return slices.Contains(states, l.State(at)) })
		}
		if !f.From.IsZero() || !f.To.IsZero() {
			rest = append(rest, func(l setup.Link, _ time.Time) bool {
				return !l.Created.Before(f.From) && (f.To.IsZero() || l.Created.Before(f.To))
			})
		}
		if f.Metadata != (settings.Pair{}) {
			rest = append(rest, func(l setup.Link, _ time.Time) bool { return l.Metadata.Has(f.Metadata) })
		}
		f.Domain = ""
		return []strand{{f, "", rest}}
	}
	if len(states) == 0 {
		states = []setup.State{""}
	}
	var all []strand
	for _, f.Domain = range domains {
		for _, state := range states {
			all = append(all, strand{f, state, rest})
		}
	}
	return all
}

// strand returns the links of a strand, up to one more than the limit. If it
// has checked as many as the reach, end is the last of these.
func (s *Store) strand(ctx context.Context, one strand, at time.Time, reach int) (fit []setup.Link, end setup.Place, err error) {
	if len(one.rest) == 0 {
		query, args := one.query(at, one.Limit+1)
		fit, err = links.All(s.db.Read(ctx), query, args...)
		return fit, setup.Place{}, err
	}
	for looked := 0; looked < reach; {
		n := min(setup.ListBatch, reach-looked)
		query, args := one.query(at, n)
		some, err := links.All(s.db.Read(ctx), query, args...)
		if err != nil {
			return nil, setup.Place{}, err
		}
		for _, l := range some {
			if !slices.ContainsFunc(one.rest, func(fits func(setup.Link, time.Time) bool) bool { return !fits(l, at) }) {
				fit = append(fit, l)
			}
		}
		if len(some) < n || len(fit) > one.Limit {
			return fit, setup.Place{}, nil
		}
		looked += n
		one.After = one.Sort.PlaceOf(some[n-1])
	}
	return fit, one.After, nil
}

// query returns the query for n links of the strand. It uses an index in the
// order of the list: that of metadata or of the most selective filter, or of
// the domain, the state or both. The few links of a mailbox or an external ID
// are sorted by expiry.
func (one strand) query(at time.Time, limit int) (query string, args []any) {
	var w db.Where
	leads := true // no index is chosen yet
	from, created, id := `links`, `links.created`, `links.id`
	if one.Metadata != (settings.Pair{}) && !one.Sort.ByEnd() {
		from, created, id = `link_metadata JOIN links ON links.id = link_metadata.link`, `link_metadata.created`, `link_metadata.link`
		w.Add(`link_metadata.account = ?`, one.Account)
		w.Add(`link_metadata.name = ?`, one.Metadata.Name)
		w.Add(`link_metadata.value = ?`, one.Metadata.Value)
		leads = false
	}
	if leads {
		w.Add(`links.account = ?`, one.Account)
	}
	if one.ExternalID != "" {
		if leads {
			w.Add(`links.external_id = ? AND links.external_id <> ''`, one.ExternalID)
		} else {
			w.Add(`links.external_id || '' = ?`, one.ExternalID)
		}
		leads = false
	}
	if one.Mailbox != "" {
		w.Add(column("mailbox", leads)+` = ?`, one.Mailbox)
		leads = false
	}
	if one.Domain != "" {
		w.Add(column("domain", leads)+` = ?`, one.Domain)
	}
	if one.state != "" {
		inState(&w, one.state, column("progress", leads), at)
	}
	by, than, direction := created, `>`, ``
	switch {
	case one.Sort.ByEnd() && leads:
		by = `links.expires`
	case one.Sort.ByEnd():
		by = `links.expires + 0`
	}
	if !one.Sort.Ascends() {
		than, direction = `<`, ` DESC`
	}
	if !one.From.IsZero() && !one.Sort.ByEnd() {
		w.Add(created+` >= ?`, db.Millis(one.From.Add(time.Millisecond-1)))
	}
	if !one.To.IsZero() && !one.Sort.ByEnd() {
		w.Add(created+` < ?`, db.Millis(one.To.Add(time.Millisecond-1)))
	}
	if one.After != (setup.Place{}) {
		w.Add(`(`+by+`, `+id+`) `+than+` (?, ?)`, db.Millis(one.After.Time), one.After.ID)
	}
	return w.Query(`SELECT `+links.Columns+` FROM `+from, `ORDER BY `+by+direction+`, `+id+direction+` LIMIT ?`, limit)
}

// column returns a text column for a condition, written so that its index is
// used or not.
func column(name string, indexed bool) string {
	if indexed {
		return "links." + name
	}
	return "links." + name + " || ''"
}

// inState adds the condition for a link's state that corresponds to its method
// State. The column progress has all states except that of an expired link.
// The expiry is written so that its index isn't chosen.
func inState(w *db.Where, state setup.State, progress string, at time.Time) {
	switch state {
	case setup.Revoked:
		w.Add(progress+` = ?`, string(state))
	case setup.Expired:
		w.Add(`links.revoked = 0 AND links.expires + 0 <= ?`, db.Millis(at))
	default:
		w.Add(progress+` = ? AND links.expires + 0 > ?`, string(state), db.Millis(at))
	}
}

// RevokeLink revokes a link of the account and stores a. If it is already
// revoked, it stays as it is, without an action. If it doesn't exist, it
// returns a NotFound fault, and if a test key revokes a link that isn't a
// test, Forbidden.
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

// ChangeLink applies change to the link of the account, and stores its
// changeable fields and a, to whose changes it adds. If nothing differs, it
// stores nothing. If the link doesn't exist, it returns a NotFound fault.
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
		_, err = t.Exec(`UPDATE links SET name = $3, login = $4, locale = $5, variant = $6, expires = $7, max_downloads = $8, external_id = $9, return_url = $10, metadata = $11,
			lapsed = CASE WHEN expires = $7 THEN lapsed ELSE 0 END
			WHERE id = $1 AND account = $2`,
			id, owner, l.Name, l.Login, l.Locale, string(l.Variant), db.Millis(l.Expires), l.MaxDownloads, l.ExternalID, l.ReturnURL, string(l.Metadata))
		if err == nil && l.Metadata != old.Metadata {
			if _, err = t.Exec(`DELETE FROM link_metadata WHERE link = $1`, id); err == nil {
				err = keepMetadata(t, l)
			}
		}
		return []audit.Action{a}, err
	})
	if err != nil {
		return fmt.Errorf("store: change link: %w", err)
	}
	return nil
}

// linkChanges returns the fields that differ, as the log shows them. For
// personal fields it shows only that they differ.
func linkChanges(before, after setup.Link) []audit.Change {
	all := changes(linkText(before), linkText(after))
	for i, c := range all {
		switch c.Field {
		case "name", "login", "external_id", "return_url", "metadata":
			all[i].Old, all[i].New = "***", "***"
		}
	}
	return all
}

// linkText returns the changeable fields of a link.
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
		{"metadata", string(l.Metadata)},
	}
}

// lockLinks waits for running downloads of the links that match the condition,
// and blocks new ones until the transaction ends.
func lockLinks(t *db.Tx, condition string, args []any) error {
	if !t.Locks() {
		return nil
	}
	return t.Each(func(db.Row) error { return nil }, `SELECT 1 FROM links`+condition+` ORDER BY id`+t.Exclusive(), args...)
}

// ofGroup selects the links of a group that could still lead to a download,
// including expired ones whose last ticket is still valid. For a test key, it
// selects only test links.
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
// to a download, and stores a with their number. If there are none, it stores
// nothing.
func (s *Store) RevokeLinks(ctx context.Context, by audit.Grant, g setup.Group, at time.Time, a audit.Action) (int, error) {
	if g.Mailbox == "" && g.Domain == "" {
		return 0, errors.New("store: revoke links: no mailbox or domain")
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
