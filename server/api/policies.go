package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/settings"
)

// PolicySettings are the settings of a passcode policy.
type PolicySettings struct {
	Name              string `json:"name" minLength:"1" maxLength:"80" doc:"Name for members." example:"Field staff"`
	MinLength         int    `json:"min_length" minimum:"4" maximum:"12" doc:"Minimum passcode length, in characters." example:"6"`
	MaxFailedAttempts int    `json:"max_failed_attempts" enum:"0,7,8,9,10" doc:"Number of wrong passcodes that erase an iPhone. 0 means never." example:"10"`
	ResetMinutes      int    `json:"reset_minutes,omitempty" minimum:"0" maximum:"60" default:"15" doc:"Minutes until a locked Mac can be tried again. Ignored without max_failed_attempts." example:"15"`
	AutoLockMinutes   int    `json:"auto_lock_minutes" minimum:"1" maximum:"15" doc:"Minutes of inactivity until the screen locks." example:"5"`
	GraceMinutes      int    `json:"grace_minutes,omitempty" minimum:"0" maximum:"240" doc:"Minutes during which a locked screen opens without the passcode." example:"0"`
	MinComplex        int    `json:"min_complex,omitempty" minimum:"0" maximum:"2" doc:"Minimum number of characters other than letters and digits." example:"0"`
	Alphanumeric      bool   `json:"alphanumeric,omitempty" doc:"Whether the passcode needs letters as well as digits." example:"false"`
	MaxAgeDays        int    `json:"max_age_days,omitempty" minimum:"0" maximum:"730" doc:"Days until the passcode has to be changed, at least 30. 0 means never." example:"0"`
	History           int    `json:"history,omitempty" minimum:"0" maximum:"10" doc:"Number of previous passcodes that can't be reused." example:"0"`
}

func (s PolicySettings) spec() settings.PolicySpec {
	return settings.PolicySpec{
		Name: s.Name, MinLength: s.MinLength, MaxFailedAttempts: s.MaxFailedAttempts, ResetMinutes: cmp.Or(s.ResetMinutes, settings.DefaultResetMinutes),
		AutoLockMinutes: s.AutoLockMinutes, GraceMinutes: s.GraceMinutes, MinComplex: s.MinComplex,
		MaxAgeDays: s.MaxAgeDays, History: s.History, Alphanumeric: s.Alphanumeric,
	}
}

// A Policy is a passcode policy in the API.
type Policy struct {
	ID                string        `json:"id" example:"pol_k3v7q2m4x5r6t7ab"`
	Name              string        `json:"name" example:"Field staff"`
	MinLength         int           `json:"min_length" example:"6"`
	MaxFailedAttempts int           `json:"max_failed_attempts" example:"10"`
	Erases            bool          `json:"erases" doc:"Whether an iPhone is erased after too many wrong passcodes." example:"true"`
	ResetMinutes      int           `json:"reset_minutes" example:"15"`
	AutoLockMinutes   int           `json:"auto_lock_minutes" example:"5"`
	GraceMinutes      int           `json:"grace_minutes" example:"0"`
	MinComplex        int           `json:"min_complex" example:"0"`
	Alphanumeric      bool          `json:"alphanumeric" example:"false"`
	MaxAgeDays        int           `json:"max_age_days" example:"0"`
	History           int           `json:"history" example:"0"`
	Domains           []string      `json:"domains" doc:"Domains that use it, limited to those your key can access." example:"[\"example.com\"]"`
	CreatedAt         *field.Moment `json:"created_at,omitempty"`
	UpdatedAt         *field.Moment `json:"updated_at,omitempty"`
}

func policyOf(c call, p settings.Policy) Policy {
	r := p.Passcode
	out := Policy{
		ID: p.ID, Name: p.Name, MinLength: r.MinLength, MaxFailedAttempts: r.MaxFailedAttempts, Erases: p.Wipes(),
		ResetMinutes: minutes(r.ResetAfter), AutoLockMinutes: minutes(r.AutoLock), GraceMinutes: minutes(r.Grace),
		MinComplex: r.MinComplex, Alphanumeric: r.Alphanumeric, MaxAgeDays: r.MaxAgeDays, History: r.History,
		Domains: []string{}, CreatedAt: field.AtOrNil(p.Created), UpdatedAt: field.AtOrNil(p.Updated),
	}
	for _, name := range p.Domains {
		if c.key.PermitDomain(name) == nil {
			out.Domains = append(out.Domains, name)
		}
	}
	return out
}

func minutes(d time.Duration) int { return int(d / time.Minute) }

// Settings returns the settings of the policy.
func (p Policy) Settings() PolicySettings {
	return PolicySettings{
		Name: p.Name, MinLength: p.MinLength, MaxFailedAttempts: p.MaxFailedAttempts, ResetMinutes: p.ResetMinutes, AutoLockMinutes: p.AutoLockMinutes,
		GraceMinutes: p.GraceMinutes, MinComplex: p.MinComplex, Alphanumeric: p.Alphanumeric, MaxAgeDays: p.MaxAgeDays, History: p.History,
	}
}

