package signerd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Approvals are what the signer may sign. The zero value allows nothing.
type Approvals struct {
	// Hosts are servers that a profile may contain: a host name, or "*." and a
	// domain that includes all hosts below it.
	Hosts []string `json:"hosts"`
	// Domains are email domains that addresses may have, in the same forms;
	// "*" is every domain. The name of such a domain may be the organization.
	Domains []string `json:"domains"`
	// Organizations are the exact organization names that a profile may have.
	Organizations []string `json:"organizations"`
	// Erasing allows passcode policies that erase an iPhone or lock a Mac after
	// wrong passcodes.
	Erasing bool `json:"erasing"`
	// Limit is the maximum number of signatures a minute. Zero: no limit.
	Limit int `json:"limit"`
}

// AnyDomain approves every email domain.
const AnyDomain = "*"

// maxEntries is how many entries a list can have.
const maxEntries = 10_000

// MaxLimit is the highest possible limit.
const MaxLimit = 10_000_000

// ParseDomainPattern returns a pattern of email domains in canonical form.
func ParseDomainPattern(s string) (string, error) {
	if profile.Trim(s) == AnyDomain {
		return AnyDomain, nil
	}
	return settings.ParseHostPattern(s)
}

// ParseOrganization returns the name of an organization as profiles contain
// it.
func ParseOrganization(s string) (string, error) {
	s = profile.Trim(s)
	if s == "" {
		return "", fmt.Errorf("the name is empty")
	}
	if err := profile.CheckLine(s); err != nil {
		return "", err
	}
	return s, nil
}

// check refuses approvals that aren't in canonical form.
func (a *Approvals) check() error {
	for _, list := range []struct {
		what  string
		all   []string
		parse func(string) (string, error)
	}{{"host", a.Hosts, settings.ParseHostPattern}, {"domain", a.Domains, ParseDomainPattern}, {"organization", a.Organizations, ParseOrganization}} {
		if len(list.all) > maxEntries {
			return fmt.Errorf("there are more than %d entries of the kind %q", maxEntries, list.what)
		}
		for _, entry := range list.all {
			if parsed, err := list.parse(entry); err != nil || parsed != entry {
				return fmt.Errorf("the %s %q isn't in the form that the command line writes", list.what, entry)
			}
		}
	}
	if a.Limit < 0 || a.Limit > MaxLimit {
		return fmt.Errorf("the limit must be from 0 to %d", MaxLimit)
	}
	return nil
}

// readApprovals parses what write has written, and nothing else.
func readApprovals(text []byte) (a Approvals, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return Approvals{}, err
	}
	if d.More() {
		return Approvals{}, fmt.Errorf("there is text after the approvals")
	}
	if err := a.check(); err != nil {
		return Approvals{}, err
	}
	return a, nil
}

// A Reason says why something wasn't signed.
type Reason string

// The reasons.
const (
	Malformed    Reason = "malformed"    // the request, or a list of checksums
	Host         Reason = "host"         // a server isn't approved
	Domain       Reason = "domain"       // the email domain of the address isn't approved
	Organization Reason = "organization" // the organization isn't approved
	Erasing      Reason = "erasing"      // policies that erase aren't approved
	Gate         Reason = "gate"         // the profile doesn't match the claim
	Limited      Reason = "limit"        // the limit of this minute is reached
	Identity     Reason = "identity"     // the certificate can't be used for signing
)

// Reasons are all reasons.
func Reasons() []Reason {
	return []Reason{Malformed, Host, Domain, Organization, Erasing, Gate, Limited, Identity}
}

// A refusal is the answer to a request that isn't fulfilled.
type refusal struct {
	Reason Reason `json:"reason"`
	// Detail is a clause that says what is wrong, and how to fix it.
	Detail string `json:"detail"`
	// Code is the code of the certificate's problem.
	Code string `json:"code,omitempty"`
	// Seconds is how long to wait, if waiting helps.
	Seconds int `json:"seconds,omitempty"`
}

func refuse(reason Reason, format string, args ...any) *refusal {
	return &refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// judge refuses a claim that isn't approved, even if it is true.
func (a *Approvals) judge(c *claim) *refusal {
	for _, host := range c.hosts() {
		if parsed, err := profile.ParseHost(host); err != nil || parsed != host {
			return refuse(Malformed, "a server isn't a lower-case host name")
		}
		if !settings.Approves(a.Hosts, host) {
			return refuse(Host, "the signer hasn't approved the server %s. Approve it there: mobileconfig signer allow-host %[1]s", host)
		}
	}
	_, domain, _ := strings.Cut(c.address, "@")
	switch {
	case !slices.Contains(a.Domains, AnyDomain) && !settings.Approves(a.Domains, domain):
		return refuse(Domain, "the signer hasn't approved the email domain %s. Approve it there: mobileconfig signer allow-domain %[1]s", domain)
	case !slices.Contains(a.Organizations, c.organization) && c.organization != domain && c.organization != idn.Show(domain):
		return refuse(Organization, "the signer hasn't approved the organization %s. Approve it there: mobileconfig signer allow-organization %s", c.organization, quote(c.organization))
	case c.policy && c.attempts > 0 && !a.Erasing:
		return refuse(Erasing, "the signer hasn't approved policies that erase devices. Approve them there: mobileconfig signer erasing on")
	}
	return nil
}

// quote quotes a text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
