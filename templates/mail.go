package templates

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"
	"unicode"
)

// A Notice is the content of a notification. Empty fields are omitted.
type Notice struct {
	// Event chooses the texts: "mail.event.EVENT".
	Event string
	// Count is the number of mails in a "digest", and the number of days that
	// the certificate of an "identity.expiring" has left.
	Count  int
	When   time.Time
	Who    string
	What   string
	From   string // an IP address
	Client string
	// Number is the action's number in the log.
	Number int64
	// Note is the signed note of a "log.checkpoint". No other mail has one. Its
	// lines are copied unchanged.
	Note string
	// Link is the link of an "invitation". No other mail has one.
	Link  string
	Brand MailBrand
}

// A LinkMail is the content of a mail with a setup link.
type LinkMail struct {
	Service string // display name of the mail service
	Address string
	URL     string
	Expires time.Time
	Brand   MailBrand
}

// A Mail is a formatted notice.
type Mail struct{ Subject, Text, HTML string }

// A mailPage is the data of the mail templates.
type mailPage struct {
	Lang, Dir, Title, Lead, Note, Link, Ask, Advice string
	Button, Copy                                    string // text of the button, and for readers where it doesn't work
	Rows                                            []mailRow
	Brand                                           MailBrand
	Links                                           []mailLink
}

type mailRow struct{ Label, Value string }

type mailLink struct{ Label, URL string }

// loadMails parses mail/message.html and mail/message.txt on first use.
func (s *Set) loadMails(files fs.FS) {
	s.mailHTML = sync.OnceValues(func() (*template.Template, error) {
		t, err := template.ParseFS(files, "mail/message.html")
		if err != nil {
			return nil, fmt.Errorf("mail/message.html: %w", err)
		}
		return t, nil
	})
	s.mailText = sync.OnceValues(func() (*texttemplate.Template, error) {
		t, err := texttemplate.ParseFS(files, "mail/message.txt")
		if err != nil {
			return nil, fmt.Errorf("mail/message.txt: %w", err)
		}
		return t, nil
	})
}

// Mail formats a notice in lang. Values that people chose are limited to one
// line each, so that none can look like a part of the mail.
func (s *Set) Mail(lang Language, n Notice) (Mail, error) {
	l := s.locale(lang)
	// A text without plural forms must not be requested with one: French uses
	// "one" for 0.
	var count any
	if n.Count != 0 {
		count = n.Count
	}
	title, err := l.counted("mail.event."+n.Event, count)
	if err != nil && count == nil {
		title, err = l.counted("mail.event."+n.Event, 0)
	}
	if err != nil {
		return Mail{}, fmt.Errorf("templates: mail: %w", err)
	}
	p := mailPage{Lang: l.Tag, Dir: l.Dir, Title: title, Note: n.Note, Link: n.Link}
	if err := errors.Join(p.fill(l, n), p.sign(l, n.Brand, "mail.invitation.button")); err != nil {
		return Mail{}, fmt.Errorf("templates: mail: %w", err)
	}
	return s.mail(p)
}

// LinkMail formats the mail with a setup link in lang.
func (s *Set) LinkMail(lang Language, m LinkMail) (Mail, error) {
	l := s.locale(lang)
	p := mailPage{Lang: l.Tag, Dir: l.Dir, Link: m.URL}
	values := map[string]any{"Service": singleLine(m.Service), "Address": singleLine(m.Address), "Until": m.Expires.UTC().Format("2006-01-02 15:04") + " UTC"}
	for _, text := range []struct {
		id string
		to *string
	}{{"mail.link.title", &p.Title}, {"mail.link.lead", &p.Lead}, {"mail.link.until", &p.Ask}, {"mail.link.advice", &p.Advice}} {
		var err error
		if *text.to, err = l.text(text.id, nil, values); err != nil {
			return Mail{}, fmt.Errorf("templates: mail: %w", err)
		}
	}
	if err := p.sign(l, m.Brand, "mail.link.button"); err != nil {
		return Mail{}, fmt.Errorf("templates: mail: %w", err)
	}
	return s.mail(p)
}

// sign sets the sender's brand and the button's text.
func (p *mailPage) sign(l *locale, b MailBrand, button string) error {
	b.Name, b.Button = cmp.Or(singleLine(b.Name), Program), cmp.Or(b.Button, programColor)
	p.Brand = b
	var err error
	for _, link := range []mailLink{{"brand.help", b.Help}, {"brand.imprint", b.Imprint}, {"brand.privacy", b.Privacy}} {
		if link.URL == "" {
			continue
		}
		if link.Label, err = l.plain(link.Label); err != nil {
			return err
		}
		p.Links = append(p.Links, link)
	}
	if p.Button, err = l.plain(button); err != nil {
		return err
	}
	p.Copy, err = l.plain("mail.copy")
	return err
}

// mail renders the page as text and as HTML.
func (s *Set) mail(p mailPage) (Mail, error) {
	var text, html bytes.Buffer
	if err := errors.Join(execute(&text, s.mailText, p), execute(&html, s.mailHTML, p)); err != nil {
		return Mail{}, fmt.Errorf("templates: mail: %w", err)
	}
	return Mail{p.Title, text.String(), html.String()}, nil
}

// execute renders p with a text or HTML template.
func execute[T interface{ Execute(io.Writer, any) error }](w io.Writer, t parsed[T], p mailPage) error {
	of, err := t()
	if err != nil {
		return err
	}
	return of.Execute(w, p)
}

// fill sets the texts and the facts.
func (p *mailPage) fill(l *locale, n Notice) error {
	advice, ask := "mail.advice", "mail.ask"
	switch n.Event {
	case "invitation":
		advice, ask = "mail.advice.invitation", ""
	case "digest":
		advice, ask = "mail.advice.digest", ""
	case "test":
		advice, ask = "mail.advice.test", ""
	case "log.check_failed", "log.checkpoint", "log.key_replaced", "identity.expiring", "identity.renewal_failed", "key.expiring", "key.unused":
		advice, ask = "mail.advice."+n.Event, ""
	}
	var err error
	if p.Advice, err = l.plain(advice); err != nil {
		return err
	}
	if ask != "" {
		if p.Ask, err = l.plain(ask); err != nil {
			return err
		}
	}
	number, when := "", ""
	if n.Number != 0 {
		number = fmt.Sprint(n.Number)
	}
	if !n.When.IsZero() {
		when = n.When.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	for _, row := range []mailRow{
		{"mail.when", when}, {"mail.what", n.What}, {"mail.who", n.Who},
		{"mail.from", n.From}, {"mail.client", n.Client}, {"mail.number", number},
	} {
		if row.Value == "" {
			continue
		}
		if row.Label, err = l.plain(row.Label); err != nil {
			return err
		}
		row.Value = singleLine(row.Value)
		p.Rows = append(p.Rows, row)
	}
	return nil
}

// maxMailValue is the maximum length of a value in a mail, in characters.
const maxMailValue = 300

// singleLine removes line breaks and control characters from a value, including
// those that change the direction of text.
func singleLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Cf) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxMailValue {
		s = string(runes[:maxMailValue]) + "…"
	}
	return s
}
