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

// A Mail is a mail that is ready to be sent.
type Mail struct {
	ID      string // of the delivery
	To      string
	From    string // what people read as the sender; empty: mobileconfig
	Subject string
	Text    string
	HTML    string
	Logo    []byte // a PNG that the HTML shows; may be empty
}

// A SendError says why a mail was not sent.
type SendError struct {
	Failure Failure
	// Permanent says that another try would end the same.
	Permanent bool
	Err       error
	// Reply is what a mail server has said that refused the mail.
	Reply string
}

// Error says what the relay has said.
func (e *SendError) Error() string { return "notify: send: " + e.Err.Error() }

// Unwrap returns what is behind it.
func (e *SendError) Unwrap() error { return e.Err }

// RelayConfig says by which server mails are sent.
type RelayConfig struct {
	// Server is where mails are handed in, over TLS in any case. Required.
	Server profile.Server
	// From is the sender's address. Required.
	From string
	// User and Password sign in. Without a user nobody signs in.
	User, Password string
	// Rate is how many setup links it takes a minute, from all servers together.
	// 0: 300. Other mails are few and have no rate.
	Rate int
	// Roots are whom to trust to vouch for the server. Nil: the system's.
	Roots *x509.CertPool
}

// A Relay hands mails to a mail server.
type Relay struct {
	config RelayConfig
	domain string // of From
}

// sendTimeout is how long one mail may take.
const sendTimeout = 30 * time.Second

// NewRelay returns a Relay. It connects to nothing yet.
func NewRelay(c RelayConfig) (*Relay, error) {
	from, err := profile.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("the sender's address: %w", err)
	}
	c.From = from.String()
	_, domain, _ := strings.Cut(c.From, "@")
	return &Relay{c, domain}, nil
}

// Try connects, secures the connection and signs in, and sends nothing.
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

// Send hands in the mail over a connection of its own. The Message-ID is the
// same for the same ID.
func (r *Relay) Send(ctx context.Context, m Mail) error {
	msg, err := r.message(m)
	if err != nil {
		return &SendError{Failure: Refused, Permanent: true, Err: err}
	}
	// The library leaves a connection open that it cannot secure or sign in to.
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

// refusalOf is what becomes of a mail that the server has not taken.
func refusalOf(err error) *SendError {
	refusal := &SendError{Failure: Refused, Err: err}
	if s, ok := errors.AsType[*mail.SendError](err); ok {
		refusal.Permanent = !s.IsTemp() && s.ErrorCode() >= 500
		// The library puts what it was doing before the server's words, and the
		// recipients behind them.
		_, said, _ := strings.Cut(s.Error(), ": ")
		refusal.Reply, _, _ = strings.Cut(said, ", affected recipient")
	}
	return refusal
}

// options say how to connect for a mail.
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
		// Who asks for SMTPUTF8 without need is not delivered by servers that
		// cannot pass it on.
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

// oneLine takes out of a header what could end it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
