package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A PolicyRules is what can be set of a device policy.
type PolicyRules struct {
	Name              string `json:"name" maxLength:"80" doc:"What members call it." example:"Field staff"`
	MinLength         int    `json:"min_length" doc:"The shortest code, 4 to 12 characters." example:"6"`
	MaxFailedAttempts int    `json:"max_failed_attempts" doc:"After how many wrong codes an iPhone is erased, 7 to 10; 0: never." example:"10"`
	ResetMinutes      int    `json:"reset_minutes,omitempty" default:"15" doc:"After how many minutes a locked Mac can be tried again, 1 to 60."`
	AutoLockMinutes   int    `json:"auto_lock_minutes" doc:"After how many minutes without use the screen locks, 1 to 15." example:"5"`
	GraceMinutes      int    `json:"grace_minutes,omitempty" doc:"For how many minutes a locked screen opens without the code, up to 240."`
	MinComplex        int    `json:"min_complex,omitempty" doc:"How many characters must be neither letter nor digit, up to 2."`
	Alphanumeric      bool   `json:"alphanumeric,omitempty" doc:"Whether there must be letters beside digits."`
	MaxAgeDays        int    `json:"max_age_days,omitempty" doc:"After how many days the code must be changed, 30 to 730; 0: never."`
	History           int    `json:"history,omitempty" doc:"How many earlier codes may not come again, up to 10."`
}

func (r PolicyRules) spec() settings.PolicySpec {
	return settings.PolicySpec{
		Name: r.Name, MinLength: r.MinLength, MaxFailedAttempts: r.MaxFailedAttempts, ResetMinutes: r.ResetMinutes,
		AutoLockMinutes: r.AutoLockMinutes, GraceMinutes: r.GraceMinutes, MinComplex: r.MinComplex,
		MaxAgeDays: r.MaxAgeDays, History: r.History, Alphanumeric: r.Alphanumeric,
	}
}

// A policy is a device policy as the API shows it.
type policy struct {
	ID                string     `json:"id" example:"standard"`
	Name              string     `json:"name"`
	MinLength         int        `json:"min_length"`
	MaxFailedAttempts int        `json:"max_failed_attempts"`
	Erases            bool       `json:"erases" doc:"Whether an iPhone is erased after too many wrong codes."`
	ResetMinutes      int        `json:"reset_minutes"`
	AutoLockMinutes   int        `json:"auto_lock_minutes"`
	GraceMinutes      int        `json:"grace_minutes"`
	MinComplex        int        `json:"min_complex"`
	Alphanumeric      bool       `json:"alphanumeric"`
	MaxAgeDays        int        `json:"max_age_days"`
	History           int        `json:"history"`
	Domains           []string   `json:"domains" doc:"Domains that use it, as far as the key may act for them."`
	Created           *time.Time `json:"created,omitempty"`
	Updated           *time.Time `json:"updated,omitempty"`
}

func policyOf(c call, p settings.Policy) policy {
	r := p.Passcode
	out := policy{
		ID: p.ID, Name: p.Name, MinLength: r.MinLength, MaxFailedAttempts: r.MaxFailedAttempts, Erases: p.Wipes(),
		ResetMinutes: minutes(r.ResetAfter), AutoLockMinutes: minutes(r.AutoLock), GraceMinutes: minutes(r.Grace),
		MinComplex: r.MinComplex, Alphanumeric: r.Alphanumeric, MaxAgeDays: r.MaxAgeDays, History: r.History,
		Domains: []string{}, Created: optional(p.Created), Updated: optional(p.Updated),
	}
	for _, name := range p.Domains {
		if c.key.PermitDomain(name) == nil {
			out.Domains = append(out.Domains, name)
		}
	}
	return out
}

func minutes(d time.Duration) int { return int(d / time.Minute) }

// A PolicyPath is the policy in the path of a route.
type PolicyPath struct {
	Policy string `path:"policy" maxLength:"40" doc:"The policy's id."`
}

type policyBody struct{ Body policy }

func (a *API) policies(h huma.API) {
	register(a, h, operation("list-policies", http.MethodGet, "/policies", account.PoliciesRead, "List the device policies"), a.listPolicies)
	create := operation("create-policy", http.MethodPost, "/policies", account.PoliciesWrite, "Create a device policy")
	create.DefaultStatus = http.StatusCreated
	register(a, h, create, a.createPolicy)
	register(a, h, operation("get-policy", http.MethodGet, "/policies/{policy}", account.PoliciesRead, "Show a device policy"), a.getPolicy)
	register(a, h, operation("update-policy", http.MethodPut, "/policies/{policy}", account.PoliciesWrite, "Change a device policy from the next download on"), a.updatePolicy)
	register(a, h, operation("delete-policy", http.MethodDelete, "/policies/{policy}", account.PoliciesWrite, "Delete a device policy that no domain uses"), a.deletePolicy)
}

type policyList struct {
	Body struct {
		Policies []policy `json:"policies"`
	}
}

func (a *API) listPolicies(ctx context.Context, c call, _ *struct{}) (*policyList, error) {
	all, err := a.Policies.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	out := &policyList{}
	for _, p := range all {
		out.Body.Policies = append(out.Body.Policies, policyOf(c, p))
	}
	return out, nil
}

func (a *API) getPolicy(ctx context.Context, c call, in *PolicyPath) (*policyBody, error) {
	p, err := a.Policies.Get(ctx, c.key.Account, in.Policy)
	return &policyBody{policyOf(c, p)}, err
}

type createPolicy struct{ Body PolicyRules }

func (a *API) createPolicy(ctx context.Context, c call, in *createPolicy) (*policyBody, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	p, err := a.Policies.Create(ctx, c.by, c.key.Account, in.Body.spec())
	return &policyBody{policyOf(c, p)}, err
}

type updatePolicy struct {
	PolicyPath
	Body PolicyRules
}

func (a *API) updatePolicy(ctx context.Context, c call, in *updatePolicy) (*policyBody, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	p, err := a.Policies.Update(ctx, c.by, c.key.Account, in.Policy, in.Body.spec())
	return &policyBody{policyOf(c, p)}, err
}

func (a *API) deletePolicy(ctx context.Context, c call, in *PolicyPath) (*noBody, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return nil, a.Policies.Delete(ctx, c.by, c.key.Account, in.Policy)
}
