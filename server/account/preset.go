package account

import (
	"slices"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A Preset is a name for the scopes that a kind of program needs.
type Preset string

// The presets. They are published: add, never rename.
const (
	PanelPreset   Preset = "hosting_panel" // makes links, and sees what becomes of them
	SetupPreset   Preset = "domain_setup"  // sets up domains and their policies
	ProfilePreset Preset = "profiles"      // fetches profiles itself
	EventPreset   Preset = "events"        // follows events
	ReadPreset    Preset = "read_only"     // changes nothing
	FullPreset    Preset = "full"          // may do all
)

// Presets lists all presets, the most common first.
func Presets() []Preset {
	return []Preset{PanelPreset, SetupPreset, ProfilePreset, EventPreset, ReadPreset, FullPreset}
}

// Scopes are those of the preset.
func (p Preset) Scopes() []Scope {
	switch p {
	case PanelPreset:
		return []Scope{DomainsRead, LinksRead, LinksWrite, WebhooksRead}
	case SetupPreset:
		return []Scope{DomainsRead, DomainsWrite, PoliciesRead, PoliciesWrite}
	case ProfilePreset:
		return []Scope{DomainsRead, ProfilesWrite}
	case EventPreset:
		return []Scope{WebhooksRead}
	case ReadPreset:
		return slices.DeleteFunc(Scopes(), Scope.Writes)
	case FullPreset:
		return Scopes()
	}
	return nil
}

// Writes reports whether the scope lets a key change something.
func (s Scope) Writes() bool { return s[len(s)-len("write"):] == "write" }

// WithPreset adds the scopes of a preset to others. None is one too; an unknown
// one is a fault of the field "preset".
func WithPreset(scopes []string, p Preset) ([]string, error) {
	if p == "" {
		return scopes, nil
	}
	if !slices.Contains(Presets(), p) {
		return nil, fault.On("preset", fault.Invalid, "A preset is one of %s.", words(Presets()))
	}
	for _, s := range p.Scopes() {
		scopes = append(scopes, string(s))
	}
	return scopes, nil
}
