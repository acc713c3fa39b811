package settings

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// Policies manages passcode policies. Changes apply to later downloads.
type Policies struct {
	store PolicyStore
	now   func() time.Time
}

// NewPolicies returns Policies that use the store.
func NewPolicies(store PolicyStore, now func() time.Time) *Policies { return &Policies{store, now} }

// List returns the policies of an account: the standard policy, then the
// others by name.
func (p *Policies) List(ctx context.Context, account string) ([]Policy, error) {
	first, err := p.Get(ctx, account, StandardPolicy)
	if err != nil {
		return nil, err
	}
	own, err := p.store.Policies(ctx, account)
	return append([]Policy{first}, own...), err
}

// Get returns a policy of the account, or a NotFound fault.
func (p *Policies) Get(ctx context.Context, account, id string) (Policy, error) {
	switch {
	case id == StandardPolicy:
		domains, err := p.store.StandardDomains(ctx, account)
		return standard(account, domains), err
	case !isID(id):
		return Policy{}, fault.New(fault.NotFound, "There is no such policy.")
	}
	return p.store.Policy(ctx, account, id)
}

// Create creates a policy. The error holds a fault for each invalid field.
func (p *Policies) Create(ctx context.Context, by audit.Grant, account string, spec PolicySpec) (Policy, error) {
	now := p.now()
	policy := Policy{ID: id.New("pol"), Account: account, Created: now, Updated: now}
	if err := spec.apply(&policy); err != nil {
		return Policy{}, err
	}
	return policy, p.store.CreatePolicy(ctx, by, policy, policyAction(audit.PolicyCreate, by, policy))
}

// Update sets everything in the spec for a policy of the account. The error
// holds a fault for each invalid field.
func (p *Policies) Update(ctx context.Context, by audit.Grant, account, id string, spec PolicySpec) (Policy, error) {
	return p.Change(ctx, by, account, id, func(Policy) (PolicySpec, error) { return spec, nil })
}

// Change is Update with a spec that is computed from the current policy:
// nobody else can change it meanwhile. If change fails, nothing is changed. It
// may be called more than once.
func (p *Policies) Change(ctx context.Context, by audit.Grant, account, id string, change func(Policy) (PolicySpec, error)) (Policy, error) {
	policy, err := p.own(ctx, account, id)
	if err != nil {
		return Policy{}, err
	}
	apply := func(policy Policy) (Policy, error) {
		spec, err := change(policy)
		if err == nil {
			err = spec.apply(&policy)
		}
		policy.Updated = p.now()
		return policy, err
	}
	if err := p.store.ChangePolicy(ctx, by, account, id, apply, policyAction(audit.PolicyUpdate, by, policy)); err != nil {
		return Policy{}, err
	}
	return p.store.Policy(ctx, account, id)
}

// Delete deletes a policy of the account if check allows it. Check may be nil;
// its error is returned. If domains use the policy, the fault is a Conflict
// that names them.
func (p *Policies) Delete(ctx context.Context, by audit.Grant, account, id string, check func(Policy) error) error {
	policy, err := p.own(ctx, account, id)
	if err != nil {
		return err
	}
	return p.store.DeletePolicy(ctx, by, account, id, check, policyAction(audit.PolicyDelete, by, policy))
}

// own is Get for a policy that can be changed.
func (p *Policies) own(ctx context.Context, account, id string) (Policy, error) {
	if id == StandardPolicy {
		return Policy{}, fault.New(fault.Conflict, "The standard policy can't be changed. Create your own policy and select it for your domains.")
	}
	return p.Get(ctx, account, id)
}

func policyAction(name audit.Name, by audit.Grant, p Policy) audit.Action {
	return audit.Action{
		Account: p.Account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.PolicyTarget, ID: p.ID, Name: p.Name},
	}
}
