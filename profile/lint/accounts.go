package lint

import (
	"fmt"
	"regexp"
	"strings"
)

// A server is the keys of an account that lead to one.
type server struct {
	host, port, tls string
	on              bool // TLS is on where the key is absent
}

// servers are those of each type of account.
var servers = map[string][]server{
	mailType: {
		{"IncomingMailServerHostName", "IncomingMailServerPortNumber", "IncomingMailServerUseSSL", false},
		{"OutgoingMailServerHostName", "OutgoingMailServerPortNumber", "OutgoingMailServerUseSSL", false},
	},
	calendarType:                           {{"CalDAVHostName", "CalDAVPort", "CalDAVUseSSL", true}},
	contactsType:                           {{"CardDAVHostName", "CardDAVPort", "CardDAVUseSSL", true}},
	"com.apple.subscribedcalendar.account": {{"SubCalAccountHostName", "", "SubCalAccountUseSSL", false}},
	"com.apple.ldap.account":               {{"LDAPAccountHostName", "", "LDAPAccountUseSSL", true}},
	"com.apple.eas.account":                {{"Host", "", "SSL", false}},
	"com.apple.ews.account":                {{"Host", "Port", "SSL", true}, {"ExternalHost", "ExternalPort", "ExternalSSL", true}},
}

// account inspects an account of any type.
func (i *inspector) account(name string, v *value, at *place) {
	for _, s := range servers[name] {
		i.tls(s, v, at)
		if port, ok := v.int(s.port); ok {
			i.port(port, at.at(s.port))
		}
	}
	switch name {
	case mailType:
		i.mail(v, at)
	case calendarType, contactsType:
		i.dav(servers[name][0], v, at)
	}
}

// dav inspects an account of calendars or of contacts, for which Apple's
// schema lets almost everything be left to the device.
func (i *inspector) dav(s server, v *value, at *place) {
	if v.find(s.tls) == nil {
		i.add(codeTLSUnstated, at.at(s.tls), "")
	}
	if v.find(s.port) == nil {
		i.addAs(Note, codePortMissing, at.at(s.port), "")
	}
	if port, ok := v.int(s.port); ok && port == 80 {
		i.add(codePlaintextPort, at.at(s.port), "Port 80 is HTTP in clear text.")
	}
}

// tls reports a server that is not reached over TLS for sure.
func (i *inspector) tls(s server, v *value, at *place) {
	switch found := v.find(s.tls); {
	case found == nil && !s.on:
		i.add(codeTLSOff, at.at(s.tls), "The key is absent, which turns TLS off: login and content may cross the network in clear text.")
	case found != nil && !v.is(s.tls, true):
		i.add(codeTLSOff, at.at(s.tls), "")
	}
}

func (i *inspector) port(port int64, at *place) {
	switch port {
	case 25:
		i.add(codePlaintextPort, at, "Port 25 is for mail servers among themselves; many networks block it, and it starts in clear text.")
	case 110:
		i.add(codePlaintextPort, at, "Port 110 is POP in clear text.")
	case 143, 587:
		i.add(codeSTARTTLSPort, at, fmt.Sprintf("A connection to port %d starts in clear text and turns to TLS by STARTTLS, which a profile cannot demand.", port))
	}
}

func (i *inspector) mail(v *value, at *place) {
	const incoming, outgoing = "IncomingMailServerPortNumber", "OutgoingMailServerPortNumber"
	if v.find(incoming) == nil {
		i.addAs(Note, codePortMissing, at.at(incoming), "")
	}
	if v.find(outgoing) == nil {
		i.add(codePortMissing, at.at(outgoing), "The port is missing: the device tries 25 first, then 587 and 465.")
	}
	for _, key := range []string{"IncomingMailServerAuthentication", "OutgoingMailServerAuthentication"} {
		if v.string(key) == "EmailAuthNone" {
			i.add(codeNoAuthentication, at.at(key), "")
		}
	}
	if same := "OutgoingPasswordSameAsIncomingPassword"; !v.is(same, true) {
		i.add(codeAsksTwice, at.at(same), "")
	}
	address := v.string("EmailAddress")
	if address != "" && !isVariable(address) && (len(address) > maxIdentifier || !oneAddress.MatchString(address)) {
		i.add(codeWrongValue, at.at("EmailAddress"), "The value is not one address.")
	}
}

var (
	oneAddress = regexp.MustCompile(`^[^@,;\s]+@[^@,;\s]+$`)
	hostName   = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)
)

// serversOf names the servers of an account, as far as they are host names.
func serversOf(name string, v *value) (list []string) {
	for _, s := range servers[name] {
		host := v.string(s.host)
		if len(host) > 253 || !hostName.MatchString(host) {
			continue
		}
		if port, ok := v.int(s.port); ok {
			host = fmt.Sprintf("%s:%d", host, port)
		}
		list = append(list, host)
	}
	return list
}

// descriptions reports accounts that iPhones take for one.
func (i *inspector) descriptions(payloads []value, at *place) {
	seen := map[string]bool{}
	for n := range payloads {
		for _, f := range payloads[n].fields {
			if !strings.HasSuffix(f.key, "AccountDescription") || f.value.text == "" {
				continue
			}
			if same := payloads[n].string("PayloadType") + "\n" + f.value.text; seen[same] {
				i.add(codeSameDescription, at.item(n).at(f.key), "")
			} else {
				seen[same] = true
			}
		}
	}
}
