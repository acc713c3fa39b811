package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Links returns a part of the links that the filter finds at the time, the
// newest first.
func (s *Store) Links(ctx context.Context, f setup.Filter, at time.Time) (setup.Found, error) {
	var w where
	w.add(`links.account = ?`, f.Account)
	for _, each := range []struct{ column, value string }{
		{"mailbox", f.Mailbox}, {"domain", f.Domain}, {"external_id", f.ExternalID},
	} {
		if each.value != "" {
			w.add(`links.`+each.column+` = ?`, each.value)
		}
	}
	if len(f.Domains) > 0 {
		w.add(`links.domain IN (?`+strings.Repeat(`, ?`, len(f.Domains)-1)+`)`, anys(f.Domains)...)
	}
	if f.State != "" {
		inState(&w, f.State, at)
	}
	if f.Before != (setup.Place{}) {
		w.add(`(links.created, links.id) < (?, ?)`, millis(f.Before.Created), f.Before.ID)
	}
	query, args := w.query(`SELECT `+linkColumns+` FROM links`, `ORDER BY links.created DESC, links.id DESC LIMIT ?`, f.Limit+1)
	var found setup.Found
	err := s.read(ctx).each(func(r row) error {
		var l linkRow
		err := r.Scan(l.fields()...)
		found.Links = append(found.Links, l.link())
		return err
	}, query, args...)
	if err != nil {
		return setup.Found{}, fmt.Errorf("store: links: %w", s.diagnose(err))
	}
	if len(found.Links) > f.Limit {
		found.Links = found.Links[:f.Limit]
		last := found.Links[f.Limit-1]
		found.Next = setup.Place{Created: last.Created, ID: last.ID}
	}
	return found, nil
}

// inState adds the condition that says of a link what its method State does.
func inState(w *where, state setup.State, at time.Time) {
	switch state {
	case setup.Revoked:
		w.add(`links.revoked <> 0`)
		return
	case setup.Expired:
		w.add(`links.revoked = 0 AND links.expires <= ?`, millis(at))
		return
	}
	w.add(`links.revoked = 0 AND links.expires > ?`, millis(at))
	switch state {
	case setup.Used:
		w.add(`links.tickets >= links.max_downloads`)
	case setup.Downloaded:
		w.add(`links.tickets < links.max_downloads AND links.downloads > 0`)
	case setup.Opened:
		w.add(`links.tickets < links.max_downloads AND links.downloads = 0 AND links.tickets > 0`)
	default:
		w.add(`links.tickets < links.max_downloads AND links.tickets = 0`)
	}
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}

// RevokeLink revokes a link of the account and keeps a. One that is revoked
// already stays as it is, without an action; one that is not there is a
// NotFound fault.
func (s *Store) RevokeLink(ctx context.Context, by audit.Grant, owner, id string, at time.Time, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *tx) error {
		if err := t.lockLinks(` id = $1 AND account = $2`, []any{id, owner}); err != nil {
			return err
		}
		n, err := t.exec(`UPDATE links SET revoked = $1 WHERE id = $2 AND account = $3 AND revoked = 0`, millis(at), id, owner)
		if err != nil || n == 1 {
			return err
		}
		var there int
		if err := t.row(`SELECT COUNT(*) FROM links WHERE id = $1 AND account = $2`, id, owner).Scan(&there); err != nil {
			return err
		}
		if there == 0 {
			return fault.New(fault.NotFound, "There is no such link.")
		}
		return errSame
	})
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("store: revoke link: %w", err)
	}
	return nil
}

// lockLinks waits until no download is under way by the links that the
// condition finds, and keeps new ones out until the transaction ends.
func (t *tx) lockLinks(condition string, args []any) error {
	if !t.conn.locks() {
		return nil
	}
	return t.each(func(row) error { return nil }, `SELECT 1 FROM links WHERE`+condition+` ORDER BY id`+t.exclusive(), args...)
}

// ofGroup are the links of a group that could still lead to a download: also
// those that expired while their last ticket lives on.
const ofGroup = ` account = $1 AND (mailbox = $2 OR $2 = '') AND (domain = $3 OR $3 = '') AND revoked = 0 AND expires > $4`

func groupArgs(g setup.Group, at time.Time) []any {
	return []any{g.Account, g.Mailbox, g.Domain, millis(at.Add(-setup.TicketLife))}
}

// RevokeLinks revokes the links of a mailbox or domain that could still lead
// to a download, and keeps a, in which it says how many. Where there are none
// it keeps nothing.
func (s *Store) RevokeLinks(ctx context.Context, by audit.Grant, g setup.Group, at time.Time, a audit.Action) (int, error) {
	if g.Mailbox == "" && g.Domain == "" {
		return 0, errors.New("store: revoke links: neither a mailbox nor a domain is named")
	}
	var revoked int64
	err := s.write(ctx, by, func(t *tx) ([]audit.Action, error) {
		if err := t.lockLinks(ofGroup, groupArgs(g, at)); err != nil {
			return nil, err
		}
		var err error
		revoked, err = t.exec(`UPDATE links SET revoked = $5 WHERE`+ofGroup, append(groupArgs(g, at), millis(at))...)
		if err == nil && revoked == 0 {
			err = errSame
		}
		a := a // fn may run again
		a.Changes = []audit.Change{{Field: "links", New: strconv.FormatInt(revoked, 10)}}
		return []audit.Action{a}, err
	})
	if err != nil && !errors.Is(err, errSame) {
		return 0, fmt.Errorf("store: revoke links: %w", err)
	}
	return int(revoked), nil
}

// CountLinks returns how many links RevokeLinks would revoke.
func (s *Store) CountLinks(ctx context.Context, g setup.Group, at time.Time) (int, error) {
	var n int
	err := s.read(ctx).row(`SELECT COUNT(*) FROM links WHERE`+ofGroup, groupArgs(g, at)...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("store: count links: %w", s.diagnose(err))
	}
	return n, nil
}
