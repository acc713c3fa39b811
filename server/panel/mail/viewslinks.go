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
	Older   string // the path of the next part; empty: this is the end
	Newest  string // the way back to the first part
	Columns []panel.Column
	// Mailable says that several can be sent by mail.
	Mailable bool
	// Revoke is where all links of the domain are revoked that the list is
	// filtered by.
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

// A newLinkPage makes a link. Form: address, name, login, locale, variant,
// expires (hours), downloads, external_id, return_url.
type newLinkPage struct {
	panel.Frame
	Form   web.Form
	Locked bool // the account has no domain yet
	// Locales are the languages that its page can be in.
	Locales []templates.Language
}

// A linkMail is the last mail with a link. State is empty: there was none.
type linkMail struct {
	State   string // waiting, sent, given_up, dropped
	Failure string
	Reply   string // of the mail server
	Tried   time.Time
}

// A linkPage shows one link. Who may not use it is not shown its address.
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
	Most       int // tickets that it gives out
	Revoked    time.Time
	URL        string
	Path       string // of URL
	QR         web.QR
	// Mailable says that the link can be sent by mail now.
	Mailable bool
	Mail     linkMail
	Metadata []panel.Field // what a program keeps with it
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
	// Policy says that the domain offers a passcode policy, and Secure that a
	// profile with one was downloaded.
	Policy, Secure bool
}

type downloadRow struct {
	At       time.Time
	Client   string
	IP       string
	Platform string // iphone, mac; empty: not known
	Secure   bool
	Issued   bool // by the API, not by a link
}

// A selectedPage says what became of the links that were chosen in the list.
type selectedPage struct {
	panel.Frame
	Mailed bool // or revoked
	Rows   []selectedRow
}

// A selectedRow is a link that was chosen; Why is empty where it was done.
type selectedRow struct{ ID, Address, Why string }
