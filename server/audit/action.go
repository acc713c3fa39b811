// Package audit defines the actions of the action log, the bytes in which they
// are stored, and the checks that a log hasn't been tampered with.
package audit

// An Action is one entry of the action log: something that was changed,
// downloaded or refused.
type Action struct {
	// Account owns the log that the action belongs to.
	Account string
	Name    Name
	Outcome Outcome
	// Reason is the code of the fault if Outcome is Refused.
	Reason string
	Actor  Actor
	Target Target
	// Changes lists the changed fields. Secrets are "***".
	Changes []Change
	// Profile is the SHA-256 of a signed profile's content, in hex, and
	// Identity that of the certificate that signed it. Both may be empty.
	Profile  string
	Identity string
	// Link is the setup link that led to the action, if there is one.
	Link string
	// Domain is the email domain that the action is about, if it is about one.
	Domain string
	// Mailbox is the folded address that the action is about. Personal.
	Mailbox string
	// Proof is signed when the action is encoded; see RecordErase, RecordRetain
	// and RecordRetention. Other actions have none.
	Proof *Proof

	key  KeyName      // that signs; see SignedBy
	next *replacement // of that key, of a LogReplaceKey
}

// A Name says what was done, as "object.verb". Names are stored: add, never
// rename.
type Name string

// The names.
const (
	DomainCreate Name = "domain.create"
	DomainUpdate Name = "domain.update"
	DomainDelete Name = "domain.delete"
	// DomainRequest is a new domain that waits for its DNS proof.
	// DomainRequestDelete says that it no longer does.
	DomainRequest       Name = "domain.request"
	DomainRequestDelete Name = "domain.request_delete"

	HostApprove     Name = "host.approve" // a server that domains may use
	HostWithdraw    Name = "host.withdraw"
	LinkCreate      Name = "link.create"
	LinkOpen        Name = "link.open"
	LinkUpdate      Name = "link.update"
	LinkRevoke      Name = "link.revoke" // one link, those of a mailbox, or those of a domain
	LinkExpire      Name = "link.expire" // it has expired
	LinkMail        Name = "link.mail"   // to be sent to the person
	ProfileDownload Name = "profile.download"
	ProfileIssue    Name = "profile.issue"
	KeyCreate       Name = "key.create"
	KeyUpdate       Name = "key.update"
	KeyRevoke       Name = "key.revoke"
	KeyExpiring     Name = "key.expiring"    // an API key, or one for redirects
	KeyUnused       Name = "key.unused"      // for 90 days
	KeyNewNetwork   Name = "key.new_network" // first use from there

	RedirectKeyCreate Name = "redirect_key.create"
	RedirectKeyUpdate Name = "redirect_key.update"
	RedirectKeyDelete Name = "redirect_key.delete"

	PolicyCreate Name = "policy.create"
	PolicyUpdate Name = "policy.update"
	PolicyDelete Name = "policy.delete"

	// BrandingUpdate changes the branding of the account or a domain: name,
	// logo, color and links.
	BrandingUpdate Name = "branding.update"

	AccountCreate  Name = "account.create"
	AccountUpdate  Name = "account.update"
	AccountSuspend Name = "account.suspend"
	AccountResume  Name = "account.resume"
	AccountOpen    Name = "account.open" // by an operator, who looks or changes
	AccountLook    Name = "account.look" // an operator views a page of it
	AccountLeave   Name = "account.leave"

	InvitationCreate Name = "invitation.create"
	InvitationRevoke Name = "invitation.revoke"

	MemberJoin     Name = "member.join"
	MemberUpdate   Name = "member.update"
	MemberRemove   Name = "member.remove"
	MemberPassword Name = "member.password"
	MemberSignIn   Name = "member.sign_in"
	MemberSignOut  Name = "member.sign_out"
	MemberConfirm  Name = "member.confirm" // a second factor confirmed within a session
	MemberLanguage Name = "member.language"
	MemberZone     Name = "member.time_zone"

	TOTPAdd          Name = "factor.totp_add"
	TOTPRemove       Name = "factor.totp_remove"
	PasskeyAdd       Name = "factor.passkey_add"
	PasskeyRemove    Name = "factor.passkey_remove"
	RecoveryCreate   Name = "factor.recovery_create"
	FactorReset      Name = "factor.reset"
	SessionRevoke    Name = "session.revoke"
	SessionRevokeAll Name = "session.revoke_others"

	WebhookCreate    Name = "webhook.create"
	WebhookUpdate    Name = "webhook.update"
	WebhookDelete    Name = "webhook.delete"
	WebhookRotate    Name = "webhook.rotate" // a new secret, valid beside the old one
	WebhookTest      Name = "webhook.test"
	WebhookRedeliver Name = "webhook.redeliver" // a call is repeated
	WebhookFailing   Name = "webhook.failing"   // for a day
	WebhookDisable   Name = "webhook.disable"   // by the program itself

	SubscriptionUpdate    Name = "subscription.update"
	SubscriptionTest      Name = "subscription.test"
	SubscriptionRedeliver Name = "subscription.redeliver" // an email is sent again
	IdentityChange        Name = "identity.change"
	IdentityExpiring      Name = "identity.expiring"
	IdentityRenew         Name = "identity.renew"        // another certificate for the same key
	IdentityRenewFailed   Name = "identity.renew_failed" // a certificate order
	IdentityRequest       Name = "identity.request"      // a renewal before it is due
	IdentityUpload        Name = "identity.upload"
	InstallationRestore   Name = "installation.restore"
	BackupOverdue         Name = "installation.backup_overdue" // the last backup is too old
	SecretRotate          Name = "installation.rotate_secret"  // tokens are created under a new version

	BatchCreate   Name = "batch.create"
	BatchUpdate   Name = "batch.update" // the list is checked with other settings
	BatchStart    Name = "batch.start"
	BatchFinish   Name = "batch.finish"
	BatchFail     Name = "batch.fail" // by the program itself
	BatchCancel   Name = "batch.cancel"
	BatchDelete   Name = "batch.delete"
	BatchDownload Name = "batch.download"
	BatchPush     Name = "batch.push" // to the devices of its people

	DeviceServerConnect    Name = "device_server.connect" // a NanoMDM server
	DeviceServerUpdate     Name = "device_server.update"
	DeviceServerDisconnect Name = "device_server.disconnect"

	LogExport Name = "log.export"
	LogErase  Name = "log.erase"  // personal text of actions was erased
	LogRetain Name = "log.retain" // the details of old actions were removed
	// LogReplaceKey says that the log is signed by another key from here on. A
	// KeyChange that both keys have signed goes with it.
	LogReplaceKey Name = "log.replace_key"
	// LogCheckFailed says that the daily check of the log found something.
	LogCheckFailed Name = "log.check_failed"
)

