package desired

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"

	"github.com/updatecase/mobileconfig/server/api"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A Kind is a kind of object in files.
type Kind string

// The kinds.
const (
	HostKind    Kind = "approved host"
	PolicyKind  Kind = "policy"
	DomainKind  Kind = "domain"
	WebhookKind Kind = "webhook"
)

// A Verb says what is done to an object.
type Verb string

// The verbs.
const (
	Create Verb = "create"
	Change Verb = "change"
	Delete Verb = "delete"
)

// A State is the current state of an account, as the API lists it. It may leave
// out what [File.Needs] doesn't require.
type State struct {
	Hosts    []api.ApprovedHost
	Policies []api.Policy
	Domains  []api.Domain
	Webhooks []api.Webhook
}

// Needs reports whether planning requires the current objects of the kind.
func (f *File) Needs(k Kind) bool {
	switch k {
	case HostKind:
		return f.ApprovedHosts != nil || f.Domains != nil
	case PolicyKind:
		return f.Policies != nil || slices.ContainsFunc(f.Domains, func(d Domain) bool { return d.DevicePolicy != StandardPolicy })
	case DomainKind:
		return f.Domains != nil
	}
	return f.Webhooks != nil
}

// A Step is one change.
type Step struct {
	Verb Verb
	Kind Kind
	// ID is the object's ID in the API: empty for what is to be created.
	ID string
	// Name is the display name. It reveals no secrets.
	Name   string
	Fields []Field

	before any // the settings before the change
	body   any
	policy string // of a domain: the name of one that is still to be created
}

// A Field is a setting that changes. Old or New is nil if there is none.
type Field struct {
	Name     string
	Old, New any
}

// Body returns what is sent to the API. Created are the IDs of policies that
// earlier steps have created, by name.
func (s Step) Body(created map[string]string) any {
	d, ok := s.body.(api.NewDomain)
	if !ok {
		return s.body
	}
	if s.policy != "" {
		d.PolicyID = created[s.policy]
	}
	if s.Verb == Change {
		return d.DomainSettings
	}
	return d
}

// Unchanged reports whether a resource, as the API returns it, still has the
// settings that the step was planned for.
func (s Step) Unchanged(data []byte) bool {
	return bytes.Equal(encode(s.settingsIn(data)), encode(s.before))
}

// Creates reports whether a resource, as the API returns it, is what the step
// creates. Created are those of [Step.Body].
func (s Step) Creates(data []byte, created map[string]string) bool {
	want := s.Body(created)
	if d, ok := want.(api.NewDomain); ok {
		var there api.Domain
		if json.Unmarshal(data, &there) != nil || there.Name != d.Name {
			return false
		}
		want = d.DomainSettings
	}
	return reflect.DeepEqual(shown(s.settingsIn(data)), shown(want))
}

// settingsIn returns the settings of a resource of the step's kind.
func (s Step) settingsIn(data []byte) any {
	switch s.Kind {
	case PolicyKind:
		return settingsIn[api.Policy](data)
	case DomainKind:
		return settingsIn[api.Domain](data)
	}
	return settingsIn[api.Webhook](data)
}

func settingsIn[R interface{ Settings() S }, S any](data []byte) any {
	var r R
	if json.Unmarshal(data, &r) != nil {
		return nil
	}
	return r.Settings()
}

// A Plan is the list of changes.
type Plan struct {
	// Steps are in the order in which they can be done.
	Steps []Step
	// Kept are objects that the file doesn't have, and that only pruning
	// deletes.
	Kept []Step
	// Refused is what would be refused: with any, nothing should be done.
	// Without ByOperator it has each approval too.
	Refused Mistakes
}

// Options are options of planning.
type Options struct {
	Prune      bool // delete what isn't in the file
	ByOperator bool // servers can be approved
}

// Plan returns the changes that bring the account to the state in the file.
func (f *File) Plan(s State, o Options) Plan {
	p := planner{File: f, State: s, Options: o}
	p.compare(HostKind, p.hosts())
	p.compare(PolicyKind, p.policies())
	p.compare(DomainKind, p.domains())
	p.compare(WebhookKind, p.webhooks())
	slices.Reverse(p.deletions)
	if o.Prune {
		p.Steps = append(p.Steps, p.deletions...)
	} else {
		p.Kept = p.deletions
	}
	p.checkApprovals()
	p.checkServers()
	p.checkPolicies()
	return p.Plan
}

// A planner builds a plan.
type planner struct {
	*File
	State
	Options
	Plan
	deletions []Step
}

// A object is an object of the file or the account.
type object struct {
	key, id, name string
	settings      any
	shown         map[string]any // the displayed settings
	policy        string
}

// Both are the objects of a kind.
type both struct {
	managed     bool // whether the file manages the kind
	want, there []object
}

// compare plans the changes of the objects of a kind.
func (p *planner) compare(k Kind, b both) {
	if !b.managed {
		return
	}
	have, meant := map[string]object{}, map[string]bool{}
	for _, t := range b.there {
		have[t.key] = t
	}
	for _, want := range b.want {
		old, ok := have[want.key]
		step := Step{Verb: Create, Kind: k, Name: want.name, Fields: differences(nil, want.shown), body: want.settings, policy: want.policy}
		if ok {
			meant[old.id] = true
			step.Verb, step.ID, step.Name, step.before = Change, old.id, old.name, old.settings
			step.Fields = differences(old.shown, want.shown)
		}
		if !ok || len(step.Fields) > 0 {
			p.Steps = append(p.Steps, step)
		}
	}
	for _, t := range slices.Backward(b.there) {
		if !meant[t.id] {
			p.deletions = append(p.deletions, Step{Verb: Delete, Kind: k, ID: t.id, Name: t.name, before: t.settings})
		}
	}
}

