package batch

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Defaults are for rows without these values.
type Defaults struct {
	Platforms Platforms
	Variant   settings.Variant
	Locale    string
}

// A checker turns records into rows. It is safe for concurrent use.
type checker struct {
	marked       bool
	defaults     Defaults
	orders       Orders
	declarations bool
}

// A checked is the result for a record: a row, problems, or neither if it is
// skipped.
type checked struct {
	row      Row
	problems []Problem
	off      bool
	values   map[Field]string // for errors.csv, if there are problems
	column   string           // of the address
}

// kept are the fields of errors.csv.
var kept = []Field{Email, DisplayName, Login, Locale, Group, ExternalID, Serial, UDID, ECID, Platform, Note}

// A checking is the check of one record.
type checking struct {
	*checker
	record *record
	out    checked
}

func (c *checker) check(r *record) checked {
	w := &checking{checker: c, record: r}
	if r.problem != nil {
		w.out.problems = []Problem{*r.problem}
		return w.out
	}
	if w.isOff() {
		w.out.off = true
		return w.out
	}
	row := &w.out.row
	row.Line = r.line
	row.Platforms, row.Variant = w.platforms(), w.variant()
	row.Person.Address = w.address()
	row.Person.Name = w.name()
	row.Person.Login = w.login()
	row.Person.Locale = w.locale()
	row.Group, row.ExternalID, row.Note = w.text(Group), w.text(ExternalID), w.text(Note)
	row.Serial, row.UDID, row.ECID = w.device(Serial), w.device(UDID), w.device(ECID)
	if len(w.out.problems) == 0 {
		w.order()
	}
	w.out.column = r.column(Email)
	w.keep()
	return w.out
}

// refuse adds a problem with the value of a field.
func (w *checking) refuse(f Field, code Code, detail string) {
	w.out.problems = append(w.out.problems, Problem{w.record.line, w.record.column(f), code, masked(w.value(f)), detail, f})
}

// value returns the value of a field, without surrounding spaces and without
// the mark of this program's own files.
func (w *checking) value(f Field) string {
	text := w.record.value(f)
	if w.marked {
		text = format.Unmarked(text)
	}
	return profile.Trim(text)
}

// readable returns the value of a field, or an empty string and a problem.
func (w *checking) readable(f Field) (string, bool) {
	text := w.value(f)
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError):
		w.refuse(f, NotUTF8, "it has characters that aren't UTF-8; save the file as CSV (UTF-8)")
	case strings.HasSuffix(text, mask):
		w.refuse(f, CellMasked, "it's masked, as in errors.csv; write the value itself")
	default:
		return text, true
	}
	return "", false
}

// isOff reports whether the export says that the person is suspended or has
// left.
func (w *checking) isOff() bool {
	switch strings.ToLower(w.value(Status)) {
	case "suspended", "disabled", "inactive", "no", "false", "0", "off", "blocked", "archived", "deleted":
		return true
	}
	switch strings.ToLower(w.value(Blocked)) {
	case "yes", "true", "1", "blocked":
		return true
	}
	return false
}

func (w *checking) address() (address profile.Address) {
	field := Email
	text, ok := w.readable(Email)
	local, domain := w.value(LocalPart), w.value(MailDomain)
	switch {
	case !ok:
		return address
	case text == "" && local != "" && domain != "":
		field, text = LocalPart, local+"@"+domain
	case text != "" && domain != "" && !strings.Contains(text, "@"):
		text += "@" + domain
	case text == "":
		w.refuse(Email, AddressMissing, "there is no address")
		return address
	}
	address, err := profile.ParseAddress(text)
	if err == nil {
		err = mdm.CheckValue(text)
	}
	if err != nil {
		w.refuse(field, AddressMalformed, err.Error())
	}
	return address
}

func (w *checking) name() string {
	field := DisplayName
	text, ok := w.readable(DisplayName)
	if !ok {
		return ""
	}
	if text == "" {
		first, one := w.readable(FirstName)
		last, two := w.readable(LastName)
		if !one || !two {
			return ""
		}
		if text = first + " " + last; first != "" {
			field = FirstName
		} else {
			field = LastName
		}
	}
	text = profile.Plain(oneLine(text))
	w.out.row.Person.Name = text
	if !profile.IsPersonName(text) {
		w.refuse(field, NameInvalid, "a name has letters, digits, spaces and ' - . , & ( ) only, and no web address")
	}
	return text
}

