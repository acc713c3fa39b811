package settings

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// Limits on DNS lookups.
const (
	proofTimeout = 5 * time.Second
	proofTexts   = 20 // how many of a name's texts are checked
)

// proofName precedes the record's value.
const proofName = "mobileconfig-domain="

// A Resolver queries the DNS. *net.Resolver is one.
type Resolver interface {
	// LookupTXT returns the TXT records of a name.
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// A DNSProof is a Prover that uses a TXT record of the domain. The record's
// value is derived from the installation's secret, so nothing is stored.
type DNSProof struct {
	mac      *crypt.MAC
	resolver Resolver
}

var _ Prover = (*DNSProof)(nil)

// NewDNSProof returns a DNSProof with the installation's secret.
func NewDNSProof(secret *crypt.Secret, resolver Resolver) *DNSProof {
	return &DNSProof{secret.MAC(crypt.DomainProof), resolver}
}

// Record returns the TXT record that proves the account's ownership of the
// domain.
func (d *DNSProof) Record(account, domain string) (name, value string) {
	return "_mobileconfig." + domain, proofName + d.mac.Code(account+"\x00"+domain)
}

// Proves reports whether the record is published. The error says why the DNS
// couldn't be queried.
func (d *DNSProof) Proves(ctx context.Context, account, domain string) (bool, error) {
	name, _ := d.Record(account, domain)
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	// The final dot avoids the machine's search list.
	texts, err := d.resolver.LookupTXT(ctx, name+".")
	if err != nil {
		return false, fmt.Errorf("settings: proof: %w", err)
	}
	return slices.ContainsFunc(texts[:min(len(texts), proofTexts)], func(text string) bool {
		code, ok := strings.CutPrefix(text, proofName)
		return ok && d.mac.Valid(account+"\x00"+domain, code)
	}), nil
}
