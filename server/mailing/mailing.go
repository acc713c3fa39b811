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
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Queue is the queue of the jobs.
const Queue = "mailing"

// A Job sends one mail.
type Job struct {
	Mail string `json:"mail"`
}

// Kind names the job in the queue.
func (Job) Kind() string { return "mailing.send" }

// How many mails an address gets in a window by single requests.
const (
	LimitPerAddress = 5
	LimitWindow     = time.Hour
)

// MaxReply is how much is kept of what the mail server says, in characters.
const MaxReply = 300

// A Mail is the mail of one setup link.
type Mail struct {
	ID      string // "msg_…", within the Message-ID: the same at every try
	Account string
	Link    string // the link's ID
	State   notify.State
	Tries   int
	// Failure is why the last try failed, and Reply what the mail server said.
	Failure notify.Failure
	Reply   string
	Created time.Time
	Tried   time.Time // zero: never
	Ended   time.Time // zero: waiting
}

// A Refused is a mail that a mail server has refused, with whom it is for.
type Refused struct {
	Mail
	Address string
}

// A Try is a mail that is being tried, with its link and the link's domain.
type Try struct {
	Mail
	Person setup.Link
	Domain settings.Domain
	// Language is that of the account's first owner: for a person whose
	// language nobody has said.
	Language string
}

// An Outcome is how a try ended.
type Outcome struct {
	State   notify.State // Waiting: to be tried again
	Failure notify.Failure
	Reply   string
}

// A Store keeps mails.
type Store interface {
	// CreateLinkMail keeps m, has it sent, and keeps a. If no mails can be sent,
	// the link is not live or a mail of it is waiting already, it keeps nothing
	// and the fault is a Conflict. A limit that is used up is a Limited fault.
	CreateLinkMail(ctx context.Context, by audit.Grant, m Mail, limits []setup.Limit, a audit.Action) error
	// LastLinkMail returns the newest mail of a link, or a NotFound fault.
	LastLinkMail(ctx context.Context, link string) (Mail, error)
	// RefusedMails returns up to limit mails of a batch of the account that the
	// mail server has refused, for good or for now, in the order of the list.
	RefusedMails(ctx context.Context, account, batch string, limit int) ([]Refused, error)
	// TakeTurn lets one mail be sent for each interval, on all servers together.
	// It returns how long to wait if it is too early.
	TakeTurn(ctx context.Context, every time.Duration) (time.Duration, error)
	// BeginLinkMail counts a try of a mail that is waiting. Any other is a
	// NotFound fault. If its link no longer works, the state is Dropped.
	BeginLinkMail(ctx context.Context, id string) (Try, error)
	// EndLinkMail keeps how a try ended.
	EndLinkMail(ctx context.Context, id string, o Outcome) error
}

// Mails asks for mails and says what has become of them.
type Mails struct {
	store Store
	links *setup.Links
	now   func() time.Time
}

// New returns Mails of the links.
func New(store Store, links *setup.Links, now func() time.Time) *Mails {
	return &Mails{store, links, now}
}

// Send has a link of the account sent to its person. A link that no longer works
// is a Conflict, and so is one whose last mail is still waiting.
func (m *Mails) Send(ctx context.Context, by audit.Grant, account, link string) (Mail, error) {
	l, err := m.links.Get(ctx, account, link)
	if err != nil {
		return Mail{}, err
	}
	mail, a, err := m.of(by, l)
	if err != nil {
		return Mail{}, err
	}
	limits := []setup.Limit{{Key: "mails/address/" + a.Mailbox, Max: LimitPerAddress, Window: LimitWindow}}
	return mail, m.store.CreateLinkMail(ctx, by, mail, limits, a)
}

// of returns a mail of the link and the action that asks for it.
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

// Check returns the fault that Send would have for the link as it is.
func (m *Mails) Check(l setup.Link) error {
	if !l.Live(m.now()) {
		return ErrOver()
	}
	return nil
}

// ErrOver refuses the mail of a link that leads nowhere.
func ErrOver() error {
	return fault.New(fault.Conflict, "This link no longer works. Create a new one and send that.")
}

// ErrWaiting refuses a second mail of a link while the first is on its way.
func ErrWaiting() error {
	return fault.New(fault.Conflict, "A mail with this link is already on its way.")
}

// Last returns the newest mail of a link. ok is false if there is none.
func (m *Mails) Last(ctx context.Context, link string) (mail Mail, ok bool, err error) {
	mail, err = m.store.LastLinkMail(ctx, link)
	if fault.Is(err, fault.NotFound) {
		return Mail{}, false, nil
	}
	return mail, err == nil, err
}

// RefusedOf returns up to limit mails of a batch of the account that the mail
// server has refused, for good or for now, in the order of the list.
func (m *Mails) RefusedOf(ctx context.Context, account, batch string, limit int) ([]Refused, error) {
	return m.store.RefusedMails(ctx, account, batch, limit)
}
