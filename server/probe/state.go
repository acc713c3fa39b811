package probe

// A State is what a check found, as one word. States are published: add, never
// rename.
type State string

// The states. Meanings says what each means and what to do.
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

// A Severity is how grave a state is.
type Severity string

// The severities.
const (
	Fine    Severity = "good"
	Warning Severity = "warning" // mail works, or could not be checked from here
	Error   Severity = "error"   // devices get no mail
)

// A Meaning says what a state means.
type Meaning struct {
	State    State
	Severity Severity
	Text     string // what is so
	Do       string // the way out; empty if none is needed
}

// Meanings are those of all states.
func Meanings() []Meaning {
	return []Meaning{
		{Good, Fine, "The server offers TLS as a profile needs it.", ""},
		{ExpiresSoon, Warning, "The server's certificate expires soon.", "Renew it before that day, and see why it has not been renewed by itself."},
		{Unresolved, Error, "The server's name has no address.", "Check how it is written, and its A and AAAA records in the DNS."},
		{Forbidden, Warning, "The server is not reachable from here: its address is private.", "Check it from its own network with \"mobileconfig check\", or start the service with --allow-network for that network."},
		{Refused, Error, "Nothing answers on this port.", "Check host and port, that the mail server runs, and its firewall."},
		{Timeout, Error, "The server did not answer within 10 seconds.", "Check host and port, the firewall, and the load of the mail server."},
		{NoTLS, Error, "This port answers without TLS.", "Use the port that encrypts from the first byte (993 for IMAP, 465 for SMTP), or turn that on for this one."},
		{StartTLSMissing, Error, "The server does not offer STARTTLS.", "Turn it on, or better use the port that encrypts from the first byte (993 for IMAP, 465 for SMTP)."},
		{StartTLSInjected, Error, "Clear text follows the server's answer to STARTTLS, as if somebody in between had put it there.", "Look for a filter before the server, update the server, or use the port that encrypts from the first byte (993 for IMAP, 465 for SMTP)."},
		{CertificateExpired, Error, "The server's certificate, or one that it rests on, has expired.", "Renew it, and restart the mail server so that it reads the new one."},
		{CertificateNotYetValid, Error, "The server's certificate is not valid yet.", "Check the clocks, or wait."},
		{CertificateWrongName, Error, "The server's certificate is for other names than this host.", "Get one that names the host, or set up the domain with a host name that the certificate has."},
		{CertificateUntrusted, Error, "The server's certificate is self-signed or from an authority that is not known.", "Get one from a public authority, such as Let's Encrypt, and configure it with all its intermediate certificates."},
		{CertificateIncomplete, Error, "The server sends its certificate without the one of its issuer.", "Configure the whole chain: fullchain.pem, not cert.pem."},
		{CertificateUnsuitable, Error, "Devices refuse the server's certificate: its RSA key has fewer than 2048 bits, or it is not made for servers.", "Get a new one from a public authority, such as Let's Encrypt."},
		{TLSOld, Error, "The server speaks nothing better than TLS 1.1, or only ciphers that are broken.", "Turn TLS 1.2 and 1.3 on."},
		{NotMail, Error, "What answers there is no mail server of this kind.", "Check host and port."},
		{NotDAV, Warning, "The web server there doesn't say where calendars or contacts are.", "Have it redirect /.well-known/caldav and /.well-known/carddav to where they are (RFC 6764); without that, devices may not find them."},
		{NoPasswordSignIn, Error, "The server takes no password on this port, not even over TLS.", "Turn sign-in by PLAIN or LOGIN on for it."},
		{Broken, Error, "The server breaks off, or answers against the rules.", "Look into its log."},
	}
}

// Severity is how grave s is.
func (s State) Severity() Severity { return s.meaning().Severity }

// Detail is a sentence that says what is so, and one with the way out.
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
