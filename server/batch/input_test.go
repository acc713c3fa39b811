package batch_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/updatecase/mobileconfig/server/batch"
)

// An export is a file from another program, with one person in it.
type export struct {
	name   string
	before string // lines before the header
	comma  rune
	header []string
	row    []string
	// free are the columns whose values a person can choose, and which the
	// manifest or the profile repeats.
	free []string
	// fields are the recognized fields.
	fields map[string]batch.Field
}

var exports = []export{
	{
		name: "google", comma: ',',
		header: strings.Split("First Name [Required],Last Name [Required],Email Address [Required],Password [Required],Password Hash Function [UPLOAD ONLY],Org Unit Path [Required],New Primary Email [UPLOAD ONLY],Status [READ ONLY],Last Sign In [READ ONLY],Recovery Email,Home Secondary Email,Work Secondary Email,Recovery Phone [MUST BE IN THE E.164 FORMAT],Work Phone,Home Phone,Mobile Phone,Work Address,Home Address,Employee ID,Employee Type,Employee Title,Manager Email,Department,Cost Center,Building ID,Floor Name,Floor Section,Change Password at Next Sign-In,New Status [UPLOAD ONLY],Advanced Protection Program enrollment", ","),
		row:    []string{"Jane", "Doe", "jane@example.com", "****", "", "/Sales", "", "Active", "2026-11-01 10:00:00", "", "", "", "", "", "", "", "", "", "4711", "", "", "", "Sales", "", "", "", "", "False", "", "False"},
		free:   []string{"Employee ID", "Department"},
		fields: map[string]batch.Field{"First Name [Required]": batch.FirstName, "Last Name [Required]": batch.LastName, "Email Address [Required]": batch.Email, "Status [READ ONLY]": batch.Status, "Employee ID": batch.ExternalID, "Department": batch.Group},
	},
	{
		name: "microsoft365", comma: ',',
		header: strings.Split("User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Fax,Alternate email address,Address,City,State or Province,ZIP or Postal Code,Country or Region", ","),
		row:    []string{"jane@example.com", "Jane", "Doe", "Jane Doe", "Clerk", "Sales", "1", "", "", "", "jane@example.net", "1 Main Street", "Springfield", "", "12345", "US"},
		free:   []string{"Department"},
		fields: map[string]batch.Field{"User Name": batch.Email, "First Name": batch.FirstName, "Last Name": batch.LastName, "Display Name": batch.DisplayName, "Department": batch.Group},
	},
	{
		name: "entra", before: "version:v1.0\r\n", comma: ',',
		header: strings.Split("Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle],Department [department],Usage location [usageLocation],Street address [streetAddress],Mobile phone [mobile]", ","),
		row:    []string{"Jane Doe", "jane@example.com", "", "No", "Jane", "Doe", "", "Sales", "US", "", ""},
		free:   []string{"Department [department]"},
		fields: map[string]batch.Field{"Name [displayName] Required": batch.DisplayName, "User name [userPrincipalName] Required": batch.Email, "Block sign in (Yes/No) [accountEnabled] Required": batch.Blocked, "First name [givenName]": batch.FirstName, "Last name [surname]": batch.LastName, "Department [department]": batch.Group},
	},
	{
		name: "school", comma: ',',
		header: strings.Split("person_id,person_number,first_name,middle_name,last_name,grade_level,email_address,sis_username,password_policy,location_id,location_id_2", ","),
		row:    []string{"4711", "12", "Jane", "M", "Doe", "7", "jane@example.com", "jdoe", "8", "1", ""},
		free:   []string{"person_id", "grade_level", "sis_username"},
		fields: map[string]batch.Field{"person_id": batch.ExternalID, "first_name": batch.FirstName, "last_name": batch.LastName, "grade_level": batch.Group, "email_address": batch.Email, "sis_username": batch.Login},
	},
	{
		name: "business", comma: ',',
		header: strings.Split("Managed Apple ID,First Name,Middle Name,Last Name,Temporary Password", ","),
		row:    []string{"jane@example.com", "Jane", "M", "Doe", ""},
		fields: map[string]batch.Field{"Managed Apple ID": batch.Email, "First Name": batch.FirstName, "Last Name": batch.LastName},
	},
	{
		name: "cpanel", comma: ';',
		header: strings.Split("email;domain;password;quota", ";"),
		row:    []string{"jane", "example.com", "", "1024"},
		fields: map[string]batch.Field{"email": batch.Email, "domain": batch.MailDomain},
	},
}

