package profile

// A CalDAV is a payload that sets up a calendar account (CalDAV, RFC 4791). It
// always comes with a [Mail]. The device asks separately for its password.
type CalDAV struct{ DAV }

// Type is "com.apple.caldav.account".
func (d *CalDAV) Type() string { return d.kind().payloadType }

func (*CalDAV) kind() kind {
	return kind{name: "caldav", payloadType: "com.apple.caldav.account", place: 20, requires: "mail"}
}

// keys returns the payload keys of d (com.apple.caldav.account.yaml).
func (d *CalDAV) keys(Address, Platform) map[string]any { return d.protocolKeys("CalDAV") }

func (d *CalDAV) with(f Fields) Payload {
	account := *d
	account.set(f)
	return &account
}

func (d *CalDAV) validate(c *checker, _ Platform) { d.check(c, d.kind().name) }
