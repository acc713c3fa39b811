package profile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Server is one end of a mail service as a device reaches it: always over
// TLS. There is no value of it that means a connection in clear text.
type Server struct {
	// Host is a DNS name in lower-case A-label form.
	Host string
	// Port is a TCP port from 1 to 65535.
	Port int
	// STARTTLS says that TLS begins after a greeting in clear text (RFC 2595,
	// RFC 3207) instead of at once. A profile has no key for it: an Apple
	// device decides by the port, and its TLS switch is on in both cases.
	STARTTLS bool
}

// Default ports with TLS from the first byte (RFC 8314, section 3).
const (
	DefaultIncomingPort = 993
	DefaultOutgoingPort = 465
)

// A protocol is what a mail server speaks.
type protocol struct {
	name     string
	port     int // with TLS from the first byte
	starttls int // the only port on which a device uses STARTTLS
}

var (
	imap = protocol{"IMAP", DefaultIncomingPort, 143}
	smtp = protocol{"SMTP", DefaultOutgoingPort, 587}
)

// ports are those that belong to one protocol alone.
var ports = map[int]string{
	25: "mail between servers", 465: "SMTP", 587: "SMTP",
	110: "POP", 995: "POP",
	143: "IMAP", 993: "IMAP",
}

// ParseIncoming reads the IMAP server from HOST, HOST:PORT or
// HOST:143/starttls. The default port is 993. Blanks around it don't count.
func ParseIncoming(s string) (Server, error) { return imap.parse(s) }

// ParseOutgoing reads the SMTP server from HOST, HOST:PORT or
// HOST:587/starttls. The default port is 465. Blanks around it don't count.
func ParseOutgoing(s string) (Server, error) { return smtp.parse(s) }

// String is the form that ParseIncoming and ParseOutgoing read.
func (s Server) String() string {
	text := s.Host + ":" + strconv.Itoa(s.Port)
	if s.STARTTLS {
		text += "/starttls"
	}
	return text
}

// Encryption is how mail programs name the way TLS begins: "SSL/TLS" or
// "STARTTLS".
func (s Server) Encryption() string {
	if s.STARTTLS {
		return "STARTTLS"
	}
	return "SSL/TLS"
}

var errPort = errors.New("the port is not a number from 1 to 65535")

func (p protocol) parse(text string) (Server, error) {
	text = Trim(text)
	if err := checkURL(text); err != nil {
		return Server{}, err
	}
	rest, starttls := strings.CutSuffix(text, "/starttls")
	if strings.ContainsRune(rest, '/') {
		return Server{}, errors.New("only /starttls may follow the port, as in mail.example.com:" + strconv.Itoa(p.starttls) + "/starttls")
	}
	host, port, err := parseHostPort(rest, p.port)
	if err != nil {
		return Server{}, err
	}
	s := Server{Host: host, Port: port, STARTTLS: starttls}
	return s, p.check(s)
}

// checkURL refuses what begins like a URL, where a host name belongs.
func checkURL(text string) error {
	if strings.Contains(text, "://") {
		return errors.New("it is a URL; write the host name alone, as in mail.example.com")
	}
	return nil
}

// parseHostPort reads HOST or HOST:PORT.
func parseHostPort(text string, port int) (string, int, error) {
	name, number, found := strings.Cut(text, ":")
	if found {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 || number[0] == '+' {
			return "", 0, errPort
		}
		port = int(n)
	}
	host, err := parseHost(name)
	return host, port, err
}

// check refuses the ports on which mail is, or may be, in clear text, and those
// of other protocols.
func (p protocol) check(s Server) error {
	owner, known := ports[s.Port]
	switch {
	case s.Port < 1 || s.Port > 65535:
		return errPort
	case known && owner != p.name:
		return fmt.Errorf("port %d is for %s; write %d for %s", s.Port, owner, p.port, p.name)
	case s.STARTTLS && s.Port != p.starttls:
		return fmt.Errorf("a device uses STARTTLS here on port %d alone; leave /starttls away if port %d encrypts from the first byte", p.starttls, s.Port)
	case !s.STARTTLS && s.Port == p.starttls:
		return fmt.Errorf("port %d starts without encryption; write %d, or %d/starttls if the server has nothing better", p.starttls, p.port, p.starttls)
	}
	return nil
}
