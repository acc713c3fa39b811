// Package profile builds Apple configuration profiles that set up mail.
//
// A profile is made for one mailbox and one kind of device. It holds a mail
// account that is reached over TLS alone and, if wanted, one for calendars and
// one for contacts; a passcode policy; or all of these. There is no way to
// express a connection in clear text, a password, or any other payload. The
// same input gives the same bytes.
//
// Sources are Apple's schema files (github.com/apple/device-management),
// named where a rule comes from one of them.
package profile

import (
	"time"

	"github.com/groob/plist"
)

// A Profile is a set of payloads that a device installs together.
//
// One mailbox is one profile on a device: its identifiers are derived from
// Address, so that a later profile of the mailbox replaces the earlier one.
// On an iPhone accounts and Passcode may stand together. A Mac wants them apart,
// for an account belongs to the user and a policy to the device; its policy
// is a profile of its own beside the mailbox's.
type Profile struct {
	// Address is the mailbox that the profile is for.
	Address  Address
	Platform Platform
	// DisplayName is the title that the device shows.
	DisplayName string
	// Description says below the title what the profile does. May be empty.
	Description string
	// Organization is who issues the profile. May be empty.
	Organization string
	Mail         *Mail
	// CalDAV and CardDAV set up calendars and contacts beside Mail, never
	// alone. A device asks for the password of each of them once more.
	CalDAV   *DAV
	CardDAV  *DAV
	Passcode *Passcode
	// Consent is what a person must agree to before the device installs the
	// profile, by BCP 47 language tag; "default" is for all other languages.
	// It is required with Passcode, and refused without.
	Consent map[string]string
	// Test marks the profile as one that a test made: TestMark is put before
	// DisplayName, Description, which it then needs, and Consent.
	Test bool
	// RemoveOn and RemoveAfter let the device remove the profile by itself,
	// at the earlier of the two. RemoveOn is a whole second, RemoveAfter
	// whole seconds from an hour to ten years. Zero: not removed.
	RemoveOn    time.Time
	RemoveAfter time.Duration
}

// topLevel is a profile as Apple spells it (TopLevel.yaml).
type topLevel struct {
	ConsentText          map[string]string `plist:",omitempty"`
	DurationUntilRemoval float64           `plist:",omitempty"`
	PayloadContent       []any
	PayloadDescription   string `plist:",omitempty"`
	PayloadDisplayName   string
	PayloadIdentifier    string
	PayloadOrganization  string `plist:",omitempty"`
	PayloadScope         string `plist:",omitempty"`
	PayloadType          string
	PayloadUUID          string
	PayloadVersion       int
	RemovalDate          *time.Time `plist:",omitempty"`
	TargetDeviceType     int
}

// Identifier returns the top-level PayloadIdentifier of p.
func (p *Profile) Identifier() string {
	identifier := p.Address.identifier()
	if p.isDevicePolicy() {
		identifier += ".device"
	}
	return identifier
}

// isDevicePolicy reports whether p is the profile of its own in which a Mac
// takes a policy.
func (p *Profile) isDevicePolicy() bool {
	return p.Platform == Mac && p.Passcode != nil
}

// Marshal checks p and returns it as an XML property list, keys in order,
// indented by tabs. If p is not valid the error is an [*InvalidError].
func (p *Profile) Marshal() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return plist.MarshalIndent(p.topLevel(), "\t")
}

func (p *Profile) topLevel() topLevel {
	identifier := p.Identifier()
	top := topLevel{
		ConsentText:          p.consent(),
		DurationUntilRemoval: p.RemoveAfter.Seconds(),
		PayloadDescription:   p.marked(p.Description),
		PayloadDisplayName:   p.marked(p.DisplayName),
		PayloadIdentifier:    identifier,
		PayloadOrganization:  p.Organization,
		PayloadScope:         p.scope(),
		PayloadType:          "Configuration",
		PayloadUUID:          payloadUUID(identifier),
		PayloadVersion:       1, // the format's number, never a revision
		TargetDeviceType:     p.Platform.targetDeviceType(),
	}
	if !p.RemoveOn.IsZero() {
		on := p.RemoveOn.UTC()
		top.RemovalDate = &on
	}
	if p.Mail != nil {
		top.PayloadContent = append(top.PayloadContent, p.Mail.payload(p.Address, identifier))
	}
	if p.CalDAV != nil {
		top.PayloadContent = append(top.PayloadContent, p.CalDAV.calendars(identifier))
	}
	if p.CardDAV != nil {
		top.PayloadContent = append(top.PayloadContent, p.CardDAV.contacts(identifier))
	}
	if p.Passcode != nil {
		top.PayloadContent = append(top.PayloadContent, p.Passcode.payload(p.Platform, identifier))
	}
	return top
}

// scope is the channel of a Mac's profile: accounts are for the user alone, a
// policy for the device (the schema files). An iPhone has no such thing.
func (p *Profile) scope() string {
	switch {
	case p.Platform != Mac:
		return ""
	case p.isDevicePolicy():
		return "System"
	}
	return "User"
}
