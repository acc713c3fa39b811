package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The declaration types that a policy consists of.
const (
	passcodeSettings = "com.apple.configuration.passcode.settings"
	simpleActivation = "com.apple.activation.simple"
)

// maxDeclarationID is the maximum length of a declaration's identifier, in
// bytes (declarationbase.yaml).
const maxDeclarationID = 64

// A Declaration is a unit of declarative device management
// (declarationbase.yaml). Its fields are in the order in which they are
// written.
type Declaration struct {
	Type       string
	Identifier string
	// ServerToken identifies a revision of the declaration. It's empty in
	// declarations for a device management server, which adds its own.
	ServerToken string `json:",omitempty"`
	Payload     map[string]any
}

// Name returns the name of the file that contains d: "passcode" or
// "activation".
func (d *Declaration) Name() string {
	if d.Type == simpleActivation {
		return "activation"
	}
	return "passcode"
}

// File returns d as indented JSON. The same declaration always has the same
// bytes.
func (d *Declaration) File() []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, encoded(d), "", "  "); err != nil {
		panic(fmt.Sprintf("profile: a declaration: %v", err)) // not possible: it's JSON
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// Declarations returns the policy for a device management server: the
// configuration, and the activation that applies it. The activation has no
// predicate, because a wrong one can end a device's management. Identifiers are
// derived from the mail domain, so that a later policy of the domain replaces
// an earlier one. If the policy or the domain isn't valid, the error is an
// [*InvalidError].
func (p *Passcode) Declarations(domain string, platform Platform) ([]Declaration, error) {
	c := &checker{}
	p.validate(c, platform)
	c.host("domain", domain)
	if err := c.err(); err != nil {
		return nil, err
	}
	identifier := declarationID(domain, platform)
	return []Declaration{
		{Type: passcodeSettings, Identifier: identifier("passcode"), Payload: p.settings(platform)},
		{Type: simpleActivation, Identifier: identifier("activation"), Payload: activationOf(identifier("passcode"))},
	}, nil
}

// declarationID returns a function that builds the identifiers of the domain's
// declarations: readable ones, or UUIDs if these would be too long.
func declarationID(domain string, platform Platform) func(name string) string {
	labels := strings.Split(domain, ".")
	slices.Reverse(labels)
	parent := strings.Join(labels, ".") + "." + identifierMiddle + string(platform) + "."
	return func(name string) string {
		if len(parent)+len("activation") > maxDeclarationID {
			return payloadUUID(parent + name)
		}
		return parent + name
	}
}

// activationOf returns the payload of the activation that applies a
// configuration (simple.yaml).
func activationOf(configuration string) map[string]any {
	return map[string]any{"StandardConfigurations": []string{configuration}}
}

// settings returns p as the payload of a configuration
// (passcode.settings.yaml).
func (p *Passcode) settings(platform Platform) map[string]any {
	out := map[string]any{
		"MaximumGracePeriodInMinutes": minutes(p.Grace),
		"MaximumInactivityInMinutes":  minutes(p.AutoLock),
		"MinimumLength":               p.MinLength,
		"RequireComplexPasscode":      true,
		"RequirePasscode":             true,
	}
	optional(out, "MaximumFailedAttempts", p.MaxFailedAttempts)
	optional(out, "MaximumPasscodeAgeInDays", p.MaxAgeDays)
	optional(out, "MinimumComplexCharacters", p.MinComplex)
	optional(out, "PasscodeReuseLimit", p.History)
	optional(out, "RequireAlphanumericPasscode", p.Alphanumeric)
	if platform == Mac && p.MaxFailedAttempts != 0 {
		out["FailedAttemptsResetInMinutes"] = minutes(p.ResetAfter)
	}
	return out
}

// A DeclaredPasscode is a [Passcode] as declarations inside a profile. Devices
// only accept it if it's installed manually, and not from a device management
// server (com.apple.declarations.yaml). It's experimental: Apple deprecates the
// payload of a Passcode as of OS 27, and this is its successor.
type DeclaredPasscode struct{ Passcode }

// Type is "com.apple.declarations".
func (p *DeclaredPasscode) Type() string { return p.kind().payloadType }

func (*DeclaredPasscode) kind() kind {
	return kind{name: "declarations", payloadType: "com.apple.declarations", place: 91, device: true}
}

// keys contains each declaration as JSON.
func (p *DeclaredPasscode) keys(_ Address, platform Platform) map[string]any {
	settings := written(passcodeSettings, p.settings(platform))
	activation := written(simpleActivation, activationOf(settings.Identifier))
	return map[string]any{"Declarations": []any{encoded(settings), encoded(activation)}}
}

// written returns a declaration whose identifier is derived from its content,
// so that the same policy in the profiles of two mailboxes is one declaration
// on a device.
func written(declarationType string, payload map[string]any) Declaration {
	id := payloadUUID(declarationType + string(encoded(payload)))
	return Declaration{Type: declarationType, Identifier: id, ServerToken: id, Payload: payload}
}

// encoded returns JSON of strings, numbers and booleans, which can't fail.
func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("profile: a declaration: %v", err))
	}
	return text
}

func (p *DeclaredPasscode) with(Fields) Payload { return p }
