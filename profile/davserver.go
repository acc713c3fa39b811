package profile

import (
	"errors"
	"strconv"
	"strings"
)

// A DAVServer is where calendars or contacts are reached over HTTPS. The zero
// value is none.
type DAVServer struct {
	// Host is a DNS name in lower-case A-label form.
	Host string
	// Port is a TCP port from 1 to 65535.
	Port int
}

// DefaultDAVPort is the port of HTTPS.
const DefaultDAVPort = 443

// ParseDAV reads the server of calendars or contacts from HOST or HOST:PORT.
// The default port is 443.
func ParseDAV(s string) (DAVServer, error) {
	if strings.Contains(s, "/") {
		return DAVServer{}, errors.New("only host and port are needed, as in dav.example.com:443; devices find the path by themselves")
	}
	host, port, err := parseHostPort(s, DefaultDAVPort)
	if err != nil {
		return DAVServer{}, err
	}
	d := DAVServer{host, port}
	return d, d.checkPort()
}

// String is the form that ParseDAV reads, or nothing for the zero value.
func (d DAVServer) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Host + ":" + strconv.Itoa(d.Port)
}

// IsZero reports whether d is no server.
func (d DAVServer) IsZero() bool { return d == DAVServer{} }

// Encryption is how programs name the way TLS begins: "SSL/TLS".
func (d DAVServer) Encryption() string { return Server{}.Encryption() }

// checkPort refuses the port on which HTTP is in clear text.
func (d DAVServer) checkPort() error {
	switch {
	case d.Port < 1 || d.Port > 65535:
		return errPort
	case d.Port == 80:
		return errors.New("port 80 is without encryption; write 443")
	}
	return nil
}
