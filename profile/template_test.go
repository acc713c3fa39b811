package profile_test

import (
	"errors"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
)

// filled returns p with the fields set as Fill sets them.
func filled(p *profile.Profile, f profile.Fields) *profile.Profile {
	q := *p
	q.Address = f.Address
	q.Payloads = nil
	for _, payload := range p.Payloads {
		switch v := payload.(type) {
		case *profile.Mail:
			mail := *v
			mail.AccountName, mail.PersonName = f.Address.String(), f.PersonName
			mail.IncomingLogin, mail.OutgoingLogin = f.Login, f.Login
			payload = &mail
		case *profile.CalDAV:
			payload = &profile.CalDAV{DAV: withFields(v.DAV, f)}
		case *profile.CardDAV:
			payload = &profile.CardDAV{DAV: withFields(v.DAV, f)}
		}
		q.Payloads = append(q.Payloads, payload)
	}
	return &q
}

func withFields(d profile.DAV, f profile.Fields) profile.DAV {
	d.AccountName, d.Login = f.Address.String(), f.Login
	return d
}

// kinds has a profile of each kind.
func kinds(t testing.TB) map[string]*profile.Profile {
	t.Helper()
	return map[string]*profile.Profile{
		"iphone mail":   mailProfile(t, profile.IPhone, "x"),
		"iphone secure": protect(mailProfile(t, profile.IPhone, "x")),
		"iphone dav":    protect(gather(mailProfile(t, profile.IPhone, "x"), "caldav", "carddav")),
		"mac mail":      mailProfile(t, profile.Mac, "x"),
		"mac policy":    protect(mailProfile(t, profile.Mac, "x")),
		"mac contacts":  gather(mailProfile(t, profile.Mac, "x"), "carddav"),
	}
}

func TestFill(t *testing.T) {
	all := kinds(t)
	all["test"] = protect(mailProfile(t, profile.IPhone, "x"))
	all["test"].Test = true
	for name, p := range all {
		template, err := profile.NewTemplate(p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range []profile.Fields{
			{address(t, "jane@example.com"), "Jane Doe", "jane"},
			{address(t, "o'neil&co@b.example.com"), `<b>"&'`, "a&b"},
			{address(t, "jörg@bücher.example"), "", "山田"},
		} {
			want, err := filled(p, f).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			got, err := template.Fill(f)
			if err != nil || string(got) != string(want) {
				t.Errorf("%s %v: %v\n%s\nwant\n%s", name, f, err, got, want)
			}
		}
	}
}

func TestFillRefuses(t *testing.T) {
	template, err := profile.NewTemplate(mailProfile(t, profile.IPhone, "x"))
	if err != nil {
		t.Fatal(err)
	}
	good := profile.Fields{Address: address(t, "jane@example.com"), PersonName: "Jane", Login: "jane"}
	for _, spoil := range []func(*profile.Fields){
		func(f *profile.Fields) { f.Address = profile.Address{} },
		func(f *profile.Fields) { f.PersonName = "a\nb" },
		func(f *profile.Fields) { f.PersonName = "\ufffe" },
		func(f *profile.Fields) { f.Login = "" },
		func(f *profile.Fields) { f.Login = "a\u202eb" },
	} {
		f := good
		spoil(&f)
		_, err := template.Fill(f)
		if _, ok := errors.AsType[*profile.InvalidError](err); !ok {
			t.Errorf("%q: got %v", f, err)
		}
	}
}

func TestNewTemplateRefuses(t *testing.T) {
	p := mailProfile(t, profile.IPhone, "x")
	p.DisplayName = ""
	if _, err := profile.NewTemplate(p); err == nil {
		t.Error("got a template of an invalid profile")
	}
	for _, spoil := range []func(*profile.Profile){
		func(p *profile.Profile) { p.DisplayName = "\uE000" },
		func(p *profile.Profile) { p.Organization = "\uE000login" },
		func(p *profile.Profile) { mailOf(p).Description = "\uE000name" },
		func(p *profile.Profile) { calDAVOf(gather(p, "caldav")).Description = "\uE000login" },
		func(p *profile.Profile) { p.Consent["default"] = "\uE000@template.invalid" },
	} {
		p := protect(mailProfile(t, profile.IPhone, "x"))
		spoil(p)
		if _, err := profile.NewTemplate(p); err == nil {
			t.Error("got a template with a text that contains a placeholder")
		}
	}
}

// FuzzFill compares filling with the encoder, byte for byte.
func FuzzFill(f *testing.F) {
	f.Add("jane@example.com", "Jane Doe", "jane")
	f.Add("a&b@example.com", "<&>'\"", "\uE000login")
	f.Add("a@b.example", "", "\uE000name@template.invalid")
	profiles := kinds(f)
	templates := map[string]*profile.Template{}
	for name, p := range profiles {
		var err error
		if templates[name], err = profile.NewTemplate(p); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, mailbox, person, login string) {
		a, err := profile.ParseAddress(mailbox)
		if err != nil {
			t.Skip()
		}
		fields := profile.Fields{Address: a, PersonName: person, Login: login}
		for name, p := range profiles {
			if mailOf(p) == nil { // only the address matters there
				fields.PersonName, fields.Login = "", "x"
			}
			want, wantErr := filled(p, fields).Marshal()
			got, err := templates[name].Fill(fields)
			if (err == nil) != (wantErr == nil) || string(got) != string(want) {
				t.Fatalf("%s: %v, want %v\n%s\nwant\n%s", name, err, wantErr, got, want)
			}
		}
	})
}

// BenchmarkFill fills in templates with only mail and with a policy.
func BenchmarkFill(b *testing.B) {
	f := profile.Fields{Address: address(b, "jane@example.com"), PersonName: "Jane Doe", Login: "jane"}
	for _, name := range []string{"iphone mail", "iphone secure"} {
		template, err := profile.NewTemplate(kinds(b)[name])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := template.Fill(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
