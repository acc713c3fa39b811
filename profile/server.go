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

// The only ports on which a device uses STARTTLS.
const (
	starttlsIncomingPort = 143
	starttlsOutgoingPort = 587
)

// ParseIncoming reads the IMAP server from HOST, HOST:PORT or
// HOST:143/starttls. The default port is 993.
func ParseIncoming(s string) (Server, error) {
	return parseServer(s, DefaultIncomingPort, starttlsIncomingPort)
}

// ParseOutgoing reads the SMTP server from HOST, HOST:PORT or
// HOST:587/starttls. The default port is 465.
func ParseOutgoing(s string) (Server, error) {
	return parseServer(s, DefaultOutgoingPort, starttlsOutgoingPort)
}

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

func parseServer(text string, port, starttlsPort int) (Server, error) {
	rest, starttls := strings.CutSuffix(text, "/starttls")
	if strings.ContainsRune(rest, '/') {
		return Server{}, errors.New("only /starttls may follow the port, as in mail.example.com:" + strconv.Itoa(starttlsPort) + "/starttls")
	}
	host, port, err := parseHostPort(rest, port)
	if err != nil {
		return Server{}, err
	}
	s := Server{Host: host, Port: port, STARTTLS: starttls}
	return s, s.checkPort(starttlsPort)
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
	host, err := ParseHost(name)
	return host, port, err
}

// checkPort refuses the ports on which mail is, or may be, in clear text.
func (s Server) checkPort(starttlsPort int) error {
	switch {
	case s.Port < 1 || s.Port > 65535:
		return errPort
	case s.Port == 25:
		return fmt.Errorf("port 25 is for servers among themselves; write %d", DefaultOutgoingPort)
	case s.Port == 110:
		return fmt.Errorf("port 110 is POP without encryption; write %d for IMAP", DefaultIncomingPort)
	case s.STARTTLS && s.Port != starttlsPort:
		return fmt.Errorf("a device uses STARTTLS here on port %d alone; leave /starttls away if port %d encrypts from the first byte", starttlsPort, s.Port)
	case !s.STARTTLS && s.Port == starttlsIncomingPort:
		return fmt.Errorf("port 143 starts without encryption; write %d, or 143/starttls if the server has nothing better", DefaultIncomingPort)
	case !s.STARTTLS && s.Port == starttlsOutgoingPort:
		return fmt.Errorf("port 587 starts without encryption; write %d, or 587/starttls if the server has nothing better", DefaultOutgoingPort)
	}
	return nil
}
