package mailing

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/templates"
)

// The rates at which links are sent, in emails a minute.
const (
	DefaultRate = 300
	MinRate     = 6
	MaxRate     = 60000
)

// patience is how long an email waits for its turn before it lets another go
// first.
const patience = 30 * time.Second

// A Sender sends the requested emails. All fields are required except Relay
// and Rate.
type Sender struct {
	Store Store
	// Relay is nil if email isn't sent.
	Relay notify.Sender
	Texts *templates.Set
	// URL returns the address of a link's setup page.
	URL func(setup.Link) string
	// Brand returns the branding, with the logo, of emails to people of a
	// domain.
	Brand func(context.Context, settings.Domain) (templates.MailBrand, []byte, error)
	// Rate is how many emails are sent a minute, across all servers. 0 means
	// DefaultRate.
	Rate int
	Log  *slog.Logger
}

// Send sends one email when its turn has come. It returns how long to wait
// before the next attempt, or 0 if there is none. It returns an error only if
// the result couldn't be stored.
func (s *Sender) Send(ctx context.Context, id string) (time.Duration, error) {
	if wait, err := s.turn(ctx); err != nil || wait > 0 {
		return wait, err
	}
	try, err := s.Store.BeginLinkMail(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && try.State != notify.Waiting {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	o, err := s.send(ctx, try)
	if err != nil {
		return 0, err
	}
	var wait time.Duration
	if o.State == notify.Waiting {
		var more bool
		if wait, more = notify.Again(try.Tries); !more {
			o.State = notify.GivenUp
		}
	}
	s.Log.Debug("link mail", "mail", id, "link", try.Link, "try", try.Tries, "state", o.State, "failure", o.Failure)
	return wait, s.Store.EndLinkMail(ctx, id, o)
}

// turn waits until the next email may be sent. After a while it gives up for
// now and returns how long to wait.
func (s *Sender) turn(ctx context.Context) (time.Duration, error) {
	rate := s.Rate
	if rate == 0 {
		rate = DefaultRate
	}
	enough := time.NewTimer(patience)
	defer enough.Stop()
	for {
		wait, err := s.Store.TakeTurn(ctx, time.Minute/time.Duration(rate))
		if err != nil || wait == 0 {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-enough.C:
			return wait, nil
		case <-time.After(wait):
		}
	}
}

func (s *Sender) send(ctx context.Context, try Try) (Outcome, error) {
	if s.Relay == nil {
		return Outcome{State: notify.GivenUp, Failure: notify.NoRelay}, nil
	}
	m, err := s.write(ctx, try)
	if err != nil {
		return Outcome{}, err
	}
	err = s.Relay.Send(ctx, m)
	if err == nil {
		return Outcome{State: notify.Sent}, nil
	}
	failed, ok := errors.AsType[*notify.SendError](err)
	if !ok {
		return Outcome{}, err
	}
	s.Log.Warn("link not sent by mail", "mail", try.ID, "link", try.Link, "failure", failed.Failure)
	o := Outcome{State: notify.Waiting, Failure: failed.Failure, Reply: replyOf(failed.Reply, try.Person.Address)}
	if failed.Permanent {
		o.State = notify.GivenUp
	}
	return o, nil
}

// write returns the email in the person's language.
func (s *Sender) write(ctx context.Context, try Try) (notify.Mail, error) {
	brand, logo, err := s.Brand(ctx, try.Domain)
	if err != nil {
		return notify.Mail{}, err
	}
	l := try.Person
	language := l.Locale
	if language == "" {
		language = try.Language
	}
	m, err := s.Texts.LinkMail(s.Texts.Match(language), templates.LinkMail{
		Service: brand.Name, Address: idn.Show(l.Address), URL: s.URL(l), Expires: l.Expires, Brand: brand,
	})
	if err != nil {
		return notify.Mail{}, err
	}
	return notify.Mail{ID: try.ID, To: l.Address, From: brand.Name, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Logo: logo}, nil
}

// replyOf returns what the mail server said, on one line, without the person's
// address.
func replyOf(text, address string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Cf) {
			return ' '
		}
		return r
	}, text)
	text = strings.ReplaceAll(text, address, "…")
	if runes := []rune(text); len(runes) > MaxReply {
		text = string(runes[:MaxReply]) + "…"
	}
	return text
}
