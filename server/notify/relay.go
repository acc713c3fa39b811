package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/templates"
)

// A Mail is an email that is ready to be sent.
type Mail struct {
	ID      string // of the delivery
	To      string
	From    string // the sender's name; empty: mobileconfig
	Subject string
	Text    string
	HTML    string
	Logo    []byte // a PNG that the HTML shows; may be empty
}

// A SendError says why an email wasn't sent.
type SendError struct {
	Failure Failure
	// Permanent means that another attempt would fail too.
	Permanent bool
	Err       error
	// Reply is what a mail server said when it refused the email.
	Reply string
}

// Error includes what the relay said.
func (e *SendError) Error() string { return "notify: send: " + e.Err.Error() }

// Unwrap returns the underlying error.
func (e *SendError) Unwrap() error { return e.Err }

// RelayConfig describes the mail server that sends email.
type RelayConfig struct {
	// Server is the mail server. The connection always uses TLS. Required.
	Server profile.Server
	// From is the sender's address. Required.
	From string
	// User and Password sign in. Without a user, no sign-in takes place.
	User, Password string
	// Rate is how many setup links the server accepts a minute, from all
	// instances of the service together. 0 means 300. Other emails are few and
	// have no rate.
	Rate int
	// Roots are the trusted authorities for the server's certificate. Nil: the
	// system's.
	Roots *x509.CertPool
}

// A Relay sends emails to a mail server.
type Relay struct {
	config RelayConfig
	domain string // of From
}

// sendTimeout is how long sending one email may take.
const sendTimeout = 30 * time.Second

// NewRelay returns a Relay. It doesn't connect yet.
func NewRelay(c RelayConfig) (*Relay, error) {
	from, err := profile.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("the sender's address: %w", err)
	}
	c.From = from.String()
	_, domain, _ := strings.Cut(c.From, "@")
	return &Relay{c, domain}, nil
}

// Try connects, starts TLS and signs in, but sends nothing.
func (r *Relay) Try(ctx context.Context) error {
	client, err := mail.NewClient(r.config.Server.Host, r.options(Mail{})...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	return client.Close()
}

// Send sends the email over a new connection. The same ID results in the same
// Message-ID.
func (r *Relay) Send(ctx context.Context, m Mail) error {
	msg, err := r.message(m)
	if err != nil {
		return &SendError{Failure: Refused, Permanent: true, Err: err}
	}
	// The library leaves a connection open if TLS or the sign-in fails.
	var conn net.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	options := r.options(m)
	if r.config.Server.STARTTLS {
		options = append(options, mail.WithDialContextFunc(func(ctx context.Context, network, address string) (_ net.Conn, err error) {
			conn, err = new(net.Dialer).DialContext(ctx, network, address)
			return conn, err
		}))
	}
	client, err := mail.NewClient(r.config.Server.Host, options...)
	if err != nil {
		return &SendError{Failure: NoRelay, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := client.DialWithContext(ctx); err != nil {
		return &SendError{Failure: failureOf(err), Err: err}
	}
	defer client.Close()
	if err := client.Send(msg); err != nil {
		return refusalOf(err)
	}
	return nil
}

// refusalOf turns an error of the library into the server's refusal.
func refusalOf(err error) *SendError {
	refusal := &SendError{Failure: Refused, Err: err}
	if s, ok := errors.AsType[*mail.SendError](err); ok {
		refusal.Permanent = !s.IsTemp() && s.ErrorCode() >= 500
		// The library puts its own step before the server's words, and the
		// recipients after them.
		_, said, _ := strings.Cut(s.Error(), ": ")
		refusal.Reply, _, _ = strings.Cut(said, ", affected recipient")
	}
	return refusal
}

// options returns the connection's options for an email.
func (r *Relay) options(m Mail) []mail.Option {
	options := []mail.Option{
		mail.WithPort(r.config.Server.Port), mail.WithTimeout(sendTimeout),
		mail.WithTLSConfig(&tls.Config{ServerName: r.config.Server.Host, RootCAs: r.config.Roots, MinVersion: tls.VersionTLS12}),
		mail.WithHELO(r.domain),
	}
	if r.config.Server.STARTTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	} else {
		options = append(options, mail.WithSSL())
	}
	if r.config.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(r.config.User), mail.WithPassword(r.config.Password))
	}
	if ascii(r.config.From) && ascii(m.To) {
		// An email that requests SMTPUTF8 without need isn't delivered by
		// servers that can't pass it on.
		options = append(options, mail.WithoutSMTPUTF8())
	}
	return options
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

func (r *Relay) message(m Mail) (*mail.Msg, error) {
	if strings.ContainsAny(m.To, "\r\n") || strings.ContainsAny(m.ID, "\r\n<>@") {
		return nil, errors.New("a line break in an address")
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(cmp.Or(oneLine(m.From), templates.Program), r.config.From); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.ID + "@" + r.domain)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	if len(m.Logo) > 0 {
		msg.EmbedReadSeeker("logo.png", bytes.NewReader(m.Logo), mail.WithFileContentID("<"+templates.LogoID+">"), mail.WithFileContentType("image/png"))
	}
	return msg, nil
}

// oneLine removes line breaks from a header's value.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
