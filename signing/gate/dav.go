package gate

// The types of the payloads beside mail.
const (
	calendarsType = "com.apple.caldav.account"
	contactsType  = "com.apple.carddav.account"
)

// calendarKind is an account for calendars.
func calendarKind() payloadKind {
	return payloadKind{payloadType: calendarsType, suffix: ".caldav", beside: true, rules: davRules("CalDAV", CalDAV)}
}

// contactsKind is an account for contacts.
func contactsKind() payloadKind {
	return payloadKind{payloadType: contactsType, suffix: ".carddav", beside: true, rules: davRules("CardDAV", CardDAV)}
}

// davRules are those of the keys that begin with the name of the protocol.
func davRules(protocol string, use Use) []rule {
	return []rule{
		accountRule(protocol + "AccountDescription"),
		hostRule(protocol+"HostName", use),
		portRule(protocol+"Port", use, notPort("The port must be the configured one from 1 to 65535, and not 80.", 80)),
		tlsRule(protocol + "UseSSL"),
		loginRule(protocol + "Username"),
	}
}
