package store

import (
	"cmp"
	"context"
	"errors"
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

// domains are stored without the passcode policy, which is joined to them.
var domains = db.NewTable("domains", func(d *settings.Domain) []db.Column {
	in, out := &d.Service.Incoming, &d.Service.Outgoing
	calendars, contacts := &d.Service.Calendars, &d.Service.Contacts
	return []db.Column{
		db.Col("id", &d.ID), db.Col("account", &d.Account), db.Col("name", &d.Name),
		db.Col("imap_host", &in.Host), db.Col("imap_port", &in.Port), db.Col("imap_starttls", db.Bool(&in.STARTTLS)),
		db.Col("smtp_host", &out.Host), db.Col("smtp_port", &out.Port), db.Col("smtp_starttls", db.Bool(&out.STARTTLS)),
		db.Col("caldav_host", &calendars.Host), db.Col("caldav_port", &calendars.Port),
		db.Col("carddav_host", &contacts.Host), db.Col("carddav_port", &contacts.Port),
		db.Col("policy", &d.Policy), db.Col("policy_id", db.Optional(&d.PolicyID)),
		db.Col("display_name", &d.DisplayName), db.Col("help_text", &d.HelpText), db.Col("sign_in_hint", &d.SignInHint),
		db.Col("login", &d.Login), db.Col("platforms", db.Words(&d.Platforms)), db.Col("return_hosts", db.Words(&d.ReturnHosts)), db.Col("metadata", &d.Metadata),
		db.Col("created", db.Time(&d.Created)), db.Col("updated", db.Time(&d.Updated)),
	}
})

// domainColumns are the columns of a domain and, through withPolicy, of its
// policy.
var domainColumns = domains.Columns + `, ` + rules.Columns

const withPolicy = ` LEFT JOIN policies ON policies.id = domains.policy_id`

// selectDomains reads domains, each with its policy.
var selectDomains = `SELECT ` + domainColumns + ` FROM domains` + withPolicy

// intoDomain returns the destinations for domainColumns. Call standardPolicy
// afterwards.
func intoDomain(d *settings.Domain) []any {
	return append(domains.Into(d), rules.Into(&d.DevicePolicy)...)
}

// standardPolicy sets the standard policy of a domain without a policy of its
// own.
func standardPolicy(d *settings.Domain) {
	if d.PolicyID == "" {
		d.DevicePolicy = profile.DefaultPasscode()
	}
}

func scanDomain(r db.Row) (settings.Domain, error) {
	var d settings.Domain
	err := r.Scan(intoDomain(&d)...)
	standardPolicy(&d)
	return d, err
}

// Domain returns the domain called name. If it doesn't exist or its account is
// suspended, it returns a NotFound fault.
func (s *Store) Domain(ctx context.Context, name string) (settings.Domain, error) {
	d, err := scanDomain(s.db.Read(ctx).ByKey(selectDomains+` WHERE domains.name = $1 AND domains.account `+notSuspended, name))
	if err != nil {
		return settings.Domain{}, s.found("domain", err)
	}
	return d, nil
}

// DomainNames returns at most limit names of domains, sorted, with lengths
// between from and to in bytes. It leaves out those of suspended accounts.
func (s *Store) DomainNames(ctx context.Context, from, to, limit int) ([]string, error) {
	var names []string
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var name string
		err := r.Scan(&name)
		names = append(names, name)
		return err
	}, `SELECT name FROM domains WHERE LENGTH(name) BETWEEN $1 AND $2 AND account `+notSuspended+` ORDER BY name LIMIT $3`, from, to, limit)
	if err != nil {
		return nil, fmt.Errorf("store: domain names: %w", s.db.Diagnose(err))
	}
	return names, nil
}

const selectAnyDomain = `SELECT COUNT(*) FROM (SELECT 1 FROM domains LIMIT $1) AS found`

