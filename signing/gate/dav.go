package gate

// The types of the payloads in addition to mail.
const (
	calendarsType = "com.apple.caldav.account"
	contactsType  = "com.apple.carddav.account"
)

// calendarKind is a calendar account.
func calendarKind() payloadKind {
	return payloadKind{payloadType: calendarsType, suffix: ".caldav", needsAccount: true, rules: davRules("CalDAV", CalDAV)}
}

// contactsKind is a contacts account.
func contactsKind() payloadKind {
	return payloadKind{payloadType: contactsType, suffix: ".carddav", needsAccount: true, rules: davRules("CardDAV", CardDAV)}
}

// davRules returns the rules for keys with the protocol's name as a prefix.
func davRules(protocol string, use Use) []rule {
	return []rule{
		accountRule(protocol + "AccountDescription"),
		hostRule(protocol+"HostName", use),
		portRule(protocol+"Port", use, notPort("The port must be the configured one from 1 to 65535, and not 80.", 80)),
		tlsRule(protocol + "UseSSL"),
		loginRule(protocol + "Username"),
	}
}
