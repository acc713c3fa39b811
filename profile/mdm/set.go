package mdm

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
)

// A Login is a form of usernames on the mail servers.
type Login string

// The forms.
const (
	AddressLogin   Login = "address"    // the full email address
	LocalPartLogin Login = "local_part" // the part before the @
	GivenLogin     Login = "given"      // any other, which the MDM must know
)

// A Job describes the set of files to create.
type Job struct {
	// Domain is the mail domain in lower-case A-labels.
	Domain string
	// Profiles are what devices install, without the person's data: accounts
	// for each kind of device, and the policy of a Mac.
	Profiles []*profile.Profile
	Login    Login // empty: AddressLogin
	// Person is the person that the files are for, if the vendor has no
	// variables.
	Person profile.Fields
	// Advice is about the mail servers' passwords. May be empty.
	Advice string
}

// Errors of New.
var (
	// ErrNoPerson means that the vendor has no variables, and the job has no
	// person.
	ErrNoPerson = errors.New("this MDM has no variables, so each file is for one person: give the person")
	// ErrPerson means that the vendor fills in the person, but the job has one.
	ErrPerson = errors.New("this MDM fills in the person, so its template has none: remove the person")
)

// A TooLargeError means that the profile is too large for the vendor.
type TooLargeError struct{ Size, Most int }

// Error returns the message.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the profile has %d bytes, and this MDM accepts up to %d", e.Size, e.Most)
}

// A Set is the files for one vendor and one mail domain.
type Set struct {
	Vendor *Vendor
	// Templates are the profiles: accounts for each kind of device, and the
	// policy of a Mac.
	Templates []*Template
	// Warnings say what won't work as it should.
	Warnings []string
	// Advice is copied from the job.
	Advice string

	domain   string
	form     Login
	person   profile.Fields
	declared []File
}

// New creates the set for a vendor. If a profile or the person isn't valid, the
// error is a [*profile.InvalidError].
func New(v *Vendor, j Job) (*Set, error) {
	switch hasPerson := !j.Person.Address.IsZero(); {
	case !v.Fills() && !hasPerson:
		return nil, ErrNoPerson
	case v.Fills() && hasPerson:
		return nil, ErrPerson
	}
	s := &Set{Vendor: v, Advice: j.Advice, domain: j.Domain, form: j.Login, person: j.Person}
	for _, p := range j.Profiles {
		t, err := s.newTemplate(p)
		if err != nil {
			return nil, err
		}
		if v.MaxBytes > 0 && len(t.text) > v.MaxBytes {
			return nil, &TooLargeError{len(t.text), v.MaxBytes}
		}
		s.Templates = append(s.Templates, t)
		if policy := profile.Of[*profile.Passcode](p); policy != nil && v.Declarations.Text != "" {
			if err := s.declare(policy, p.Platform); err != nil {
				return nil, err
			}
		}
	}
	s.warn()
	return s, nil
}

// declare adds the policy as declarations, next to the templates.
func (s *Set) declare(policy *profile.Passcode, p profile.Platform) error {
	path := s.Vendor.declared
	if path == nil {
		path = func(_ *Set, p profile.Platform, name string) string {
			return "declarations/" + string(p) + "/" + name + ".json"
		}
	}
	all, err := policy.Declarations(s.domain, p)
	if err != nil {
		return err
	}
	for _, d := range all {
		if file := path(s, p, d.Name()); file != "" {
			s.declared = append(s.declared, File{Path: file, text: string(d.File())})
		}
	}
	return nil
}

// Login returns the variable for the username on the mail servers.
func (s *Set) Login() Variable {
	v := s.Vendor
	switch {
	case s.form == LocalPartLogin && v.LocalPart.Text != "":
		return v.LocalPart
	case s.form == LocalPartLogin || s.form == GivenLogin:
		if v.UserName.Text != "" {
			return v.UserName
		}
	}
	return v.Address
}