// AnyDomain reports whether a domain is set up.
func (s *Store) AnyDomain(ctx context.Context) (bool, error) {
	var n int
	if err := s.db.Read(ctx).ByKey(selectAnyDomain, 1).Scan(&n); err != nil {
		return false, fmt.Errorf("store: any domain: %w", s.db.Diagnose(err))
	}
	return n > 0, nil
}

// SetDomain creates d, or updates the domain of that name in the same account,
// and stores a. It fills in the name and changes of a, and the stored domain
// as its target. If nothing differs, it stores nothing. If the domain belongs
// to another account, it returns a Conflict fault, and if the account has no
// such policy, PolicyUnknown. If d has no time of creation or update, it uses
// the current time.
func (s *Store) SetDomain(ctx context.Context, by audit.Grant, d settings.Domain, a audit.Action) error {
	now := s.now()
	d.Created, d.Updated = timeOr(d.Created, now), timeOr(d.Updated, now)
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		a := a // fn may run again
		old, differs, err := setDomain(t, d, &a)
		if err != nil || !differs {
			return nil, err
		}
		return allowed(t, by, old, d, a, now)
	})
	if err != nil {
		return fmt.Errorf("store: set domain: %w", s.policyFault(err))
	}
	return nil
}

// ChangeDomain applies change to the current domain with d's ID and account,
// and stores the result and a, whose changes it fills in. If nothing differs,
// it stores nothing. If the domain was deleted, even if there is another of
// its name since, it returns a NotFound fault, and if the account has no such
// policy, PolicyUnknown.
func (s *Store) ChangeDomain(ctx context.Context, by audit.Grant, d settings.Domain, change func(settings.Domain) (settings.Domain, error), a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockDomain(t, d.Name)
		if errors.Is(err, db.ErrNoRows) || err == nil && (old.ID != d.ID || old.Account != d.Account) {
			err = fault.New(fault.NotFound, "There is no such domain.")
		}
		if err != nil {
			return nil, err
		}
		d, err := change(old)
		if err == nil {
			err = checkPolicy(t, d)
		}
		if err != nil {
			return nil, err
		}
		a := a // fn may run again
		if differs, err := changeDomain(t, old, d, &a); err != nil || !differs {
			return nil, err
		}
		return allowed(t, by, old, d, a, s.now())
	})
	if err != nil {
		return fmt.Errorf("store: change domain: %w", s.policyFault(err))
	}
	return nil
}

// policyFault returns the fault if a policy was deleted just before a domain
// used it.
func (s *Store) policyFault(err error) error {
	if s.db.Dangling(err) {
		return errNoPolicy()
	}
	return err
}

func errNoPolicy() error {
	return fault.On("policy_id", fault.PolicyUnknown, "The account doesn't have this policy. Choose one of its policies, or %q.", settings.StandardPolicy)
}

// allowed returns the action for a domain that was old before and is d now,
// preceded by those that approve its servers. It refuses what the grant may
// not do.
func allowed(t *db.Tx, by audit.Grant, old, d settings.Domain, a audit.Action, now time.Time) ([]audit.Action, error) {
	if err := checkErasingDomain(t, by, old, d); err != nil {
		return nil, err
	}
	approvals, err := approve(t, by, old, d, now)
	return append(approvals, a), err
}

// setDomain returns the previous domain, and reports whether anything changed.
func setDomain(t *db.Tx, d settings.Domain, a *audit.Action) (old settings.Domain, differs bool, err error) {
	created, err := insertDomain(t, d)
	if err != nil {
		return old, false, err
	}
	if created {
		a.Name = audit.DomainCreate
		describe(a, d, domainChanges(nil, d))
		return old, true, nil
	}
	if old, err = lockDomain(t, d.Name); err != nil {
		return old, false, err
	}
	if old.Account != d.Account {
		return old, false, fault.New(fault.Conflict, "This domain belongs to another account.")
	}
	a.Name = audit.DomainUpdate
	differs, err = changeDomain(t, old, d, a)
	return old, differs, err
}

