package account

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Key lets a program act for an account by the API.
type Key struct {
	ID      string
	Account string
	// Name tells people which program has the key.
	Name   string
	Scopes []Scope
	// Domains are the mail domains that the key may act for, as lower-case
	// A-labels. None: all of the account's.
	Domains []string
	// Networks are where requests may come from. None: anywhere. One that can't
	// be read in the database is the zero value, from which none come.
	Networks []netip.Prefix
	// Test marks the key as one for trying things out: what it makes works,
	// and says of itself that it is a test.
	Test    bool
	Created time.Time
	// CreatedBy is who created the key.
	CreatedBy Creator
	Expires   time.Time // zero: never
	Revoked   time.Time // zero: not revoked
	LastUsed  time.Time // to the minute; zero: never
	// LastNetwork is where it was used from then, as KeyNetwork returns it. Zero:
	// never used.
	LastNetwork netip.Prefix
	// Hash is the SHA-256 of the key's secret part.
	Hash []byte
}

// A Creator is who created a key.
type Creator struct {
	// Kind is a member, a key, the operator on the command line, or the program
	// itself.
	Kind audit.ActorKind
	ID   string // of the member or key; may be empty
	// Name is the member's, or the email address of one who has none, or the
	// key's. Empty: a member who was removed, or neither.
	Name string
}

// A Scope is a permission of a key.
type Scope string

// The scopes. What a route needs stands beside the route.
const (
	DomainsRead   Scope = "domains:read"
	DomainsWrite  Scope = "domains:write"
	PoliciesRead  Scope = "policies:read"
	PoliciesWrite Scope = "policies:write"
	ProfilesWrite Scope = "profiles:write"
	LinksRead     Scope = "links:read"
	LinksWrite    Scope = "links:write"
	BatchesRead   Scope = "batches:read"
	BatchesWrite  Scope = "batches:write"
	KeysRead      Scope = "keys:read"
	KeysWrite     Scope = "keys:write"
	IdentityRead  Scope = "identity:read"
	ActionsRead   Scope = "actions:read"
	WebhooksRead  Scope = "webhooks:read"
	WebhooksWrite Scope = "webhooks:write"
)

// Scopes lists all scopes.
func Scopes() []Scope {
	return []Scope{DomainsRead, DomainsWrite, PoliciesRead, PoliciesWrite, ProfilesWrite, LinksRead, LinksWrite, BatchesRead, BatchesWrite, KeysRead, KeysWrite, IdentityRead, ActionsRead,
		WebhooksRead, WebhooksWrite}
}

// ParseScopes reads scopes by their names; each counts once. An unknown one
// is a fault of the field "scopes" that lists those that there are.
func ParseScopes(names []string) ([]Scope, error) {
	var out []Scope
	for _, name := range names {
		s := Scope(strings.TrimSpace(name))
		if !slices.Contains(Scopes(), s) {
			return nil, fault.On("scopes", fault.ScopeUnknown, "A scope is one of %s.", joined(Scopes()))
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, fault.On("scopes", fault.ScopeUnknown, "Name one scope or more: %s.", joined(Scopes()))
	}
	return out, nil
}

func joined(scopes []Scope) string { return words(scopes) }

// words lists names for people.
func words[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// Permit refuses what the key has no scope for, as Forbidden. Every key may do
// what needs none.
func (k Key) Permit(s Scope) error {
	if s != "" && !slices.Contains(k.Scopes, s) {
		return fault.New(fault.Forbidden, "This key lacks the scope %s.", s)
	}
	return nil
}

// PermitDomain refuses a domain that the key may not act for, as Forbidden:
// the same for a domain that does not exist.
func (k Key) PermitDomain(name string) error {
	if len(k.Domains) > 0 && !slices.Contains(k.Domains, name) {
		return fault.New(fault.Forbidden, "This key may not act for this domain.")
	}
	return nil
}

// Sees reports whether the key may know of the other one. A key that acts for
// some domains alone knows itself and the keys for some of the same domains.
func (k Key) Sees(other Key) bool {
	return len(k.Domains) == 0 || other.ID == k.ID || len(other.Domains) > 0 && subset(other.Domains, k.Domains)
}

// ParseNetwork reads a network, or an address as the network of it alone.
func ParseNetwork(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Unmap().Prefix(ip.Unmap().BitLen())
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}