// An Outcome says how an action ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
)

// An Actor says who did it and from where.
type Actor struct {
	Kind ActorKind
	// ID is that of the member, key or job; a visitor has none.
	ID string
	// Name is what people call the actor. Personal.
	Name string
	// IP is the client's address. Personal.
	IP string
	// Client is the device and program in our own words, never the User-Agent
	// itself. Personal.
	Client    string
	Interface Interface
	// Test says that the actor is a test key.
	Test bool
	// Request is the request ID, which the server's own log has too.
	Request string
}

// An ActorKind is a kind of actor.
type ActorKind string

// The kinds of actor.
const (
	Visitor  ActorKind = "visitor"  // a person with a link or on the public page
	System   ActorKind = "system"   // the program itself, at start or in a job
	KeyActor ActorKind = "key"      // a program, through the API or what it signed
	Member   ActorKind = "member"   // a person in the control panel
	Operator ActorKind = "operator" // the server operator, on the command line or in the control panel
)

// An Interface is where an actor's request came in.
type Interface string

// The interfaces.
const (
	Page        Interface = "page"  // the public pages
	Panel       Interface = "panel" // the control panel
	CommandLine Interface = "command_line"
	Internal    Interface = "internal" // the program itself, without a request
	API         Interface = "api"
)

// A Target is what an action was done to.
type Target struct {
	Kind TargetKind
	ID   string
	// Name is what people call the target, for example a mailbox. Personal.
	Name string
}

// A TargetKind is a kind of target.
type TargetKind string

// The kinds of target.
const (
	DomainTarget TargetKind = "domain"
	HostTarget   TargetKind = "host" // the ID is its pattern
	LinkTarget   TargetKind = "link"
	TicketTarget TargetKind = "ticket"
	KeyTarget    TargetKind = "key"
	// RedirectKeyTarget is a public key with which a hosting panel signs.
	RedirectKeyTarget TargetKind = "redirect_key"
	ProfileTarget     TargetKind = "profile" // ID is the profile's identifier

	AccountTarget    TargetKind = "account"
	InvitationTarget TargetKind = "invitation"
	MemberTarget     TargetKind = "member"
	PasskeyTarget    TargetKind = "passkey"
	PolicyTarget     TargetKind = "policy"
	SessionTarget    TargetKind = "session"
	WebhookTarget    TargetKind = "webhook"
	RecipientTarget  TargetKind = "recipient" // of notifications: a member's ID or an address
	IdentityTarget   TargetKind = "identity"
	BatchTarget      TargetKind = "batch"
	// DeviceServerTarget is a NanoMDM server of an account.
	DeviceServerTarget TargetKind = "device_server"
	// InstallationTarget is the installation as a whole.
	InstallationTarget TargetKind = "installation"
	LogTarget          TargetKind = "log" // the ID is the account
)

// A Change is the value of one field before and after.
type Change struct {
	Field string `json:"field" example:"incoming"`
	Old   string `json:"old,omitempty" doc:"Absent if there was no value." example:"imap.example.com:993"`
	New   string `json:"new,omitempty" doc:"Absent if there is no value." example:"mail.example.com:993"`
}