// changeDomain updates a locked domain with the settings of d. It reports
// whether that changed anything.
func changeDomain(t *db.Tx, old, d settings.Domain, a *audit.Action) (bool, error) {
	d.ID = old.ID
	describe(a, d, domainChanges(&old, d))
	if len(a.Changes) == 0 {
		return false, nil
	}
	if err := domains.Update(t, spelledOut(d), "account", "name", "created"); err != nil || d.Metadata == old.Metadata {
		return true, err
	}
	if _, err := t.Exec(`DELETE FROM domain_metadata WHERE domain = $1`, old.Name); err != nil {
		return false, err
	}
	return true, keepDomainMetadata(t, d)
}

// keepDomainMetadata stores the metadata by which the domain can be found.
func keepDomainMetadata(t *db.Tx, d settings.Domain) error {
	var runs [][]any
	for name, value := range d.Metadata.Values() {
		runs = append(runs, []any{d.Account, name, value, d.Name})
	}
	return t.Many(nil, `INSERT INTO domain_metadata (account, name, value, domain) VALUES ($1, $2, $3, $4)`, runs)
}

// describe sets the action's target and changes.
func describe(a *audit.Action, d settings.Domain, changes []audit.Change) {
	a.Target, a.Domain = audit.Target{Kind: audit.DomainTarget, ID: d.ID, Name: d.Name}, d.Name
	a.Changes = changes
}

// lockDomain returns the domain and locks its row until the transaction ends,
// by a statement that changes nothing.
func lockDomain(t *db.Tx, name string) (settings.Domain, error) {
	if _, err := t.Exec(`UPDATE domains SET updated = updated WHERE name = $1`, name); err != nil {
		return settings.Domain{}, err
	}
	return scanDomain(t.Row(selectDomains+` WHERE domains.name = $1 AND domains.account `+notSuspended, name))
}

// insertDomain reports whether it created d. It doesn't if the name exists.
func insertDomain(t *db.Tx, d settings.Domain) (bool, error) {
	if err := checkPolicy(t, d); err != nil {
		return false, err
	}
	created, err := domains.InsertNew(t, spelledOut(d), "name")
	if err == nil && created {
		err = keepDomainMetadata(t, d)
	}
	return created, err
}

// checkPolicy refuses a policy that isn't the account's. The row's reference
// ensures that this stays so.
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

// spelledOut returns d with its empty values replaced by their meanings.
func spelledOut(d settings.Domain) settings.Domain {
	d.Login = cmp.Or(d.Login, settings.AddressLogin)
	d.Platforms = platformsOf(d)
	return d
}

// platformsOf returns the platforms for which d has profiles.
func platformsOf(d settings.Domain) []profile.Platform {
	return slices.DeleteFunc(settings.Platforms(), func(p profile.Platform) bool { return !d.MakesFor(p) })
}

// domainChanges returns the fields that differ. For a new domain, all old
// values are empty.
func domainChanges(before *settings.Domain, after settings.Domain) []audit.Change {
	var old []setting
	if before != nil {
		old = domainText(*before)
	}
	all := changes(old, domainText(after))
	for i, c := range all {
		if c.Field == "metadata" { // its content is unknown and may be personal
			all[i].Old, all[i].New = "***", "***"
		}
	}
	return all
}

// domainText returns a domain's settings as its log shows them.
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
		{"login", string(cmp.Or(d.Login, settings.AddressLogin))},
		{"platforms", db.List(platformsOf(d))},
		{"return_hosts", db.List(d.ReturnHosts)},
		{"metadata", string(d.Metadata)},
	}
}

// A setting is a field and its value in words.
type setting struct{ field, value string }

// changes returns the settings that differ. A new object has no old ones.
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

