package panel

import (
	"time"

	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A frame is what every page of the panel shows around its own.
type frame struct {
	Operator  string // the installation's host name
	Languages []templates.Language
	Language  templates.Language
	Path      string // the page's own path
	// Nav is the entry of the side list that the page belongs to: overview,
	// domains, policies, links, keys, members, sign-in, log, notifications, accounts.
	Nav    string
	Person person // empty on the pages before sign-in
	// What the member's role allows; pages show no button for the rest.
	Write    bool // settings, policies, keys
	Manage   bool // members and the account
	Operate  bool // accounts of the installation
	Problems []problem
	// Done is what has just been done, the end of a text id: "domain.saved".
	Done        string
	Development bool // profiles are signed with the development identity
}

// A person is the member who looks.
type person struct {
	Name    string
	Email   string
	Account string
}

// A problem is what is wrong, in the page's language; Field is empty where it
// is the whole form's.
type problem struct {
	Field string
	Code  string
	Text  string
}

// A signInPage asks for a member's sign-in. Form: email.
type signInPage struct {
	frame
	Form    web.Form
	Passkey bool   // this installation can have passkeys
	Next    string // where to go afterwards: a path below /panel
}

// An invitationPage lets a person become a member. Form: email, name.
type invitationPage struct {
	frame
	Form    web.Form
	Token   string
	Email   string // whom the invitation is for; empty: whoever sets up the installation
	Account string
	Role    string // owner, admin, auditor
	First   bool   // the first owner of a new installation
	Expires time.Time
}

// A confirmPage asks for a fresh factor before a change. Its form goes to
// Action with the Fields as hidden values.
type confirmPage struct {
	frame
	Action   string // the path that is asked for
	Method   string // "post": repeat the form; "get": go on to the page
	Fields   []field
	Passkey  bool // has one and may use it here
	Code     bool // has an authenticator app or recovery codes; else the password is asked for
	Withheld bool // something typed was secret and must be typed again
}

type field struct{ Name, Value string }

// An enrolPage asks a new member for a second factor.
type enrolPage struct {
	frame
	Passkey bool
}

// A totpPage enrols an authenticator app.
type totpPage struct {
	frame
	Secret string // base32 in groups of four
	Setup  string // encrypted; goes back with the code
	QR     web.QR
}

// A recoveryPage makes recovery codes, or shows them once.
type recoveryPage struct {
	frame
	Codes []string // empty: not made yet
	Left  int
	Made  time.Time // zero: never
}

// A passwordPage changes the member's own password.
type passwordPage struct {
	frame
	Factor bool // has a second factor: 8 characters do, else 15
}

// A securityPage is the member's own sign-in.
type securityPage struct {
	frame
	Passkeys      []passkeyRow
	PasskeyUsable bool
	TOTP          time.Time // since when; zero: none
	RecoveryLeft  int
	RecoveryMade  time.Time
	Password      time.Time // since when
	LastFactor    bool      // only one factor is left, which cannot be removed
	Sessions      []sessionRow
	SignIns       []signInRow          // the latest, refused ones too
	Reads         string               // the tag of the language that was chosen; empty: none was
	Written       []templates.Language // those of mails
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

// An overviewPage says what needs doing and how things stand.
type overviewPage struct {
	frame
	Todos     []todo
	Domains   int
	Links     int // in the days of the plot
	Downloads int
	Days      []day // the latest 14, the oldest first
	Identity  identity
	List      []domainRow // the first few
	Recent    []actionRow
}

// A todo is something that needs attention: the end of a text id, what its
// text may name, and where to go.
type todo struct {
	ID     string // no_domain, no_recovery, few_recovery, one_factor, identity_development, identity_expires, identity_bad, one_owner
	Values map[string]any
	Path   string
	Urgent bool
}

type day struct {
	Day       time.Time
	Links     int
	Downloads int
}

type identity struct {
	Subject     string
	Issuer      string
	NotAfter    time.Time
	DaysLeft    int
	Development bool
	Fault       string // why it cannot sign; empty: it can
}

// An actionRow is an entry of the action log in short.
type actionRow struct {
	Name    string // "domain.update", by which its text is found
	Target  string
	Who     string // a name, or the kind where there is none
	Kind    string // member, key, operator, system, visitor
	Refused bool
	At      time.Time
}

// A paging is one page of a list.
type paging struct {
	Query string // what the list is filtered by
	Total int    // rows that match
	From  int    // the first row shown, from 1
	To    int
	Prev  string // paths; empty: none
	Next  string
}

type domainsPage struct {
	frame
	paging
	Rows []domainRow
}

type domainRow struct {
	Name      string
	Incoming  string
	Outgoing  string
	Offer     string // off, offered, required
	Erases    bool
	Links     int // of the latest 14 days
	Downloads int
}

// A domainPage makes or changes a domain. Form: name, display_name, imap,
// smtp, caldav, carddav, login, sign_in_hint, help_text, iphone, mac, policy,
// policy_id, return_hosts, approve.
type domainPage struct {
	frame
	Form     web.Form
	Name     string // empty: a new one
	Policies []choice
	// Proof is the DNS record that proves whose the domain is; empty: none
	// is needed.
	ProofName  string
	ProofValue string
	Checks     []check // of its servers, after "Check the servers"
	// Records are what to publish in the DNS of a domain that is there, and
	// Zone the same as lines of a zone file.
	Records []record
	Zone    string
}

type record struct {
	Name  string
	Type  string // SRV, CNAME, TXT
	Value string
	// State is found, missing, other or unknown; empty: not asked yet.
	State string
}

type choice struct {
	Value  string
	Label  string
	Erases bool
}

type check struct {
	Protocol string // imap, smtp
	Server   string
	Severity string // good, warning, error
	Text     string
	NotAfter time.Time
}

// A removePage says what will be lost, and asks. Its texts begin with ID:
// "panel.remove.domain".
type removePage struct {
	frame
	ID     string // domain, policy, link, mailbox-links, links, key, member, invitation, account, passkey, totp, recipient, webhook, webhook-off, webhook-secret, mailbox, entry
	Values map[string]any
	Action string
	Fields []field // hidden
	Back   string
	// Keys are revoked with the member, unless the form says keep_keys. The
	// page shows as many as fit, and MoreKeys is how many others there are.
	Keys     []keyRow
	MoreKeys int
}

type policiesPage struct {
	frame
	paging
	Rows []policyRow
}

type policyRow struct {
	ID       string
	Name     string
	Standard bool
	Attempts int // 0: never erases
	Length   int
	Lock     int // minutes
	Domains  []string
}

// A policyPage makes or changes a policy. Form: name, min_length,
// alphanumeric, min_complex, auto_lock, grace, wipe, max_failed_attempts,
// reset_after, max_age, history.
type policyPage struct {
	frame
	Form     web.Form
	ID       string // empty: a new one
	Name     string
	Standard bool // it can be looked at and not changed
	Domains  []string
	// What a person reads before it installs, and the profile itself.
	Consent []string // paragraphs
	Rows    []setting
	XML     string
}

// A setting is a line of a profile as a table: what, its value, and whether
// it is for one platform alone.
type setting struct {
	Name   string // the end of a text id
	Value  string
	IPhone bool
	Mac    bool
}

type keysPage struct {
	frame
	paging
	Rows      []keyRow
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
}

// A redirectPage registers or changes a public key, and shows what to sign.
// Form: name, public_key, domains.
type redirectPage struct {
	frame
	Form     web.Form
	Domains  []string
	Row      redirectRow // empty: a new one
	PEM      string
	Issuer   string
	Audience string
}

type keyRow struct {
	ID            string
	Name          string
	Scopes        []string
	Domains       []string
	Networks      []string
	Created       time.Time
	Expires       time.Time
	LastUsed      time.Time
	State         string // live, expired, revoked
	Test          bool
	CreatedBy     string // a member or key; empty: a member who was removed, or neither
	CreatedByKind string // member, key, operator, system
}

// A keyPage makes a key. Form: name, scope fields "domains:read" …, domains,
// networks, expires (days; empty: never), test (yes).
type keyPage struct {
	frame
	Form    web.Form
	Scopes  []string
	Domains []string
	Key     string // once it is made, this one time
}

type membersPage struct {
	frame
	paging
	Rows        []memberRow
	Invitations []invitationRow
	// Required says that every member needs a second factor.
	Required bool
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
	frame
	Form web.Form
	URL  string // once it is made
}

// A memberPage changes a member's role. Form: role.
type memberPage struct {
	frame
	Form   web.Form
	Member memberRow
}

// An accountsPage is for operators.
type accountsPage struct {
	frame
	paging
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
	frame
	Form web.Form
	Row  accountRow // without an ID: a new one
	URL  string     // the owner's invitation, once it is made
}

// An errorPage says what went wrong.
type errorPage struct {
	frame
	Status int
	Code   string
	Detail string
}
