package lint

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A server groups the keys of an account for one server.
type server struct {
	host, port, tls, path string
	on                    bool // TLS is on if the key is absent
	url                   bool // the host may be a full URL
	// protocol is the protocol behind the port. nil: HTTPS.
	protocol func(account *value) protocol
}

// account inspects the servers of a payload, the rules of its type, and its
// address.
func (i *inspector) account(t *payloadType, v *value, at *place) {
	for _, s := range t.servers {
		i.tls(s, v, at)
		i.port(s, v, at)
		if host := v.find(s.host); host != nil {
			if s.url && strings.Contains(host.text, "/") {
				i.url(host, at.at(s.host))
			} else {
				i.host(host, at.at(s.host))
			}
		}
		if path := v.find(s.path); path != nil {
			i.accountPath(path, at.at(s.path))
		}
	}
	if t.inspect != nil {
		t.inspect(i, t, v, at)
	}
	if address := v.find("EmailAddress"); address != nil {
		i.address(address, at.at("EmailAddress"))
	}
}

// dav inspects an account of calendars or contacts. Apple's schema lets the
// device guess almost everything.
func (i *inspector) dav(t *payloadType, v *value, at *place) {
	s := t.servers[0]
	if v.find(s.tls) == nil {
		i.add(codeTLSUnstated, at.at(s.tls), "")
	}
	if len(v.like(s.port)) == 0 {
		i.add(codePortMissing, at.at(s.port), "").as(Note).advise("Add it: 443, unless the server uses another.")
	}
}

// tls reports a server that may be reached without TLS.
func (i *inspector) tls(s server, v *value, at *place) {
	switch found := v.find(s.tls); {
	case found == nil && !s.on:
		i.add(codeTLSOff, at.at(s.tls), "The key is absent, which turns TLS off: login and content may be sent unencrypted.")
	case found == nil || v.is(s.tls, true):
	case found.kind == boolean:
		i.add(codeTLSOff, at.at(s.tls), "").of(found)
	default:
		i.add(codeTLSOff, at.at(s.tls), fmt.Sprintf("The value is %s instead of a boolean, so TLS may be off: login and content may be sent unencrypted.", kindNames[found.kind])).of(found).advise("Set the key to <true/>.")
	}
}

// accountPath reports a path of an account that is neither a path nor a full
// URL.
func (i *inspector) accountPath(v *value, at *place) {
	s := clean(v.text)
	switch {
	case v.kind != text || s == "" || isVariable(s):
	case strings.Contains(s, "://"):
		i.url(v, at)
	case !strings.HasPrefix(s, "/"):
		i.add(codeWrongValue, at, "The value is neither a path that starts with / nor a full URL.").as(Warning).of(v)
	case !isPath(s):
		i.add(codeWrongValue, at, "The path has a character that must be encoded.").of(v)
	}
}

// isPath reports whether a path can be requested unchanged.
func isPath(s string) bool {
	_, err := url.Parse(s)
	return err == nil && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`<>"\^{|}`, r) })
}

// url reports a URL that is invalid or unencrypted. It may start with the host.
// Calendars have a separate key for TLS, which overrides http: Apple's example
// has both.
func (i *inspector) url(v *value, at *place) {
	if v.kind != text || isVariable(v.text) {
		return
	}
	s := clean(v.text)
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || !isPath(s):
		i.add(codeWrongValue, at, "The URL is malformed.").of(v)
	case !isWeb(u.Scheme):
		i.add(codeWrongValue, at, "The URL isn't a web address: it starts with neither https nor http.").of(v)
	case hostFlaw(u.Hostname()).detail != "":
		f := hostFlaw(u.Hostname())
		i.add(f.code, at, f.detail).as(f.severity).of(v)
	case strings.EqualFold(u.Scheme, "http") && strings.HasSuffix(at.key, "PrincipalURL"):
		i.add(codeTLSOff, at, "The URL starts with http: login and content may be sent unencrypted.").as(Warning).advise("Use https.")
	}
}

// isWeb reports whether the scheme is one for calendars on the web.
func isWeb(scheme string) bool {
	return slices.Contains([]string{"https", "http", "webcal", "webcals"}, strings.ToLower(scheme))
}

func (i *inspector) mail(_ *payloadType, v *value, at *place) {
	const incoming, outgoing = "IncomingMailServerPortNumber", "OutgoingMailServerPortNumber"
	if len(v.like(incoming)) == 0 {
		i.add(codePortMissing, at.at(incoming), "").as(Note).advise("Write it: " + incomingOf(v).right() + ".")
	}
	if len(v.like(outgoing)) == 0 {
		i.add(codePortMissing, at.at(outgoing), "The port is missing: the device tries 25 first, then 587 and 465.").advise("Write it: 465.")
	}
	for _, key := range []string{"IncomingMailServerAuthentication", "OutgoingMailServerAuthentication"} {
		if v.string(key) == "EmailAuthNone" {
			i.add(codeNoAuthentication, at.at(key), "")
		}
	}
	if same := "OutgoingPasswordSameAsIncomingPassword"; !v.is(same, true) && v.string("OutgoingMailServerAuthentication") != "EmailAuthNone" {
		i.add(codeAsksTwice, at.at(same), "")
	}
}

