package mail

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// An overviewPage shows what needs attention and the current state.
type overviewPage struct {
	panel.Frame
	// Setup is the checklist up to the first device; nil once that is done.
	Setup     *checklist
	Todos     []todo
	Domains   int
	Links     int // in the days of the plot
	Downloads int
	Days      []day // the latest 14, oldest first
	Identity  identity
	List      []domainRow // the first few
	Recent    []actionRow
}

// A checklist leads a new account to its first device.
type checklist struct {
	First []setupStep
	Then  []setupStep // before others are invited
	Done  int         // steps of both
	Total int
	// BackupDays is how old the last backup is, if that is too old.
	BackupDays int
	// The test link, while nobody has opened it: its URL, which is also shown
	// as a QR code, and its page in the panel. Empty: there is none.
	URL  string
	QR   web.QR
	Link string
}

type setupStep struct {
	ID     string // certificate, domain, servers, link, opened, downloaded, owner, relay, backup
	Number int
	Done   bool
	Next   bool   // the first that isn't done
	Detail string // the object with which it was done; may be empty
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

// A todo is something that needs attention: the last part of a text ID, the
// values in its text, and a link.
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
	Fault       string // why it can't sign; empty: it can
}

// An actionRow is a short form of an action log entry.
type actionRow struct {
	Name    string // "domain.update", by which its text is found
	Target  string
	Who     string // a name, or the kind if there is none
	Kind    string // member, key, operator, system, visitor
	Refused bool
	At      time.Time
}

type domainsPage struct {
	panel.Frame
	panel.Paging
	Form web.Form // the list's filters: q, metadata
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
	Pending   bool // it is pending
}

// A domainPage shows a domain. Form: metadata.
type domainPage struct {
	panel.Frame
	Form web.Form
	Row  domainRow
	Days int // for which Row counts links and downloads
	// URL is the address of the start page, also shown as a QR code.
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
	Attempts    int    // wrong passcodes that erase a device; 0: never
	MinLength   int
	// PasswordAdvice is what to do if the mail server is known to refuse the
	// mailbox's password; empty: nothing is known.
	PasswordAdvice string
	Checks         []check   // of its servers
	CheckedAt      time.Time // zero: not since the last change
	// Records are the DNS records to publish, and Zone is the same as lines of
	// a zone file.
	Records      []record
	RecordsAt    time.Time // zero: not since the last change
	FoundRecords int
	Zone         string
	Recent       []actionRow
	Metadata     []panel.Field // the metadata of programs
}

// A check is a server and the result of its latest check.
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

// A domainFormPage creates or changes a domain. Form: name, display_name,
// imap, smtp, caldav, carddav, login, sign_in_hint, help_text, iphone, mac,
// policy, policy_id, return_hosts, found_imap, found_smtp.
type domainFormPage struct {
	panel.Frame
	Form     web.Form
	Name     string // empty: a new one
	Pending  bool   // it is pending
	Whole    bool   // all fields are shown, not only the name
	Advanced bool   // there is a problem in the folded part
	Policies []panel.Choice
	Search   *search // what a search has just found; nil: there was none
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

// A pendingPage shows a pending domain: the DNS record to publish and, after a
// check, what the DNS has instead.
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

// A policyPage creates or changes a policy. Form: name, min_length,
// alphanumeric, min_complex, auto_lock, grace, wipe, max_failed_attempts,
// reset_after, max_age, history.
type policyPage struct {
	panel.Frame
	Form     web.Form
	ID       string // empty: a new one
	Name     string
	Standard bool // read-only
	Domains  []string
	// What a person reads before installing, and the profile itself.
	Consent []string // paragraphs
	Rows    []setting
	XML     string
}

// A setting is a line of a profile as a table: name, value, and whether it is
// for only one platform.
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
