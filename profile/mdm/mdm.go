// Package mdm creates files for device management services (MDMs): profile
// templates with the variables that a service replaces with a person's data,
// and the files that its API or tools need.
//
// Nothing here is signed. A template has no method that returns its bytes: it
// can only be written to a file or an answer, and a signer accepts neither.
package mdm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
)

// A Sure says how well a fact about a vendor is known.
type Sure string

// The degrees of certainty. A fact is shown with its degree, unless it's
// Documented.
const (
	Documented  Sure = "documented"  // from the vendor's own pages or source code
	SecondHand  Sure = "second-hand" // from someone else's code, page or thread
	Unconfirmed Sure = "unconfirmed" // commonly said, but no source was found
)

// Mark is the note about the degree for readers. It's empty for Documented.
func (s Sure) Mark() string {
	switch s {
	case SecondHand:
		return "Second-hand"
	case Unconfirmed:
		return "Unconfirmed"
	}
	return ""
}

// A Fact is a sentence about a vendor.
type Fact struct {
	Text string
	Sure Sure
}

// String returns the sentence, marked if it isn't from the vendor.
func (f Fact) String() string {
	if mark := f.Sure.Mark(); mark != "" && f.Text != "" {
		return f.Text + " [" + mark + "]"
	}
	return f.Text
}

// A Variable is a text that the vendor replaces with a person's value. Each
// variable is a Fact. The zero value means that there is none.
type Variable Fact

// String returns the variable, marked if it isn't from the vendor.
func (v Variable) String() string { return Fact(v).String() }

// A Vendor is a device management service, with the way it handles profiles.
type Vendor struct {
	// Name identifies the vendor in flags and paths, Title in texts.
	Name, Title string
	// The variables in a template. A vendor without an Address has no variables
	// and gets one file for each person.
	Address    Variable
	PersonName Variable
	UserName   Variable
	LocalPart  Variable // the part before the @ of the address
	// Values explains where the values come from, and what happens if one is
	// missing or has a character that XML escapes.
	Values Fact
	// Signed says whether signed profiles are accepted, and who signs.
	Signed Fact
	// Needs is what a person or a device must have.
	Needs Fact
	// Install says how often people are asked to install the profile.
	Install string
	// Steps lead from the download to success on all devices.
	Steps [5]string
	// StepsSure applies to all steps.
	StepsSure Sure
	// Limits are other differences of this vendor.
	Limits []Fact
	// Declarations explains how to upload the passcode policy as declarations.
	// The zero value means that the vendor isn't known to accept them.
	Declarations Fact
	// Lost says where to lock and erase a lost device.
	Lost Fact
	// MaxBytes is the maximum size of a profile. Zero: unknown.
	MaxBytes int
	// Sources are pages and threads. Checked is the day they were read, as
	// 2006-01-02.
	Sources []string
	Checked string

	files func(*Set) ([]File, error) // in addition to the templates
	// declared returns the path of a declaration, for vendors with their own
	// layout. Empty: it's omitted.
	declared func(s *Set, p profile.Platform, name string) string
}

// Fills reports whether the vendor fills in the person's data.
func (v *Vendor) Fills() bool { return v.Address.Text != "" }

// Variables returns all variables of the vendor that a template can have.
func (v *Vendor) Variables() []Variable {
	all := []Variable{v.Address, v.PersonName, v.UserName, v.LocalPart}
	return slices.DeleteFunc(all, func(one Variable) bool { return one.Text == "" })
}

// SecondHand reports whether a fact about the vendor isn't from its own pages.
func (v *Vendor) SecondHand() bool {
	sure := append([]Fact{v.Values, v.Signed, v.Needs, v.Declarations, v.Lost, {v.Steps[0], v.StepsSure}}, v.Limits...)
	for _, variable := range v.Variables() {
		sure = append(sure, Fact(variable))
	}
	return slices.ContainsFunc(sure, func(f Fact) bool { return f.Text != "" && f.Sure != Documented })
}

// Vendors returns all vendors in display order.
func Vendors() []*Vendor { return slices.Clone(vendors) }

// Find returns the vendor with the name.
func Find(name string) (*Vendor, bool) {
	i := slices.IndexFunc(vendors, func(v *Vendor) bool { return v.Name == name })
	if i < 0 {
		return nil, false
	}
	return vendors[i], true
}

// Names returns the names of all vendors.
func Names() (names []string) {
	for _, v := range vendors {
		names = append(names, v.Name)
	}
	return names
}

// CheckValue returns an error if the text, an address or a username, contains a
// variable that a vendor would replace. Profiles for one person never contain
// variables, and profiles with variables are never signed.
func CheckValue(text string) error {
	if !strings.ContainsAny(text, "$%{") {
		return nil
	}
	for _, v := range vendors {
		for _, variable := range v.Variables() {
			if strings.Contains(text, variable.Text) {
				return fmt.Errorf("it has %s, a variable of %s, which a profile for one person can't have; create the files for that MDM instead", variable.Text, v.Title)
			}
		}
	}
	return nil
}