// oneAddress matches one mailbox. hostFlaw checks the domain.
var oneAddress = regexp.MustCompile(`^[^@,;:<>()\[\]"\\\s]+@([^@,;:<>()\s]+)$`)

// address reports a value that isn't exactly one mailbox, or whose domain is
// invalid.
func (i *inspector) address(v *value, at *place) {
	s := clean(v.text)
	if s == "" || isVariable(s) {
		return
	}
	m := oneAddress.FindStringSubmatch(s[:min(len(s), maxIdentifier+1)])
	if m == nil || len(s) > maxIdentifier {
		i.add(codeWrongValue, at, "The value isn't exactly one email address.").of(v)
		return
	}
	// Mail domains often have non-ASCII letters: mail programs accept them, and
	// the device doesn't look them up.
	if f := hostFlaw(m[1]); f.detail != "" && f.severity == Error {
		i.add(f.code, at, "The part after the @ isn't a mail domain. "+f.detail).of(v)
	}
}

// serversOf lists the servers of an account with ports and paths. Values that
// aren't host names, ports or paths are listed too, in quotation marks, so that
// people who check a profile don't overlook them. Misspelled keys count, and so
// does each of several equal keys.
func serversOf(t *payloadType, v *value) (list []string) {
	if t == nil {
		return nil
	}
	for _, s := range t.servers {
		ports, paths := v.like(s.port), v.like(s.path)
		for _, host := range v.like(s.host) {
			if host.kind == text && host.text == "" {
				continue
			}
			one := shownHost(host, s.url)
			for _, port := range ports {
				one += ":" + shownPort(port)
			}
			list = append(list, one)
		}
		for _, path := range paths {
			if path.kind != text || path.text != "" {
				list = append(list, shownPath(path))
			}
		}
	}
	return list
}

// shownHost formats a host name. If it isn't ASCII, the encoded form follows.
func shownHost(v *value, isURL bool) string {
	s := v.text
	switch {
	case v.kind != text:
		return v.shownRaw()
	case strings.Contains(s, "://") || isURL && strings.Contains(s, "/"):
		return shownURL(s, isURL)
	case s != clean(s):
		return quoted(s)
	case encoded(s) != "":
		return quoted(s) + " (" + encoded(s) + ")"
	case hostFlaw(s).detail != "" || isVariable(s):
		return quoted(s)
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() {
		return "[" + s + "]"
	}
	return shown(s, maxShown)
}

// shownURL formats a URL in place of a host, without the path of a calendar,
// which is a secret of its readers.
func shownURL(s string, calendar bool) string {
	if !calendar {
		return quoted(withoutQuery(s))
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		scheme, rest = "", s
	}
	if n := strings.IndexAny(rest, "/?#"); n >= 0 {
		s = s[:len(s)-len(rest)+n] + "/…"
	}
	if s != clean(s) || found && !isWeb(scheme) {
		return quoted(s)
	}
	return shown(s, maxShown)
}

// withoutQuery removes the query of a URL or path, because it can contain a
// secret.
func withoutQuery(s string) string {
	if n := strings.IndexAny(s, "?#"); n >= 0 {
		return s[:n] + "?…"
	}
	return s
}

func shownPort(v *value) string {
	if v.kind == integer && v.whole {
		return v.word()
	}
	return v.shownRaw()
}

func shownPath(v *value) string {
	if v.kind != text {
		return v.shownRaw()
	}
	if s := withoutQuery(v.text); s == clean(s) && isPath(s) {
		return shown(s, maxShown)
	}
	return quoted(withoutQuery(v.text))
}

// shownRaw formats a value of any kind as in the file.
func (v *value) shownRaw() string {
	switch v.kind {
	case text:
		return quoted(v.text)
	case dict:
		return "(dict)"
	case array:
		return "(array)"
	case boolean:
		return "(boolean)"
	case data:
		return "(data)"
	}
	return quoted(v.raw)
}

// descriptions reports accounts that iPhones treat as the same.
func (i *inspector) descriptions(payloads []value, at *place) {
	seen := map[string]bool{}
	for n := range payloads {
		for _, f := range payloads[n].fields {
			if !strings.HasSuffix(f.key, "AccountDescription") || f.value.text == "" {
				continue
			}
			if same := payloads[n].string("PayloadType") + "\n" + f.value.text; seen[same] {
				i.add(codeSameDescription, at.item(n).at(f.key), "")
			} else {
				seen[same] = true
			}
		}
	}
}
