package profile

import (
	"errors"
	"strconv"
	"strings"
)

// A DAVServer is a calendar or contacts server reached over HTTPS. The zero
// value means none.
type DAVServer struct {
	// Host is a DNS name in lower-case A-label form.
	Host string
	// Port is a TCP port from 1 to 65535.
	Port int
}

// DefaultDAVPort is the port of HTTPS.
const DefaultDAVPort = 443

// ParseDAV parses the server of calendars or contacts from HOST or HOST:PORT.
// The default port is 443. Surrounding whitespace is ignored.
func ParseDAV(s string) (DAVServer, error) {
	s = Trim(s)
	if err := checkURL(s); err != nil {
		return DAVServer{}, err
	}
	if strings.Contains(s, "/") {
		return DAVServer{}, errors.New("give only host and port, for example dav.example.com:443; devices find the path themselves")
	}
	host, port, err := parseHostPort(s, DefaultDAVPort)
	if err != nil {
		return DAVServer{}, err
	}
	d := DAVServer{host, port}
	return d, d.checkPort()
}

// String returns the form that ParseDAV reads, or "" for the zero value.
func (d DAVServer) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Host + ":" + strconv.Itoa(d.Port)
}

// IsZero reports whether d is the zero value.
func (d DAVServer) IsZero() bool { return d == DAVServer{} }

// Encryption returns the usual name for how TLS starts: "SSL/TLS".
func (d DAVServer) Encryption() string { return Server{}.Encryption() }

// checkPort refuses the port for unencrypted HTTP.
func (d DAVServer) checkPort() error {
	switch {
	case d.Port < 1 || d.Port > 65535:
		return errPort
	case d.Port == 80:
		return errors.New("port 80 isn't encrypted; use 443")
	}
	return nil
}