// Normal returns the settings in the form that the API shows. The error has a fault for
// each invalid field.
func (s PolicySettings) Normal() (PolicySettings, error) {
	p, err := s.spec().Policy()
	return policyOf(call{}, p).Settings(), err
}

// A PolicyPath identifies a policy.
type PolicyPath struct {
	ID string `path:"id" maxLength:"40" doc:"The policy's ID." example:"standard"`
}

func (a *API) policies(h huma.API) {
	register(a, h, operation("list-policies", http.MethodGet, "/policies", account.PoliciesRead, "List passcode policies"), a.listPolicies)
	register(a, h, creating("create-policy", "/policies", account.PoliciesWrite, "Create a passcode policy"), a.createPolicy)
	register(a, h, operation("get-policy", http.MethodGet, "/policies/{id}", account.PoliciesRead, "Show a passcode policy"), a.getPolicy)
	update := operation("update-policy", http.MethodPut, "/policies/{id}", account.PoliciesWrite, "Replace a passcode policy")
	patch := operation("patch-policy", http.MethodPatch, "/policies/{id}", account.PoliciesWrite, "Update a passcode policy")
	openapi.Takes[PolicySettings, Policy](h, &update, &patch)
	register(a, h, update, a.updatePolicy)
	register(a, h, patch, a.patchPolicy)
	register(a, h, operation("delete-policy", http.MethodDelete, "/policies/{id}", account.PoliciesWrite, "Delete a passcode policy"), a.deletePolicy)
}

// A PolicyList is a page of passcode policies.
type PolicyList struct {
	Policies []Policy `json:"policies" doc:"The standard policy first, then by name."`
	Page
}

// placeOfPolicy is the position of a policy in the list.
func placeOfPolicy(p settings.Policy) place {
	if p.ID == settings.StandardPolicy {
		return place{}
	}
	return place{1, p.Name + " " + p.ID}
}

func (a *API) listPolicies(ctx context.Context, c call, in *ListQuery) (*answer[PolicyList], error) {
	all, err := a.Policies.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	all, next, err := page(*in, all, placeOfPolicy)
	if err != nil {
		return nil, err
	}
	out := &answer[PolicyList]{PolicyList{[]Policy{}, next}}
	for _, p := range all {
		out.Body.Policies = append(out.Body.Policies, policyOf(c, p))
	}
	return out, nil
}

func (a *API) getPolicy(ctx context.Context, c call, in *PolicyPath) (*resource[Policy], error) {
	p, err := a.Policies.Get(ctx, c.key.Account, in.ID)
	return resourceOf(policyOf(c, p)), err
}

type createPolicy struct{ Body PolicySettings }

func (in *createPolicy) check(context.Context, *API, call) error { return in.Body.spec().Check() }

func (a *API) createPolicy(ctx context.Context, c call, in *createPolicy) (*resource[Policy], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	p, err := a.Policies.Create(ctx, c.by, c.key.Account, in.Body.spec())
	return resourceOf(policyOf(c, p)), err
}

type updatePolicy struct {
	PolicyPath
	Body PolicySettings
}

func (in *updatePolicy) check(context.Context, *API, call) error { return in.Body.spec().Check() }

func (a *API) updatePolicy(ctx context.Context, c call, in *updatePolicy) (*resource[Policy], error) {
	return a.changePolicy(ctx, c, in.ID, func(PolicySettings) (PolicySettings, error) { return in.Body, nil })
}

type patchPolicy struct {
	PolicyPath
	Body mergePatch `contentType:"application/merge-patch+json"`
}

func (in *patchPolicy) check(ctx context.Context, a *API, c call) error {
	p, err := a.Policies.Get(ctx, c.key.Account, in.ID)
	if err != nil {
		return err
	}
	s, err := patched(policyOf(c, p).Settings(), in.Body)
	if err != nil {
		return err
	}
	return s.spec().Check()
}

func (a *API) patchPolicy(ctx context.Context, c call, in *patchPolicy) (*resource[Policy], error) {
	return a.changePolicy(ctx, c, in.ID, func(s PolicySettings) (PolicySettings, error) { return patched(s, in.Body) })
}

// changePolicy changes the policy's current settings.
func (a *API) changePolicy(ctx context.Context, c call, id string, change func(PolicySettings) (PolicySettings, error)) (*resource[Policy], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	p, err := a.Policies.Change(ctx, c.by, c.key.Account, id, func(p settings.Policy) (settings.PolicySpec, error) {
		now := policyOf(c, p)
		if err := c.matches(now); err != nil {
			return settings.PolicySpec{}, err
		}
		s, err := change(now.Settings())
		return s.spec(), err
	})
	return resourceOf(policyOf(c, p)), err
}

func (a *API) deletePolicy(ctx context.Context, c call, in *PolicyPath) (*noBody, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return nil, a.Policies.Delete(ctx, c.by, c.key.Account, in.ID, func(p settings.Policy) error { return c.matches(policyOf(c, p)) })
}
