package account

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Key lets a program use the API for an account.
type Key struct {
	ID      string
	Account string
	// Name tells people which program has the key.
	Name   string
	Scopes []Scope
	// Domains are the email domains that the key may act for, as lower-case
	// A-labels. None: all of the account's.
	Domains []string
	// Networks are where requests may come from. None: anywhere. A network that
	// can't be parsed in the database is the zero value, which matches no
	// request.
	Networks []netip.Prefix
	// Test marks a key for tests: what it creates works, and is labeled as a
	// test.
	Test    bool
	Created time.Time
	// CreatedBy is who created the key.
	CreatedBy Creator
	Expires   time.Time // zero: never
	Revoked   time.Time // zero: not revoked
	LastUsed  time.Time // to the minute; zero: never
	// LastNetwork is where it was used from at LastUsed, as KeyNetwork returns
	// it. Zero: never used.
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
	// Name is the member's name, or the email address if there is none, or the
	// key's name. Empty: a removed member, or neither.
	Name string
}

// A Scope is a permission of a key.
type Scope string

// The scopes. The list of routes says which scope each needs.
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

// ParseScopes parses the names of scopes and drops duplicates. An unknown one
// is a fault of the field "scopes" that lists the valid ones.
func ParseScopes(names []string) ([]Scope, error) {
	var out []Scope
	for _, name := range names {
		s := Scope(strings.TrimSpace(name))
		if !slices.Contains(Scopes(), s) {
			return nil, fault.On("scopes", fault.ScopeUnknown, "A scope must be one of %s.", joined(Scopes()))
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, fault.On("scopes", fault.ScopeUnknown, "Choose at least one scope: %s.", joined(Scopes()))
	}
	return out, nil
}

func joined(scopes []Scope) string { return words(scopes) }

// words lists names in a sentence.
func words[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// Permit returns a Forbidden fault if the key doesn't have the scope. The empty
// scope is always allowed.
func (k Key) Permit(s Scope) error {
	if s != "" && !slices.Contains(k.Scopes, s) {
		return fault.New(fault.Forbidden, "This key doesn't have the scope %s.", s)
	}
	return nil
}

// PermitDomain returns a Forbidden fault for a domain that the key may not act
// for, whether or not the domain exists.
func (k Key) PermitDomain(name string) error {
	if len(k.Domains) > 0 && !slices.Contains(k.Domains, name) {
		return fault.New(fault.Forbidden, "This key may not act for this domain.")
	}
	return nil
}

// Sees reports whether the key may see the other one. A key for some domains
// sees only itself and keys for some of the same domains.
func (k Key) Sees(other Key) bool {
	return len(k.Domains) == 0 || other.ID == k.ID || len(other.Domains) > 0 && subset(other.Domains, k.Domains)
}

// ParseNetwork parses a network, or an address as a network of one address.
func ParseNetwork(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Unmap().Prefix(ip.Unmap().BitLen())
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}
