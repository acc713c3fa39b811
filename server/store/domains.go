package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

var _ settings.Store = (*Store)(nil)

// errSame ends a transaction that has nothing to keep.
var errSame = errors.New("nothing differs")

const domainColumns = `id, account, name, imap_host, imap_port, imap_starttls, smtp_host, smtp_port, smtp_starttls, policy, created, updated`

// Domain returns the domain with the name, or a NotFound fault.
func (s *Store) Domain(ctx context.Context, name string) (settings.Domain, error) {
	d, err := scanDomain(s.read(ctx).row(`SELECT `+domainColumns+` FROM domains WHERE name = $1`, name))
	if err != nil {
		return settings.Domain{}, s.found("domain", err)
	}
	return d, nil
}

// SetDomain creates d, or gives the domain of that name in the same account
// the service and policy of d, and keeps a. It fills in the name and changes
// of a, and as its target the stored domain. Where nothing differs it keeps
// nothing. A domain of another account is a Conflict fault. Where d says no
// time of creation or update, that is now.
func (s *Store) SetDomain(ctx context.Context, d settings.Domain, a audit.Action) error {
	now := s.now()
	d.Created, d.Updated = timeOr(d.Created, now), timeOr(d.Updated, now)
	err := s.transact(ctx, func(t *tx) error {
		a := a // fn may run again
		if err := t.setDomain(d, &a); err != nil {
			return err
		}
		return t.record(a, s.now())
	})
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("store: set domain: %w", err)
	}
	return nil
}

func (t *tx) setDomain(d settings.Domain, a *audit.Action) error {
	a.Target = audit.Target{Kind: audit.DomainTarget, ID: d.ID, Name: d.Name}
	created, err := t.insertDomain(d)
	if err != nil {
		return err
	}
	if created {
		a.Name, a.Changes = audit.DomainCreate, domainChanges(settings.Domain{}, d)
		return nil
	}
	// The statement changes nothing: it locks the row until the transaction
	// ends, so that what it returns stays true.
	old, err := scanDomain(t.row(`UPDATE domains SET updated = updated WHERE name = $1 RETURNING `+domainColumns, d.Name))
	if err != nil {
		return err
	}
	if old.Account != d.Account {
		return fault.New(fault.Conflict, "This domain belongs to another account.")
	}
	a.Target.ID = old.ID
	a.Name, a.Changes = audit.DomainUpdate, domainChanges(old, d)
	if len(a.Changes) == 0 {
		return errSame
	}
	return t.updateDomain(old.ID, d)
}

// insertDomain reports whether it created d: not if the name exists.
func (t *tx) insertDomain(d settings.Domain) (bool, error) {
	in, out := d.Service.Incoming, d.Service.Outgoing
	n, err := t.exec(`INSERT INTO domains (`+domainColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (name) DO NOTHING`,
		d.ID, d.Account, d.Name, in.Host, in.Port, bit(in.STARTTLS), out.Host, out.Port, bit(out.STARTTLS),
		string(d.Policy), millis(d.Created), millis(d.Updated))
	return n == 1, err
}

func (t *tx) updateDomain(id string, d settings.Domain) error {
	in, out := d.Service.Incoming, d.Service.Outgoing
	_, err := t.exec(`UPDATE domains SET imap_host = $2, imap_port = $3, imap_starttls = $4,
		smtp_host = $5, smtp_port = $6, smtp_starttls = $7, policy = $8, updated = $9 WHERE id = $1`,
		id, in.Host, in.Port, bit(in.STARTTLS), out.Host, out.Port, bit(out.STARTTLS), string(d.Policy), millis(d.Updated))
	return err
}

// domainChanges are the fields in which the two differ.
func domainChanges(before, after settings.Domain) []audit.Change {
	all := []audit.Change{
		{Field: "incoming", Old: serverText(before.Service.Incoming), New: serverText(after.Service.Incoming)},
		{Field: "outgoing", Old: serverText(before.Service.Outgoing), New: serverText(after.Service.Outgoing)},
		{Field: "policy", Old: string(before.Policy), New: string(after.Policy)},
	}
	return slices.DeleteFunc(all, func(c audit.Change) bool { return c.Old == c.New })
}

func serverText(s profile.Server) string {
	if s == (profile.Server{}) {
		return ""
	}
	return s.String()
}

func scanDomain(r row) (settings.Domain, error) {
	var d settings.Domain
	var inTLS, outTLS, created, updated int64
	in, out := &d.Service.Incoming, &d.Service.Outgoing
	err := r.Scan(&d.ID, &d.Account, &d.Name, &in.Host, &in.Port, &inTLS, &out.Host, &out.Port, &outTLS,
		&d.Policy, &created, &updated)
	in.STARTTLS, out.STARTTLS = inTLS != 0, outTLS != 0
	d.Created, d.Updated = moment(created), moment(updated)
	return d, err
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func timeOr(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

// Domains returns the domains of an account in the order of their names.
func (s *Store) Domains(ctx context.Context, account string) ([]settings.Domain, error) {
	var all []settings.Domain
	err := s.read(ctx).each(func(r row) error {
		d, err := scanDomain(r)
		all = append(all, d)
		return err
	}, `SELECT `+domainColumns+` FROM domains WHERE account = $1 ORDER BY name`, account)
	if err != nil {
		return nil, fmt.Errorf("store: domains: %w", s.diagnose(err))
	}
	return all, nil
}

// CreateDomain keeps d and a, whose changes it fills in. A name that is taken
// is a Conflict fault.
func (s *Store) CreateDomain(ctx context.Context, d settings.Domain, a audit.Action) error {
	a.Changes = domainChanges(settings.Domain{}, d)
	err := s.change(ctx, a, func(t *tx) error {
		created, err := t.insertDomain(d)
		if err == nil && !created {
			err = fault.New(fault.Conflict, "This domain is there already.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: create domain: %w", err)
	}
	return nil
}

// DeleteDomain deletes a domain of the account with its links and tickets, and
// keeps a. One that is not there is a NotFound fault.
func (s *Store) DeleteDomain(ctx context.Context, account, name string, a audit.Action) error {
	err := s.change(ctx, a, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM tickets WHERE link IN
			(SELECT id FROM links WHERE domain = $1 AND account = $2)`, name, account); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM links WHERE domain = $1 AND account = $2`, name, account); err != nil {
			return err
		}
		n, err := t.exec(`DELETE FROM domains WHERE name = $1 AND account = $2`, name, account)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such domain.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: delete domain: %w", err)
	}
	return nil
}