func (w *checking) login() string {
	text, ok := w.readable(Login)
	if !ok {
		return ""
	}
	err := profile.CheckLine(text)
	if err == nil {
		err = mdm.CheckValue(text)
	}
	if err != nil {
		w.refuse(Login, LoginInvalid, err.Error())
	}
	return text
}

func (w *checking) locale() string {
	text, ok := w.readable(Locale)
	if !ok || text == "" {
		return w.defaults.Locale
	}
	if _, err := language.Parse(text); err != nil {
		w.refuse(Locale, LocaleUnknown, "it isn't a language such as en or pt-BR")
	}
	return text
}

func (w *checking) platforms() Platforms {
	text := strings.ToLower(w.value(Platform))
	switch text {
	case "":
		return w.defaults.Platforms
	case "ios", "ipad":
		return IPhone
	case "macos":
		return Mac
	}
	p, err := ParsePlatforms(text)
	if err != nil {
		w.refuse(Platform, PlatformUnknown, err.Error())
	}
	return p
}

// variant returns the one in a manifest's row, or that of the batch.
func (w *checking) variant() settings.Variant {
	if w.record.variant == "" {
		return w.defaults.Variant
	}
	v := settings.Variant(w.record.variant)
	if v != settings.Mail && v != settings.Secure {
		w.out.problems = append(w.out.problems, Problem{w.record.line, "variant", VariantUnknown, masked(w.record.variant), "the variant is \"mail\" or \"secure\"", noField})
	}
	return v
}

// text returns a value that only the manifest repeats.
func (w *checking) text(f Field) string {
	text, ok := w.readable(f)
	if !ok {
		return ""
	}
	text = profile.Plain(oneLine(text))
	if err := profile.CheckLine(text); err != nil {
		w.refuse(f, TextInvalid, err.Error())
	} else if len(text) > maxNote {
		w.refuse(f, TextInvalid, "it's longer than 256 bytes")
	}
	return text
}

// The forms of device identifiers. They end up in a script.
var forms = map[Field]*regexp.Regexp{
	Serial: regexp.MustCompile(`^[0-9A-Za-z]{8,20}$`),
	UDID:   regexp.MustCompile(`^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{16}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`),
	ECID:   regexp.MustCompile(`^(0[xX][0-9A-Fa-f]{1,16}|[0-9A-Fa-f]{1,20})$`),
}

func (w *checking) device(f Field) string {
	text := w.value(f)
	if text != "" && !forms[f].MatchString(text) {
		w.refuse(f, DeviceInvalid, "no device has it in this form; spreadsheets change long numbers unless their column holds texts")
		return ""
	}
	return text
}

// order checks whether the person may have the files.
func (w *checking) order() {
	kinds := w.out.row.fileKinds()
	if w.declarations {
		policies := Row{Platforms: w.out.row.Platforms, Variant: settings.Secure}
		kinds = append(kinds, policies.fileKinds()...)
	}
	for _, what := range kinds {
		if _, err := w.orders(w.out.row.Person, what); err != nil {
			w.refuse(Email, NotPossible, err.Error())
			return
		}
	}
}

// keep returns the values of a row with problems, with the refused ones masked.
func (w *checking) keep() {
	if len(w.out.problems) == 0 {
		return
	}
	w.out.values = map[Field]string{}
	for _, f := range kept {
		w.out.values[f] = w.value(f)
	}
	w.out.values[Email] = w.out.row.Person.Address.String()
	w.out.values[DisplayName] = w.out.row.Person.Name
	for _, p := range w.out.problems {
		switch f := p.field; {
		case p.Code == NotPossible:
		case f == FirstName, f == LastName:
			w.out.values[DisplayName] = p.Value
		case f == LocalPart:
			w.out.values[Email] = p.Value
		default:
			w.out.values[f] = p.Value
		}
	}
}

// values returns the fields of the row as errors.csv has them.
func (r *Row) values() map[Field]string {
	return map[Field]string{
		Email: r.Person.Address.String(), DisplayName: r.Person.Name, Login: r.Person.Login, Locale: r.Person.Locale, Platform: string(r.Platforms),
		Group: r.Group, ExternalID: r.ExternalID, Serial: r.Serial, UDID: r.UDID, ECID: r.ECID, Note: r.Note,
	}
}

// oneLine returns text with newlines replaced by spaces.
func oneLine(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }), " ")
}
