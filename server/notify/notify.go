// Package notify tells people by email and programs by webhook what has
// happened in an account.
//
// The table in this file decides, in the transaction of an action, who is
// notified. Each delivery is a row and a job that names the row. So no
// delivery is lost, and none is sent for a change that was rolled back.
package notify

import (
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/server/audit"
)

// A Topic is a group of events that a person can subscribe to. Topics are
// stored: add, never rename.
type Topic string

// The topics.
const (
	SignIns       Topic = "sign_ins"
	Factors       Topic = "factors"
	Members       Topic = "members"
	Keys          Topic = "keys"
	Identity      Topic = "identity"
	Policies      Topic = "policies"
	Domains       Topic = "domains"
	Batches       Topic = "batches"
	Log           Topic = "log"
	Backups       Topic = "backups"
	Notifications Topic = "notifications"
)

// Topics lists all topics.
func Topics() []Topic {
	return []Topic{SignIns, Factors, Members, Keys, Identity, Policies, Domains, Batches, Log, Backups, Notifications}
}

// A Type is the name of an event in webhooks. Types are published: add, never
// rename.
type Type string

// The types.
const (
	LinkCreated      Type = "link.created"
	LinkOpened       Type = "link.opened"
	LinkUsed         Type = "link.used" // it issues no more tickets
	LinkDownloaded   Type = "link.downloaded"
	LinkExpired      Type = "link.expired"
	LinkRevoked      Type = "link.revoked"
	DomainChanged    Type = "domain.changed"
	HostApproved     Type = "host.approved"
	BrandingChanged  Type = "branding.changed"
	HostWithdrawn    Type = "host.withdrawn"
	PolicyChanged    Type = "policy.changed"
	BatchFinished    Type = "batch.finished"
	NewDevice        Type = "sign_in.new_device"
	SignInsRefused   Type = "sign_in.refused"
	RecoveryUsed     Type = "sign_in.recovery_code"
	PasswordChanged  Type = "password.changed"
	FactorChanged    Type = "factor.changed"
	FactorReset      Type = "factor.reset"
	MemberInvited    Type = "member.invited"
	MemberJoined     Type = "member.joined"
	MemberChanged    Type = "member.changed"
	MemberRemoved    Type = "member.removed"
	AccountChanged   Type = "account.changed"
	KeyCreated       Type = "key.created"
	KeyChanged       Type = "key.changed"
	KeyRevoked       Type = "key.revoked"
	KeyExpiring      Type = "key.expiring"
	KeyUnused        Type = "key.unused"
	KeyNewNetwork    Type = "key.new_network"
	RedirectKeys     Type = "redirect_key.changed"
	IdentityChanged  Type = "identity.changed"
	IdentityExpiring Type = "identity.expiring"
	RenewalFailed    Type = "identity.renewal_failed"
	Renewed          Type = "certificate.renewed" // the signing certificate
	LogCheckFailed   Type = "log.check_failed"
	LogCheckpoint    Type = "log.checkpoint" // reports no action
	LogKeyReplaced   Type = "log.key_replaced"
	BackupOverdue    Type = "backup.overdue"
	SettingsChanged  Type = "notifications.changed"
	WebhookChanged   Type = "webhook.changed"
	WebhookFailing   Type = "webhook.failing"
	WebhookDisabled  Type = "webhook.disabled"
	TestEvent        Type = "test"
	DigestMail       Type = "digest"     // email only
	InvitationMail   Type = "invitation" // email only
)

// An Event is how an action is reported.
type Event struct {
	Type Type
	// Topic is empty if only programs are notified.
	Topic Topic
	// Locked events can't be turned off: the member concerned and all owners
	// always get them by email.
	Locked bool
}