func timeOr(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

// DomainsPart returns a page of the domains that match the filter, sorted by
// name.
func (s *Store) DomainsPart(ctx context.Context, f settings.Filter) ([]settings.Domain, error) {
	var w db.Where
	w.Add(`domains.account = ?`, f.Account)
	w.Add(`domains.name > ?`, f.After)
	if len(f.Names) > 0 {
		w.Add(`domains.name IN (?`+strings.Repeat(`, ?`, len(f.Names)-1)+`)`, anys(f.Names)...)
	}
	if f.Metadata != (settings.Pair{}) {
		w.Add(`domains.name IN (SELECT domain FROM domain_metadata WHERE account = ? AND domain_metadata.name = ? AND value = ?)`,
			f.Account, f.Metadata.Name, f.Metadata.Value)
	}
	query, args := w.Query(selectDomains, `ORDER BY domains.name LIMIT ?`, f.Limit)
	all, err := scanDomains(s.db.Read(ctx), query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: domains: %w", s.db.Diagnose(err))
	}
	return all, nil
}

func scanDomains(t *db.Tx, query string, args ...any) ([]settings.Domain, error) {
	var all []settings.Domain
	err := t.Each(func(r db.Row) error {
		d, err := scanDomain(r)
		all = append(all, d)
		return err
	}, query, args...)
	return all, err
}

func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i, v := range all {
		out[i] = v
	}
	return out
}

// Domains returns the domains of an account, sorted by name.
func (s *Store) Domains(ctx context.Context, account string) ([]settings.Domain, error) {
	all, err := scanDomains(s.db.Read(ctx), selectDomains+` WHERE domains.account = $1 ORDER BY domains.name`, account)
	if err != nil {
		return nil, fmt.Errorf("store: domains: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// CreateDomain stores d and a, whose changes it fills in, and deletes the
// account's pending domain of that name. If the name is taken, it returns a
// Conflict fault, and if the account has no such policy, PolicyUnknown.
func (s *Store) CreateDomain(ctx context.Context, by audit.Grant, d settings.Domain, a audit.Action) error {
	a.Changes = domainChanges(nil, d)
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		created, err := insertDomain(t, d)
		if err == nil && !created {
			err = fault.New(fault.Conflict, "This domain already exists.")
		}
		if err == nil {
			_, err = t.Exec(`DELETE FROM pending_domains WHERE account = $1 AND name = $2`, d.Account, d.Name)
		}
		if err != nil {
			return nil, err
		}
		return allowed(t, by, settings.Domain{}, d, a, s.now())
	})
	if err != nil {
		return fmt.Errorf("store: create domain: %w", s.policyFault(err))
	}
	return nil
}

// DeleteDomain deletes a domain of the account with its links and tickets if
// check allows it, and stores a. If the domain doesn't exist, it returns a
// NotFound fault.
func (s *Store) DeleteDomain(ctx context.Context, by audit.Grant, account, name string, check func(settings.Domain) error, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		d, err := lockDomain(t, name)
		if errors.Is(err, db.ErrNoRows) || err == nil && d.Account != account {
			err = fault.New(fault.NotFound, "There is no such domain.")
		}
		if err == nil && check != nil {
			err = check(d)
		}
		if err != nil {
			return err
		}
		if _, err := t.Exec(`DELETE FROM tickets WHERE link IN
			(SELECT id FROM links WHERE domain = $1 AND account = $2)`, name, account); err != nil {
			return err
		}
		if _, err := t.Exec(`DELETE FROM links WHERE domain = $1 AND account = $2`, name, account); err != nil {
			return err
		}
		if _, err := t.Exec(`DELETE FROM domain_checks WHERE domain = $1`, d.ID); err != nil {
			return err
		}
		_, err = t.Exec(`DELETE FROM domains WHERE name = $1 AND account = $2`, name, account)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: delete domain: %w", err)
	}
	return nil
}

// Trusted reports whether the account may have domains without proof. If the
// account doesn't exist, it returns a NotFound fault.
func (s *Store) Trusted(ctx context.Context, account string) (bool, error) {
	var trusted int64
	err := s.db.Read(ctx).Row(`SELECT trusted FROM accounts WHERE id = $1`, account).Scan(&trusted)
	if err != nil {
		return false, s.found("account", err)
	}
	return trusted != 0, nil
}
