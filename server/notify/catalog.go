package notify

import (
	"maps"
	"slices"
)

// texts describe when the event of each type is sent. They are for developers.
var texts = map[Type]string{
	LinkCreated:      "A setup link was created.",
	LinkOpened:       "Someone requested a profile on the setup page of a link.",
	LinkUsed:         "A setup link reached its limit of downloads.",
	LinkDownloaded:   "A device fetched the profile of a setup link.",
	LinkExpired:      "A setup link expired without being used up or revoked.",
	LinkRevoked:      "A setup link, or all links of a mailbox or domain, were revoked.",
	BatchFinished:    "A batch was finished, or failed.",
	DomainChanged:    "A domain was created, updated or deleted.",
	HostApproved:     "A server was approved for the domains of the account.",
	BrandingChanged:  "The branding of the account or a domain (name, logo, color or links) changed.",
	HostWithdrawn:    "The approval of a server was revoked.",
	PolicyChanged:    "A passcode policy was created, updated or deleted.",
	NewDevice:        "A member signed in from a new device and network.",
	SignInsRefused:   "Ten sign-ins of a member failed within an hour.",
	RecoveryUsed:     "A member signed in with a recovery code.",
	PasswordChanged:  "A member's password changed.",
	FactorChanged:    "A second factor of a member was added or removed.",
	FactorReset:      "All second factors of a member were reset.",
	MemberInvited:    "A member was invited.",
	MemberJoined:     "A member joined the account.",
	MemberChanged:    "A member's role or name changed.",
	MemberRemoved:    "A member was removed.",
	AccountChanged:   "The account's settings changed, or it was suspended or resumed.",
	KeyCreated:       "An API key was created.",
	KeyChanged:       "The name or expiry of an API key changed.",
	KeyRevoked:       "An API key was revoked.",
	KeyExpiring:      "An API key or a public key for redirects expires within 30 days, 7 days or a day.",
	KeyUnused:        "An API key has not been used for 90 days.",
	KeyNewNetwork:    "An API key was used from a new network.",
	RedirectKeys:     "A public key for redirects was registered, updated or deleted.",
	IdentityChanged:  "The signing certificate changed.",
	IdentityExpiring: "The signing certificate expires within 30, 14, 7 or 3 days, or within a day.",
	RenewalFailed:    "The certificate couldn't be renewed. The service will try again.",
	Renewed:          "The signing certificate was renewed for the same key.",
	LogCheckFailed:   "The daily check of the action log found that the log was changed outside of the program.",
	LogKeyReplaced:   "The key that signs the action log was replaced.",
	LogCheckpoint:    "Once a day, if the action log has grown: a signed checkpoint of the log.",
	BackupOverdue:    "The last backup is more than three days old. It's sent once, until there is another backup.",
	SettingsChanged:  "The notification settings changed.",
	WebhookChanged:   "A webhook was created, updated or deleted, or its secret was replaced.",
	WebhookFailing:   "A webhook has failed for 24 hours.",
	WebhookDisabled:  "A webhook was disabled because its endpoint is gone or the last attempt failed.",
	TestEvent:        "A test was requested.",
}

// A Kind is a type of event with a text that describes when it is sent.
type Kind struct {
	Type Type
	Text string
	// Streamed is whether the event stream includes the type. It includes all
	// events that are actions in an account's log.
	Streamed bool
}

// unstreamed are the types of events that are no actions, or actions in the log of
// the installation.
var unstreamed = []Type{LogCheckpoint, TestEvent, IdentityChanged, IdentityExpiring, RenewalFailed, Renewed, BackupOverdue}

// Catalog lists all types that webhooks can receive, sorted.
func Catalog() []Kind {
	var all []Kind
	for _, t := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, Kind{t, texts[t], !slices.Contains(unstreamed, t)})
	}
	return all
}
