package profile

import (
	"cmp"
	"reflect"
	"slices"
)

// A Payload is a group of settings of one kind in a profile. The set of kinds
// is closed: a signed payload changes devices, so only this package defines
// kinds. Each kind is in its own file with its fields, their validation and
// encoding, and the fields that a [Template] leaves open.
type Payload interface {
	// Type is the PayloadType by which a device knows the kind.
	Type() string

	// kind describes properties of all payloads of the kind.
	kind() kind
	// titles are the texts that a device shows in the profile's details.
	titles() (displayName, description string)
	// validate adds the problems of the payload's own fields.
	validate(c *checker, platform Platform)
	// keys are the payload's own keys, without those that every payload has.
	// Keys that a device would otherwise guess are always present.
	keys(address Address, platform Platform) map[string]any
	// with returns a copy of the payload with the fields that a template leaves
	// open.
	with(f Fields) Payload
}

// A kind describes the properties that all payloads of a kind share.
type kind struct {
	// name is the kind in the paths of problems. With a leading dot, it's also
	// appended to the profile's identifier for the payload's identifier.
	name        string
	payloadType string
	// place orders the payloads of a profile. The lowest is written first.
	place int
	// device means that the payload affects the whole device. A Mac requires it
	// in a separate profile from accounts, and a person must consent to it
	// first.
	device bool
	// requires is the kind that must be in the same profile. May be empty.
	requires string
}

// suffix is appended to the profile's identifier for the payload's identifier.
func (k kind) suffix() string { return "." + k.name }

// Of returns the payload of type T in p, or nil if there is none:
// Of[*Mail](p) is the mail account.
func Of[T Payload](p *Profile) (payload T) {
	for _, candidate := range p.Payloads {
		if found, ok := candidate.(T); ok {
			return found
		}
	}
	return payload
}

// ordered returns the payloads in the order in which they are written.
func (p *Profile) ordered() []Payload {
	return slices.SortedStableFunc(slices.Values(p.Payloads), func(a, b Payload) int {
		return cmp.Compare(a.kind().place, b.kind().place)
	})
}

// rulesDevice reports whether a payload of p affects the whole device.
func (p *Profile) rulesDevice() bool {
	return slices.ContainsFunc(p.Payloads, func(payload Payload) bool { return !isNil(payload) && payload.kind().device })
}

// payloadTree returns the payload with Apple's keys, under the profile's
// identifier (CommonPayloadKeys.yaml and the schema file of its type).
func payloadTree(payload Payload, p *Profile, parent string) map[string]any {
	k := payload.kind()
	name, description := payload.titles()
	out := payload.keys(p.Address, p.Platform)
	identifier := parent + k.suffix()
	optional(out, "PayloadDescription", description)
	out["PayloadDisplayName"] = name
	out["PayloadIdentifier"] = identifier
	out["PayloadType"] = k.payloadType
	out["PayloadUUID"] = payloadUUID(identifier)
	out["PayloadVersion"] = 1
	return out
}

// optional sets a key unless its value is the zero value, because property
// lists omit keys without a value.
func optional[T comparable](keys map[string]any, key string, value T) {
	var zero T
	if value != zero {
		keys[key] = value
	}
}

// validatePayloads checks each payload and whether they can be combined.
func (p *Profile) validatePayloads(c *checker) {
	c.must("mail", len(p.Payloads) > 0, "a profile needs mail or a passcode policy")
	if slices.ContainsFunc(p.Payloads, isNil) {
		c.add("payloads", "one of them is nil")
		return
	}
	count, accounts := map[string]int{}, false
	for _, payload := range p.Payloads {
		k := payload.kind()
		count[k.name]++
		c.must(k.name, count[k.name] == 1, "it appears more than once")
		accounts = accounts || !k.device
	}
	c.must("passcode", count["passcode"] == 0 || count["declarations"] == 0, "a policy is either a payload or declarations")
	for _, payload := range p.ordered() {
		k := payload.kind()
		c.must(k.name, k.requires == "" || count[k.requires] > 0, "it needs "+k.requires+" in the same profile")
		c.must(k.name, !k.device || !accounts || p.Platform != Mac, "a Mac needs two profiles for mail and a policy")
		payload.validate(c, p.Platform)
	}
}

func isNil(payload Payload) bool { return payload == nil || reflect.ValueOf(payload).IsNil() }
