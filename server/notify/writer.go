package notify

import (
	"context"
	"strconv"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/templates"
)

// A Scribe writes emails from the templates.
type Scribe struct {
	Texts *templates.Set
	// Invitation returns the URL of an invitation, or a NotFound fault if it
	// can't be accepted any more. The URL is created when the email is
	// written, so no job or row contains it.
	Invitation func(ctx context.Context, id string) (string, error)
	// Brand returns the branding, with the logo, of emails to members of an
	// account.
	Brand func(ctx context.Context, account string) (templates.MailBrand, []byte, error)
}

// Write returns the email of an attempt, without ID and To, or nil if nothing
// is left to report.
func (s *Scribe) Write(ctx context.Context, t Try) (*Mail, error) {
	n := templates.Notice{Event: string(t.Type), Count: t.Held, Note: string(t.Note)}
	target := ""
	if t.Note != nil {
		n.When = t.Created
	}
	if t.hasAction() {
		e, err := t.Record.Read()
		if err != nil {
			return nil, err
		}
		n.When, n.Number, target = t.Record.At, t.Seq, e.Target.ID
		n.What, n.Who = e.Personal.TargetName, e.Personal.ActorName
		n.From, n.Client = e.Personal.IP, e.Personal.Client
		switch t.Type {
		case IdentityExpiring, KeyExpiring:
			n.Count = daysOf(e.Changes)
		case BackupOverdue:
			n.Count, n.What = daysOf(e.Changes), "" // the title says it
		case LogCheckFailed:
			n.What = e.Finding()
		}
	}
	if t.Type == InvitationMail {
		link, err := s.Invitation(ctx, target)
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		n = templates.Notice{Event: n.Event, When: n.When, Who: n.Who, Link: link}
	}
	var logo []byte
	var err error
	if n.Brand, logo, err = s.Brand(ctx, t.Account); err != nil {
		return nil, err
	}
	m, err := s.Texts.Mail(s.Texts.Match(t.Language), n)
	if err != nil {
		return nil, err
	}
	return &Mail{From: n.Brand.Name, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Logo: logo}, nil
}

// DaysField is the change in which an IdentityExpiring or KeyExpiring records
// how many days are left, and a BackupOverdue how many the last backup is old.
const DaysField = account.DaysField

// daysOf returns the days in DaysField, or 0.
func daysOf(changes []audit.Change) int {
	for _, c := range changes {
		if c.Field == DaysField {
			n, _ := strconv.Atoi(c.New) // 0 if it can't be read
			return n
		}
	}
	return 0
}
