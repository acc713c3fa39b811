package profile

// A Mail is a payload that sets up one IMAP account, with SMTP for sending.
// It has no field for a password: the device asks for it. It has none to turn
// TLS off either.
type Mail struct {
	// DisplayName and Description are shown in the profile's details.
	// Description may be empty.
	DisplayName string
	Description string
	// AccountName is how the account is called on the device. Two accounts
	// of one name exclude each other, so it should hold the address.
	AccountName string
	// PersonName is the sender's name in new messages. May be empty.
	PersonName string
	Incoming   Server
	Outgoing   Server
	// IncomingLogin and OutgoingLogin are the user names on the servers.
	IncomingLogin string
	OutgoingLogin string
}

// What the identifiers of the payloads have behind that of the profile.
const (
	mailSuffix     = ".mail"
	calDAVSuffix   = ".caldav"
	cardDAVSuffix  = ".carddav"
	passcodeSuffix = ".passcode"
)

// payloadKeys are the keys that every payload has (CommonPayloadKeys.yaml).
type payloadKeys struct {
	PayloadDescription string `plist:",omitempty"`
	PayloadDisplayName string
	PayloadIdentifier  string
	PayloadType        string
	PayloadUUID        string
	PayloadVersion     int
}

// mailPayload is com.apple.mail.managed as Apple spells it. Keys that a
// device would otherwise guess (ports, user names, TLS) are always written.
type mailPayload struct {
	payloadKeys
	EmailAccountDescription                string
	EmailAccountName                       string `plist:",omitempty"`
	EmailAccountType                       string
	EmailAddress                           string
	IncomingMailServerAuthentication       string
	IncomingMailServerHostName             string
	IncomingMailServerPortNumber           int
	IncomingMailServerUseSSL               bool
	IncomingMailServerUsername             string
	OutgoingMailServerAuthentication       string
	OutgoingMailServerHostName             string
	OutgoingMailServerPortNumber           int
	OutgoingMailServerUseSSL               bool
	OutgoingMailServerUsername             string
	OutgoingPasswordSameAsIncomingPassword bool
}

// payload spells m out below the profile's identifier.
func (m *Mail) payload(address Address, parent string) mailPayload {
	const password = "EmailAuthPassword"
	return mailPayload{
		payloadKeys:                      keys(parent+mailSuffix, "com.apple.mail.managed", m.DisplayName, m.Description),
		EmailAccountDescription:          m.AccountName,
		EmailAccountName:                 m.PersonName,
		EmailAccountType:                 "EmailTypeIMAP",
		EmailAddress:                     address.String(),
		IncomingMailServerAuthentication: password,
		IncomingMailServerHostName:       m.Incoming.Host,
		IncomingMailServerPortNumber:     m.Incoming.Port,
		IncomingMailServerUseSSL:         true,
		IncomingMailServerUsername:       m.IncomingLogin,
		OutgoingMailServerAuthentication: password,
		OutgoingMailServerHostName:       m.Outgoing.Host,
		OutgoingMailServerPortNumber:     m.Outgoing.Port,
		OutgoingMailServerUseSSL:         true,
		OutgoingMailServerUsername:       m.OutgoingLogin,
		// One question instead of two, where a person installs by hand
		// (com.apple.mail.managed.yaml).
		OutgoingPasswordSameAsIncomingPassword: true,
	}
}

func keys(identifier, kind, name, description string) payloadKeys {
	return payloadKeys{
		PayloadDescription: description,
		PayloadDisplayName: name,
		PayloadIdentifier:  identifier,
		PayloadType:        kind,
		PayloadUUID:        payloadUUID(identifier),
		PayloadVersion:     1,
	}
}

func (m *Mail) validate(c *checker) {
	c.line("mail.display_name", m.DisplayName)
	c.optionalText("mail.description", m.Description)
	c.line("mail.account_name", m.AccountName)
	c.optionalLine("mail.person_name", m.PersonName)
	c.server("mail.incoming", m.Incoming, starttlsIncomingPort)
	c.server("mail.outgoing", m.Outgoing, starttlsOutgoingPort)
	c.line("mail.incoming_login", m.IncomingLogin)
	c.line("mail.outgoing_login", m.OutgoingLogin)
}
