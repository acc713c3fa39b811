package profile

import (
	"errors"
	"strconv"
	"strings"
)

// A DAV is a payload that sets up one account of calendars (CalDAV, RFC 4791)
// or of contacts (CardDAV, RFC 6352), reached over HTTPS. Like a Mail it has
// no field for a password or to turn TLS off. It has none for the path on the
// server either: a device finds that by /.well-known (RFC 6764), and takes
// what profiles say of it in different ways.
type DAV struct {
	// DisplayName and Description are shown in the profile's details.
	// Description may be empty.
	DisplayName string
	Description string
	// AccountName is how the account is called on the device.
	AccountName string
	Server      DAVServer
	// Login is the user name on the server.
	Login string
}

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

// calDAVPayload is com.apple.caldav.account as Apple spells it. What a device
// would otherwise guess (port, user name, TLS) is always written.
type calDAVPayload struct {
	CalDAVAccountDescription string
	CalDAVHostName           string
	CalDAVPort               int
	CalDAVUseSSL             bool
	CalDAVUsername           string
	payloadKeys
}

// cardDAVPayload is com.apple.carddav.account.
type cardDAVPayload struct {
	CardDAVAccountDescription string
	CardDAVHostName           string
	CardDAVPort               int
	CardDAVUseSSL             bool
	CardDAVUsername           string
	payloadKeys
}

// calendars spells d out for calendars, below the profile's identifier.
func (d *DAV) calendars(parent string) calDAVPayload {
	return calDAVPayload{
		CalDAVAccountDescription: d.AccountName,
		CalDAVHostName:           d.Server.Host,
		CalDAVPort:               d.Server.Port,
		CalDAVUseSSL:             true,
		CalDAVUsername:           d.Login,
		payloadKeys:              keys(parent+calDAVSuffix, "com.apple.caldav.account", d.DisplayName, d.Description),
	}
}

// contacts spells d out for contacts.
func (d *DAV) contacts(parent string) cardDAVPayload {
	return cardDAVPayload{
		CardDAVAccountDescription: d.AccountName,
		CardDAVHostName:           d.Server.Host,
		CardDAVPort:               d.Server.Port,
		CardDAVUseSSL:             true,
		CardDAVUsername:           d.Login,
		payloadKeys:               keys(parent+cardDAVSuffix, "com.apple.carddav.account", d.DisplayName, d.Description),
	}
}

// validate checks d, which is called by its path: "caldav" or "carddav".
func (d *DAV) validate(c *checker, path string) {
	c.line(path+".display_name", d.DisplayName)
	c.optionalText(path+".description", d.Description)
	c.line(path+".account_name", d.AccountName)
	c.host(path+".host", d.Server.Host)
	c.because(path+".port", d.Server.checkPort())
	c.line(path+".login", d.Login)
}
