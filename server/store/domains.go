package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

var _ settings.Store = (*Store)(nil)

// domainFields are the columns of a domain as they are written.
const domainFields = `id, account, name, imap_host, imap_port, imap_starttls, smtp_host, smtp_port, smtp_starttls,
	policy, policy_id, display_name, help_text, sign_in_hint, login, platforms, return_hosts, created, updated,
	caldav_host, caldav_port, carddav_host, carddav_port`

// domainColumns are those of a domain and, by withPolicy, of the policy that
// it names.
const domainColumns = `domains.id, domains.account, domains.name, domains.imap_host, domains.imap_port, domains.imap_starttls,
	domains.smtp_host, domains.smtp_port, domains.smtp_starttls, domains.policy, COALESCE(domains.policy_id, ''),
	domains.display_name, domains.help_text, domains.sign_in_hint, domains.login, domains.platforms, domains.return_hosts,
	domains.created, domains.updated, domains.caldav_host, domains.caldav_port, domains.carddav_host, domains.carddav_port, ` + rulesColumns

const withPolicy = ` LEFT JOIN policies ON policies.id = domains.policy_id`

// selectDomains reads domains, each with the policy that it names.
const selectDomains = `SELECT ` + domainColumns + ` FROM domains` + withPolicy

// Domain returns the domain with the name, or a NotFound fault: also if its
// account is suspended.
func (s *Store) Domain(ctx context.Context, name string) (settings.Domain, error) {
	d, err := scanDomain(s.db.Read(ctx).ByKey(selectDomains+` WHERE domains.name = $1 AND domains.account `+notSuspended, name))
	if err != nil {
		return settings.Domain{}, s.found("domain", err)
	}
	return d, nil
}

// SetDomain creates d, or gives the domain of that name in the same account
// all that can be set of d, and keeps a. It fills in the name and changes of
// a, and as its target the stored domain. Where nothing differs it keeps
// nothing. A domain of another account is a Conflict fault, a policy that is
// not the account's PolicyUnknown. Where d says no time of creation or update,
// that is now.
func (s *Store) SetDomain(ctx context.Context, by audit.Grant, d settings.Domain, a audit.Action) error {
	now := s.now()
	d.Created, d.Updated = timeOr(d.Created, now), timeOr(d.Updated, now)
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		a := a // fn may run again
		if differs, err := setDomain(t, d, &a); err != nil || !differs {
			return nil, err
		}
		return []audit.Action{a}, nil
	})
	if err != nil {
		return fmt.Errorf("store: set domain: %w", s.policyFault(err))
	}
	return nil
}

// policyFault is the fault behind a policy that was deleted just before a
// domain named it.
func (s *Store) policyFault(err error) error {
	if s.db.Dangling(err) {
		return errNoPolicy()
	}
	return err
}

func errNoPolicy() error {
	return fault.On("policy_id", fault.PolicyUnknown, "The account has no such policy. Name one of its own, or %q.", settings.StandardPolicy)
}

// setDomain reports whether it changed anything.
func setDomain(t *db.Tx, d settings.Domain, a *audit.Action) (bool, error) {
	a.Target, a.Domain = audit.Target{Kind: audit.DomainTarget, ID: d.ID, Name: d.Name}, d.Name
	created, err := insertDomain(t, d)
	if err != nil {
		return false, err
	}
	if created {
		a.Name, a.Changes = audit.DomainCreate, domainChanges(nil, d)
		return true, nil
	}
	old, err := lockDomain(t, d.Name)
	if err != nil {
		return false, err
	}
	if old.Account != d.Account {
		return false, fault.New(fault.Conflict, "This domain belongs to another account.")
	}
	a.Target.ID = old.ID
	a.Name, a.Changes = audit.DomainUpdate, domainChanges(&old, d)
	if len(a.Changes) == 0 {
		return false, nil
	}
	return true, updateDomain(t, old.ID, d)
}

// lockDomain returns the domain, which stays as it is until the transaction
// ends: the first statement changes nothing and locks the row.
func lockDomain(t *db.Tx, name string) (settings.Domain, error) {
	if _, err := t.Exec(`UPDATE domains SET updated = updated WHERE name = $1`, name); err != nil {
		return settings.Domain{}, err
	}
	return scanDomain(t.Row(selectDomains+` WHERE domains.name = $1 AND domains.account `+notSuspended, name))
}