// text returns the export with another value in one column.
func (e *export) text(column int, value string) string {
	var out strings.Builder
	out.WriteString(e.before)
	w := csv.NewWriter(&out)
	w.Comma, w.UseCRLF = e.comma, true
	w.Write(e.header)
	row := slices.Clone(e.row)
	if column >= 0 {
		row[column] = value
	}
	w.Write(row)
	w.Flush()
	return out.String()
}

// TestExports reads the six exports as they are, in each encoding.
func TestExports(t *testing.T) {
	for _, e := range exports {
		for encoding, encode := range encodings {
			t.Run(e.name+"/"+encoding, func(t *testing.T) {
				plan, problems, _, err := check(t, encode(e.text(-1, "")), choice{})
				if err != nil || plan.Rows != 1 {
					t.Fatalf("%v, %v, %+v", err, problems, plan)
				}
				got := map[string]batch.Field{}
				for _, c := range plan.Columns {
					if c.Field != "" {
						got[c.Name] = c.Field
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(e.fields) {
					t.Errorf("got %v\nwant %v", got, e.fields)
				}
			})
		}
	}
}

// encodings encode a text as programs do.
var encodings = map[string]func(string) string{
	"UTF-8":    func(s string) string { return s },
	"BOM":      func(s string) string { return "\ufeff" + s },
	"UTF-16LE": func(s string) string { return utf16Text(s, 0, 8) },
	"UTF-16BE": func(s string) string { return utf16Text(s, 8, 0) },
}

func utf16Text(s string, first, second int) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + s)) {
		out = append(out, byte(unit>>first), byte(unit>>second))
	}
	return string(out)
}

