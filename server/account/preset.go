package account

import (
	"slices"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A Preset is a name for the scopes that a kind of program needs.
type Preset string

// The presets. They are published: add, never rename.
const (
	PanelPreset   Preset = "hosting_panel" // creates links, and sees their status
	SetupPreset   Preset = "domain_setup"  // sets up domains and their policies
	ProfilePreset Preset = "profiles"      // downloads profiles itself
	EventPreset   Preset = "events"        // follows events
	ReadPreset    Preset = "read_only"     // changes nothing
	FullPreset    Preset = "full"          // has all scopes
)

// Presets lists all presets, the most common first.
func Presets() []Preset {
	return []Preset{PanelPreset, SetupPreset, ProfilePreset, EventPreset, ReadPreset, FullPreset}
}

// Scopes returns the scopes of the preset.
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

// WithPreset adds the scopes of a preset to others. An empty preset adds none;
// an unknown one is a fault of the field "preset".
func WithPreset(scopes []string, p Preset) ([]string, error) {
	if p == "" {
		return scopes, nil
	}
	if !slices.Contains(Presets(), p) {
		return nil, fault.On("preset", fault.Invalid, "The preset must be one of %s.", words(Presets()))
	}
	for _, s := range p.Scopes() {
		scopes = append(scopes, string(s))
	}
	return scopes, nil
}
