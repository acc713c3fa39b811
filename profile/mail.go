package profile

// A Mail is a payload that sets up one IMAP account, with SMTP for sending. It
// has no field for a password, because the device asks for it, and none for
// turning TLS off.
type Mail struct {
	// DisplayName and Description are shown in the profile's details.
	// Description may be empty.
	DisplayName string
	Description string
	// AccountName is the account's name on the device. Two accounts can't have
	// the same name, so it should contain the address.
	AccountName string
	// PersonName is the sender's name in new messages. May be empty.
	PersonName string
	Incoming   Server
	Outgoing   Server
	// IncomingLogin and OutgoingLogin are the usernames on the servers.
	IncomingLogin string
	OutgoingLogin string
}

// Type is "com.apple.mail.managed".
func (m *Mail) Type() string { return m.kind().payloadType }

func (*Mail) kind() kind {
	return kind{name: "mail", payloadType: "com.apple.mail.managed", place: 10}
}

func (m *Mail) titles() (displayName, description string) { return m.DisplayName, m.Description }

// keys returns the payload keys of m (com.apple.mail.managed.yaml).
func (m *Mail) keys(address Address, _ Platform) map[string]any {
	const password = "EmailAuthPassword"
	out := map[string]any{
		"EmailAccountDescription":          m.AccountName,
		"EmailAccountType":                 "EmailTypeIMAP",
		"EmailAddress":                     address.String(),
		"IncomingMailServerAuthentication": password,
		"IncomingMailServerHostName":       m.Incoming.Host,
		"IncomingMailServerPortNumber":     m.Incoming.Port,
		"IncomingMailServerUseSSL":         true,
		"IncomingMailServerUsername":       m.IncomingLogin,
		"OutgoingMailServerAuthentication": password,
		"OutgoingMailServerHostName":       m.Outgoing.Host,
		"OutgoingMailServerPortNumber":     m.Outgoing.Port,
		"OutgoingMailServerUseSSL":         true,
		"OutgoingMailServerUsername":       m.OutgoingLogin,
		// One password prompt instead of two when a person installs the
		// profile.
		"OutgoingPasswordSameAsIncomingPassword": true,
	}
	optional(out, "EmailAccountName", m.PersonName)
	return out
}

func (m *Mail) with(f Fields) Payload {
	mail := *m
	mail.AccountName, mail.PersonName = f.Address.String(), f.PersonName
	mail.IncomingLogin, mail.OutgoingLogin = f.Login, f.Login
	return &mail
}

func (m *Mail) validate(c *checker, _ Platform) {
	c.line("mail.display_name", m.DisplayName)
	c.optionalText("mail.description", m.Description)
	c.line("mail.account_name", m.AccountName)
	c.optionalLine("mail.person_name", m.PersonName)
	c.server("mail.incoming", m.Incoming, imap)
	c.server("mail.outgoing", m.Outgoing, smtp)
	c.login("mail.incoming_login", m.IncomingLogin)
	c.login("mail.outgoing_login", m.OutgoingLogin)
}
