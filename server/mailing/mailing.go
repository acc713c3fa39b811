// Package mailing sends setup links to their people by mail.
//
// Each mail is a row of its own and a job that names the row. Both are kept in
// the transaction that asks for the mail, so it cannot be lost. The text is
// written when the mail is sent: no row and no job holds the link's token.
package mailing

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Queue is the name of the job queue.
const Queue = "mailing"

// A Job sends one email.
type Job struct {
	Mail string `json:"mail"`
}

// Kind is the job's name in the queue.
func (Job) Kind() string { return "mailing.send" }

// The most emails that single requests can send to an address in a window.
const (
	LimitPerAddress = 5
	LimitWindow     = time.Hour
)

// MaxReply is how many characters of the mail server's reply are stored.
const MaxReply = 300

// A Mail is the email with one setup link.
type Mail struct {
	ID      string // "msg_…", part of the Message-ID: the same for every attempt
	Account string
	Link    string // the link's ID
	State   notify.State
	Tries   int
	// Failure is why the last attempt failed, and Reply what the mail server
	// said.
	Failure notify.Failure
	Reply   string
	Created time.Time
	Tried   time.Time // zero: never
	Ended   time.Time // zero: waiting
}

// A Refused is an email that a mail server refused, with its recipient.
type Refused struct {
	Mail
	Address string
}

// A Try is an email that is being sent, with its link and the link's domain.
type Try struct {
	Mail
	Person setup.Link
	Domain settings.Domain
	// Language is that of the account's first owner. It is used for people
	// whose language isn't known.
	Language string
}

// An Outcome is the result of an attempt.
type Outcome struct {
	State   notify.State // Waiting: it will be retried
	Failure notify.Failure
	Reply   string
}

// A Store stores emails.
type Store interface {
	// CreateLinkMail stores m and a, and enqueues the job. If email can't be
	// sent, the link doesn't work or an email with it is already waiting, it
	// stores nothing and returns a Conflict fault. If a limit is used up, it
	// returns a Limited fault.
	CreateLinkMail(ctx context.Context, by audit.Grant, m Mail, limits []admission.Limit, a audit.Action) error
	// LastLinkMail returns the newest email of a link, or a NotFound fault.
	LastLinkMail(ctx context.Context, link string) (Mail, error)
	// RefusedMails returns up to limit emails of a batch of the account that
	// the mail server refused, permanently or temporarily, in the order of the
	// list.
	RefusedMails(ctx context.Context, account, batch string, limit int) ([]Refused, error)
	// TakeTurn lets one email be sent per interval, across all servers. If
	// it's too early, it returns how long to wait.
	TakeTurn(ctx context.Context, every time.Duration) (time.Duration, error)
	// BeginLinkMail counts an attempt to send a waiting email. If the email
	// isn't waiting, it returns a NotFound fault. If its link no longer works,
	// the state is Dropped.
	BeginLinkMail(ctx context.Context, id string) (Try, error)
	// EndLinkMail records the result of an attempt.
	EndLinkMail(ctx context.Context, id string, o Outcome) error
}

// Mails requests emails and reports their status.
type Mails struct {
	store Store
	links *setup.Links
	now   func() time.Time
}

// New returns Mails for the links.
func New(store Store, links *setup.Links, now func() time.Time) *Mails {
	return &Mails{store, links, now}
}

// Send requests an email with a link of the account. If the link no longer
// works or its last email is still waiting, it returns a Conflict fault.
func (m *Mails) Send(ctx context.Context, by audit.Grant, account, link string) (Mail, error) {
	l, err := m.links.Get(ctx, account, link)
	if err != nil {
		return Mail{}, err
	}
	mail, a, err := m.of(by, l)
	if err != nil {
		return Mail{}, err
	}
	limits := []admission.Limit{{Key: "mails/address/" + a.Mailbox, Max: LimitPerAddress, Window: LimitWindow}}
	return mail, m.store.CreateLinkMail(ctx, by, mail, limits, a)
}

// of returns a new email for the link and the action that records the request.
func (m *Mails) of(by audit.Grant, l setup.Link) (Mail, audit.Action, error) {
	address, err := profile.ParseAddress(l.Address)
	if err != nil {
		return Mail{}, audit.Action{}, err
	}
	mail := Mail{ID: id.New("msg"), Account: l.Account, Link: l.ID, State: notify.Waiting, Created: m.now()}
	return mail, audit.Action{
		Account: l.Account,
		Name:    audit.LinkMail,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.LinkTarget, ID: l.ID, Name: l.Address},
		Link:    l.ID,
		Domain:  l.Domain,
		Mailbox: address.Folded(),
	}, nil
}

// Check returns the fault that Send would return for the link in its present
// state.
func (m *Mails) Check(l setup.Link) error {
	if !l.Live(m.now()) {
		return ErrOver()
	}
	return nil
}

// ErrOver refuses to send a link that no longer works.
func ErrOver() error {
	return fault.New(fault.Conflict, "This link no longer works. Create a new link and send that one.")
}

// ErrWaiting refuses a second email for a link while the first is on its way.
func ErrWaiting() error {
	return fault.New(fault.Conflict, "An email with this link is already on its way.")
}

// Last returns the newest email of a link. ok is false if there is none.
func (m *Mails) Last(ctx context.Context, link string) (mail Mail, ok bool, err error) {
	mail, err = m.store.LastLinkMail(ctx, link)
	if fault.Is(err, fault.NotFound) {
		return Mail{}, false, nil
	}
	return mail, err == nil, err
}

// RefusedOf returns up to limit emails of a batch of the account that the mail
// server refused, permanently or temporarily, in the order of the list.
func (m *Mails) RefusedOf(ctx context.Context, account, batch string, limit int) ([]Refused, error) {
	return m.store.RefusedMails(ctx, account, batch, limit)
}