// TestDialects reads one person in each form.
func TestDialects(t *testing.T) {
	for name, input := range map[string]string{
		"comma":          "email,display_name,note\njane@example.com,Jane Doe,x\n",
		"semicolon":      "email;display_name;note\r\njane@example.com;Jane Doe;x\r\n",
		"tab":            "note\temail\tdisplay_name\nx\tjane@example.com\tJane Doe",
		"no newline":     "email,display_name,note\njane@example.com,Jane Doe,x",
		"quotes":         "\"email\",\"display_name\",\"note\"\n\"jane@example.com\",\"Jane Doe\",\"x\"\n",
		"quoted newline": "email,display_name,note\njane@example.com,\"Jane\nDoe\",x\n",
		"blank lines":    "email,display_name,note\n\n,,\njane@example.com,Jane Doe,x\n\n",
		"sep":            "sep=;\nemail;display_name;note\njane@example.com;Jane Doe;x\n",
		"type":           "#TYPE Selected.System\n\"email\",\"display_name\",\"note\"\n\"jane@example.com\",\"Jane Doe\",\"x\"\n",
		"first and last": "email,First Name,surname,note\njane@example.com,Jane,Doe,x\n",
		"local part":     "local_part,domain,name,note\njane,example.com,Jane Doe,x\n",
		"surplus":        "email,display_name,note\njane@example.com,Jane Doe,x,,\n",
		"json":           `{"email":"jane@example.com","display_name":"Jane Doe","note":"x","unknown":{"a":[1]}}`,
		"json lines":     "\n{\"note\":\"x\",\"name\":\"Jane Doe\",\"email\":\"jane@example.com\",\"password\":null}\r\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			rows, problems := rowsOf(t, input, choice{})
			if len(rows) != 1 || len(problems) > 0 {
				t.Fatalf("%d rows, %v", len(rows), problems)
			}
			if r := rows[0]; r.Person.Address.String() != "jane@example.com" || r.Person.Name != "Jane Doe" || r.Note != "x" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// rowsOf returns the good rows of an input.
func rowsOf(t *testing.T, input string, c choice) (rows []batch.Row, problems []batch.Problem) {
	t.Helper()
	reader, err := batch.NewReader(strings.NewReader(input), c.Options)
	if err != nil {
		t.Fatal(err)
	}
	c.problem = func(p batch.Problem) { problems = append(problems, p) }
	var spool, bad strings.Builder
	checking := c.checking()
	checking.Rows, checking.Errors = &spool, &bad
	if _, err := batch.Check(t.Context(), reader, checking); err != nil {
		t.Fatal(err)
	}
	for row, err := range batch.ReadRows(strings.NewReader(spool.String())) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows, problems
}

// TestUnusable checks that whole inputs are refused, with a code that says why.
func TestUnusable(t *testing.T) {
	for _, tt := range []struct {
		name, input string
		options     batch.Options
		code        batch.Code
	}{
		{"nothing", "", batch.Options{}, batch.Empty},
		{"blanks", " \n\n", batch.Options{}, batch.Empty},
		{"header alone", "email\n", batch.Options{}, batch.Empty},
		{"no header", "jane@example.com,Jane\n", batch.Options{}, batch.NoHeader},
		{"no address", "name,phone\nJane,1\n", batch.Options{}, batch.ColumnMissing},
		{"two of a name", "email,Email\na@example.com,b@example.com\n", batch.Options{}, batch.ColumnTwice},
		{"secret", "email,Passwort\na@example.com,\nb@example.com,hunter2\n", batch.Options{}, batch.SecretFound},
		{"secret mapped", "email,PIN password\na@example.com,\n", batch.Options{Map: map[string]batch.Field{"PIN password": batch.Note}}, batch.SecretFound},
		{"secret in json", `{"email":"a@example.com","imap_password":"hunter2"}`, batch.Options{}, batch.SecretFound},
		{"secret in json later", "{\"email\":\"a@example.com\"}\n{\"email\":\"b@example.com\",\"Kennwort\":12}", batch.Options{}, batch.SecretFound},
		{"unknown field", "email\na@example.com\n", batch.Options{Map: map[string]batch.Field{"email": "shoe"}}, batch.ColumnUnknown},
		{"unknown column", "email\na@example.com\n", batch.Options{Drop: []string{"Shoe"}}, batch.ColumnUnknown},
		{"array", `[{"email":"a@example.com"}]`, batch.Options{}, batch.Malformed},
		{"spreadsheet", "PK\x03\x04...", batch.Options{}, batch.Malformed},
		{"UTF-16 without mark", "e\x00m\x00a\x00i\x00l\x00", batch.Options{}, batch.NotUTF8},
		{"many columns", "email" + strings.Repeat(",a", 10_000) + "\n", batch.Options{}, batch.TooLarge},
		{"long header", "email," + strings.Repeat("a", 1<<20), batch.Options{}, batch.TooLarge},
		{"open quote", "email,name\na@example.com,\"Jane\n" + strings.Repeat("b@example.com,Joe\n", 10_000), batch.Options{}, batch.TooLarge},
		{"bad quote in header", "email,\"na\"me\na@example.com,b\n", batch.Options{}, batch.Malformed},
		{"no manifest", "email\na@example.com\n", batch.Options{Manifest: true}, batch.NoManifest},
		{"json as manifest", `{"email":"a@example.com"}`, batch.Options{Manifest: true}, batch.NoManifest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, _, err := check(t, tt.input, choice{Options: tt.options})
			e, ok := errors.AsType[*batch.InputError](err)
			if !ok || e.Code != tt.code {
				t.Fatalf("got %v, want %s", err, tt.code)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("it reveals the secret: %v", err)
			}
		})
	}
}

// TestProblems checks that each bad row is reported with line, field and code,
// and without the refused value.
func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		row    string
		code   batch.Code
		column string
	}{
		{"jane@@example.com,,,,,,,,", batch.AddressMalformed, "email"},
		{"$EMAIL@example.com,,,,,,,,", batch.AddressMalformed, "email"},
		{",Jane,,,,,,,", batch.AddressMissing, "email"},
		{"taken@example.com,,,,,,,,", batch.AddressTwice, "email"},
		{"TAKEN@EXAMPLE.COM,,,,,,,,", batch.AddressTwice, "email"},
		{"a@example.com,evil.com,,,,,,,", batch.NameInvalid, "display_name"},
		{"a@example.com,=1+1,,,,,,,", batch.NameInvalid, "display_name"},
		{"a@example.com,,a\x01b,,,,,,", batch.LoginInvalid, "login"},
		{"a@example.com,,$USERNAME,,,,,,", batch.LoginInvalid, "login"},
		{"a@example.com,,,tlh-?!,,,,,", batch.LocaleUnknown, "locale"},
		{"a@example.com,,,,android,,,,", batch.PlatformUnknown, "platform"},
		{"a@example.com,,,,,$(reboot),,,", batch.DeviceInvalid, "serial"},
		{"a@example.com,,,,,,1.2E+15,,", batch.DeviceInvalid, "ecid"},
		{"a@example.com,,,,,,,a\u202eb,", batch.TextInvalid, "note"},
		{"a@example.com,,,,,,," + strings.Repeat("x", 300) + ",", batch.TextInvalid, "note"},
		{"a@example.com,M\xfcller,,,,,,,", batch.NotUTF8, "display_name"},
		{"j***,,,,,,,,", batch.CellMasked, "email"},
		{"a@example.com", batch.CellsMismatch, ""},
		{"a@example.com,,,,,,,,,x", batch.CellsMismatch, ""},
		{"a@example.com,\"Ja\"ne,,,,,,,", batch.Malformed, ""},
	} {
		t.Run(string(tt.code)+" "+tt.column, func(t *testing.T) {
			input := "email,display_name,login,locale,platform,serial,ecid,note,group\ntaken@example.com,,,,,,,,\n" + tt.row + "\nlast@example.com,,,,,,,,\n"
			plan, problems, bad, err := check(t, input, choice{})
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) != 1 || problems[0].Code != tt.code || problems[0].Column != tt.column || problems[0].Row != 3 {
				t.Fatalf("got %+v", problems)
			}
			if plan.Rows != 2 || plan.Bad != 1 || !strings.Contains(bad, string(tt.code)) {
				t.Errorf("%+v\n%s", plan, bad)
			}
			records, err := csv.NewReader(strings.NewReader(bad)).ReadAll()
			if err != nil || len(records) != 2 || records[1][0] != "3" {
				t.Errorf("%v, %q", err, records)
			}
		})
	}
}

