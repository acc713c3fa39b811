package profile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Server is one side of a mail service as a device reaches it, always over
// TLS. No value means an unencrypted connection.
type Server struct {
	// Host is a DNS name in lower-case A-label form.
	Host string
	// Port is a TCP port from 1 to 65535.
	Port int
	// STARTTLS means that TLS starts after an unencrypted greeting (RFC 2595,
	// RFC 3207) instead of immediately. Profiles have no key for it: Apple
	// devices decide by port, and their TLS setting is on in both cases.
	STARTTLS bool
}

// Default ports with TLS from the first byte (RFC 8314, section 3).
const (
	DefaultIncomingPort = 993
	DefaultOutgoingPort = 465
)

// A protocol is spoken by a mail server.
type protocol struct {
	name     string
	port     int // implicit TLS
	starttls int // the only port on which devices use STARTTLS
}

var (
	imap = protocol{"IMAP", DefaultIncomingPort, 143}
	smtp = protocol{"SMTP", DefaultOutgoingPort, 587}
)

// ports belong to only one protocol.
var ports = map[int]string{
	25: "mail between servers", 465: "SMTP", 587: "SMTP",
	110: "POP", 995: "POP",
	143: "IMAP", 993: "IMAP",
}

// ParseIncoming parses the IMAP server from HOST, HOST:PORT or
// HOST:143/starttls. The default port is 993. Surrounding whitespace is
// ignored.
func ParseIncoming(s string) (Server, error) { return imap.parse(s) }

// ParseOutgoing parses the SMTP server from HOST, HOST:PORT or
// HOST:587/starttls. The default port is 465. Surrounding whitespace is
// ignored.
func ParseOutgoing(s string) (Server, error) { return smtp.parse(s) }

// String returns the form that ParseIncoming and ParseOutgoing read.
func (s Server) String() string {
	text := s.Host + ":" + strconv.Itoa(s.Port)
	if s.STARTTLS {
		text += "/starttls"
	}
	return text
}

// Encryption returns the usual name for how TLS starts: "SSL/TLS" or
// "STARTTLS".
func (s Server) Encryption() string {
	if s.STARTTLS {
		return "STARTTLS"
	}
	return "SSL/TLS"
}

var errPort = errors.New("the port isn't a number from 1 to 65535")

func (p protocol) parse(text string) (Server, error) {
	text = Trim(text)
	if err := checkURL(text); err != nil {
		return Server{}, err
	}
	rest, starttls := strings.CutSuffix(text, "/starttls")
	if strings.ContainsRune(rest, '/') {
		return Server{}, errors.New("only /starttls may follow the port, for example mail.example.com:" + strconv.Itoa(p.starttls) + "/starttls")
	}
	host, port, err := parseHostPort(rest, p.port)
	if err != nil {
		return Server{}, err
	}
	s := Server{Host: host, Port: port, STARTTLS: starttls}
	return s, p.check(s)
}

// checkURL refuses a URL where a host name belongs.
func checkURL(text string) error {
	if strings.Contains(text, "://") {
		return errors.New("it's a URL; give only the host name, for example mail.example.com")
	}
	return nil
}

// parseHostPort parses HOST or HOST:PORT.
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

// check refuses ports on which mail is, or may be, unencrypted, and those of
// other protocols.
func (p protocol) check(s Server) error {
	owner, known := ports[s.Port]
	switch {
	case s.Port < 1 || s.Port > 65535:
		return errPort
	case known && owner != p.name:
		return fmt.Errorf("port %d is for %s; use %d for %s", s.Port, owner, p.port, p.name)
	case s.STARTTLS && s.Port != p.starttls:
		return fmt.Errorf("devices use STARTTLS only on port %d; remove /starttls if port %d uses TLS from the start", p.starttls, s.Port)
	case !s.STARTTLS && s.Port == p.starttls:
		return fmt.Errorf("port %d starts unencrypted; use %d, or %d/starttls if the server doesn't offer it", p.starttls, p.port, p.starttls)
	}
	return nil
}
