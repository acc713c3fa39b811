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

// The longest texts, in characters.
const (
	maxDisplayName = 64
	maxHelpText    = 500
	maxSignInHint  = 200
	maxPolicyName  = 80
)

// maxReturnHosts is the maximum number of return hosts.
const maxReturnHosts = 20

// maxID is longer than any ID, in bytes.
const maxID = 40

// A DomainSpec is a caller's description of a domain. Empty optional fields
// mean the same as in a Domain.
type DomainSpec struct {
	Name        string // not used by Update
	Incoming    string // parsed by profile.ParseIncoming
	Outgoing    string // parsed by profile.ParseOutgoing
	Calendars   string // parsed by profile.ParseDAV; empty: not included
	Contacts    string // likewise
	Policy      Offer  // empty: Off
	PolicyID    string
	DisplayName string
	HelpText    string
	SignInHint  string
	Login       Login
	Platforms   []string
	ReturnHosts []string // duplicates are ignored
	// Metadata doesn't change if this is nil.
	Metadata map[string]string
}

// Check returns a fault for each invalid field, ignoring the domain's name.
func (s DomainSpec) Check() error {
	_, err := s.Domain()
	return err
}

// Domain returns the domain that the spec describes, without an account. The
// error holds a fault for each invalid field; the name is ignored.
func (s DomainSpec) Domain() (Domain, error) {
	var d Domain
	err := s.apply(&d)
	return d, err
}

// apply copies the spec, except its name, into d. The error holds a fault for
// each invalid field.
func (s DomainSpec) apply(d *Domain) error {
	var p problems
	var err error
	if d.Service.Incoming, err = profile.ParseIncoming(s.Incoming); err != nil {
		p.add("imap", fault.Invalid, "Check the IMAP server: %s.", err)
	}
	if d.Service.Outgoing, err = profile.ParseOutgoing(s.Outgoing); err != nil {
		p.add("smtp", fault.Invalid, "Check the SMTP server: %s.", err)
	}
	s.applyDAV(d, &p)
	if d.Policy = s.Policy; d.Policy == "" {
		d.Policy = Off
	}
	if !slices.Contains([]Offer{Off, Offered, Required}, d.Policy) {
		p.add("policy", fault.Invalid, "Choose %q, %q or %q for the policy.", Off, Offered, Required)
	}
	if d.PolicyID = s.PolicyID; d.PolicyID == StandardPolicy {
		d.PolicyID = ""
	}
	if !isID(d.PolicyID) {
		p.add("policy_id", fault.PolicyUnknown, "The account doesn't have this policy. Choose one of its policies, or %q.", StandardPolicy)
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
			p.add("caldav", fault.Invalid, "Check the CalDAV server: %s.", err)
		}
	}
	if profile.Trim(s.Contacts) != "" {
		if d.Service.Contacts, err = profile.ParseDAV(s.Contacts); err != nil {
			p.add("carddav", fault.Invalid, "Check the CardDAV server: %s.", err)
		}
	}
}

func (s DomainSpec) applyTexts(d *Domain, p *problems) {
	d.DisplayName, d.HelpText, d.SignInHint = clean(s.DisplayName), clean(s.HelpText), clean(s.SignInHint)
	if !isLine(d.DisplayName, maxDisplayName) {
		p.add("display_name", fault.Invalid, "Enter a display name of one line and up to %d characters, without invisible characters.", maxDisplayName)
	}
	if !isText(d.HelpText, maxHelpText) {
		p.add("help_text", fault.Invalid, "Enter a help text of up to %d characters, without invisible characters. It can have several lines.", maxHelpText)
	}
	if !isLine(d.SignInHint, maxSignInHint) {
		p.add("sign_in_hint", fault.Invalid, "Enter a password hint of one line and up to %d characters, without invisible characters.", maxSignInHint)
	}
}

func (s DomainSpec) applyPeople(d *Domain, p *problems) {
	if d.Login = s.Login; d.Login == "" {
		d.Login = AddressLogin
	}
	if !slices.Contains([]Login{AddressLogin, LocalPartLogin, GivenLogin}, d.Login) {
		p.add("login", fault.Invalid, "Choose %q, %q or %q for the login.", AddressLogin, LocalPartLogin, GivenLogin)
	}
	d.Platforms = slices.DeleteFunc(Platforms(), func(known profile.Platform) bool {
		return len(s.Platforms) > 0 && !slices.Contains(s.Platforms, string(known))
	})
	for _, name := range s.Platforms {
		if _, err := profile.ParsePlatform(name); err != nil {
			p.add("platforms", fault.PlatformUnknown, "This platform doesn't exist. Choose %q or %q.", profile.IPhone, profile.Mac)
			return
		}
	}
}

// clean removes what forms and keyboards add to a text.
func clean(text string) string {
	return profile.Plain(strings.ReplaceAll(text, "\r\n", "\n"))
}

func isLine(s string, longest int) bool { return profile.IsLine(s) && isText(s, longest) }

// isText also refuses private-use characters: they are invisible or look
// different in each font.
func isText(s string, longest int) bool {
	private := func(r rune) bool { return unicode.Is(unicode.Co, r) }
	return profile.IsText(s) && utf8.RuneCountInString(s) <= longest && !strings.ContainsFunc(s, private)
}

// isID reports whether s can be an ID.
func isID(s string) bool { return len(s) <= maxID && profile.IsLine(s) }

// problems collects the faults of several fields.
type problems []error

func (p *problems) add(field string, code fault.Code, format string, args ...any) {
	*p = append(*p, fault.On(field, code, format, args...))
}

// err returns all problems, for [fault.All], or nil if there are none.
func (p problems) err() error { return errors.Join(p...) }
