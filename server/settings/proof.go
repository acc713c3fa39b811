package settings

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// Bounds on what is asked of the DNS.
const (
	proofTimeout = 5 * time.Second
	proofTexts   = 20 // how many of a name's texts are looked at
)

// proofName stands before what the record must say.
const proofName = "mobileconfig-domain="

// A Resolver asks the DNS. *net.Resolver is one.
type Resolver interface {
	// LookupTXT returns the texts that are published under a name.
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// A DNSProof is a Prover by a TXT record of the domain. What the record must
// say follows from the installation's secret: nothing is kept.
type DNSProof struct {
	mac      *crypt.MAC
	resolver Resolver
}

var _ Prover = (*DNSProof)(nil)

// NewDNSProof returns a DNSProof of the installation's secret.
func NewDNSProof(secret *crypt.Secret, resolver Resolver) *DNSProof {
	return &DNSProof{secret.MAC(crypt.DomainProof), resolver}
}

// Record returns the TXT record that proves that the domain is the account's.
func (d *DNSProof) Record(account, domain string) (name, value string) {
	return "_mobileconfig." + domain, proofName + d.mac.Code(account+"\x00"+domain)
}

// Proves reports whether the record is published. The error says why the DNS
// could not be asked.
func (d *DNSProof) Proves(ctx context.Context, account, domain string) (bool, error) {
	name, _ := d.Record(account, domain)
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	// The dot at the end keeps the machine's own search list out.
	texts, err := d.resolver.LookupTXT(ctx, name+".")
	if err != nil {
		return false, fmt.Errorf("settings: proof: %w", err)
	}
	return slices.ContainsFunc(texts[:min(len(texts), proofTexts)], func(text string) bool {
		code, ok := strings.CutPrefix(text, proofName)
		return ok && d.mac.Valid(account+"\x00"+domain, code)
	}), nil
}
