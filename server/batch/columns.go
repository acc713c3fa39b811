package batch

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Field is what a column can hold.
type Field string

// The fields.
const (
	Email       Field = "email"
	DisplayName Field = "display_name"
	FirstName   Field = "first_name" // with LastName: a display name
	LastName    Field = "last_name"
	LocalPart   Field = "local_part" // with MailDomain: an address
	MailDomain  Field = "domain"
	Login       Field = "login"
	Locale      Field = "locale"
	Group       Field = "group"
	ExternalID  Field = "external_id"
	Serial      Field = "serial"
	UDID        Field = "udid"
	ECID        Field = "ecid"
	Platform    Field = "platform"
	Note        Field = "note"
	Status      Field = "status"  // off: the row is left out
	Blocked     Field = "blocked" // the other way round

	noField Field = ""
)

// Fields are all fields in the order of documents.
func Fields() []Field {
	return []Field{Email, DisplayName, FirstName, LastName, LocalPart, MailDomain, Login, Locale, Group, ExternalID, Serial, UDID, ECID, Platform, Note, Status, Blocked}
}

// synonyms are the names of columns by field, folded, the best first: if an
// input has several of one field, the best counts.
var synonyms = map[Field][]string{
	Email: {"email", "e mail", "mail", "email address", "e mail address", "primary email", "primary smtp address", "primarysmtpaddress", "user principal name", "userprincipalname",
		"upn", "managed apple account", "managed apple id", "user name", "username", "mailbox", "account", "login email", "address"},
	DisplayName: {"display name", "displayname", "name", "full name", "fullname", "common name", "cn", "visible name"},
	FirstName:   {"first name", "firstname", "given name", "givenname", "first"},
	LastName:    {"last name", "lastname", "surname", "family name", "sn", "last"},
	LocalPart:   {"local part", "localpart", "username without @", "email without @"},
	MailDomain:  {"domain", "domain name", "maildomain", "mail domain"},
	Login:       {"login", "login name", "loginname", "imap login", "imap user", "sis username"},
	Locale:      {"locale", "language", "preferred language", "preferredlanguage"},
	Group:       {"group", "department", "org unit path", "ou", "location", "cost center", "grade level"},
	ExternalID:  {"external id", "employee id", "employeeid", "person id", "person number", "object id", "objectid", "id"},
	Serial:      {"serial", "serial number", "device serial"},
	UDID:        {"udid", "device udid"},
	ECID:        {"ecid", "device ecid"},
	Platform:    {"platform"},
	Note:        {"note", "notes"},
	Status:      {"status", "enabled", "active", "account enabled", "accountenabled"},
	Blocked:     {"block sign in", "block sign in (yes/no)", "block credential"},
}

// ambiguous names may hold something else: a postal address, a name without a
// domain. They count only if the first value has an @.
var ambiguous = []string{"user name", "username", "account", "address", "mailbox"}

// ours are the columns of a manifest or an errors.csv that an input needs not.
var ours = []string{"row", "error code", "error", "file", "profile identifier", "profile uuid", "content sha256", "file sha256", "bytes", "link", "variant"}

// recognised is the field and the rank of each folded name.
var recognised = func() map[string]match {
	all := map[string]match{}
	for field, names := range synonyms {
		for rank, name := range names {
			all[name] = match{field, rank + 1}
		}
	}
	return all
}()

// A match is the field of a name, and how good the name is: 0 is the best, and
// only a person can say so.
type match struct {
	field Field
	rank  int
}

// fold is what spellings of a column's name have in common.
func fold(name string) string {
	s := strings.ToLower(norm.NFC.String(strings.TrimPrefix(name, "\ufeff")))
	for {
		before, rest, found := strings.Cut(s, "[")
		_, after, closed := strings.Cut(rest, "]")
		if !found || !closed {
			break
		}
		s = before + " " + after
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '_', '-', '.':
			return ' '
		case '*':
			return -1
		}
		return r
	}, s)
	return strings.TrimSuffix(strings.Join(strings.Fields(s), " "), " required")
}

