package lint

import (
	"regexp"
	"slices"
	"strings"
)

// maxIdentifier is the length of the longest identifier that is looked into,
// and of the longest address.
const maxIdentifier = 1024

var (
	reverseDNS = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
	uuid       = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	longHex    = regexp.MustCompile(`(?i)^[0-9a-f]*[0-9][0-9a-f]*$`)
)

// identities inspects the identifiers and UUIDs of the file and its payloads.
func (i *inspector) identities(root *value, payloads []value, at *place) {
	seen := map[string]bool{}
	i.identity(root, nil, seen, Warning)
	for n := range payloads {
		i.identity(&payloads[n], at.item(n), seen, Note)
	}
	i.perDomain(root.string("PayloadIdentifier"), payloads)
}

// identity inspects those of one dict. What a random identifier leads to is
// the file's matter, so that it is graver there.
func (i *inspector) identity(v *value, at *place, seen map[string]bool, random Severity) {
	i.unique(v, "PayloadIdentifier", at, seen, codeDuplicateIdentifier)
	i.unique(v, "PayloadUUID", at, seen, codeDuplicateUUID)
	switch s := v.string("PayloadIdentifier"); {
	case s == "" || isVariable(s):
	case len(s) > maxIdentifier || !reverseDNS.MatchString(s) && !isRandom(s):
		i.add(codeMalformedIdentifier, at.at("PayloadIdentifier"), "")
	case isRandom(s):
		i.addAs(random, codeRandomIdentifier, at.at("PayloadIdentifier"), "")
	}
	if s := v.string("PayloadUUID"); s != "" && !isVariable(s) && (len(s) != 36 || !uuid.MatchString(s)) {
		i.add(codeMalformedUUID, at.at("PayloadUUID"), "")
	}
}

func (i *inspector) unique(v *value, key string, at *place, seen map[string]bool, code Code) {
	s := v.string(key)
	if s == "" || isVariable(s) {
		return
	}
	entry := key + " " + strings.ToLower(s)
	if seen[entry] {
		i.add(code, at.at(key), "")
	}
	seen[entry] = true
}

// isRandom reports whether an identifier has a part that seems thrown. UUIDs
// of versions 3 and 5 are derived from something.
func isRandom(identifier string) bool {
	for _, m := range uuid.FindAllStringSubmatch(identifier, -1) {
		if m[1] != "3" && m[1] != "5" {
			return true
		}
	}
	for label := range strings.SplitSeq(identifier, ".") {
		if len(label) >= 16 && longHex.MatchString(label) {
			return true
		}
	}
	return false
}

// general are words of an identifier that tell no mailbox from another.
var general = strings.Fields("mail email e-mail imap pop smtp profile mobileconfig config configuration autoconfig account accounts apple ios iphone mac setup autodiscover")

// perDomain reports an identifier that has nothing but the mail domain and
// general words in it.
func (i *inspector) perDomain(identifier string, payloads []value) {
	if len(identifier) > maxIdentifier {
		return
	}
	for n := range payloads {
		_, domain, ok := strings.Cut(payloads[n].string("EmailAddress"), "@")
		if !ok || payloads[n].string("PayloadType") != mailType || isVariable(domain) {
			continue
		}
		labels := strings.Split(strings.ToLower(domain), ".")
		rest := slices.DeleteFunc(strings.Split(strings.ToLower(identifier), "."), func(label string) bool {
			return slices.Contains(labels, label) || slices.Contains(general, label)
		})
		if len(rest) == 0 && identifier != "" {
			i.add(codeIdentifierPerDomain, (*place)(nil).at("PayloadIdentifier"), "")
			return
		}
	}
}
