package notify

import (
	"maps"
	"slices"
)

// texts say of each type when its event comes, for people who write programs.
var texts = map[Type]string{
	LinkCreated:      "A setup link was created.",
	LinkOpened:       "Somebody asked for a profile on the page of a setup link.",
	LinkUsed:         "A setup link was opened as often as it may be.",
	LinkDownloaded:   "A device fetched the profile of a setup link.",
	LinkExpired:      "A setup link came to its end without being used up or revoked.",
	LinkRevoked:      "A setup link was revoked, or all links of a mailbox or domain.",
	BatchFinished:    "A batch was finished, or failed.",
	DomainChanged:    "A domain was created, changed or deleted.",
	HostApproved:     "A server was approved for the domains of the account.",
	BrandingChanged:  "The name, logo, color or links that people of the account or a domain see changed.",
	HostWithdrawn:    "The approval of a server was withdrawn.",
	PolicyChanged:    "A device policy was created, changed or deleted.",
	NewDevice:        "A member signed in from a device and network not seen before.",
	SignInsRefused:   "Ten sign-ins of a member were refused within an hour.",
	RecoveryUsed:     "A member signed in with a recovery code.",
	PasswordChanged:  "A member's password changed.",
	FactorChanged:    "A second factor of a member was added or removed.",
	FactorReset:      "All second factors of a member were reset.",
	MemberInvited:    "A member was invited.",
	MemberJoined:     "A member joined the account.",
	MemberChanged:    "A member's role or name changed.",
	MemberRemoved:    "A member was removed.",
	AccountChanged:   "The account's rules changed, or it was suspended or resumed.",
	KeyCreated:       "An API key was created.",
	KeyChanged:       "An API key was renamed, or its expiry changed.",
	KeyRevoked:       "An API key was revoked.",
	KeyExpiring:      "An API key or a public key for redirects expires within 30 days, 7 days or a day.",
	KeyUnused:        "An API key has not been used for 90 days.",
	KeyNewNetwork:    "An API key was used from a network that it was never used from before.",
	RedirectKeys:     "A public key for redirects was registered, changed or deleted.",
	IdentityChanged:  "Profiles are signed by another certificate.",
	IdentityExpiring: "The certificate that signs expires within 30, 14, 7, 3 days or a day.",
	RenewalFailed:    "No new certificate could be got, and it's tried again.",
	Renewed:          "The certificate that signs was renewed, for the same key.",
	LogCheckFailed:   "The daily check of the action log found that it was changed behind the program's back.",
	LogKeyReplaced:   "The key that signs the action log was replaced.",
	LogCheckpoint:    "Once a day, if the action log has grown: what it is now, signed.",
	SettingsChanged:  "Who is notified of what changed.",
	WebhookChanged:   "A webhook was created, changed or deleted, or got a new secret.",
	WebhookFailing:   "A webhook has failed for 24 hours.",
	WebhookDisabled:  "A webhook was disabled, because its endpoint is gone or the last try failed.",
	TestEvent:        "Somebody asked for a test.",
}

// A Kind is a type of event with a text that says when it comes.
type Kind struct {
	Type Type
	Text string
	// Streamed is whether the stream of events has it. It has all events that
	// are actions.
	Streamed bool
}

// Catalogue lists all types that webhooks are called for, sorted.
func Catalogue() []Kind {
	var all []Kind
	for _, t := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, Kind{t, texts[t], t != LogCheckpoint && t != TestEvent})
	}
	return all
}
