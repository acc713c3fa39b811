package access

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A signInPage is the sign-in form. Form: email.
type signInPage struct {
	panel.Frame
	Form    web.Form
	Passkey bool   // the installation supports passkeys
	Next    string // where to continue: a path below /panel
	// Command creates the first owner if there is none; otherwise empty.
	Command string
}

// An invitationPage is the form for accepting an invitation. Form: email,
// name.
type invitationPage struct {
	panel.Frame
	Form    web.Form
	Token   string
	Email   string // the invited address; empty: the person who sets up the installation
	Account string
	Role    string // owner, admin, auditor
	First   bool   // the first owner of a new installation
	Expires time.Time
}

// An enrollPage asks a new member for a second factor.
type enrollPage struct {
	panel.Frame
	Passkey bool
}

// A totpPage adds an authenticator app.
type totpPage struct {
	panel.Frame
	Secret string // base32 in groups of four
	Setup  string // encrypted; sent back with the code
	QR     web.QR
}

// A recoveryPage creates recovery codes, or shows them once.
type recoveryPage struct {
	panel.Frame
	Codes []string // empty: not created yet
	Left  int
	Made  time.Time // zero: never
}

// A passwordPage changes the member's own password.
type passwordPage struct {
	panel.Frame
	Factor bool // has a second factor: 8 characters are enough, otherwise 15
}

// A securityPage shows the member's own sign-in settings.
type securityPage struct {
	panel.Frame
	Passkeys      []passkeyRow
	PasskeyUsable bool
	TOTP          time.Time // since when; zero: none
	RecoveryLeft  int
	RecoveryMade  time.Time
	Password      time.Time // since when
	LastFactor    bool      // there is only one factor left, which can't be removed
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
	Unreadable bool // someone altered the entry in the database
}

type keysPage struct {
	panel.Frame
	panel.Paging
	Rows      []panel.KeyRow
	Redirects []redirectRow
}

// A redirectRow is a public key of a hosting panel.
type redirectRow struct {
	ID        string
	Name      string
	Algorithm string
	Domains   []string
	Created   time.Time
	Expires   time.Time
	LastUsed  time.Time
	State     string // live, expired
	Soon      bool   // it works, and expires soon
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

// A keyPage shows a key, renames it and replaces it. Form: name, overlap
// (hours).
type keyPage struct {
	panel.Frame
	Form     web.Form
	Row      panel.KeyRow
	Overlaps []string
	Key      string // the new key, if it has just replaced another one; shown once
}

// A newKeyPage creates a key. Form: name, scope fields "domains:read" …,
// domains, networks, preset, expires (days; empty: never), test (yes).
type newKeyPage struct {
	panel.Frame
	Form    web.Form
	Scopes  []string
	Presets []string
	Domains []string
	Key     string // once it is created, shown once
}

type membersPage struct {
	panel.Frame
	panel.Paging
	Rows        []memberRow
	Invitations []invitationRow
	// Required means that every member needs a second factor, Erasing that API
	// keys may set policies under which devices erase themselves.
	Required, Erasing bool
	// Retention is for how many days the content of the log is kept, and
	// Retentions are the choices; 0 means forever.
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
	URL  string // once it is created
}

// A memberPage changes a member's role. Form: role.
type memberPage struct {
	panel.Frame
	Form   web.Form
	Member memberRow
}

// A certificatePage shows the signing certificate, and accepts another. Form:
// certificates, private_key.
type certificatePage struct {
	panel.Frame
	Form     web.Form
	Signs    certificateView
	Source   string    // acme, upload, files, development; empty: there is none yet
	Renews   time.Time // zero: not automatically
	Failed   failedOrder
	Upload   bool // another one can be uploaded
	Checked  certificateView
	Renewals []renewalRow
}

// A certificateView shows how devices see a certificate.
type certificateView struct {
	Name     string // empty: there is none
	Issuers  []string
	NotAfter time.Time
	DaysLeft int
	Fault    string
	Notices  []string // codes
	OtherKey bool     // than the current one
}

// A failedOrder is the last certificate order, if it failed.
type failedOrder struct {
	Reason string // empty: it didn't fail
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

// An accountPage creates or changes an account. Form: name, trusted, email (of
// the first owner, for a new one).
type accountPage struct {
	panel.Frame
	Form        web.Form
	Row         accountRow // without an ID: a new one
	Reason      string     // why it is suspended
	Members     []memberRow
	Invitations []invitationRow // without their addresses
	URL         string          // the owner's invitation, once it is created
}

// A whyPage asks an operator for the reason of an action on an account. Form:
// reason, changes (to open it).
type whyPage struct {
	panel.Frame
	Form web.Form
	What string // suspend, resume, open
	Row  accountRow
}