// secrets are parts of the names of columns that hold what nobody else may know.
var secrets = []string{"pass", "pwd", "kennwort", "contrase", "wachtwoord", "senha", "secret", "hash function", "hashfunction", "credential", "token", "private key",
	"losenord", "lösenord", "hasło", "haslo", "parola", "heslo", "jelszó", "jelszo", "salasana", "adgangskode", "şifre", "sifre", "пароль", "密码", "密碼", "パスワード", "비밀번호"}

// harmless are names that only sound like it: what they hold is a rule, a date
// or a yes.
var harmless = []string{"password policy", "password policies", "passwordpolicies", "change password at next sign in", "password never expires", "strong password required",
	"last password change time stamp", "last password change timestamp", "lastpasswordchangedatetime", "block credential"}

// isAmbiguous reports whether the name may be that of something else.
func isAmbiguous(folded string) bool { return slices.Contains(ambiguous, folded) }

func isSecret(folded string) bool {
	return !slices.Contains(harmless, folded) && slices.ContainsFunc(secrets, func(part string) bool {
		return strings.Contains(folded, part) || strings.Contains(strings.ReplaceAll(folded, " ", ""), strings.ReplaceAll(part, " ", ""))
	})
}

// A Column is a column of the input and what was made of it.
type Column struct {
	Name  string `json:"name"` // cut, and without what a terminal would act on
	Field Field  `json:"field,omitempty"`
	// Secret columns are dropped if they hold nothing; Dropped ones because a
	// person said so.
	Secret  bool `json:"secret,omitempty"`
	Dropped bool `json:"dropped,omitempty"`

	folded string
	rank   int
	kept   bool // of a manifest: it has no field and is read all the same
}

// Options say how to read the columns of an input.
type Options struct {
	// Map names the field of a column, by the column's name, and overrides what
	// the column would be taken as.
	Map map[string]Field
	// Drop names columns that aren't looked at.
	Drop []string
	// Manifest reads the manifest of an earlier batch, whose files are to be
	// made again.
	Manifest bool
}

// column recognises a name.
func (o *Options) column(name string) (Column, error) {
	c := Column{Name: printable(name), folded: fold(name)}
	for _, drop := range o.Drop {
		if fold(drop) == c.folded {
			c.Dropped = true
			return c, nil
		}
	}
	c.Secret = isSecret(c.folded)
	for from, field := range o.Map {
		if fold(from) != c.folded {
			continue
		}
		if c.Secret {
			return c, unusable(SecretFound, 0, "The column %q is for secrets and can't be used as %s.", c.Name, field)
		}
		c.Field = field
		return c, nil
	}
	if !c.Secret {
		m := recognised[c.folded]
		c.Field, c.rank = m.field, m.rank
	}
	return c, nil
}

// isOurs reports whether the column is of a manifest or an errors.csv and not
// needed.
func (c *Column) isOurs() bool { return slices.Contains(ours, c.folded) }

// check returns what keeps Map and Drop from fitting the columns.
func (o *Options) check(columns []Column) error {
	names := slices.Clone(o.Drop)
	for name, field := range o.Map {
		if !slices.Contains(Fields(), field) {
			return unusable(ColumnUnknown, 0, "There is no field %q. The fields are %s.", printable(string(field)), fieldList())
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.ContainsFunc(columns, func(c Column) bool { return c.folded == fold(name) }) {
			return unusable(ColumnUnknown, 0, "The input has no column %q.", printable(name))
		}
	}
	return nil
}

func fieldList() string {
	var names []string
	for _, f := range Fields() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// settle decides which column counts for each field. The others have none
// afterwards.
func settle(columns []Column) error {
	best := map[Field]int{}
	for i, c := range columns {
		if c.Field == noField {
			continue
		}
		j, taken := best[c.Field]
		switch {
		case !taken || c.rank < columns[j].rank:
			best[c.Field] = i
		case c.rank == columns[j].rank:
			return unusable(ColumnTwice, 0, "The columns %q and %q (numbers %d and %d) are both for %s. Remove or rename one.", columns[j].Name, c.Name, j+1, i+1, c.Field)
		}
	}
	for i := range columns {
		if columns[i].Field != noField && best[columns[i].Field] != i {
			columns[i].Field = noField
		}
	}
	return nil
}

// printable is a name from a file as a terminal may show it.
func printable(name string) string {
	const longest = 60
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(name, "")))
	if runes := []rune(name); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return name
}
