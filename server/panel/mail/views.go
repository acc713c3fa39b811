package mail

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// An overviewPage says what needs doing and how things stand.
type overviewPage struct {
	panel.Frame
	// Setup is the way to the first device; nil once that is done.
	Setup     *checklist
	Todos     []todo
	Domains   int
	Links     int // in the days of the plot
	Downloads int
	Days      []day // the latest 14, the oldest first
	Identity  identity
	List      []domainRow // the first few
	Recent    []actionRow
}

// A checklist is the way of a new account to its first device.
type checklist struct {
	First []setupStep
	Then  []setupStep // before others are invited
	Done  int         // steps of both
	Total int
	// BackupDays is how old the last backup is, if there is one.
	BackupDays int
	// The test link, while nobody has opened it: its address as a QR code too,
	// and its page in the panel. Empty: there is none.
	URL  string
	QR   web.QR
	Link string
}

type setupStep struct {
	ID     string // certificate, domain, servers, link, opened, downloaded, owner, relay, backup
	Number int
	Done   bool
	Next   bool   // the first that isn't done
	Detail string // what it was done with; may be empty
	Path   string // where it is done; empty: elsewhere
}

// A setupPage has the commands for what the panel can't do.
type setupPage struct {
	panel.Frame
	Host string // of the service
	// Commands.
	Certificate string
	Relay       string
	Backup      string
}

// A todo is something that needs attention: the end of a text id, what its
// text may name, and where to go.
type todo struct {
	ID     string // no_domain, no_recovery, few_recovery, one_factor, identity_development, identity_expires, identity_bad, one_owner, no_relay, no_backup
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

type domainsPage struct {
	panel.Frame
	panel.Paging
	Form web.Form // what the list is filtered by: q, metadata
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
	Pending   bool // it waits for its proof
}

// A domainPage shows a domain. Form: metadata.
type domainPage struct {
	panel.Frame
	Form web.Form
	Row  domainRow
	Days int // for which Row counts links and downloads
	// URL is where people begin, also as a QR code.
	URL string
	QR  web.QR
	// The settings, in short.
	DisplayName string
	Login       string
	Hint        string
	IPhone, Mac bool
	Calendars   string
	Contacts    string
	Policy      string // its name; empty: none is offered
	Attempts    int    // wrong passcodes that erase a device; 0: none do
	MinLength   int
	// PasswordAdvice is what to do where the mail server is known to refuse the
	// password of a mailbox; empty: nothing is known.
	PasswordAdvice string
	Checks         []check   // of its servers
	CheckedAt      time.Time // zero: not as they are now
	// Records are what to publish in the DNS, and Zone the same as lines of a
	// zone file.
	Records      []record
	RecordsAt    time.Time // zero: not as they are now
	FoundRecords int
	Zone         string
	Recent       []actionRow
	Metadata     []panel.Field // what a program keeps with it
}

// A check is a server and what its latest check found.
type check struct {
	Protocol   string // imap, smtp, caldav, carddav
	Server     string
	Port       int
	Encryption string
	Severity   string // good, warning, error; empty: not checked
	State      string
	Text       string
	NotAfter   time.Time
}

type record struct {
	Name  string
	Type  string // SRV, CNAME, TXT
	Value string
	// State is found, missing, other or unknown; empty: not asked yet.
	State string
}

// A domainFormPage makes or changes a domain. Form: name, display_name, imap,
// smtp, caldav, carddav, login, sign_in_hint, help_text, iphone, mac, policy,
// policy_id, return_hosts, found_imap, found_smtp.
type domainFormPage struct {
	panel.Frame
	Form     web.Form
	Name     string // empty: a new one
	Pending  bool   // it waits for its proof
	Whole    bool   // all fields are shown, not the name alone
	Advanced bool   // something is wrong with what is folded up
	Policies []panel.Choice
	Search   *search // what a search has just found; nil: none was made
	// PasswordAdvice is that of a domainPage.
	PasswordAdvice string
}

// A search is what was found where.
type search struct {
	Incoming *foundServer // nil: none was found
	Outgoing *foundServer
	Also     []also
	Looks    []look
}

type foundServer struct {
	Server   string
	Source   string // srv, autoconfig, mx, names
	NotAfter time.Time
	Soon     bool // its certificate expires soon
}

// An also is a server of calendars or contacts.
type also struct {
	Kind   string // caldav, carddav
	Server string
}

type look struct {
	Source  string
	Outcome string // used, same, unfit, nothing, skipped
	Servers []string
}

// A pendingPage shows a domain that waits for its proof: the DNS record to
// publish and, where the DNS was just asked, what it has instead.
type pendingPage struct {
	panel.Frame
	Row        domainRow
	Updated    time.Time
	ProofName  string
	ProofValue string
	MayApprove bool
	Looked     bool
	Texts      []string
	Doubled    bool // the record is under a name that ends with the domain twice
	Failed     bool // the DNS gave no answer
}

type policiesPage struct {
	panel.Frame
	panel.Paging
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
	panel.Frame
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

// A hostsPage lists the servers that domains may use. Form: host.
type hostsPage struct {
	panel.Frame
	panel.Paging
	Form web.Form
	Rows []hostRow
}

type hostRow struct {
	Pattern string
	Created time.Time
}
