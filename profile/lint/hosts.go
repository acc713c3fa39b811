package lint

import (
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"github.com/updatecase/mobileconfig/profile/idn"
)

// A flaw is a sentence about a fault in a value. The zero value is none.
type flaw struct {
	code     Code
	severity Severity
	detail   string
}

// host reports a key's text that isn't a valid host name.
func (i *inspector) host(v *value, at *place) {
	if v.kind != text || clean(v.text) == "" || isVariable(v.text) {
		return
	}
	f := hostFlaw(clean(v.text))
	if f.detail == "" && clean(v.text) != v.text {
		f = flaw{codeHiddenCharacters, Error, hiddenIn(v.text, true) + " This makes devices look up another name."}
		if clean(v.text) == strings.Trim(v.text, " \t\r\n") {
			f = flaw{codeWrongValue, Error, "The host name starts or ends with whitespace."}
		}
	}
	if f.detail != "" {
		i.add(f.code, at, f.detail).as(f.severity).of(v).advise("Use only the server's host name in ASCII, for example mail.example.com.")
	}
}

// maxHost is the maximum length of a text that is checked as a name.
const maxHost = 1024

// hostFlaw explains why a trimmed text isn't a host name or IP address.
func hostFlaw(s string) flaw {
	wrong := func(detail string) flaw { return flaw{codeWrongValue, Error, detail} }
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return flaw{}
	}
	name, port, hasPort := strings.Cut(s, ":")
	switch {
	case len(s) > maxHost:
		return wrong("The host name is too long.")
	case strings.Contains(s, "://"):
		return wrong("The value is a URL, not a host name.")
	case strings.Contains(s, "@"):
		return wrong("The value has an @, like an address or login, and isn't a host name.")
	case hasPort && isDigits(port) && !strings.Contains(name, "/"):
		return wrong("The host name has a port; the port has its own key.")
	case strings.ContainsAny(s, `/\`):
		return wrong("The value has a path and isn't a host name.")
	case strings.ContainsAny(s, ",;"):
		return wrong("The value is a list, but only one host name is allowed.")
	case strings.ContainsFunc(s, unicode.IsSpace):
		return wrong("The host name has whitespace in it.")
	case strings.HasSuffix(s, ".") && !strings.HasSuffix(s, ".."):
		if f := hostFlaw(strings.TrimSuffix(s, ".")); f.detail != "" {
			return f
		}
		return flaw{codeWrongValue, Warning, "The host name ends with a dot, which doesn't match certificates."}
	}
	if !isASCII(s) {
		return internationalFlaw(s)
	}
	return labelFlaw(s)
}

// labelFlaw explains what is wrong with the labels of an ASCII name.
func labelFlaw(s string) flaw {
	wrong := func(detail string) flaw { return flaw{codeWrongValue, Error, detail} }
	labels := strings.Split(s, ".")
	underscore := false
	for _, label := range labels {
		switch {
		case label == "":
			return wrong("The host name has an extra dot.")
		case len(label) > 63 || len(s) > 253:
			return wrong("The host name is too long.")
		case label[0] == '-' || label[len(label)-1] == '-':
			return wrong("A part of the host name starts or ends with a hyphen.")
		case strings.ContainsFunc(label, notInHosts):
			return wrong("The host name has a character that host names can't have.")
		}
		underscore = underscore || strings.Contains(label, "_")
	}
	if isDigits(labels[len(labels)-1]) {
		return wrong("The value is neither a host name nor a full IP address.")
	}
	if strings.Contains(strings.ToLower(s), "xn--") {
		return encodedFlaw(s)
	}
	if underscore {
		return flaw{codeWrongValue, Warning, "The host name has an underscore, which host names can't have."}
	}
	return flaw{}
}

func notInHosts(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// encodedFlaw checks what a name with xn-- decodes to.
func encodedFlaw(s string) flaw {
	decoded, err := idna.Lookup.ToUnicode(strings.ToLower(s))
	switch {
	case err != nil:
		return flaw{codeWrongValue, Error, "A part of the host name starts with xn-- but isn't a valid encoded name."}
	case idn.LooksLatin(decoded):
		return flaw{codeWrongValue, Error, "The host name has letters of another script that look like Latin ones: " + quoted(decoded) + "."}
	}
	return flaw{}
}

// internationalFlaw checks a name with non-ASCII characters. Apple doesn't
// document these, so only the encoded form is safe.
func internationalFlaw(s string) flaw {
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return flaw{codeWrongValue, Error, "The host name has a character that host names can't have."}
	}
	if idn.LooksLatin(s) {
		return flaw{codeWrongValue, Error, "The host name has letters of another script that look like Latin ones; it is really " + shown(ascii, maxShown) + "."}
	}
	if f := labelFlaw(ascii); f.detail != "" {
		return f
	}
	if !strings.Contains(ascii, "xn--") {
		return flaw{codeWrongValue, Error, "The host name has characters that are variants of others; it means " + shown(ascii, maxShown) + "."}
	}
	return flaw{codeWrongValue, Warning, "The host name has non-ASCII letters, which devices may not look up; its encoded form is " + shown(ascii, maxShown) + "."}
}

// encoded returns the ASCII form of a name if it differs from s, or "".
func encoded(s string) string {
	if isASCII(s) || len(s) > maxHost {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(clean(s))
	if err != nil {
		return ""
	}
	return shown(ascii, maxShown)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
