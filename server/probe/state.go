package probe

// A State is the result of a check in one word. States are published: add,
// never rename.
type State string

// The states. Meanings explains each.
const (
	Good                   State = "good"
	ExpiresSoon            State = "expires_soon"
	Unresolved             State = "unresolved"
	Forbidden              State = "forbidden"
	Refused                State = "refused"
	Timeout                State = "timeout"
	NoTLS                  State = "no_tls"
	StartTLSMissing        State = "starttls_missing"
	StartTLSInjected       State = "starttls_injected"
	CertificateExpired     State = "certificate_expired"
	CertificateNotYetValid State = "certificate_not_yet_valid"
	CertificateWrongName   State = "certificate_wrong_name"
	CertificateUntrusted   State = "certificate_untrusted"
	CertificateIncomplete  State = "certificate_incomplete"
	CertificateUnsuitable  State = "certificate_unsuitable"
	TLSOld                 State = "tls_old"
	NotMail                State = "not_mail"
	NotDAV                 State = "not_dav"
	NoPasswordSignIn       State = "no_password_sign_in"
	Broken                 State = "broken"
)

// States lists all states.
func States() []State {
	var all []State
	for _, m := range Meanings() {
		all = append(all, m.State)
	}
	return all
}

// A Severity is how serious a state is.
type Severity string

// The severities.
const (
	Fine    Severity = "good"
	Warning Severity = "warning" // mail works, or couldn't be checked from here
	Error   Severity = "error"   // devices get no mail
)

// A Meaning explains a state.
type Meaning struct {
	State    State
	Severity Severity
	Text     string // what is wrong
	Do       string // how to fix it; empty if that isn't needed
}

// Meanings explains all states.
func Meanings() []Meaning {
	return []Meaning{
		{Good, Fine, "The server offers TLS as profiles require.", ""},
		{ExpiresSoon, Warning, "The server's certificate expires soon.", "Renew it before then, and check why it wasn't renewed automatically."},
		{Unresolved, Error, "The server's name has no address.", "Check the spelling, and the name's A and AAAA records in DNS."},
		{Forbidden, Warning, "The server can't be reached from here because its address is private.", "Check it from its network with \"mobileconfig check\", or allow the network with --allow-network when you start the service."},
		{Refused, Error, "Nothing answers on this port.", "Check the host, the port and the firewall, and that the mail server is running."},
		{Timeout, Error, "The server didn't answer within 10 seconds.", "Check the host, the port, the firewall and the load of the mail server."},
		{NoTLS, Error, "This port answers without TLS.", "Use the port that encrypts from the first byte (993 for IMAP, 465 for SMTP), or turn on TLS for this port."},
		{StartTLSMissing, Error, "The server doesn't offer STARTTLS.", "Turn it on, or better, use the port that encrypts from the first byte (993 for IMAP, 465 for SMTP)."},
		{StartTLSInjected, Error, "Unencrypted text follows the server's answer to STARTTLS, as if someone had injected it on the way.", "Look for a filter in front of the server, update the server, or use the port that encrypts from the first byte (993 for IMAP, 465 for SMTP)."},
		{CertificateExpired, Error, "The server's certificate or an intermediate certificate has expired.", "Renew it and restart the mail server."},
		{CertificateNotYetValid, Error, "The server's certificate isn't valid yet.", "Check the clocks, or wait until it's valid."},
		{CertificateWrongName, Error, "The server's certificate doesn't include this host name.", "Get a certificate that includes the host name, or set up the domain with a name from the certificate."},
		{CertificateUntrusted, Error, "The server's certificate is self-signed or from an unknown authority.", "Get one from a public authority, such as Let's Encrypt, and install it with all intermediate certificates."},
		{CertificateIncomplete, Error, "The server doesn't send the issuer's certificate with its own.", "Configure the full chain: fullchain.pem, not cert.pem."},
		{CertificateUnsuitable, Error, "Devices refuse the server's certificate: its RSA key has fewer than 2048 bits, or it isn't a server certificate.", "Get a new one from a public authority, such as Let's Encrypt."},
		{TLSOld, Error, "The server supports only TLS 1.1 or older, or only broken ciphers.", "Turn on TLS 1.2 and 1.3."},
		{NotMail, Error, "The server on this port isn't a mail server of this kind.", "Check the host and the port."},
		{NotDAV, Warning, "The web server doesn't say where calendars or contacts are.", "Redirect /.well-known/caldav and /.well-known/carddav to them (RFC 6764). Otherwise devices may not find them."},
		{NoPasswordSignIn, Error, "The server doesn't accept passwords on this port, even over TLS.", "Turn on PLAIN or LOGIN authentication for this port."},
		{Broken, Error, "The server closes the connection or violates the protocol.", "Check the server's log."},
	}
}

// Severity returns how serious s is.
func (s State) Severity() Severity { return s.meaning().Severity }

// Detail returns a sentence about what is wrong, and one about how to fix it.
func (s State) Detail() string {
	m := s.meaning()
	if m.Do == "" {
		return m.Text
	}
	return m.Text + " " + m.Do
}

func (s State) meaning() Meaning {
	for _, m := range Meanings() {
		if m.State == s {
			return m
		}
	}
	return Meaning{State: s, Severity: Error}
}
