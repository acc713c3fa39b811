package autoconfig

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"unicode"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A clientConfig is draft-ietf-mailmaint-autoconfig, section 3: the format that
// Thunderbird, K-9 Mail, Evolution and KMail read.
type clientConfig struct {
	XMLName  xml.Name      `xml:"clientConfig"`
	Version  string        `xml:"version,attr"`
	Provider emailProvider `xml:"emailProvider"`
	// Contacts are listed under both the name of the draft and the older one
	// that programs use.
	Contacts       *davServer `xml:"addressbook"`
	ContactsBefore *davServer `xml:"addressBook"`
	Calendars      *davServer `xml:"calendar"`
}

type emailProvider struct {
	ID        string       `xml:"id,attr"`
	Domain    string       `xml:"domain"`
	Name      string       `xml:"displayName"`
	ShortName string       `xml:"displayShortName"`
	Incoming  clientServer `xml:"incomingServer"`
	Outgoing  clientServer `xml:"outgoingServer"`
}

// A davServer has URL and authentication under the names of the draft, and
// under the older ones.
type davServer struct {
	Type            string   `xml:"type,attr"` // caldav or carddav
	URL             string   `xml:"url"`
	URLBefore       string   `xml:"serverURL"`
	Authentications []string `xml:"authentication"`
	UserName        string   `xml:"username"`
}

type clientServer struct {
	Type           string `xml:"type,attr"`
	Host           string `xml:"hostname"`
	Port           int    `xml:"port"`
	Socket         string `xml:"socketType"` // SSL or STARTTLS, never plain
	Authentication string `xml:"authentication"`
	UserName       string `xml:"username"`
}

// Thunderbird returns the settings of d as the file config-v1.1.xml. The
// program fills in its own mailbox, so the file is the same for all of them. If
// usernames can't be derived from addresses, there is no file, and the fault is
// NotFound.
func Thunderbird(d settings.Domain) ([]byte, error) {
	user := ""
	switch d.Login {
	case settings.GivenLogin:
		return nil, errNone()
	case settings.LocalPartLogin:
		user = "%EMAILLOCALPART%"
	default:
		user = "%EMAILADDRESS%"
	}
	contacts := davServerOf("carddav", d.Service.Contacts, user)
	return marshal(clientConfig{Version: "1.1", Contacts: contacts, ContactsBefore: contacts, Calendars: davServerOf("caldav", d.Service.Calendars, user), Provider: emailProvider{
		ID:        d.Name,
		Domain:    d.Name,
		Name:      d.Organization(),
		ShortName: d.Organization(),
		Incoming:  clientServerOf("imap", d.Service.Incoming, user),
		Outgoing:  clientServerOf("smtp", d.Service.Outgoing, user),
	}})
}

func clientServerOf(kind string, s profile.Server, user string) clientServer {
	socket := "SSL"
	if s.STARTTLS {
		socket = "STARTTLS"
	}
	return clientServer{kind, s.Host, s.Port, socket, "password-cleartext", user}
}

// ThunderbirdNone returns the file of a domain that isn't set up here: only the
// root element.
func ThunderbirdNone() ([]byte, error) {
	return marshal(struct {
		XMLName xml.Name `xml:"clientConfig"`
		Version string   `xml:"version,attr"`
	}{Version: "1.1"})
}

// davServerOf returns nil for the zero server.
func davServerOf(kind string, s profile.DAVServer, user string) *davServer {
	if s.IsZero() {
		return nil
	}
	url := davURL(kind, s)
	return &davServer{kind, url, url, []string{"basic", "http-basic"}, user}
}

// davURL returns where a program starts to look for the server's collections
// (RFC 6764, section 5).
func davURL(kind string, s profile.DAVServer) string {
	host := s.Host
	if s.Port != profile.DefaultDAVPort {
		host = s.String()
	}
	return "https://" + host + "/.well-known/" + kind
}

// The numbers of Thunderbird's "Export for Mobile" QR code, version 1.
const (
	scanVersion  = 1
	scanIMAP     = 0
	scanSMTP     = 0
	scanSTARTTLS = 2 // AlwaysStartTls
	scanTLS      = 3
	scanPassword = 1 // PasswordCleartext, inside TLS
)

// ThunderbirdScan returns the content of the QR code that Thunderbird for
// Android imports: one account, without a password. Recipients see the name;
// without one it is the address. The format supports only ASCII addresses: for
// another the fault is NotFound.
func ThunderbirdScan(d settings.Domain, address profile.Address, name, login string) (string, error) {
	mailbox := address.String()
	for _, r := range mailbox {
		if r > unicode.MaxASCII {
			return "", errNone()
		}
	}
	user, err := d.LoginFor(address, login)
	if err != nil {
		return "", err
	}
	in, out := d.Service.Incoming, d.Service.Outgoing
	text, err := json.Marshal([]any{
		scanVersion,
		[]int{1, 1}, // the first of one code
		[]any{scanIMAP, in.Host, in.Port, scanSecurity(in), scanPassword, user},
		[]any{[]any{
			[]any{scanSMTP, out.Host, out.Port, scanSecurity(out), scanPassword, user},
			[]any{mailbox, cmp.Or(name, mailbox)},
		}},
	})
	if err != nil {
		return "", fmt.Errorf("autoconfig: %w", err)
	}
	return string(text), nil
}

func scanSecurity(s profile.Server) int {
	if s.STARTTLS {
		return scanSTARTTLS
	}
	return scanTLS
}
