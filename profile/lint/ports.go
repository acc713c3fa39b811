package lint

import (
	"fmt"
	"slices"
)

// A protocol is the protocol of an account's server, with its ports.
type protocol struct {
	name     string
	tls      []int64 // ports with implicit TLS, the best first
	starttls []int64 // ports with STARTTLS
}

// right is the port to use.
func (p protocol) right() string { return fmt.Sprint(p.tls[0]) }

// The protocols with a port in a profile. Incoming mail of an unknown type is
// IMAP or POP.
var (
	imap     = protocol{"IMAP", []int64{993}, []int64{143}}
	pop      = protocol{"POP", []int64{995}, nil}
	incoming = protocol{"incoming mail", []int64{993, 995}, []int64{143}}
	smtp     = protocol{"SMTP", []int64{465}, []int64{587}}
	web      = protocol{"HTTPS", []int64{443}, nil}
)

// portNames are ports that belong to a protocol, regardless of the server.
var portNames = map[int64]string{
	21: "FTP", 22: "SSH", 25: "SMTP between mail servers", 53: "DNS", 80: "HTTP", 110: "POP", 119: "NNTP", 143: "IMAP", 389: "LDAP",
	443: "HTTPS", 465: "SMTP", 587: "SMTP", 636: "LDAP", 993: "IMAP", 995: "POP", 2525: "SMTP", 4190: "ManageSieve", 5222: "XMPP",
}

// incomingOf returns the protocol of a mail account's incoming server.
func incomingOf(account *value) protocol {
	switch clean(account.string("EmailAccountType")) {
	case "EmailTypeIMAP":
		return imap
	case "EmailTypePOP":
		return pop
	}
	return incoming
}

// outgoingOf returns the protocol of its outgoing server.
func outgoingOf(*value) protocol { return smtp }

// port reports a port that is unencrypted, starts unencrypted, or belongs to a
// protocol other than the server's.
func (i *inspector) port(s server, v *value, at *place) {
	port, ok := v.int(s.port)
	if !ok {
		return
	}
	at, p := at.at(s.port), web
	if s.protocol != nil {
		p = s.protocol(v)
	}
	use := fmt.Sprintf("Use %s for %s.", p.right(), p.name)
	switch {
	case port == 25 && p.name != web.name:
		i.add(codePlaintextPort, at, "Port 25 is for mail between servers: many networks block it, and connections start unencrypted.").advise(use)
	case port == 110 && p.name != web.name:
		i.add(codePlaintextPort, at, "Port 110 is unencrypted POP.").advise(use)
	case port == 80 && p.name == web.name:
		i.add(codePlaintextPort, at, "Port 80 is unencrypted HTTP.").advise(use)
	case slices.Contains(p.starttls, port):
		if v.is(s.tls, true) {
			i.add(codeSTARTTLSPort, at, fmt.Sprintf("A connection to port %d starts unencrypted and switches to TLS with STARTTLS, which a profile can't require.", port)).advise("Prefer " + p.right() + ".")
		}
	case portNames[port] != "" && portNames[port] != p.name && !slices.Contains(p.tls, port):
		i.add(codeWrongPort, at, fmt.Sprintf("Port %d is for %s, not for %s.", port, portNames[port], p.name)).advise(use)
	}
}
