package mail

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
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
}

// A newLinkPage makes a link. Form: address, name, login, locale, variant,
// expires (hours), downloads, external_id, return_url.
type newLinkPage struct {
	panel.Frame
	Form   web.Form
	Locked bool // the account has no domain yet
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
}
