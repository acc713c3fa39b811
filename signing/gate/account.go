package gate

import "slices"

// accountRule is that of the key by which the device calls an account.
func accountRule(key string) rule {
	return rule{key: key, need: required, kind: text, want: (*checker).accountName, code: DisplayText}
}

func (c *checker) accountName() string {
	if name := c.titles.Account; name != "" {
		return name
	}
	return c.address
}

// loginRule is that of a user name.
func loginRule(key string) rule {
	return rule{key: key, need: required, kind: text, want: func(c *checker) string { return c.login }, code: Login}
}

// tlsRule is that of a switch for TLS.
func tlsRule(key string) rule {
	return rule{key: key, need: encrypted, kind: boolean, check: isTrue(TLSOff)}
}

// hostRule is that of the host of a server for the use.
func hostRule(key string, use Use) rule {
	return rule{key: key, need: required, kind: text, check: func(c *checker, v value) *Refusal {
		c.host = v.raw
		known := slices.ContainsFunc(c.terms.Servers, func(s Server) bool { return s.Use == use && s.Host == v.raw })
		return unless(known, ForeignHost, "The host is not one that the operator configured.")
	}}
}

// portRule is that of the port of a server for the use, which stands behind
// the host.
func portRule(key string, use Use, general check) rule {
	return rule{key: key, need: required, kind: integer, check: func(c *checker, v value) *Refusal {
		if r := general(c, v); r != nil {
			return r
		}
		// Without a host the dict is refused at its end.
		host := c.host
		c.host = ""
		known := host == "" || slices.Contains(c.terms.Servers, Server{use, host, v.n})
		return unless(known, Port, "The port is not the one that the operator configured.")
	}}
}

// notPort leaves out ports on which the protocol is, or may be, in clear text.
func notPort(detail string, clear ...int) check {
	return func(_ *checker, v value) *Refusal {
		return unless(1 <= v.n && v.n <= 65535 && !slices.Contains(clear, v.n), Port, detail)
	}
}
