package settings

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// MaxApprovedHosts is how many patterns an account can have.
const MaxApprovedHosts = 500

// An ApprovedHost is a server, or a group of servers, that an owner has
// approved for the account's domains.
type ApprovedHost struct {
	// Pattern is a host name in lower-case A-label form, or "*." and a domain
	// that includes all hosts below it.
	Pattern string
	Created time.Time
}

// ParseHostPattern returns a pattern in canonical form. It refuses patterns
// for all hosts below a public suffix, such as *.co.uk.
func ParseHostPattern(s string) (string, error) {
	host, below := strings.CutPrefix(profile.Trim(s), "*.")
	host, err := profile.ParseHost(host)
	if err != nil {
		return "", fmt.Errorf("%w; enter a host such as imap.example.com, or *.example.com for all hosts below it", err)
	}
	if !below {
		return host, nil
	}
	if suffix, _ := publicsuffix.PublicSuffix(host); suffix == host {
		return "", fmt.Errorf("many organizations share *.%s; enter a name below it, such as *.example.%s", host, host)
	}
	return "*." + host, nil
}

// Approves reports whether one of the patterns matches the host.
func Approves(patterns []string, host string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if suffix, below := strings.CutPrefix(p, "*"); below {
			return len(host) > len(suffix) && strings.HasSuffix(host, suffix)
		}
		return p == host
	})
}

// A ServerField is a server of a domain with the name of its field.
type ServerField struct{ Field, Host string }

// ServerFields returns the servers that the domain has.
func (d Domain) ServerFields() []ServerField {
	all := []ServerField{
		{"imap", d.Service.Incoming.Host}, {"smtp", d.Service.Outgoing.Host},
		{"caldav", d.Service.Calendars.Host}, {"carddav", d.Service.Contacts.Host},
	}
	return slices.DeleteFunc(all, func(s ServerField) bool { return s.Host == "" })
}

// Unapproved returns a fault for each server of the domain that no pattern
// matches and that the old domain didn't have, or nil. The old domain may be
// zero.
func Unapproved(patterns []string, old, d Domain) []error {
	var all []error
	before := old.ServerFields()
	for _, s := range d.ServerFields() {
		if !slices.Contains(before, s) && !Approves(patterns, s.Host) {
			all = append(all, fault.On(s.Field, fault.HostUnapproved,
				"An owner of the account hasn't approved this server. Owners approve servers in the control panel under Domains, Approved servers; operators use \"mobileconfig admin host approve\"."))
		}
	}
	return all
}

// A HostStore stores approved hosts.
type HostStore interface {
	// ApprovedHosts returns those of an account, sorted by pattern.
	ApprovedHosts(ctx context.Context, account string) ([]ApprovedHost, error)
	// ApproveHost stores h and a. If the pattern exists, or the account has
	// MaxApprovedHosts, it returns a Conflict fault.
	ApproveHost(ctx context.Context, by audit.Grant, account string, h ApprovedHost, a audit.Action) error
	// WithdrawHost deletes the pattern and stores a. If the pattern doesn't
	// exist, it returns a NotFound fault.
	WithdrawHost(ctx context.Context, by audit.Grant, account, pattern string, a audit.Action) error
}

// Hosts approves servers and revokes approvals.
type Hosts struct {
	store HostStore
	now   func() time.Time
}

// NewHosts returns Hosts that use the store.
func NewHosts(store HostStore, now func() time.Time) *Hosts { return &Hosts{store, now} }

// List returns the approved hosts of an account, sorted by pattern.
func (h *Hosts) List(ctx context.Context, account string) ([]ApprovedHost, error) {
	return h.store.ApprovedHosts(ctx, account)
}

// Approve lets the domains of the account use the hosts of a pattern, no
// matter who sets them. The fault is Invalid if the pattern is invalid, and a
// Conflict if it exists.
func (h *Hosts) Approve(ctx context.Context, by audit.Grant, account, pattern string) (ApprovedHost, error) {
	pattern, err := ParseHostPattern(pattern)
	if err != nil {
		return ApprovedHost{}, fault.On("host", fault.Invalid, "This can't be approved: %s.", err)
	}
	approved := ApprovedHost{pattern, h.now()}
	return approved, h.store.ApproveHost(ctx, by, account, approved, HostAction(audit.HostApprove, account, pattern))
}

// Withdraw revokes an approval. Domains that use the hosts keep them; new ones
// can't use them.
func (h *Hosts) Withdraw(ctx context.Context, by audit.Grant, account, pattern string) error {
	return h.store.WithdrawHost(ctx, by, account, pattern, HostAction(audit.HostWithdraw, account, pattern))
}

// HostAction returns an action on a pattern.
func HostAction(name audit.Name, account, pattern string) audit.Action {
	return audit.Action{
		Account: account, Name: name, Outcome: audit.Done,
		Target: audit.Target{Kind: audit.HostTarget, ID: pattern, Name: pattern},
	}
}