// differences returns the fields that differ, by name.
func differences(old, new map[string]any) []Field {
	var all []Field
	names := maps.Clone(new)
	maps.Copy(names, old)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !reflect.DeepEqual(old[name], new[name]) {
			all = append(all, Field{name, old[name], new[name]})
		}
	}
	return all
}

// shown returns the settings by their names in the API, without empty ones.
func shown(v any) map[string]any {
	var all map[string]any
	_ = json.Unmarshal(encode(v), &all) // encode wrote it
	maps.DeleteFunc(all, func(_ string, v any) bool {
		switch v := v.(type) {
		case string:
			return v == ""
		case []any:
			return len(v) == 0
		case map[string]any:
			return len(v) == 0
		}
		return v == nil || v == false
	})
	return all
}

// encode returns the value as JSON.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // settings are strings and numbers
	}
	return data
}

func (p *planner) hosts() both {
	b := both{managed: p.ApprovedHosts != nil}
	for _, pattern := range p.ApprovedHosts {
		b.want = append(b.want, object{key: pattern, name: pattern})
	}
	for _, h := range p.State.Hosts {
		b.there = append(b.there, object{key: h.Host, id: h.Host, name: h.Host})
	}
	return b
}

func (p *planner) policies() both {
	b := both{managed: p.File.Policies != nil}
	for _, s := range p.File.Policies {
		b.want = append(b.want, object{key: s.Name, name: s.Name, settings: s, shown: shown(s)})
	}
	for _, there := range p.State.Policies {
		if there.ID != settings.StandardPolicy {
			s := there.Settings()
			b.there = append(b.there, object{key: s.Name, id: there.ID, name: s.Name, settings: s, shown: shown(s)})
		}
	}
	return b
}

// policyNamed returns the ID of the account's policy with the name, if there is
// one.
func (p *planner) policyNamed(name string) string {
	if name == StandardPolicy {
		return settings.StandardPolicy
	}
	for _, there := range p.State.Policies {
		if there.Name == name && there.ID != settings.StandardPolicy {
			return there.ID
		}
	}
	return ""
}

// policyLabel returns the display name of the policy: its name, if that is
// unique.
func (p *planner) policyLabel(id string) string {
	if id == settings.StandardPolicy {
		return StandardPolicy
	}
	for _, there := range p.State.Policies {
		if there.ID == id && p.policyNamed(there.Name) == id {
			return there.Name
		}
	}
	return id
}

// domain returns the account's domain with the name.
func (p *planner) domain(name string) (api.Domain, bool) {
	i := slices.IndexFunc(p.State.Domains, func(d api.Domain) bool { return d.Name == name })
	if i < 0 {
		return api.Domain{}, false
	}
	return p.State.Domains[i], true
}

// settingsOf returns the desired settings of the domain, with its current
// metadata if the file has none.
func (p *planner) settingsOf(d Domain) api.DomainSettings {
	s := d.DomainSettings
	if old, ok := p.domain(d.Name); ok && s.Metadata == nil {
		s.Metadata = old.Metadata
	}
	return s
}

func (p *planner) domains() both {
	b := both{managed: p.File.Domains != nil}
	for _, d := range p.File.Domains {
		s := p.settingsOf(d)
		t := object{key: d.Name, name: d.Name}
		if s.PolicyID = p.policyNamed(d.DevicePolicy); s.PolicyID == "" {
			t.policy = d.DevicePolicy
		}
		t.settings, t.shown = api.NewDomain{Name: d.Name, DomainSettings: s}, shownDomain(s, d.DevicePolicy)
		b.want = append(b.want, t)
	}
	for _, there := range p.State.Domains {
		s := there.Settings()
		b.there = append(b.there, object{key: there.Name, id: there.Name, name: there.Name, settings: s, shown: shownDomain(s, p.policyLabel(s.PolicyID))})
	}
	return b
}

func shownDomain(s api.DomainSettings, policy string) map[string]any {
	all := shown(s)
	delete(all, "policy_id")
	all["device_policy"] = policy
	return all
}

func (p *planner) webhooks() both {
	b := both{managed: p.File.Webhooks != nil}
	for i, s := range p.File.Webhooks {
		name := fmt.Sprintf("%s (line %d)", hostOf(s.URL), p.lines.of("webhooks/"+strconv.Itoa(i)))
		b.want = append(b.want, object{key: s.URL, name: name, settings: s, shown: shownWebhook(s)})
	}
	for _, there := range p.State.Webhooks {
		s := there.Settings()
		b.there = append(b.there, object{key: s.URL, id: there.ID, name: fmt.Sprintf("%s (%s)", hostOf(s.URL), there.ID), settings: s, shown: shownWebhook(s)})
	}
	return b
}

// shownWebhook leaves out the URL: many contain a token.
func shownWebhook(s api.WebhookSettings) map[string]any {
	all := shown(s)
	delete(all, "url")
	return all
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
