package issue_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing/gate"
)

// TestNameRule checks that names and logins that the gate would refuse are
// refused earlier with an error for the person, field by field.
func TestNameRule(t *testing.T) {
	i, _, _ := issuer(t, "p256", nil)
	for _, name := range []string{"", "Jane Doe", "A.Müller", "St.Gallen Office", "Ｊａｎｅ", "山田 太郎", "Jane O’Neil"} {
		o := order(t, settings.Mail, profile.IPhone)
		o.Person.Name = name
		if _, err := i.Issue(t.Context(), o); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"evil.com", "evil․com", "ｅｖｉｌ．ｃｏｍ", "a\u200bb", "Jane 👩", "<b>"} {
		o := order(t, settings.Mail, profile.IPhone)
		o.Person.Name, o.Person.Login = name, "a\u200bb"
		_, err := i.Issue(t.Context(), o)
		invalid, ok := errors.AsType[*profile.InvalidError](err)
		if !ok || len(invalid.Problems) != 2 || invalid.Problems[0].Path != "mail.person_name" || invalid.Problems[1].Path != "mail.login" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// FuzzName compares the rule for names in requests with the gate's, which
// shares no code with it: both must accept the same names.
func FuzzName(f *testing.F) {
	for _, name := range []string{"Jane Doe", "A.Müller", "evil.com", "evil․com", "a\u200bb", "пример.рф", "evil.com-now", "www.a", "x.local", "½", "ﬀ.com", "a.b.c.", "&amp;"} {
		f.Add(name)
	}
	i, _, _ := issuer(f, "p256", nil)
	o := order(f, settings.Mail, profile.IPhone)
	terms, err := i.Terms(o)
	if err != nil {
		f.Fatal(err)
	}
	o.Person.Name = "OPEN"
	data, err := i.Build(o)
	if err != nil {
		f.Fatal(err)
	}
	before, after, _ := strings.Cut(string(data), "OPEN")
	escaper := strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&#34;", "'", "&#39;")
	f.Fuzz(func(t *testing.T, name string) {
		if profile.PlainName(name) == "" || len(name) > 1024 {
			return // left out, or too long for both
		}
		terms.PersonName = profile.PlainName(name)
		_, err := gate.Check([]byte(before+escaper.Replace(terms.PersonName)+after), terms)
		if profile.IsPersonName(name) != (err == nil) {
			t.Errorf("%q (valid %t): the request says %t, the gate %v", name, utf8.ValidString(name), profile.IsPersonName(name), err)
		}
	})
}
