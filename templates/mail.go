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
	// Count is the number of mails in a "digest", the number of days that the
	// certificate of an "identity.expiring" has left, and that the last backup of
	// a "backup.overdue" is old.
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

// A mailRow is a fact. The text of a mail has it on one Line.
type mailRow struct{ Label, Value, Line string }

type mailLink struct{ Label, URL, Line string }

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
	for _, link := range []mailLink{{Label: "brand.help", URL: b.Help}, {Label: "brand.imprint", URL: b.Imprint}, {Label: "brand.privacy", URL: b.Privacy}} {
		if link.URL == "" {
			continue
		}
		if link.Label, link.Line, err = l.labeled(link.Label, link.URL); err != nil {
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
	case "log.check_failed", "log.checkpoint", "log.key_replaced", "identity.expiring", "identity.renewal_failed", "key.expiring", "key.unused", "backup.overdue":
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
		{Label: "mail.when", Value: when}, {Label: "mail.what", Value: n.What}, {Label: "mail.who", Value: n.Who},
		{Label: "mail.from", Value: n.From}, {Label: "mail.client", Value: n.Client}, {Label: "mail.number", Value: number},
	} {
		if row.Value == "" {
			continue
		}
		row.Value = singleLine(row.Value)
		if row.Label, row.Line, err = l.labeled(row.Label, row.Value); err != nil {
			return err
		}
		p.Rows = append(p.Rows, row)
	}
	return nil
}

// labeled returns the label with that id, and the line with label and value.
func (l *locale) labeled(id, value string) (label, line string, err error) {
	if label, err = l.plain(id); err == nil {
		line, err = l.plain("label.value", "Label", label, "Value", value)
	}
	return label, line, err
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
