package mail

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// An overviewPage says what needs doing and how things stand.
type overviewPage struct {
	panel.Frame
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

type domainsPage struct {
	panel.Frame
	panel.Paging
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
	panel.Frame
	Form     web.Form
	Name     string // empty: a new one
	Policies []panel.Choice
	// Proof is the DNS record that proves whose the domain is; empty: none
	// is needed.
	ProofName  string
	ProofValue string
	// PasswordAdvice is what to do where the mail server is known to refuse the
	// password of a mailbox; empty: nothing is known.
	PasswordAdvice string
	Checks         []check // of its servers, after "Check the servers"
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

type check struct {
	Protocol string // imap, smtp
	Server   string
	Severity string // good, warning, error
	Text     string
	NotAfter time.Time
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
