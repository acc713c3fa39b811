package access

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A signInPage asks for a member's sign-in. Form: email.
type signInPage struct {
	panel.Frame
	Form    web.Form
	Passkey bool   // this installation can have passkeys
	Next    string // where to go afterwards: a path below /panel
	// Command creates the first owner, while there is none; else empty.
	Command string
}

// An invitationPage lets a person become a member. Form: email, name.
type invitationPage struct {
	panel.Frame
	Form    web.Form
	Token   string
	Email   string // whom the invitation is for; empty: whoever sets up the installation
	Account string
	Role    string // owner, admin, auditor
	First   bool   // the first owner of a new installation
	Expires time.Time
}

// An enrolPage asks a new member for a second factor.
type enrolPage struct {
	panel.Frame
	Passkey bool
}

// A totpPage enrols an authenticator app.
type totpPage struct {
	panel.Frame
	Secret string // base32 in groups of four
	Setup  string // encrypted; goes back with the code
	QR     web.QR
}

// A recoveryPage makes recovery codes, or shows them once.
type recoveryPage struct {
	panel.Frame
	Codes []string // empty: not made yet
	Left  int
	Made  time.Time // zero: never
}

// A passwordPage changes the member's own password.
type passwordPage struct {
	panel.Frame
	Factor bool // has a second factor: 8 characters do, else 15
}

// A securityPage is the member's own sign-in.
type securityPage struct {
	panel.Frame
	Passkeys      []passkeyRow
	PasskeyUsable bool
	TOTP          time.Time // since when; zero: none
	RecoveryLeft  int
	RecoveryMade  time.Time
	Password      time.Time // since when
	LastFactor    bool      // only one factor is left, which cannot be removed
	Sessions      []sessionRow
	SignIns       []signInRow // the latest, refused ones too
	Form          web.Form    // zone
}

type passkeyRow struct {
	ID       string
	Name     string
	Synced   bool
	Created  time.Time
	LastUsed time.Time
}

type sessionRow struct {
	ID       string
	Client   string // "Safari on Mac"
	IP       string
	Method   string // passkey, totp, recovery, password
	Created  time.Time
	LastUsed time.Time
	Current  bool
}

type signInRow struct {
	At         time.Time
	Refused    bool
	Client     string
	IP         string
	Unreadable bool // somebody changed the entry in the database
}

type keysPage struct {
	panel.Frame
	panel.Paging
	Rows      []panel.KeyRow
	Redirects []redirectRow
}

// A redirectRow is a public key with which a hosting panel signs.
type redirectRow struct {
	ID        string
	Name      string
	Algorithm string
	Domains   []string
	Created   time.Time
	Expires   time.Time
	LastUsed  time.Time
	State     string // live, expired
	Soon      bool   // it works, and ends soon
}

// A redirectPage registers or changes a public key, and shows what to sign.
// Form: name, public_key, domains.
type redirectPage struct {
	panel.Frame
	Form     web.Form
	Domains  []string
	Row      redirectRow // empty: a new one
	PEM      string
	Issuer   string
	Audience string
}

// A keyPage shows a key, renames it and replaces it. Form: name, overlap (hours).
type keyPage struct {
	panel.Frame
	Form     web.Form
	Row      panel.KeyRow
	Overlaps []string
	Key      string // the key itself, if it has just replaced another one: this one time
}

// A newKeyPage makes a key. Form: name, scope fields "domains:read" …, domains,
// networks, preset, expires (days; empty: never), test (yes).
type newKeyPage struct {
	panel.Frame
	Form    web.Form
	Scopes  []string
	Presets []string
	Domains []string
	Key     string // once it is made, this one time
}

type membersPage struct {
	panel.Frame
	panel.Paging
	Rows        []memberRow
	Invitations []invitationRow
	// Required says that every member needs a second factor, Erasing that API
	// keys may have devices erase themselves.
	Required, Erasing bool
	// Retention is for how many days the content of the log is kept, and
	// Retentions what can be chosen; 0: for ever.
	Retention  int
	Retentions []int
}

type memberRow struct {
	ID        string
	Name      string
	Email     string
	Role      string
	Operator  bool
	Factors   []string // passkey, totp
	LastSeen  time.Time
	Self      bool
	LastOwner bool
}

type invitationRow struct {
	ID      string
	Email   string
	Role    string
	URL     string
	Expires time.Time
}

// An invitePage invites a member. Form: email, role.
type invitePage struct {
	panel.Frame
	Form web.Form
	URL  string // once it is made
}

// A memberPage changes a member's role. Form: role.
type memberPage struct {
	panel.Frame
	Form   web.Form
	Member memberRow
}

// A certificatePage shows what signs, and takes another. Form: certificates,
// private_key.
type certificatePage struct {
	panel.Frame
	Form     web.Form
	Signs    certificateView
	Source   string    // acme, upload, files, development; empty: there is none yet
	Renews   time.Time // zero: not by itself
	Failed   failedOrder
	Upload   bool // another can be uploaded
	Checked  certificateView
	Renewals []renewalRow
}

// A certificateView is a certificate as a device sees it.
type certificateView struct {
	Name     string // empty: there is none
	Issuers  []string
	NotAfter time.Time
	DaysLeft int
	Fault    string
	Notices  []string // codes
	OtherKey bool     // than that which signs now
}

// A failedOrder is the last order of a certificate, if it failed.
type failedOrder struct {
	Reason string // empty: it did not fail
	Detail string
	At     time.Time
	Retry  time.Time
}

type renewalRow struct {
	At    time.Time
	State string // renewed, changed, failed, uploaded
	Text  string
}

// An accountsPage is for operators.
type accountsPage struct {
	panel.Frame
	panel.Paging
	Rows []accountRow
}

type accountRow struct {
	ID        string
	Name      string
	Domains   int
	Members   int
	Trusted   bool // its domains need no proof
	Suspended time.Time
	Created   time.Time
	Own       bool
}

// An accountPage makes or changes an account. Form: name, trusted, email (of
// the first owner, for a new one).
type accountPage struct {
	panel.Frame
	Form        web.Form
	Row         accountRow // without an ID: a new one
	Reason      string     // why it is suspended
	Members     []memberRow
	Invitations []invitationRow // without their addresses
	URL         string          // the owner's invitation, once it is made
}

// A whyPage asks an operator for the reason of what they do with an account.
// Form: reason, changes (to open it).
type whyPage struct {
	panel.Frame
	Form web.Form
	What string // suspend, resume, open
	Row  accountRow
}