// events lists the actions that are reported, and their events. Refused
// actions are reported only through [refused].
var events = map[audit.Name]Event{
	audit.LinkCreate:      {LinkCreated, "", false},
	audit.LinkOpen:        {LinkOpened, "", false},
	audit.LinkExpire:      {LinkExpired, "", false},
	audit.LinkRevoke:      {LinkRevoked, "", false},
	audit.ProfileDownload: {LinkDownloaded, "", false},

	audit.DomainCreate:   {DomainChanged, Domains, false},
	audit.DomainUpdate:   {DomainChanged, Domains, false},
	audit.DomainDelete:   {DomainChanged, Domains, false},
	audit.HostApprove:    {HostApproved, Domains, false},
	audit.HostWithdraw:   {HostWithdrawn, Domains, false},
	audit.BrandingUpdate: {BrandingChanged, Domains, false},
	audit.PolicyCreate:   {PolicyChanged, Policies, true},
	audit.PolicyUpdate:   {PolicyChanged, Policies, true},
	audit.PolicyDelete:   {PolicyChanged, Policies, true},

	audit.IdentityRenew: {Renewed, "", false},

	audit.BatchFinish: {BatchFinished, Batches, false},
	audit.BatchFail:   {BatchFinished, Batches, false},

	audit.MemberPassword: {PasswordChanged, Factors, true},
	audit.TOTPAdd:        {FactorChanged, Factors, true},
	audit.TOTPRemove:     {FactorChanged, Factors, true},
	audit.PasskeyAdd:     {FactorChanged, Factors, true},
	audit.PasskeyRemove:  {FactorChanged, Factors, true},
	audit.RecoveryCreate: {FactorChanged, Factors, true},
	audit.FactorReset:    {FactorReset, Factors, true},

	audit.InvitationCreate: {MemberInvited, Members, false},
	audit.MemberJoin:       {MemberJoined, Members, true},
	audit.MemberUpdate:     {MemberChanged, Members, true},
	audit.MemberRemove:     {MemberRemoved, Members, true},
	audit.AccountUpdate:    {AccountChanged, Members, true},
	audit.AccountSuspend:   {AccountChanged, Members, true},
	audit.AccountResume:    {AccountChanged, Members, true},

	audit.KeyCreate: {KeyCreated, Keys, true},
	audit.KeyUpdate: {KeyChanged, Keys, true},
	audit.KeyRevoke: {KeyRevoked, Keys, false},

	audit.KeyExpiring:   {KeyExpiring, Keys, false},
	audit.KeyUnused:     {KeyUnused, Keys, false},
	audit.KeyNewNetwork: {KeyNewNetwork, Keys, false},

	audit.RedirectKeyCreate: {RedirectKeys, Keys, true},
	audit.RedirectKeyUpdate: {RedirectKeys, Keys, true},
	audit.RedirectKeyDelete: {RedirectKeys, Keys, true},

	audit.IdentityChange:   {IdentityChanged, Identity, true},
	audit.IdentityExpiring: {IdentityExpiring, Identity, false},

	audit.IdentityRenewFailed: {RenewalFailed, Identity, false},

	audit.LogCheckFailed: {LogCheckFailed, Log, true},
	audit.LogReplaceKey:  {LogKeyReplaced, Log, true},

	audit.BackupOverdue: {BackupOverdue, Backups, false},

	audit.SubscriptionUpdate: {SettingsChanged, Notifications, true},
	audit.WebhookCreate:      {WebhookChanged, Notifications, false},
	audit.WebhookUpdate:      {WebhookChanged, Notifications, false},
	audit.WebhookDelete:      {WebhookChanged, Notifications, false},
	audit.WebhookRotate:      {WebhookChanged, Notifications, false},
	audit.WebhookFailing:     {WebhookFailing, Notifications, false},
	audit.WebhookDisable:     {WebhookDisabled, Notifications, false},
}

// signIns are the events of sign-ins, which depend on more than the action.
var signIns = map[Type]Event{
	NewDevice:      {NewDevice, SignIns, false},
	SignInsRefused: {SignInsRefused, SignIns, false},
	RecoveryUsed:   {RecoveryUsed, Factors, true},
}

// UsedField is the change that adds a second event to an action: it marks the
// LinkOpen that took the last ticket.
var UsedField = audit.Change{Field: "state", New: "used"}

// second returns an action's second event, which only programs receive.
func second(a audit.Action) (e Event, ok bool) {
	if a.Outcome == audit.Done && a.Name == audit.LinkOpen && slices.Contains(a.Changes, UsedField) {
		return Event{Type: LinkUsed}, true
	}
	return Event{}, false
}

// eventOf returns the event of an action. ok is false if it has none. Sign-ins
// aren't included.
func eventOf(a audit.Action) (e Event, ok bool) {
	if a.Outcome != audit.Done {
		return Event{}, false
	}
	e, ok = events[a.Name]
	return e, ok
}

// Types lists the types that a webhook can subscribe to, sorted.
func Types() []Type {
	all := []Type{NewDevice, SignInsRefused, RecoveryUsed, LogCheckpoint, LinkUsed}
	for _, e := range events {
		all = append(all, e.Type)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// EventsOf returns the events of a topic, sorted, and separately the locked
// ones.
func EventsOf(topic Topic) (free, locked []Type) {
	add := func(e Event) {
		switch {
		case e.Topic != topic:
		case e.Locked:
			locked = append(locked, e.Type)
		default:
			free = append(free, e.Type)
		}
	}
	for _, e := range events {
		add(e)
	}
	for _, e := range signIns {
		add(e)
	}
	slices.Sort(free)
	slices.Sort(locked)
	return slices.Compact(free), slices.Compact(locked)
}

// Concerned returns the member whom an action concerns most, and the address
// that the member had. Both may be empty. A change for a recipient of
// notifications concerns the recipient.
func Concerned(a audit.Action) (member, address string) {
	if a.Target.Kind == audit.RecipientTarget {
		return a.Target.ID, a.Target.Name
	}
	if a.Target.Kind == audit.MemberTarget && a.Target.ID != "" {
		return a.Target.ID, a.Target.Name
	}
	if a.Actor.Kind == audit.Member {
		return a.Actor.ID, a.Actor.Name
	}
	return "", ""
}

// IsAddress reports whether a recipient of notifications is an email address
// rather than a member ID.
func IsAddress(recipient string) bool { return strings.Contains(recipient, "@") }
