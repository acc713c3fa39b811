package gate

import "slices"

// accountRule returns the rule for the account's name on the device.
func accountRule(key string) rule {
	return rule{key: key, need: required, kind: text, want: (*checker).accountName, code: DisplayText}
}

func (c *checker) accountName() string {
	if name := c.titles.Account; name != "" {
		return name
	}
	return c.address
}

// loginRule returns the rule for a username.
func loginRule(key string) rule {
	return rule{key: key, need: required, kind: text, want: func(c *checker) string { return c.login }, code: Login}
}

// tlsRule returns the rule for a TLS setting.
func tlsRule(key string) rule {
	return rule{key: key, need: encrypted, kind: boolean, check: isTrue(TLSOff)}
}

// hostRule returns the rule for the host of a server for the use.
func hostRule(key string, use Use) rule {
	return rule{key: key, need: required, kind: text, check: func(c *checker, v value) *Refusal {
		c.host = v.raw
		known := slices.ContainsFunc(c.terms.Servers, func(s Server) bool { return s.Use == use && s.Host == v.raw })
		return unless(known, ForeignHost, "The host isn't one that the operator configured.")
	}}
}

// portRule returns the rule for the port of a server for the use. The port
// follows the host.
func portRule(key string, use Use, general check) rule {
	return rule{key: key, need: required, kind: integer, check: func(c *checker, v value) *Refusal {
		if r := general(c, v); r != nil {
			return r
		}
		// Without a host, the dict is refused at its end.
		host := c.host
		c.host = ""
		known := host == "" || slices.Contains(c.terms.Servers, Server{use, host, v.n})
		return unless(known, Port, "The port isn't the one that the operator configured.")
	}}
}

// notPort refuses ports on which the protocol is, or may be, unencrypted.
func notPort(detail string, clear ...int) check {
	return func(_ *checker, v value) *Refusal {
		return unless(1 <= v.n && v.n <= 65535 && !slices.Contains(clear, v.n), Port, detail)
	}
}
