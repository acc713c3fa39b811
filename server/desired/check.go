package desired

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// checkApprovals refuses approvals to callers who can't approve.
func (p *planner) checkApprovals() {
	if p.ByOperator {
		return
	}
	for _, s := range p.Steps {
		if s.Kind != HostKind {
			continue
		}
		line := p.lines.of("approved_hosts")
		if i := slices.Index(p.ApprovedHosts, s.Name); i >= 0 {
			line = p.lines.of("approved_hosts/" + strconv.Itoa(i))
		}
		verb := map[Verb]string{Create: "approve", Delete: "withdraw"}[s.Verb]
		p.Refused = append(p.Refused, Mistake{line, "approved_hosts", fmt.Sprintf(
			"A key can't %s %s. Ask an owner to do that in the control panel under Domains, Approved servers, or the server operator to run this command with --approve on the server.", verb, s.Name)})
	}
}

// checkServers refuses domains with unapproved servers.
func (p *planner) checkServers() {
	patterns := slices.Clone(p.ApprovedHosts)
	for _, h := range p.State.Hosts {
		if p.ApprovedHosts == nil || !p.Prune {
			patterns = append(patterns, h.Host)
		}
	}
	for i, d := range p.File.Domains {
		var before settings.Domain
		if old, ok := p.domain(d.Name); ok {
			before, _ = old.Settings().Domain() // the service has accepted it
		}
		after, _ := d.DomainSettings.Domain() // Parse has parsed it
		for _, err := range settings.Unapproved(patterns, before, after) {
			p.Refused = append(p.Refused, p.lines.mistakes("domains/"+strconv.Itoa(i), fault.All(err))...)
		}
	}
}

// checkPolicies refuses domains with a missing policy, and deleting a policy
// that a domain still uses.
func (p *planner) checkPolicies() {
	listed := map[string]bool{StandardPolicy: true}
	for _, s := range p.File.Policies {
		listed[s.Name] = true
	}
	type named struct {
		kind Kind
		id   string
	}
	gone := map[named]bool{}
	for _, s := range p.Steps {
		if s.Verb == Delete {
			gone[named{s.Kind, s.ID}] = true
		}
	}
	inFile := map[string]bool{} // domains
	for i, d := range p.File.Domains {
		id, at := p.policyNamed(d.DevicePolicy), "domains/"+strconv.Itoa(i)+"/device_policy"
		if id == "" && !listed[d.DevicePolicy] || !listed[d.DevicePolicy] && gone[named{PolicyKind, id}] {
			p.Refused = append(p.Refused, Mistake{p.lines.of(at), at, "Neither this file nor the account has this policy."})
		}
		inFile[d.Name] = true
	}
	for _, policy := range p.State.Policies {
		for _, name := range policy.Domains {
			if gone[named{PolicyKind, policy.ID}] && !gone[named{DomainKind, name}] && !inFile[name] {
				p.Refused = append(p.Refused, Mistake{p.lines.of("policies"), "policies",
					fmt.Sprintf("The policy %q isn't in the file, but it can't be deleted: the domain %s uses it.", policy.Name, name)})
			}
		}
	}
}
