package mdm

import (
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
)

// An Ask is a question that people will be asked.
type Ask struct {
	What  string
	Times string
}

// Asks lists what people will be asked, in order.
func (s *Set) Asks() []Ask {
	asks := []Ask{
		{"To install the profile", s.Vendor.Install},
		{"Email password, when Mail first connects", "once or twice"},
	}
	if s.has("com.apple.caldav.account") {
		asks = append(asks, Ask{"Password for calendars", "once"})
	}
	if s.has("com.apple.carddav.account") {
		asks = append(asks, Ask{"Password for contacts", "once"})
	}
	if s.hasPolicy() {
		asks = append(asks, Ask{"A new passcode, if theirs doesn't meet the policy", "once, within an hour"})
	}
	return asks
}

// hasPolicy reports whether the set has a passcode policy.
func (s *Set) hasPolicy() bool { return s.has("com.apple.mobiledevice.passwordpolicy") }

// Notes are notes about the set, in whole sentences.
func (s *Set) Notes() []string {
	notes := s.Vendor.Notes(s.hasPolicy())
	if s.Advice != "" {
		notes = append(notes, s.Advice)
	}
	return notes
}

// Notes are notes for every vendor, with or without a passcode policy, in whole
// sentences.
func (v *Vendor) Notes(policy bool) []string {
	notes := []string{"An MDM can't promise a single password prompt: incoming and outgoing mail may ask separately."}
	if policy {
		notes = append(notes,
			"Personal devices that their owner enrolled (User Enrollment) ignore passcode rules.",
			"On a Mac, email is a profile of the user and the policy one of the system. That's two files: mail goes to the user channel, the policy to the device channel.",
			"The policy acts on wrong passcodes only. If it says so, too many of them erase an iPhone or lock a Mac. It can't reach a lost device: locking and erasing one is the MDM's job.")
	} else {
		notes = append(notes,
			"On a Mac, email is a profile of the user: use the user channel or user scope.",
			"Nothing here locks or erases a device. That's the MDM's job.")
	}
	return append(notes,
		"To lock or erase a lost device: "+v.Lost.String(),
		"A profile that someone installed manually stays, because an MDM can't replace it. They remove it first, or the account appears twice.",
		"Google, iCloud and Yahoo take app passwords only, and Microsoft 365 takes no password over IMAP at all. A profile can't change that.")
}

// readme returns README.txt, which explains the other files.
func (s *Set) readme(files []File) (File, error) {
	var out strings.Builder
	err := outputs.ExecuteTemplate(&out, "README.txt", struct {
		*Set
		Title, Upper    string
		Files, Declared []File
	}{s, s.title(), strings.ToUpper(s.Vendor.Title), files, s.declared})
	return File{Path: "README.txt", text: out.String()}, err
}

// checkScript returns check-mac.sh, which checks on a Mac whether the person's
// data was filled in. It's only present with a template for Macs.
func (s *Set) checkScript() ([]File, error) {
	t, ok := s.Template(profile.Mac, false)
	if !ok || !s.Vendor.Fills() {
		return nil, nil
	}
	variables := []string{s.Vendor.Address.Text}
	for _, text := range []string{s.Vendor.PersonName.Text, s.Login().Text} {
		if text != "" && !slices.Contains(variables, text) {
			variables = append(variables, text)
		}
	}
	var out strings.Builder
	err := outputs.ExecuteTemplate(&out, "check-mac.sh", struct {
		Identifier string
		Variables  []string
	}{s.identifier(t), variables})
	return []File{{Path: "check-mac.sh", Script: true, text: out.String()}}, err
}
