package lint

import (
	"regexp"
	"slices"
	"strings"
)

// maxIdentifier is the maximum length of an identifier or address that is
// checked.
const maxIdentifier = 1024

var (
	reverseDNS = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
	uuid       = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	longHex    = regexp.MustCompile(`(?i)^[0-9a-f]*[0-9][0-9a-f]*$`)
)

// identities inspects the identifiers and UUIDs of the file and its payloads.
func (i *inspector) identities(root *value, payloads []value, at *place) {
	i.identity(root, nil)
	if isRandom(root.string("PayloadIdentifier")) {
		i.randomProfile(payloads)
	}
	seen := map[string]bool{}
	for n := range payloads {
		p, here := &payloads[n], at.item(n)
		i.identity(p, here)
		i.unique(root, p, here, seen)
		if isRandom(p.string("PayloadIdentifier")) {
			i.add(codeRandomIdentifier, here.at("PayloadIdentifier"), "The payload's identifier looks random: if it changes with each download, the device removes the account and sets it up again.").as(Note)
		}
	}
	i.perDomain(clean(root.string("PayloadIdentifier")), payloads)
}

// randomProfile reports the effect of a random identifier for the whole file.
func (i *inspector) randomProfile(payloads []value) {
	h := i.add(codeRandomIdentifier, (*place)(nil).at("PayloadIdentifier"), "")
	for n := range payloads {
		if t := typeOf(clean(payloads[n].string("PayloadType"))); t != nil && t.servers != nil {
			h.detail = "The identifier looks random: if it changes with each download, the device keeps both accounts instead of replacing one."
			h.advise("Derive it from the mailbox.")
			return
		}
	}
}

// identity inspects the form of a dict's identifier and UUID. Invisible
// characters are reported elsewhere.
func (i *inspector) identity(v *value, at *place) {
	s := clean(v.string("PayloadIdentifier"))
	if s != "" && !isVariable(s) && (len(s) > maxIdentifier || !reverseDNS.MatchString(s) && !isRandom(s)) {
		i.add(codeMalformedIdentifier, at.at("PayloadIdentifier"), "")
	}
	s = clean(v.string("PayloadUUID"))
	if s != "" && !isVariable(s) && (len(s) != 36 || !uuid.MatchString(s)) {
		i.add(codeMalformedUUID, at.at("PayloadUUID"), "")
	}
}

// unique reports a payload's identifier or UUID that another payload or the
// file also has. Devices accept a payload with the file's identifier: tools by
// Apple and Microsoft write such files.
func (i *inspector) unique(root, p *value, at *place, seen map[string]bool) {
	identifier := clean(p.string("PayloadIdentifier"))
	switch {
	case identifier == "" || isVariable(identifier):
	case seen[identifier]:
		i.add(codeDuplicateIdentifier, at.at("PayloadIdentifier"), "")
	case identifier == clean(root.string("PayloadIdentifier")):
		i.add(codeDuplicateIdentifier, at.at("PayloadIdentifier"), "The payload has the identifier of the whole file. Devices accept that.").as(Note).advise("Give it its own, for example the file's with one more part.")
	}
	seen[identifier] = true
	id := strings.ToLower(clean(p.string("PayloadUUID")))
	if id != "" && !isVariable(id) && (seen["uuid "+id] || id == strings.ToLower(clean(root.string("PayloadUUID")))) {
		i.add(codeDuplicateUUID, at.at("PayloadUUID"), "")
	}
	seen["uuid "+id] = true
}

// isRandom reports whether an identifier has a part that seems random. UUIDs of
// versions 3 and 5 are derived.
func isRandom(identifier string) bool {
	if len(identifier) > maxIdentifier {
		return false
	}
	for _, m := range uuid.FindAllStringSubmatch(identifier, -1) {
		if m[1] != "3" && m[1] != "5" && !isPattern(m[0]) {
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

// isPattern reports whether a UUID was typed: the digits of each group are the
// same, as in 00000000-0000-0000-0000-000000000000.
func isPattern(id string) bool {
	for group := range strings.SplitSeq(id, "-") {
		if strings.Trim(group, group[:1]) != "" {
			return false
		}
	}
	return true
}

// general are words in an identifier that don't identify a mailbox, without
// hyphens.
var general = strings.Fields("mail email imap pop smtp profile mobileconfig config configuration autoconfig account accounts apple ios iphone mac setup autodiscover")

// perDomain reports an identifier that only has the mail domain and general
// words.
func (i *inspector) perDomain(identifier string, payloads []value) {
	if len(identifier) > maxIdentifier {
		return
	}
	for n := range payloads {
		_, domain, ok := strings.Cut(clean(payloads[n].string("EmailAddress")), "@")
		if !ok || clean(payloads[n].string("PayloadType")) != mailType || isVariable(domain) {
			continue
		}
		labels := strings.Split(strings.ToLower(domain), ".")
		rest := slices.DeleteFunc(strings.Split(strings.ToLower(identifier), "."), func(label string) bool {
			return slices.Contains(labels, label) || slices.Contains(general, strings.ReplaceAll(label, "-", ""))
		})
		if len(rest) == 0 && identifier != "" {
			i.add(codeIdentifierPerDomain, (*place)(nil).at("PayloadIdentifier"), "")
			return
		}
	}
}
