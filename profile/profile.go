// Package profile builds Apple configuration profiles that set up email.
//
// A profile is for one mailbox and one kind of device. It has a list of
// payloads: a mail account over TLS and optionally one for calendars and one
// for contacts; a passcode policy; or all of these. The kinds of payload are a
// closed set, and there is no way to express an unencrypted connection or a
// password. The same input produces the same bytes.
//
// Sources are Apple's schema files (github.com/apple/device-management), cited
// where a rule comes from one of them.
package profile

import (
	"time"

	"github.com/groob/plist"
)

// A Profile is a set of payloads that a device installs together.
//
// Each mailbox has one profile on a device: its identifiers are derived from
// Address, so that a later profile of the mailbox replaces the earlier one. On
// an iPhone, accounts and a [Passcode] can be in one profile. A Mac needs them
// in separate profiles, because an account belongs to the user and a policy to
// the device. There, the policy is a second profile of the mailbox.
type Profile struct {
	// Address is the mailbox that the profile is for.
	Address  Address
	Platform Platform
	// DisplayName is the title that the device shows.
	DisplayName string
	// Description explains below the title what the profile does. May be empty.
	Description string
	// Organization is who issues the profile. May be empty.
	Organization string
	// Payloads are what the profile sets up, at most one of each kind. They are
	// written in a fixed order of kinds, regardless of the order here.
	Payloads []Payload
	// Consent is what a person must agree to before the device installs the
	// profile, by BCP 47 language tag; "default" is for all other languages.
	// It is required with a [Passcode] in either form, and refused without.
	Consent map[string]string
	// Test marks a test profile: TestMark is added before DisplayName,
	// Description (which is then required) and Consent.
	Test bool
	// RemoveOn and RemoveAfter let the device remove the profile by itself, at
	// the earlier of the two. RemoveOn is a whole second, RemoveAfter whole
	// seconds from an hour to ten years. Zero: not removed.
	RemoveOn    time.Time
	RemoveAfter time.Duration
}

// Identifier returns the top-level PayloadIdentifier of p.
func (p *Profile) Identifier() string {
	identifier := p.Address.identifier(p.Test)
	if p.isDevicePolicy() {
		identifier += ".device"
	}
	return identifier
}

// isDevicePolicy reports whether p is a Mac's separate profile for a policy.
func (p *Profile) isDevicePolicy() bool {
	return p.Platform == Mac && p.rulesDevice()
}

// Marshal validates p and returns it as an XML property list with sorted keys,
// indented by tabs. If p isn't valid, the error is an [*InvalidError].
func (p *Profile) Marshal() ([]byte, error) {
	tree, err := p.Tree()
	if err != nil {
		return nil, err
	}
	return plist.MarshalIndent(tree, "\t")
}

// Tree validates p and returns the property list that [Profile.Marshal] writes,
// for writers of other forms. Its values are strings, ints, float64s, bools,
// times, maps with string keys and, for PayloadContent, an []any of such maps.
// The Declarations of a [DeclaredPasscode] are an []any of []byte. The caller
// may change it. If p isn't valid, the error is an [*InvalidError].
func (p *Profile) Tree() (map[string]any, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p.tree(), nil
}

// tree returns p with Apple's keys (TopLevel.yaml).
func (p *Profile) tree() map[string]any {
	identifier := p.Identifier()
	var content []any
	for _, payload := range p.ordered() {
		content = append(content, payloadTree(payload, p, identifier))
	}
	top := map[string]any{
		"PayloadContent":     content,
		"PayloadDisplayName": p.marked(p.DisplayName),
		"PayloadIdentifier":  identifier,
		"PayloadType":        "Configuration",
		"PayloadUUID":        payloadUUID(identifier),
		"PayloadVersion":     1, // the format's version, not a revision
		"TargetDeviceType":   p.Platform.targetDeviceType(),
	}
	if consent := p.consent(); len(consent) > 0 {
		top["ConsentText"] = consent
	}
	optional(top, "DurationUntilRemoval", p.RemoveAfter.Seconds())
	optional(top, "PayloadDescription", p.marked(p.Description))
	optional(top, "PayloadOrganization", p.Organization)
	optional(top, "PayloadScope", p.scope())
	if !p.RemoveOn.IsZero() {
		top["RemovalDate"] = p.RemoveOn.UTC()
	}
	return top
}

// scope returns the PayloadScope of a Mac's profile: the user for accounts, the
// system for a policy (the schema files). An iPhone has no scopes.
func (p *Profile) scope() string {
	switch {
	case p.Platform != Mac:
		return ""
	case p.isDevicePolicy():
		return "System"
	}
	return "User"
}
