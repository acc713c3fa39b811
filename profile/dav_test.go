package profile_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
)

// gather adds calendars and contacts to a profile, depending on the parts.
func gather(p *profile.Profile, parts ...string) *profile.Profile {
	account := func(host string, port int) profile.DAV {
		return profile.DAV{
			DisplayName: "An account", AccountName: "Jane.Doe@example.com",
			Server: profile.DAVServer{Host: host, Port: port}, Login: "Jane.Doe@example.com",
		}
	}
	for _, part := range parts {
		switch part {
		case "caldav":
			p.Payloads = append(p.Payloads, &profile.CalDAV{DAV: account("cal.example.com", 443)})
		case "carddav":
			p.Payloads = append(p.Payloads, &profile.CardDAV{DAV: account("card.example.com", 8443)})
		}
	}
	return p
}

// TestMarshalDAV writes calendars and contacts next to mail, alone and
// together, before a passcode policy and on a Mac.
func TestMarshalDAV(t *testing.T) {
	tests := map[string]*profile.Profile{
		"iphone-mail-caldav":  gather(mailProfile(t, profile.IPhone, "Jane"), "caldav"),
		"iphone-mail-carddav": gather(mailProfile(t, profile.IPhone, "Jane"), "carddav"),
		"iphone-mail-dav":     gather(mailProfile(t, profile.IPhone, "Jane"), "caldav", "carddav"),
		"iphone-secure-dav":   protect(gather(mailProfile(t, profile.IPhone, "Jane"), "caldav", "carddav")),
		"mac-mail-dav":        gather(mailProfile(t, profile.Mac, "Jane"), "caldav", "carddav"),
	}
	for name, p := range tests {
		got, err := p.Marshal()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden(t, name+".mobileconfig", got)
	}
}

// davFacts prints what another plist reader finds in a profile: the type and
// identifier suffix of each payload, and the settings of calendars and
// contacts.
const davFacts = `import plistlib, sys
p = plistlib.load(open(sys.argv[1], "rb"))
for c in p["PayloadContent"]:
    print(c["PayloadType"], c["PayloadIdentifier"][len(p["PayloadIdentifier"]):], end="")
    for kind in "CalDAV", "CardDAV":
        if kind + "HostName" in c:
            print("", c[kind + "AccountDescription"], c[kind + "HostName"], repr(c[kind + "Port"]), repr(c[kind + "UseSSL"]), c[kind + "Username"], end="")
            assert not [k for k in c if "Password" in k or "Principal" in k]
    print()
assert len({c["PayloadUUID"] for c in p["PayloadContent"]}) == len(p["PayloadContent"])`

func TestPythonReadsDAV(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3")
	}
	const (
		mail     = "com.apple.mail.managed .mail\n"
		calendar = "com.apple.caldav.account .caldav Jane.Doe@example.com cal.example.com 443 True Jane.Doe@example.com\n"
		contacts = "com.apple.carddav.account .carddav Jane.Doe@example.com card.example.com 8443 True Jane.Doe@example.com\n"
		passcode = "com.apple.mobiledevice.passwordpolicy .passcode\n"
	)
	for name, want := range map[string]string{
		"iphone-mail-caldav":  mail + calendar,
		"iphone-mail-carddav": mail + contacts,
		"iphone-mail-dav":     mail + calendar + contacts,
		"iphone-secure-dav":   mail + calendar + contacts + passcode,
		"mac-mail-dav":        mail + calendar + contacts,
	} {
		out, err := exec.Command("python3", "-c", davFacts, filepath.Join("testdata", name+".mobileconfig")).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s: %v\n%swant\n%s", name, err, out, want)
		}
	}
}

func TestParseDAV(t *testing.T) {
	for in, want := range map[string]string{
		"dav.example.com":       "dav.example.com:443",
		"DAV.bücher.example":    "dav.xn--bcher-kva.example:443",
		"dav.example.com:8443":  "dav.example.com:8443",
		"dav.example.com:65535": "dav.example.com:65535",
	} {
		got, err := profile.ParseDAV(in)
		if err != nil || got.String() != want || got.IsZero() {
			t.Errorf("%q: got %s, %v, want %s", in, got, err, want)
		}
		if again, err := profile.ParseDAV(got.String()); err != nil || again != got {
			t.Errorf("%q reads back as %s, %v", got, again, err)
		}
	}
	for _, in := range []string{
		"", "dav", "dav.example.com:", "dav.example.com:0", "dav.example.com:65536", "dav.example.com:+443", "dav.example.com:80",
		"https://dav.example.com", "dav.example.com/dav", "dav.example.com:443/starttls", "10.0.0.1", "[::1]:443", "a@dav.example.com",
	} {
		if got, err := profile.ParseDAV(in); err == nil {
			t.Errorf("%q: accepted as %s", in, got)
		}
	}
	if got := (profile.DAVServer{}).String(); got != "" {
		t.Errorf("the zero server is printed as %q", got)
	}
}

func TestValidateDAV(t *testing.T) {
	for _, tt := range []struct {
		path  string
		spoil func(p *profile.Profile)
	}{
		{"caldav.display_name", func(p *profile.Profile) { calDAVOf(p).DisplayName = "" }},
		{"caldav.description", func(p *profile.Profile) { calDAVOf(p).Description = "tab\t" }},
		{"caldav.account_name", func(p *profile.Profile) { calDAVOf(p).AccountName = "" }},
		{"caldav.host", func(p *profile.Profile) { calDAVOf(p).Server.Host = "DAV.example.com" }},
		{"caldav.host", func(p *profile.Profile) { calDAVOf(p).Server.Host = "192.0.2.1" }},
		{"caldav.port", func(p *profile.Profile) { calDAVOf(p).Server.Port = 0 }},
		{"caldav.port", func(p *profile.Profile) { calDAVOf(p).Server.Port = 80 }},
		{"caldav.login", func(p *profile.Profile) { calDAVOf(p).Login = "" }},
		{"carddav.host", func(p *profile.Profile) { cardDAVOf(p).Server.Host = "" }},
		{"carddav.port", func(p *profile.Profile) { cardDAVOf(p).Server.Port = 65536 }},
		{"carddav.login", func(p *profile.Profile) { cardDAVOf(p).Login = "a\u202eb" }},
		{"caldav", func(p *profile.Profile) { drop[*profile.Mail](p); drop[*profile.CardDAV](p) }},
		{"carddav", func(p *profile.Profile) { drop[*profile.Mail](p); drop[*profile.CalDAV](p) }},
	} {
		p := protect(gather(mailProfile(t, profile.IPhone, "Jane"), "caldav", "carddav"))
		tt.spoil(p)
		_, err := p.Marshal()
		invalid, ok := errors.AsType[*profile.InvalidError](err)
		if !ok || !slices.Equal(paths(invalid), []string{tt.path}) {
			t.Errorf("%s: got %v", tt.path, err)
		}
	}
}

// FuzzParseDAV checks that servers have one form, and never the port for
// unencrypted HTTP.
func FuzzParseDAV(f *testing.F) {
	f.Add("dav.example.com:8443")
	f.Add("DAV.bücher.example")
	f.Add("a.b:80")
	f.Fuzz(func(t *testing.T, s string) {
		server, err := profile.ParseDAV(s)
		if err != nil {
			return
		}
		again, err := profile.ParseDAV(server.String())
		if err != nil || again != server || server.Port == 80 || strings.ContainsAny(server.Host, "/@ ") {
			t.Errorf("%q gave %s, which gave %s (%v)", s, server, again, err)
		}
	})
}
