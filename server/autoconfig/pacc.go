package autoconfig

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// maxProvider is the maximum length of a provider's name, in characters.
const maxProvider = 60

// A paccDocument is the document of draft-ietf-mailmaint-pacc. Drafts up to -02
// call the outgoing server smtp, later ones submit. It has both, because
// programs skip the name that they don't know.
type paccDocument struct {
	Protocols struct {
		IMAP    paccServer `json:"imap"`
		SMTP    paccServer `json:"smtp"`
		Submit  paccServer `json:"submit"`
		CalDAV  *paccURL   `json:"caldav,omitempty"`
		CardDAV *paccURL   `json:"carddav,omitempty"`
	} `json:"protocols"`
	Authentication struct {
		Password bool `json:"password"`
	} `json:"authentication"`
	Info struct {
		Provider struct {
			Name string `json:"name"`
		} `json:"provider"`
	} `json:"info"`
}

type paccServer struct {
	Host string `json:"host"`
}

type paccURL struct {
	URL string `json:"url"`
}

// paccURLOf returns nil for the zero server.
func paccURLOf(kind string, s profile.DAVServer) *paccURL {
	if s.IsZero() {
		return nil
	}
	return &paccURL{davURL(kind, s)}
}

// PACC returns the settings of d as the file user-agent-configuration.json. The
// format can't express ports, STARTTLS or usernames. If they aren't the usual
// ones (993 and 465 with implicit TLS, the whole address), there is no file,
// and the fault is NotFound. The bytes stay the same until the domain changes,
// because its DNS record contains their hash.
func PACC(d settings.Domain) ([]byte, error) {
	in, out := d.Service.Incoming, d.Service.Outgoing
	if !usual(in, profile.DefaultIncomingPort) || !usual(out, profile.DefaultOutgoingPort) ||
		d.Login != "" && d.Login != settings.AddressLogin {
		return nil, errNone()
	}
	var document paccDocument
	document.Protocols.IMAP.Host = in.Host
	document.Protocols.SMTP.Host = out.Host
	document.Protocols.Submit.Host = out.Host
	document.Protocols.CalDAV = paccURLOf("caldav", d.Service.Calendars)
	document.Protocols.CardDAV = paccURLOf("carddav", d.Service.Contacts)
	document.Authentication.Password = true
	document.Info.Provider.Name = provider(d)
	return marshalJSON(document)
}

func usual(s profile.Server, port int) bool { return s.Port == port && !s.STARTTLS }

// provider returns the display name of the service, shortened to what the
// format allows.
func provider(d settings.Domain) string {
	name := []rune(strings.Join(strings.Fields(d.Organization()), " "))
	return strings.TrimSpace(string(name[:min(len(name), maxProvider)]))
}

// digest returns the text of the DNS record for a PACC document.
func digest(document []byte) string {
	sum := sha256.Sum256(document)
	return "v=UAAC1; a=sha256; d=" + base64.StdEncoding.EncodeToString(sum[:])
}
