package settings

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Longest texts in characters.
const (
	maxDisplayName = 64
	maxHelpText    = 500
	maxSignInHint  = 200
	maxPolicyName  = 80
)

// maxReturnHosts is how many hosts pages may lead back to.
const maxReturnHosts = 20

// maxID is longer than any id, in bytes.
const maxID = 40

// A DomainSpec is what a domain is to be, as people write it. What may be left
// empty has the same meaning then as in a Domain.
type DomainSpec struct {
	Name        string // not used by Update
	Incoming    string // in the form that profile.ParseIncoming takes
	Outgoing    string // in the form that profile.ParseOutgoing takes
	Calendars   string // in the form that profile.ParseDAV takes; empty: not chosen
	Contacts    string // likewise
	Policy      Offer  // empty: Off
	PolicyID    string
	DisplayName string
	HelpText    string
	SignInHint  string
	Login       Login
	Platforms   []string
	ReturnHosts []string // each counts once
	// Metadata is kept as it is if this is nil.
	Metadata map[string]string
}

// Check returns a fault for each field that cannot be taken, whatever the
// domain's name.
func (s DomainSpec) Check() error {
	_, err := s.Domain()
	return err
}

// Domain returns what the spec describes: a domain that is nobody's yet. The
// error holds a fault for each field that cannot be taken; the name isn't read.
func (s DomainSpec) Domain() (Domain, error) {
	var d Domain
	err := s.apply(&d)
	return d, err
}

// apply puts the spec, but for its name, into d. The error holds a fault for
// each field that cannot be taken.
func (s DomainSpec) apply(d *Domain) error {
	var p problems
	var err error
	if d.Service.Incoming, err = profile.ParseIncoming(s.Incoming); err != nil {
		p.add("imap", fault.Invalid, "The IMAP server: %s.", err)
	}
	if d.Service.Outgoing, err = profile.ParseOutgoing(s.Outgoing); err != nil {
		p.add("smtp", fault.Invalid, "The SMTP server: %s.", err)
	}
	s.applyDAV(d, &p)
	if d.Policy = s.Policy; d.Policy == "" {
		d.Policy = Off
	}
	if !slices.Contains([]Offer{Off, Offered, Required}, d.Policy) {
		p.add("policy", fault.Invalid, "The policy is %q, %q or %q.", Off, Offered, Required)
	}
	if d.PolicyID = s.PolicyID; d.PolicyID == StandardPolicy {
		d.PolicyID = ""
	}
	if !isID(d.PolicyID) {
		p.add("policy_id", fault.PolicyUnknown, "The account has no such policy. Name one of its own, or %q.", StandardPolicy)
	}
	s.applyTexts(d, &p)
	s.applyPeople(d, &p)
	s.applyReturn(d, &p)
	if s.Metadata != nil {
		if d.Metadata, err = NewMetadata(s.Metadata); err != nil {
			p = append(p, err)
		}
	}
	return p.err()
}

func (s DomainSpec) applyDAV(d *Domain, p *problems) {
	var err error
	d.Service.Calendars, d.Service.Contacts = profile.DAVServer{}, profile.DAVServer{}
	if profile.Trim(s.Calendars) != "" {
		if d.Service.Calendars, err = profile.ParseDAV(s.Calendars); err != nil {
			p.add("caldav", fault.Invalid, "The CalDAV server: %s.", err)
		}
	}
	if profile.Trim(s.Contacts) != "" {
		if d.Service.Contacts, err = profile.ParseDAV(s.Contacts); err != nil {
			p.add("carddav", fault.Invalid, "The CardDAV server: %s.", err)
		}
	}
}

func (s DomainSpec) applyTexts(d *Domain, p *problems) {
	d.DisplayName, d.HelpText, d.SignInHint = clean(s.DisplayName), clean(s.HelpText), clean(s.SignInHint)
	if !isLine(d.DisplayName, maxDisplayName) {
		p.add("display_name", fault.Invalid, "Name the service on one line, in up to %d characters and none that is invisible.", maxDisplayName)
	}
	if !isText(d.HelpText, maxHelpText) {
		p.add("help_text", fault.Invalid, "Say who helps in up to %d characters and none that is invisible. Lines may break.", maxHelpText)
	}
	if !isLine(d.SignInHint, maxSignInHint) {
		p.add("sign_in_hint", fault.Invalid, "Say which password is meant on one line, in up to %d characters and none that is invisible.", maxSignInHint)
	}
}

func (s DomainSpec) applyPeople(d *Domain, p *problems) {
	if d.Login = s.Login; d.Login == "" {
		d.Login = AddressLogin
	}
	if !slices.Contains([]Login{AddressLogin, LocalPartLogin, GivenLogin}, d.Login) {
		p.add("login", fault.Invalid, "The login is %q, %q or %q.", AddressLogin, LocalPartLogin, GivenLogin)
	}
	d.Platforms = slices.DeleteFunc(Platforms(), func(known profile.Platform) bool {
		return len(s.Platforms) > 0 && !slices.Contains(s.Platforms, string(known))
	})
	for _, name := range s.Platforms {
		if _, err := profile.ParsePlatform(name); err != nil {
			p.add("platforms", fault.PlatformUnknown, "Platforms are %q and %q.", profile.IPhone, profile.Mac)
			return
		}
	}
}

// clean takes away what forms and keyboards add to a text.
func clean(text string) string {
	return profile.Plain(strings.ReplaceAll(text, "\r\n", "\n"))
}

func isLine(s string, longest int) bool { return profile.IsLine(s) && isText(s, longest) }

// isText refuses also characters of private use: they show as nothing, or as
// what a font likes.
func isText(s string, longest int) bool {
	private := func(r rune) bool { return unicode.Is(unicode.Co, r) }
	return profile.IsText(s) && utf8.RuneCountInString(s) <= longest && !strings.ContainsFunc(s, private)
}

// isID reports whether s can be looked for as an id.
func isID(s string) bool { return len(s) <= maxID && profile.IsLine(s) }

// problems collects the faults of several fields.
type problems []error

func (p *problems) add(field string, code fault.Code, format string, args ...any) {
	*p = append(*p, fault.On(field, code, format, args...))
}

// err holds all problems, for [fault.All], or is nil without one.
func (p problems) err() error { return errors.Join(p...) }
