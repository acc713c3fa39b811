package issue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing/gate"
)

// managed returns an order for the vendor, for Jane if it fills in nothing.
func managed(t *testing.T, v *mdm.Vendor) issue.ManagedOrder {
	t.Helper()
	o := order(t, settings.Secure, profile.IPhone)
	m := issue.ManagedOrder{Vendor: v, Domain: "example.com", Service: o.Service, Variant: settings.Secure, Policy: o.Policy}
	if !v.Fills() {
		m.Person = o.Person
	}
	return m
}

func written(t *testing.T, one *mdm.Template) string {
	t.Helper()
	var out strings.Builder
	if _, err := one.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestGateRefusesTemplates checks every template with variables in the gate,
// with terms for a person and with terms that are the variables themselves:
// none is ever cleared, and without that no signer accepts it.
func TestGateRefusesTemplates(t *testing.T) {
	i, _, _ := issuer(t, "p256", time.Now)
	for _, v := range mdm.Vendors() {
		if !v.Fills() {
			continue
		}
		set, err := i.Manage(managed(t, v))
		if err != nil || len(set.Templates) != 3 {
			t.Fatalf("%s: %v", v.Name, err)
		}
		texts, err := gate.NewTexts(gate.DisplayTexts{})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range set.Templates {
			terms := gate.Terms{
				Address: "jane@example.com", PersonName: "Jane", Login: "jane", Organization: "example.com", Policy: true, Texts: texts,
				Servers: []gate.Server{{Use: gate.IMAP, Host: "imap.example.com", Port: 993}, {Use: gate.SMTP, Host: "smtp.example.com", Port: 587}},
			}
			if _, err := gate.Check([]byte(written(t, one)), terms); err == nil {
				t.Errorf("%s: the gate clears %s for a person", v.Name, one.DisplayName)
			}
			terms.Address, terms.PersonName, terms.Login = v.Address.Text, v.PersonName.Text, set.Login().Text
			if _, err := gate.Check([]byte(written(t, one)), terms); err == nil || !strings.Contains(err.Error(), "The address in the terms isn't") {
				t.Errorf("%s: terms with variables: %v", v.Name, err)
			}
		}
	}
}

// TestVariablesAreNotSigned orders a profile for a person who is a variable.
func TestVariablesAreNotSigned(t *testing.T) {
	i, _, _ := issuer(t, "p256", time.Now)
	for _, v := range mdm.Vendors() {
		for _, variable := range v.Variables() {
			o := order(t, settings.Mail, profile.IPhone)
			o.Person.Login = variable.Text
			wantInvalid(t, i, o, "mail.login")
			o = order(t, settings.Mail, profile.IPhone)
			address, err := profile.ParseAddress(variable.Text + "@example.com")
			if err != nil {
				continue // what isn't an address reaches no one
			}
			o.Person.Address = address
			wantInvalid(t, i, o, "address")
		}
	}
}

func wantInvalid(t *testing.T, i *issue.Issuer, o issue.Order, path string) {
	t.Helper()
	_, err := i.Issue(context.Background(), o)
	invalid, ok := errors.AsType[*profile.InvalidError](err)
	if !ok || invalid.Problems[0].Path != path || !strings.Contains(invalid.Problems[0].Detail, "create the files for that MDM instead") {
		t.Errorf("%s, %s: %v", o.Person.Address, o.Person.Login, err)
	}
}

// TestManage checks the settings of the domain: its platforms, its policy, its
// login, and advice about its servers.
func TestManage(t *testing.T) {
	i, _, _ := issuer(t, "p256", time.Now)
	fleet, _ := mdm.Find("fleet")
	d := settings.Domain{
		Name: "xn--bcher-kva.example", DisplayName: "Bücher", Login: settings.LocalPartLogin, Platforms: []profile.Platform{profile.IPhone}, DevicePolicy: profile.DefaultPasscode(),
		Service: settings.MailService{Incoming: profile.Server{Host: "imap.gmail.com", Port: 993}, Outgoing: profile.Server{Host: "smtp.gmail.com", Port: 465}},
	}
	set, err := i.Manage(issue.ManagedOrderOf(d, fleet, settings.Secure))
	if err != nil || len(set.Templates) != 1 || set.Login() != fleet.LocalPart || !strings.HasPrefix(set.Advice, "Google accepts only an app password.") {
		t.Fatalf("%v, %+v", err, set)
	}
	text := written(t, set.Templates[0])
	for _, part := range []string{"<string>Bücher</string>", "Email at bücher.example (iPhone)", "example.xn--bcher-kva.mobileconfig.mdm.iphone", "<key>maxFailedAttempts</key>", "<key>default</key>"} {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %s:\n%s", part, text)
		}
	}
	if strings.Contains(text, "<key>de</key>") {
		t.Errorf("it has the consent in all languages:\n%s", text)
	}
	mail, err := i.Manage(issue.ManagedOrderOf(d, fleet, settings.Mail))
	if err != nil || strings.Contains(written(t, mail.Templates[0]), "passwordpolicy") {
		t.Errorf("mail alone: %v", err)
	}
}

// TestManageRefuses expects a fault for each person that the order can't have.
func TestManageRefuses(t *testing.T) {
	i, _, _ := issuer(t, "p256", time.Now)
	nano, _ := mdm.Find("nanomdm")
	fleet, _ := mdm.Find("fleet")
	elsewhere, err := profile.ParseAddress("jane@example.net")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		vendor *mdm.Vendor
		change func(*issue.ManagedOrder)
		code   fault.Code
		field  string
	}{
		"nobody":            {nano, func(o *issue.ManagedOrder) { o.Person = issue.Person{} }, fault.Invalid, "address"},
		"somebody":          {fleet, func(o *issue.ManagedOrder) { o.Person = managed(t, nano).Person }, fault.Invalid, "address"},
		"of another domain": {nano, func(o *issue.ManagedOrder) { o.Person.Address = elsewhere }, fault.AddressForeign, "address"},
		"without a login":   {nano, func(o *issue.ManagedOrder) { o.Login, o.Person.Login = settings.GivenLogin, "" }, fault.LoginNeeded, "login"},
	} {
		o := managed(t, tt.vendor)
		tt.change(&o)
		_, err := i.Manage(o)
		if f := fault.Of(err); f.Code != tt.code || f.Field != tt.field {
			t.Errorf("%s: %v on %q, want %s on %q", name, err, f.Field, tt.code, tt.field)
		}
	}
	o := managed(t, nano)
	o.Person.Name = "evil.com"
	if _, err := i.Manage(o); err == nil {
		t.Error("a name that reads as a web address is taken")
	} else if _, ok := errors.AsType[*profile.InvalidError](err); !ok {
		t.Errorf("a name that reads as a web address: %v", err)
	}
}