// TestErrorsAgain sends errors.csv again: unchanged, each row is bad again, and
// with the refused value fixed it is good.
func TestErrorsAgain(t *testing.T) {
	input := "E-Mail;Name;Notiz\njane.example.com;Jane Doe;=1+1\njoe@example.com;evil.com;'\nann@example.com;Ann;x\n"
	_, _, bad, err := check(t, input, choice{Options: batch.Options{Map: map[string]batch.Field{"Notiz": batch.Note}}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(bad, "jane.example.com") || strings.Contains(bad, "evil.com") {
		t.Errorf("it repeats what was refused: %s", bad)
	}
	if _, problems := rowsOf(t, bad, choice{}); len(problems) != 2 {
		t.Errorf("%+v", problems)
	}
	fixed := strings.NewReplacer(`"j***"`, "jane@example.com", `"e***"`, "Joe").Replace(bad)
	rows, problems := rowsOf(t, fixed, choice{})
	if len(rows) != 2 || len(problems) > 0 {
		t.Fatalf("%+v, %+v\n%s", rows, problems, fixed)
	}
	if rows[0].Note != "=1+1" || rows[0].Person.Name != "Jane Doe" || rows[1].Note != "'" {
		t.Errorf("%+v", rows)
	}
}

// TestPlatformsTwice accepts one address for both platforms, and no more.
func TestPlatformsTwice(t *testing.T) {
	input := "email,platform\na@example.com,iphone\na@example.com,mac\na@example.com,both\nb@example.com,both\nb@example.com,mac\n"
	plan, problems, _, err := check(t, input, choice{})
	if err != nil || plan.Rows != 3 || len(problems) != 2 || plan.Twice != 2 || plan.Files != 4 {
		t.Errorf("%v, %+v, %+v", err, plan, problems)
	}
}

// TestOff skips suspended people.
func TestOff(t *testing.T) {
	input := "email,status,block sign in\na@example.com,Suspended,\nb@example.com,Active,No\nc@example.com,,Yes\nd@example.com,,\n"
	plan, problems, _, err := check(t, input, choice{})
	if err != nil || plan.Rows != 2 || plan.Off != 2 || len(problems) != 0 {
		t.Errorf("%v, %+v, %v", err, plan, problems)
	}
}
