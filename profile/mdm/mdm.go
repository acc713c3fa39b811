// Package mdm writes what device management services (MDMs) take: templates of
// profiles with the variables by which a service fills in the person, and the
// files around them that its API or its tools ask for.
//
// Nothing here is signed. A template has no method that returns its bytes: it can
// be written to a file or an answer, and a signer takes neither.
package mdm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
)

// A Sure says where a fact about a vendor comes from.
type Sure string

// The degrees. A fact is shown with its degree, unless that is Documented.
const (
	Documented  Sure = "documented"  // the vendor's own pages or source code
	SecondHand  Sure = "second-hand" // somebody else's code, page or thread
	Unconfirmed Sure = "unconfirmed" // commonly said; no source was found
)

// Mark is what a reader is told of the degree, and empty for Documented.
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

// String is the sentence, marked if it is not from the vendor.
func (f Fact) String() string {
	if mark := f.Sure.Mark(); mark != "" && f.Text != "" {
		return f.Text + " [" + mark + "]"
	}
	return f.Text
}

// A Variable is a text that the vendor replaces by a value of the person. It is a
// Fact of its own. The zero value means that there is none.
type Variable Fact

// String is the variable, marked if it is not from the vendor.
func (v Variable) String() string { return Fact(v).String() }

// A Vendor is a device management service, and how it takes a profile.
type Vendor struct {
	// Name stands for the vendor in flags and paths, Title in texts.
	Name, Title string
	// What stands for the person in a template. A vendor without an Address
	// fills in nothing: it gets one file for each person.
	Address    Variable
	PersonName Variable
	UserName   Variable
	LocalPart  Variable // what stands before the @ of the address
	// Values says what to know of the values: where they come from, and what
	// happens to one that is missing or has a character that XML escapes.
	Values Fact
	// Signed says whether signed profiles are taken, and who signs.
	Signed Fact
	// Needs is what a person or a device must have.
	Needs Fact
	// Install says how often people are asked to install the profile.
	Install string
	// Steps lead from the download to success on all devices.
	Steps [5]string
	// StepsSure is of all steps together.
	StepsSure Sure
	// Limits are what else differs with this vendor.
	Limits []Fact
	// Declarations says how the device policy is uploaded as declarations. The
	// zero value means that the vendor isn't known to take any.
	Declarations Fact
	// Lost says where a lost device is locked and erased.
	Lost Fact
	// MaxBytes is the size of the largest profile that is taken. Zero: unknown.
	MaxBytes int
	// Sources are pages and threads. Checked is the day on which they were
	// read, as 2006-01-02.
	Sources []string
	Checked string

	files func(*Set) ([]File, error) // beside the templates
	// declared is the path of a declaration, for vendors with a place of their
	// own. Empty: it is left out.
	declared func(s *Set, p profile.Platform, name string) string
}

// Fills reports whether the vendor fills in the person.
func (v *Vendor) Fills() bool { return v.Address.Text != "" }

// Variables are all variables of the vendor that a template can have.
func (v *Vendor) Variables() []Variable {
	all := []Variable{v.Address, v.PersonName, v.UserName, v.LocalPart}
	return slices.DeleteFunc(all, func(one Variable) bool { return one.Text == "" })
}

// SecondHand reports whether a fact about the vendor is not from its own pages.
func (v *Vendor) SecondHand() bool {
	sure := append([]Fact{v.Values, v.Signed, v.Needs, v.Declarations, v.Lost, {v.Steps[0], v.StepsSure}}, v.Limits...)
	for _, variable := range v.Variables() {
		sure = append(sure, Fact(variable))
	}
	return slices.ContainsFunc(sure, func(f Fact) bool { return f.Text != "" && f.Sure != Documented })
}

// Vendors returns all vendors, in the order in which people choose among them.
func Vendors() []*Vendor { return slices.Clone(vendors) }

// Find returns the vendor with the name.
func Find(name string) (*Vendor, bool) {
	i := slices.IndexFunc(vendors, func(v *Vendor) bool { return v.Name == name })
	if i < 0 {
		return nil, false
	}
	return vendors[i], true
}

// Names are the names of all vendors.
func Names() (names []string) {
	for _, v := range vendors {
		names = append(names, v.Name)
	}
	return names
}

// CheckValue returns an error if the text, an address or a user name, has a
// variable that a vendor would replace: no profile for one person has any, and
// none that has one is signed.
func CheckValue(text string) error {
	if !strings.ContainsAny(text, "$%{") {
		return nil
	}
	for _, v := range vendors {
		for _, variable := range v.Variables() {
			if strings.Contains(text, variable.Text) {
				return fmt.Errorf("it has %s, a variable of %s, which no profile for one person has; make the files for that MDM instead", variable.Text, v.Title)
			}
		}
	}
	return nil
}