// insertDomain reports whether it created d: not if the name exists.
func insertDomain(t *db.Tx, d settings.Domain) (bool, error) {
	if err := checkPolicy(t, d); err != nil {
		return false, err
	}
	in, out := d.Service.Incoming, d.Service.Outgoing
	n, err := t.Exec(`INSERT INTO domains (`+domainFields+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULLIF($11, ''), $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
		ON CONFLICT (name) DO NOTHING`,
		d.ID, d.Account, d.Name, in.Host, in.Port, db.Bit(in.STARTTLS), out.Host, out.Port, db.Bit(out.STARTTLS),
		string(d.Policy), d.PolicyID, d.DisplayName, d.HelpText, d.SignInHint, loginOf(d), db.List(platformsOf(d)),
		db.List(d.ReturnHosts), db.Millis(d.Created), db.Millis(d.Updated),
		d.Service.Calendars.Host, d.Service.Calendars.Port, d.Service.Contacts.Host, d.Service.Contacts.Port)
	return n == 1, err
}

// checkPolicy refuses a policy that is not the account's. That it stays there
// the reference in the row sees to.
func checkPolicy(t *db.Tx, d settings.Domain) error {
	if d.PolicyID == "" {
		return nil
	}
	var n int
	err := t.Row(`SELECT COUNT(*) FROM policies WHERE id = $1 AND account = $2`, d.PolicyID, d.Account).Scan(&n)
	if err == nil && n == 0 {
		err = errNoPolicy()
	}
	return err
}

func updateDomain(t *db.Tx, id string, d settings.Domain) error {
	in, out := d.Service.Incoming, d.Service.Outgoing
	_, err := t.Exec(`UPDATE domains SET imap_host = $2, imap_port = $3, imap_starttls = $4,
		smtp_host = $5, smtp_port = $6, smtp_starttls = $7, policy = $8, policy_id = NULLIF($9, ''), display_name = $10,
		help_text = $11, sign_in_hint = $12, login = $13, platforms = $14, updated = $15, return_hosts = $16,
		caldav_host = $17, caldav_port = $18, carddav_host = $19, carddav_port = $20 WHERE id = $1`,
		id, in.Host, in.Port, db.Bit(in.STARTTLS), out.Host, out.Port, db.Bit(out.STARTTLS), string(d.Policy),
		d.PolicyID, d.DisplayName, d.HelpText, d.SignInHint, loginOf(d), db.List(platformsOf(d)), db.Millis(d.Updated),
		db.List(d.ReturnHosts), d.Service.Calendars.Host, d.Service.Calendars.Port, d.Service.Contacts.Host, d.Service.Contacts.Port)
	return err
}

// loginOf and platformsOf are what the empty values of d mean.
func loginOf(d settings.Domain) string { return string(cmp.Or(d.Login, settings.AddressLogin)) }

func platformsOf(d settings.Domain) []profile.Platform {
	return slices.DeleteFunc(settings.Platforms(), func(p profile.Platform) bool { return !d.MakesFor(p) })
}

// domainChanges are the fields in which the two differ. Before a domain was
// there all of them are empty.
func domainChanges(before *settings.Domain, after settings.Domain) []audit.Change {
	if before == nil {
		return changes(nil, domainText(after))
	}
	return changes(domainText(*before), domainText(after))
}

// domainText is what can be set of a domain, as its log shows it.
func domainText(d settings.Domain) []setting {
	return []setting{
		{"incoming", d.Service.Incoming.String()},
		{"outgoing", d.Service.Outgoing.String()},
		{"caldav", d.Service.Calendars.String()},
		{"carddav", d.Service.Contacts.String()},
		{"policy", string(d.Policy)},
		{"policy_id", cmp.Or(d.PolicyID, settings.StandardPolicy)},
		{"display_name", d.DisplayName},
		{"help_text", d.HelpText},
		{"sign_in_hint", d.SignInHint},
		{"login", loginOf(d)},
		{"platforms", db.List(platformsOf(d))},
		{"return_hosts", db.List(d.ReturnHosts)},
	}
}

// A setting is a field of something and its value in words.
type setting struct{ field, value string }

// changes are the settings that differ. Before something was there it has
// none.
func changes(before, after []setting) []audit.Change {
	var all []audit.Change
	for i, s := range after {
		old := ""
		if before != nil {
			old = before[i].value
		}
		if old != s.value {
			all = append(all, audit.Change{Field: s.field, Old: old, New: s.value})
		}
	}
	return all
}

func scanDomain(r db.Row) (settings.Domain, error) {
	var d domainRow
	if err := r.Scan(d.fields()...); err != nil {
		return settings.Domain{}, err
	}
	return d.domain(), nil
}

// A domainRow is a domain as its columns hold it.
type domainRow struct {
	d                               settings.Domain
	inTLS, outTLS, created, updated int64
	platforms, hosts                string
	rules                           rulesRow
}

// fields are where domainColumns are scanned to.
func (r *domainRow) fields() []any {
	d := &r.d
	in, out := &d.Service.Incoming, &d.Service.Outgoing
	calendars, contacts := &d.Service.Calendars, &d.Service.Contacts
	return append([]any{&d.ID, &d.Account, &d.Name, &in.Host, &in.Port, &r.inTLS, &out.Host, &out.Port, &r.outTLS,
		&d.Policy, &d.PolicyID, &d.DisplayName, &d.HelpText, &d.SignInHint, &d.Login, &r.platforms, &r.hosts, &r.created, &r.updated,
		&calendars.Host, &calendars.Port, &contacts.Host, &contacts.Port},
		r.rules.fields()...)
}

func (r *domainRow) domain() settings.Domain {
	d := r.d
	d.Service.Incoming.STARTTLS, d.Service.Outgoing.STARTTLS = r.inTLS != 0, r.outTLS != 0
	d.Created, d.Updated = db.Moment(r.created), db.Moment(r.updated)
	for _, p := range strings.Fields(r.platforms) {
		d.Platforms = append(d.Platforms, profile.Platform(p))
	}
	if r.hosts != "" {
		d.ReturnHosts = strings.Fields(r.hosts)
	}
	if d.DevicePolicy = profile.DefaultPasscode(); d.PolicyID != "" {
		d.DevicePolicy = r.rules.passcode()
	}
	return d
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
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		d, err := scanDomain(r)
		all = append(all, d)
		return err
	}, selectDomains+` WHERE domains.account = $1 ORDER BY domains.name`, account)
	if err != nil {
		return nil, fmt.Errorf("store: domains: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// CreateDomain keeps d and a, whose changes it fills in. A name that is taken
// is a Conflict fault, a policy that is not the account's PolicyUnknown.
func (s *Store) CreateDomain(ctx context.Context, by audit.Grant, d settings.Domain, a audit.Action) error {
	a.Changes = domainChanges(nil, d)
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		created, err := insertDomain(t, d)
		if err == nil && !created {
			err = fault.New(fault.Conflict, "This domain is there already.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: create domain: %w", s.policyFault(err))
	}
	return nil
}

// DeleteDomain deletes a domain of the account with its links and tickets, and
// keeps a. One that is not there is a NotFound fault.
func (s *Store) DeleteDomain(ctx context.Context, by audit.Grant, account, name string, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if _, err := t.Exec(`DELETE FROM tickets WHERE link IN
			(SELECT id FROM links WHERE domain = $1 AND account = $2)`, name, account); err != nil {
			return err
		}
		if _, err := t.Exec(`DELETE FROM links WHERE domain = $1 AND account = $2`, name, account); err != nil {
			return err
		}
		n, err := t.Exec(`DELETE FROM domains WHERE name = $1 AND account = $2`, name, account)
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

// Trusted reports whether the account may have domains without proof. An
// account that is not there is a NotFound fault.
func (s *Store) Trusted(ctx context.Context, account string) (bool, error) {
	var trusted int64
	err := s.db.Read(ctx).Row(`SELECT trusted FROM accounts WHERE id = $1`, account).Scan(&trusted)
	if err != nil {
		return false, s.found("account", err)
	}
	return trusted != 0, nil
}
