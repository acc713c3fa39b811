package settings

import (
	"context"
	"encoding/base32"
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

// proofSize is how many base32 characters (5 bits each) prove a domain.
const proofSize = 26

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
func NewDNSProof(secret []byte, resolver Resolver) (*DNSProof, error) {
	mac, err := crypt.NewMAC(secret, "domain proof")
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return &DNSProof{mac, resolver}, nil
}

// Record returns the TXT record that proves that the domain is the account's.
func (d *DNSProof) Record(account, domain string) (name, value string) {
	sum := strings.ToLower(base32.StdEncoding.EncodeToString(d.mac.Sum(account + "\x00" + domain)))
	return "_mobileconfig." + domain, "mobileconfig-domain=" + sum[:proofSize]
}

// Proves reports whether the record is published. The error says why the DNS
// could not be asked.
func (d *DNSProof) Proves(ctx context.Context, account, domain string) (bool, error) {
	name, value := d.Record(account, domain)
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	// The dot at the end keeps the machine's own search list out.
	texts, err := d.resolver.LookupTXT(ctx, name+".")
	if err != nil {
		return false, fmt.Errorf("settings: proof: %w", err)
	}
	return slices.Contains(texts[:min(len(texts), proofTexts)], value), nil
}
