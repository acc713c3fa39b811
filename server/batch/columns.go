package batch

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Field is what a column can contain.
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
	Status      Field = "status"  // if off, the row is skipped
	Blocked     Field = "blocked" // the opposite

	noField Field = ""
)

// Fields are all fields in the order of the documentation.
func Fields() []Field {
	return []Field{Email, DisplayName, FirstName, LastName, LocalPart, MailDomain, Login, Locale, Group, ExternalID, Serial, UDID, ECID, Platform, Note, Status, Blocked}
}

// synonyms are the column names of each field, folded, the best first: if an
// input has several for one field, the best is used.
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

// ambiguous names may mean something else: a postal address, a name without a
// domain. They count only if the first value has an @.
var ambiguous = []string{"user name", "username", "account", "address", "mailbox"}

// ours are the columns of a manifest or an errors.csv that an input doesn't
// need.
var ours = []string{"row", "error code", "error", "file", "profile identifier", "profile uuid", "content sha256", "file sha256", "bytes", "link", "variant"}

// recognized is the field and the rank of each folded name.
var recognized = func() map[string]match {
	all := map[string]match{}
	for field, names := range synonyms {
		for rank, name := range names {
			all[name] = match{field, rank + 1}
		}
	}
	return all
}()

// A match is the field of a name, and the rank of the name: 0 is the best, and
// only a person can choose it.
type match struct {
	field Field
	rank  int
}

// fold returns the common form of all spellings of a column's name.
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

// secrets are parts of the names of columns with secrets.
var secrets = []string{"pass", "pwd", "kennwort", "contrase", "wachtwoord", "senha", "secret", "hash function", "hashfunction", "credential", "token", "private key",
	"losenord", "lösenord", "hasło", "haslo", "parola", "heslo", "jelszó", "jelszo", "salasana", "adgangskode", "şifre", "sifre", "пароль", "密码", "密碼", "パスワード", "비밀번호"}

// harmless are names that only sound like secrets: such columns contain a rule,
// a date or a yes.
var harmless = []string{"password policy", "password policies", "passwordpolicies", "change password at next sign in", "password never expires", "strong password required",
	"last password change time stamp", "last password change timestamp", "lastpasswordchangedatetime", "block credential"}

// isAmbiguous reports whether the name may mean something else.
func isAmbiguous(folded string) bool { return slices.Contains(ambiguous, folded) }

func isSecret(folded string) bool {
	return !slices.Contains(harmless, folded) && slices.ContainsFunc(secrets, func(part string) bool {
		return strings.Contains(folded, part) || strings.Contains(strings.ReplaceAll(folded, " ", ""), strings.ReplaceAll(part, " ", ""))
	})
}

// A Column is a column of the input and how it is used.
type Column struct {
	Name  string `json:"name"` // cut, and without terminal control characters
	Field Field  `json:"field,omitempty"`
	// Secret columns are dropped if they are empty; Dropped ones because a
	// person said so.
	Secret  bool `json:"secret,omitempty"`
	Dropped bool `json:"dropped,omitempty"`

	folded string
	rank   int
	kept   bool // of a manifest: it has no field, but it is read
}

// Options say how to read the columns of an input.
type Options struct {
	// Map sets the field of a column, by the column's name, and overrides what
	// the name suggests.
	Map map[string]Field
	// Drop names columns to ignore.
	Drop []string
	// Manifest reads the manifest of an earlier batch, to create its files
	// again.
	Manifest bool
}

// column recognizes a name.
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
		m := recognized[c.folded]
		c.Field, c.rank = m.field, m.rank
	}
	return c, nil
}

// isOurs reports whether the column is from a manifest or an errors.csv and not
// needed.
func (c *Column) isOurs() bool { return slices.Contains(ours, c.folded) }

// check returns an error if Map and Drop don't fit the columns.
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

// settle decides which column is used for each field. The others have no field
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

// printable returns a name from a file that is safe for a terminal.
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
