package gate

// mailKind is a mail account.
func mailKind() payloadKind {
	port := notPort("The port must be the configured one from 1 to 65535, and not 25 or 110.", 25, 110)
	return payloadKind{
		payloadType: "com.apple.mail.managed",
		suffix:      ".mail",
		rules: []rule{
			accountRule("EmailAccountDescription"),
			{key: "EmailAccountName", kind: text, want: func(c *checker) string { return c.name }, code: PersonName},
			{key: "EmailAccountType", need: required, kind: text, want: exactly("EmailTypeIMAP"), code: WrongValue},
			{key: "EmailAddress", need: required, kind: text, want: func(c *checker) string { return c.address }, code: Address},
			{key: "IncomingMailServerAuthentication", need: required, kind: text, want: exactly("EmailAuthPassword"), code: WrongValue},
			hostRule("IncomingMailServerHostName", IMAP),
			portRule("IncomingMailServerPortNumber", IMAP, port),
			tlsRule("IncomingMailServerUseSSL"),
			loginRule("IncomingMailServerUsername"),
			{key: "OutgoingMailServerAuthentication", need: required, kind: text, want: exactly("EmailAuthPassword"), code: WrongValue},
			hostRule("OutgoingMailServerHostName", SMTP),
			portRule("OutgoingMailServerPortNumber", SMTP, port),
			tlsRule("OutgoingMailServerUseSSL"),
			loginRule("OutgoingMailServerUsername"),
			{key: "OutgoingPasswordSameAsIncomingPassword", need: required, kind: boolean, check: isTrue(WrongValue)},
		},
	}
}
