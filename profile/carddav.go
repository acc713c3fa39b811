package profile

// A CardDAV is a payload that sets up a contacts account (CardDAV, RFC 6352).
// It always comes with a [Mail]. The device asks separately for its password.
type CardDAV struct{ DAV }

// Type is "com.apple.carddav.account".
func (d *CardDAV) Type() string { return d.kind().payloadType }

func (*CardDAV) kind() kind {
	return kind{name: "carddav", payloadType: "com.apple.carddav.account", place: 30, requires: "mail"}
}

// keys returns the payload keys of d (com.apple.carddav.account.yaml).
func (d *CardDAV) keys(Address, Platform) map[string]any { return d.protocolKeys("CardDAV") }

func (d *CardDAV) with(f Fields) Payload {
	account := *d
	account.set(f)
	return &account
}

func (d *CardDAV) validate(c *checker, _ Platform) { d.check(c, d.kind().name) }