// warn warns about usernames that may be wrong.
func (s *Set) warn() {
	v, login := s.Vendor, s.Login()
	switch {
	case !v.Fills():
	case s.form == LocalPartLogin && v.LocalPart.Text == "" && login == v.UserName:
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s has no variable for the part before the @. The template has %s, the username in the MDM: use it only if people sign in to their email with it. Otherwise create a batch.", v.Title, login))
	case s.form == LocalPartLogin && v.LocalPart.Text == "":
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s has no variable for the part before the @, so the template signs in with the full address. If the mail servers don't accept that, create a batch.", v.Title))
	case s.form == GivenLogin && login == v.UserName:
		s.Warnings = append(s.Warnings, fmt.Sprintf("The template has %s, the username in the MDM: use it only if people sign in to their email with it. Otherwise create a batch.", login))
	case s.form == GivenLogin:
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s has no variable for a username, so the template signs in with the full address. If the mail servers don't accept that, create a batch.", v.Title))
	}
}

// Unsure returns a sentence about the variables that don't come from the
// vendor's own pages, or nothing if all do. README.txt marks them; a template
// that is used alone can't.
func (s *Set) Unsure() string {
	var unsure []string
	for _, variable := range []Variable{s.Vendor.Address, s.Vendor.PersonName, s.Login()} {
		if text := variable.String(); variable.Sure.Mark() != "" && !slices.Contains(unsure, text) {
			unsure = append(unsure, text)
		}
	}
	if len(unsure) == 0 {
		return ""
	}
	return fmt.Sprintf("These variables don't come from the pages of %s: %s. Try the template on one device first.", s.Vendor.Title, strings.Join(unsure, ", "))
}

// Template returns the profile for the kind of device or, with policy, the
// passcode policy of a Mac.
func (s *Set) Template(p profile.Platform, policy bool) (*Template, bool) {
	for _, t := range s.Templates {
		if t.Platform == p && t.Policy == policy {
			return t, true
		}
	}
	return nil, false
}

// A File is one of a set. Its path has slashes.
type File struct {
	Path   string
	Script bool // executable

	text string
}

// WriteTo writes the content to w.
func (f File) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, f.text)
	return int64(n), err
}

// Files returns all files of the set: templates, the vendor's other files, and
// a README.txt. The same job always produces the same bytes.
func (s *Set) Files() ([]File, error) {
	files, err := s.Vendor.files(s)
	if err != nil {
		return nil, err
	}
	check, err := s.checkScript()
	if err != nil {
		return nil, err
	}
	files = append(append(files, s.declared...), check...)
	readme, err := s.readme(files)
	if err != nil {
		return nil, err
	}
	return append(files, readme), nil
}

// plain returns the templates as files with their usual names.
func (s *Set) plain() (files []File) {
	for _, t := range s.Templates {
		files = append(files, File{Path: t.base() + ".mobileconfig", text: t.text})
	}
	return files
}

// FileName returns the name of the set, without an extension.
func (s *Set) FileName() string { return s.Vendor.Name + "-" + s.domain }

// WriteZIP writes the files to w as an uncompressed archive without times, so
// that the same job always produces the same bytes.
func (s *Set) WriteZIP(w io.Writer) error {
	files, err := s.Files()
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{Name: s.FileName() + "/" + f.Path, Method: zip.Store}
		header.SetMode(0o644)
		if f.Script {
			header.SetMode(0o755)
		}
		header.Modified = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
		file, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := f.WriteTo(file); err != nil {
			return err
		}
	}
	return z.Close()
}

// title returns the domain, or the mailbox if the set is for one person.
func (s *Set) title() string {
	if s.Vendor.Fills() {
		return s.domain
	}
	return s.person.Address.String()
}

// has reports whether a template contains the text.
func (s *Set) has(text string) bool {
	for _, t := range s.Templates {
		if strings.Contains(t.text, text) {
			return true
		}
	}
	return false
}
