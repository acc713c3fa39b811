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
	// Hosts are servers that a profile may name: a host name, or "*." and the
	// domain that any number of hosts are below.
	Hosts []string `json:"hosts"`
	// Domains are mail domains that addresses may be of, in the same forms; "*" is
	// every domain. The name of such a domain may stand for the organization.
	Domains []string `json:"domains"`
	// Organizations are who a profile may say that it comes from, to the letter.
	Organizations []string `json:"organizations"`
	// Erasing allows device policies by which wrong codes erase an iPhone or lock a
	// Mac.
	Erasing bool `json:"erasing"`
	// Limit is how many signatures are made in a minute at most. Zero: any number.
	Limit int `json:"limit"`
}

// AnyDomain approves every mail domain.
const AnyDomain = "*"

// maxEntries is how many entries a list can have.
const maxEntries = 10_000

// MaxLimit is the largest limit of a minute.
const MaxLimit = 10_000_000

// ParseDomainPattern returns a pattern of mail domains in its one form.
func ParseDomainPattern(s string) (string, error) {
	if profile.Trim(s) == AnyDomain {
		return AnyDomain, nil
	}
	return settings.ParseHostPattern(s)
}

// ParseOrganization returns the name of an organization as profiles have it.
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

// check refuses approvals that are not in their one form.
func (a *Approvals) check() error {
	for _, list := range []struct {
		what  string
		all   []string
		parse func(string) (string, error)
	}{{"host", a.Hosts, settings.ParseHostPattern}, {"domain", a.Domains, ParseDomainPattern}, {"organization", a.Organizations, ParseOrganization}} {
		if len(list.all) > maxEntries {
			return fmt.Errorf("there are more than %d of the kind %q", maxEntries, list.what)
		}
		for _, entry := range list.all {
			if parsed, err := list.parse(entry); err != nil || parsed != entry {
				return fmt.Errorf("the %s %q isn't written as the command line writes it", list.what, entry)
			}
		}
	}
	if a.Limit < 0 || a.Limit > MaxLimit {
		return fmt.Errorf("a limit is from 0 to %d", MaxLimit)
	}
	return nil
}

// readApprovals reads what write has written, and nothing else.
func readApprovals(text []byte) (a Approvals, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return Approvals{}, err
	}
	if d.More() {
		return Approvals{}, fmt.Errorf("something stands after the approvals")
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
	Domain       Reason = "domain"       // the domain of the address isn't
	Organization Reason = "organization" // the organization isn't
	Erasing      Reason = "erasing"      // policies that erase aren't
	Gate         Reason = "gate"         // the profile isn't the one that is claimed
	Limited      Reason = "limit"        // there were too many in this minute
	Identity     Reason = "identity"     // the certificate may not sign
)

// Reasons are all of them.
func Reasons() []Reason {
	return []Reason{Malformed, Host, Domain, Organization, Erasing, Gate, Limited, Identity}
}

// A refusal is the answer to a request that isn't fulfilled.
type refusal struct {
	Reason Reason `json:"reason"`
	// Detail is a clause that says what is wrong, and how to mend it.
	Detail string `json:"detail"`
	// Code is that of a certificate that may not sign.
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
			return refuse(Malformed, "a server isn't written as a lower-case host name")
		}
		if !settings.Approves(a.Hosts, host) {
			return refuse(Host, "the signer hasn't approved the server %s. Approve it there: mobileconfig signer allow-host %[1]s", host)
		}
	}
	_, domain, _ := strings.Cut(c.address, "@")
	switch {
	case !slices.Contains(a.Domains, AnyDomain) && !settings.Approves(a.Domains, domain):
		return refuse(Domain, "the signer hasn't approved the mail domain %s. Approve it there: mobileconfig signer allow-domain %[1]s", domain)
	case !slices.Contains(a.Organizations, c.organization) && c.organization != domain && c.organization != idn.Show(domain):
		return refuse(Organization, "the signer hasn't approved the organization %s. Approve it there: mobileconfig signer allow-organization %s", c.organization, quote(c.organization))
	case c.policy && c.attempts > 0 && !a.Erasing:
		return refuse(Erasing, "the signer hasn't approved policies that erase devices. Approve them there: mobileconfig signer erasing on")
	}
	return nil
}

// quote is a text as a shell takes it.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
