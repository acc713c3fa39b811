package mdm

import (
	"io"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
)

// A Template is an unsigned profile for one vendor, with its variables or, if
// it has none, with one person's data.
type Template struct {
	// Platform is the kind of device. Policy means that this is the separate
	// passcode policy of a Mac.
	Platform profile.Platform
	Policy   bool
	// DisplayName is the title that the device shows.
	DisplayName string

	text string
}

// WriteTo writes the profile to w.
func (t *Template) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, t.text)
	return int64(n), err
}

// base returns the name of the template's file, without its extension.
func (t *Template) base() string {
	what := "mail-"
	if t.Policy {
		what = "policy-"
	}
	return what + string(t.Platform)
}

// escaper is enough for the text of an element. Quotes stay as they are,
// because a vendor that looks for {{.User "name"}} before parsing the XML
// wouldn't find it otherwise.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// newTemplate fills in the variables of s, or its person.
func (s *Set) newTemplate(p *profile.Profile) (*Template, error) {
	t := &Template{Platform: p.Platform, Policy: isPolicy(p)}
	named := *p
	if !t.Policy {
		// Some vendors distinguish profiles by name.
		named.DisplayName += map[profile.Platform]string{profile.IPhone: " (iPhone)", profile.Mac: " (Mac)"}[p.Platform]
	}
	t.DisplayName = named.DisplayName
	open, err := profile.NewTemplate(&named)
	if err != nil {
		return nil, err
	}
	if !s.Vendor.Fills() {
		text, err := open.Fill(s.person)
		t.text = string(text)
		return t, err
	}
	t.text = s.fill(open, s.identifier(t))
	return t, nil
}

// isPolicy reports whether p is the passcode policy of a Mac.
func isPolicy(p *profile.Profile) bool {
	return p.Platform == profile.Mac && profile.Of[*profile.Passcode](p) != nil
}

// identifier returns the identifier of the template's profile. It depends only
// on the mail domain, so that it's the same for each vendor and each person.
func (s *Set) identifier(t *Template) string {
	labels := strings.Split(s.domain, ".")
	slices.Reverse(labels)
	id := strings.Join(labels, ".") + ".mobileconfig.mdm." + string(t.Platform)
	if t.Policy {
		id += ".device"
	}
	return id
}

func (s *Set) fill(open *profile.Template, identifier string) string {
	values := map[profile.Field]string{
		profile.AddressField:    escaper.Replace(s.Vendor.Address.Text),
		profile.PersonNameField: escaper.Replace(s.Vendor.PersonName.Text),
		profile.LoginField:      escaper.Replace(s.Login().Text),
		profile.IdentifierField: identifier,
	}
	var out strings.Builder
	for _, segment := range open.Segments() {
		if segment.After != "" && values[segment.Field] == "" {
			continue
		}
		out.WriteString(segment.Text)
		if segment.Field == profile.UUIDField {
			out.WriteString(profile.UUID(identifier + segment.Suffix))
		}
		out.WriteString(values[segment.Field])
		out.WriteString(segment.After)
	}
	return out.String()
}

// payloads returns the <dict> elements of the profile's payloads, by the last
// part of their identifiers.
func (t *Template) payloads() map[string]string {
	const begin, end = "\t\t\t<dict>\n", "\n\t\t\t</dict>\n"
	out := map[string]string{}
	for rest := t.text; ; {
		_, after, found := strings.Cut(rest, "\n"+begin)
		if !found {
			return out
		}
		body, left, _ := strings.Cut(after, end)
		_, identifier, _ := strings.Cut(body, "<key>PayloadIdentifier</key>\n\t\t\t\t<string>")
		identifier, _, _ = strings.Cut(identifier, "<")
		kind := identifier[strings.LastIndexByte(identifier, '.')+1:]
		out[kind] = "<dict>\n" + strings.ReplaceAll("\n"+body, "\n\t\t\t", "\n")[1:] + "\n</dict>\n"
		rest = "\n" + left
	}
}
