package mail

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A linksPage lists setup links. Form: address, domain, state.
type linksPage struct {
	panel.Frame
	Form    web.Form
	States  []string
	Domains []string
	Rows    []linkRow
	Older   string // the path of the next page; empty: this is the last
	Newest  string // the path of the first page
	Columns []panel.Column
	// Mailable means that several can be sent by email.
	Mailable bool
	// Revoke is where all links of the filtered domain can be revoked.
	Revoke string
}

type linkRow struct {
	ID        string
	Address   string
	Domain    string
	State     string // waiting, opened, downloaded, used, expired, revoked
	Downloads int
	Created   time.Time
	Expires   time.Time
	Test      bool
	Revocable bool
}

// A newLinkPage creates a link. Form: address, name, login, locale, variant,
// expires (hours), downloads, external_id, return_url.
type newLinkPage struct {
	panel.Frame
	Form   web.Form
	Locked bool // the account has no domain yet
	// Locales are the languages that its page can have.
	Locales []templates.Language
}

// A linkMail is the last email with a link. If there was none, State is empty.
type linkMail struct {
	State   string // waiting, sent, given_up, dropped
	Failure string
	Reply   string // of the mail server
	Tried   time.Time
}

// A linkPage shows one link. It shows the link's URL only to members who may
// use it.
type linkPage struct {
	panel.Frame
	Form       web.Form // metadata
	Row        linkRow
	Live       bool // its page works
	Revocable  bool
	Name       string
	Login      string
	Locale     string
	Variant    string // empty: the person chooses
	ExternalID string
	ReturnURL  string
	Tickets    int
	Most       int // the number of tickets that it issues
	Revoked    time.Time
	URL        string
	Path       string // of URL
	QR         web.QR
	// Mailable means that the link can be sent by email now.
	Mailable bool
	Mail     linkMail
	Metadata []panel.Field // the metadata of programs
}

// A mailboxPage is about one person's devices. Form: address.
type mailboxPage struct {
	panel.Frame
	Form      web.Form
	Address   string // empty: ask for it
	Domain    string
	Server    string // of incoming mail
	Links     int    // that could still lead to a download
	Downloads []downloadRow
	More      bool // there are earlier ones
	// Policy means that the domain offers a passcode policy, and Secure that a
	// profile with one was downloaded.
	Policy, Secure bool
}

type downloadRow struct {
	At       time.Time
	Client   string
	IP       string
	Platform string // iphone, mac; empty: unknown
	Secure   bool
	Issued   bool // through the API, not a link
}

// A selectedPage shows the results for the links that were selected in the
// list.
type selectedPage struct {
	panel.Frame
	Mailed bool // or revoked
	Rows   []selectedRow
}

// A selectedRow is a selected link. Why is empty if it succeeded.
type selectedRow struct{ ID, Address, Why string }
