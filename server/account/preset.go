package account

import (
	"slices"
	"strings"
)

// A Preset is a set of scopes that a kind of program needs.
type Preset struct {
	Name   string // button, provisioning, read
	Scopes []Scope
}

// Presets lists all presets.
func Presets() []Preset {
	read := slices.DeleteFunc(Scopes(), func(s Scope) bool { return !strings.HasSuffix(string(s), ":read") })
	return []Preset{
		// A hosting panel's button "Set up my phone".
		{"button", []Scope{DomainsRead, LinksRead, LinksWrite}},
		// A system that sets up domains and mailboxes.
		{"provisioning", []Scope{DomainsRead, DomainsWrite, PoliciesRead, ProfilesWrite, LinksRead, LinksWrite}},
		// A monitor, or a copy of the action log.
		{"read", read},
	}
}
