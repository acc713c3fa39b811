package signerd

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing/gate"
)

// minAttacks is the minimum number of attacks.
const minAttacks = 500

// An attacker has control of the web process: it can write anything to the
// socket.
type attacker struct {
	*rig
	conn   *net.UnixConn
	in     *bufio.Reader
	number uint32
	tried  map[string]bool // requests, by their bytes
	good   map[string]bool // approved profiles, byte for byte
	true   int64           // how many signatures of those it got
}

func newAttacker(r *rig) *attacker {
	r.t.Helper()
	a := &attacker{rig: r, tried: map[string]bool{}, good: map[string]bool{}}
	a.connect()
	return a
}

func (a *attacker) connect() {
	a.t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: a.socket, Net: "unix"})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { conn.Close() })
	a.conn, a.in = conn, bufio.NewReader(conn)
	if err := greet(conn, a.in); err != nil {
		a.t.Fatal(err)
	}
	if f, err := readFrame(a.in, isAnswer, nil); err != nil || f.kind != described {
		a.t.Fatal(f, err)
	}
}

// ask sends a request and returns the answer.
func (a *attacker) ask(k kind, body []byte) frame {
	a.t.Helper()
	a.number++
	if _, err := a.conn.Write(appendFrame(nil, k, a.number, body)); err != nil {
		a.t.Fatal(err)
	}
	f, err := readFrame(a.in, isAnswer, nil)
	if err != nil || f.number != a.number {
		a.t.Fatal(f.number, a.number, err)
	}
	return f
}

// try sends a request for which nothing may be signed except an approved
// profile, whatever the request claims.
func (a *attacker) try(name string, k kind, body []byte) {
	a.t.Helper()
	key := string(append(body, byte(k)))
	if a.tried[key] {
		return
	}
	a.tried[key] = true
	switch f := a.ask(k, body); {
	case f.kind == refused:
	case k == askSign && f.kind == signed && a.isGood(f.body):
		a.true++
	default:
		a.t.Errorf("%s: it was signed:\n%q", name, body)
	}
}

// isGood verifies the signature in an answer, and reports whether it's of an
// approved profile.
func (a *attacker) isGood(answer []byte) bool {
	p, err := readParts(answer)
	if err != nil {
		a.t.Fatal(err)
	}
	for data := range a.good {
		if sha256.Sum256([]byte(data)) == p.digest {
			return a.content(slices.Concat(p.before, []byte(data), p.after)) == data
		}
	}
	return false
}

// claim sends a claim with a profile.
func (a *attacker) claim(name string, c claim, data string) {
	a.t.Helper()
	body, err := c.appendTo(nil)
	if err != nil {
		return // it can't be encoded, so it can't be sent
	}
	a.try(name, askSign, append(body, data...))
}

// honest returns the claim of an order and its profile, as an uncompromised
// web process creates them. Its own gate allows anything that the order says.
func (a *attacker) honest(o issue.Order) (claim, string) {
	a.t.Helper()
	data, err := a.issuer.Build(o)
	if err != nil {
		a.t.Fatal(err)
	}
	terms, err := a.issuer.Terms(o)
	if err != nil {
		a.t.Fatal(err)
	}
	cleared, err := gate.Check(data, terms)
	if err != nil {
		a.t.Fatal(err)
	}
	c, err := claimOf(cleared)
	if err != nil {
		a.t.Fatal(err)
	}
	return c, string(data)
}

// payload returns a foreign payload as a dict of PayloadContent.
func payload(kind, more string) string {
	const t = "\t\t\t\t"
	return "\t\t\t<dict>\n" + more + t + "<key>PayloadDisplayName</key>\n" + t + "<string>Mail</string>\n" + t + "<key>PayloadIdentifier</key>\n" + t + "<string>x</string>\n" + t +
		"<key>PayloadType</key>\n" + t + "<string>" + kind + "</string>\n" + t + "<key>PayloadUUID</key>\n" + t + "<string>00000000-0000-4000-8000-000000000000</string>\n" + t +
		"<key>PayloadVersion</key>\n" + t + "<integer>1</integer>\n\t\t\t</dict>\n"
}

// edits are ways to change the bytes of a profile. An edit that changes
// nothing in a profile doesn't count.
func edits() map[string]func(string) string {
	all := map[string]func(string) string{}
	replace := func(name, old, new string) {
		all[name] = func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	everywhere := func(name, old, new string) {
		all[name] = func(s string) string { return strings.ReplaceAll(s, old, new) }
	}
	for _, host := range []string{"imap.evil.test", "imap.example.com.evil.test", "imap-example.com", "ximap.example.com", "IMAP.EXAMPLE.COM", "imap.example.com.", "imap.example.com:993",
		"imap.example.com\u200b", "іmap.example.com", "xn--map-r5a.example.com", "127.0.0.1", "smtp.example.com", "imap.example.com&#0;", "imap.example.com<!-- -->"} {
		replace("the host "+host, "imap.example.com", host)
	}
	for _, org := range []string{"Example", "Example &amp; Sons Ltd", "Your Bank", "example.org", "Apple Inc."} {
		replace("the organization "+org, "<string>Example &amp; Sons</string>", "<string>"+org+"</string>")
	}
	for _, kind := range []string{"com.apple.wifi.managed", "com.apple.vpn.managed", "com.apple.security.root", "com.apple.webClip.managed", "com.apple.eas.account", "com.apple.mdm",
		"com.apple.dnsSettings.managed", "com.apple.proxy.http.global", "com.apple.mail.managed", "com.apple.ldap.account", "com.apple.applicationaccess", "com.apple.declarations"} {
		replace("a payload "+kind, "\t\t</array>\n", payload(kind, "")+"\t\t</array>\n")
		replace("a payload "+kind+" in front", "<array>\n", "<array>\n"+payload(kind, "\t\t\t\t<key>A</key>\n\t\t\t\t<string>b</string>\n"))
		replace("the type "+kind, "<string>com.apple.mail.managed</string>", "<string>"+kind+"</string>")
	}
	for name, pair := range map[string][2]string{
		"a port":              {"<integer>993</integer>", "<integer>994</integer>"},
		"a clear port":        {"<integer>465</integer>", "<integer>25</integer>"},
		"no TLS":              {"<key>IncomingMailServerUseSSL</key>\n\t\t\t\t<true/>", "<key>IncomingMailServerUseSSL</key>\n\t\t\t\t<false/>"},
		"no TLS to send":      {"<key>OutgoingMailServerUseSSL</key>\n\t\t\t\t<true/>\n", ""},
		"another account":     {"EmailTypeIMAP", "EmailTypePOP"},
		"no authentication":   {"EmailAuthPassword", "EmailAuthNone"},
		"a password":          {"\t\t\t\t<key>IncomingMailServerUsername", "\t\t\t\t<key>IncomingPassword</key>\n\t\t\t\t<string>x</string>\n\t\t\t\t<key>IncomingMailServerUsername"},
		"not to be removed":   {"\t\t<key>PayloadType</key>\n\t\t<string>Configuration", "\t\t<key>PayloadRemovalDisallowed</key>\n\t\t<true/>\n\t\t<key>PayloadType</key>\n\t\t<string>Configuration"},
		"removes itself":      {"\t\t<key>PayloadContent</key>", "\t\t<key>DurationUntilRemoval</key>\n\t\t<real>3600</real>\n\t\t<key>PayloadContent</key>"},
		"another scope":       {"<string>User</string>", "<string>System</string>"},
		"another device":      {"<key>TargetDeviceType</key>\n\t\t<integer>1", "<key>TargetDeviceType</key>\n\t\t<integer>5"},
		"an address":          {"<string>jane@example.com</string>", "<string>john@example.com</string>"},
		"a foreign address":   {"<string>jane@example.com</string>", "<string>jane@evil.test</string>"},
		"an identifier":       {"com.example.mobileconfig.", "com.evil.mobileconfig."},
		"a name":              {"Jane O&#39;Neil", "Jane from evil.com"},
		"another name":        {"Jane O&#39;Neil", "John"},
		"no name":             {"\t\t\t\t<key>EmailAccountName</key>\n\t\t\t\t<string>Jane O&#39;Neil</string>\n", ""},
		"an entity":           {"<plist version", "<!ENTITY a SYSTEM \"file:///etc/passwd\">\n<plist version"},
		"a comment":           {"\t<dict>\n", "\t<dict>\n<!-- -->"},
		"something behind":    {"</plist>\n", "</plist>\n<plist/>"},
		"a byte behind":       {"</plist>\n", "</plist>\n\x00"},
		"a mark before":       {"<?xml", "\ufeff<?xml"},
		"a binary list":       {"<?xml", "bplist00<?xml"},
		"an envelope before":  {"<?xml", "0\x82\x01\x00\x06\x09<?xml"},
		"the version":         {"<integer>1</integer>\n\t</dict>", "<integer>2</integer>\n\t</dict>"},
		"a long code":         {"<key>minLength</key>\n\t\t\t\t<integer>6", "<key>minLength</key>\n\t\t\t\t<integer>12"},
		"a late lock":         {"<key>maxInactivity</key>\n\t\t\t\t<integer>5", "<key>maxInactivity</key>\n\t\t\t\t<integer>15"},
		"erasing":             {"\t\t\t\t<key>maxGracePeriod", "\t\t\t\t<key>maxFailedAttempts</key>\n\t\t\t\t<integer>10</integer>\n\t\t\t\t<key>maxGracePeriod"},
		"erasing soon":        {"\t\t\t\t<key>maxGracePeriod", "\t\t\t\t<key>maxFailedAttempts</key>\n\t\t\t\t<integer>2</integer>\n\t\t\t\t<key>maxGracePeriod"},
		"simple codes":        {"<key>allowSimple</key>\n\t\t\t\t<false/>", "<key>allowSimple</key>\n\t\t\t\t<true/>"},
		"no consent":          {"<key>ConsentText</key>", "<key>ConsentTexts</key>"},
		"a consent":           {"<key>default</key>\n\t\t\t<string>", "<key>default</key>\n\t\t\t<string>Call +1 555 0100. "},
		"a language":          {"<key>default</key>", "<key>aa</key>\n\t\t\t<string>Call +1 555 0100.</string>\n\t\t\t<key>default</key>"},
		"a description":       {"<key>PayloadDescription</key>\n\t\t<string>", "<key>PayloadDescription</key>\n\t\t<string>Call +1 555 0100. "},
		"no description":      {"\t\t<key>PayloadDescription</key>", "\t\t<key>PayloadDescriptio</key>"},
		"the title":           {"\t\t<key>PayloadDisplayName</key>\n\t\t<string>", "\t\t<key>PayloadDisplayName</key>\n\t\t<string>Your Bank: "},
		"a payload's title":   {"\t\t\t\t<key>PayloadDisplayName</key>\n\t\t\t\t<string>", "\t\t\t\t<key>PayloadDisplayName</key>\n\t\t\t\t<string>Your Bank: "},
		"a payload's text":    {"\t\t\t\t<key>PayloadDisplayName</key>", "\t\t\t\t<key>PayloadDescription</key>\n\t\t\t\t<string>Call us</string>\n\t\t\t\t<key>PayloadDisplayName</key>"},
		"a test that is none": {"<string>TEST – ", "<string>"},
		"a mark":              {"\t\t<key>PayloadDisplayName</key>\n\t\t<string>", "\t\t<key>PayloadDisplayName</key>\n\t\t<string>TEST – "},
		"calendars":           {"c.dav.example.com", "c.dav.evil.test"},
		"a calendar's port":   {"<integer>8443</integer>", "<integer>80</integer>"},
		"CR LF":               {"\n", "\r\n"},
		"spaces":              {"\t\t<key>PayloadContent</key>", "\t\t <key>PayloadContent</key>"},
	} {
		replace(name, pair[0], pair[1])
	}
	everywhere("all hosts", "example.com</string>", "evil.test</string>")
	everywhere("all", "example", "evil")
	all["cut off"] = func(s string) string { return s[:len(s)-1] }
	all["twice"] = func(s string) string { return s + s }
	all["too large"] = func(s string) string { return s + strings.Repeat(" ", gate.MaxSize-len(s)) }
	all["declared erasing"] = declaredErasing
	return all
}

// declaredErasing changes the settings inside declarations.
func declaredErasing(s string) string {
	before, rest, found := strings.Cut(s, "\t\t\t\t\t<data>")
	raw, after, _ := strings.Cut(rest, "</data>")
	json, err := base64.StdEncoding.DecodeString(raw)
	if !found || err != nil {
		return s
	}
	changed := strings.Replace(string(json), `"Payload":{`, `"Payload":{"MaximumFailedAttempts":10,`, 1)
	return before + "\t\t\t\t\t<data>" + base64.StdEncoding.EncodeToString([]byte(changed)) + "</data>" + after
}

// lies are false claims about a profile.
func lies() map[string]func(*claim) {
	return map[string]func(*claim){
		"the host":                 func(c *claim) { c.incoming.host = "imap.evil.test" },
		"the host to send":         func(c *claim) { c.outgoing.host = "smtp.evil.test" },
		"another approved host":    func(c *claim) { c.outgoing.host = "imap.example.com" },
		"no host":                  func(c *claim) { c.incoming.host = "" },
		"the port":                 func(c *claim) { c.incoming.port = 143 },
		"calendars":                func(c *claim) { c.calendars = endpoint{"x.dav.example.com", 443} },
		"foreign calendars":        func(c *claim) { c.calendars = endpoint{"dav.evil.test", 443} },
		"no calendars":             func(c *claim) { c.calendars = endpoint{} },
		"no contacts":              func(c *claim) { c.contacts = endpoint{} },
		"the organization":         func(c *claim) { c.organization = "Your Bank" },
		"no organization":          func(c *claim) { c.organization = "" },
		"the domain's name":        func(c *claim) { c.organization = "example.org" },
		"the address":              func(c *claim) { c.address = "john@example.com" },
		"a foreign address":        func(c *claim) { c.address = "jane@evil.test" },
		"an address below":         func(c *claim) { c.address = "jane@sub.example.com" },
		"an address in an address": func(c *claim) { c.address = "jane@evil.test@example.com" },
		"no address":               func(c *claim) { c.address = "" },
		"capitals":                 func(c *claim) { c.address = "jane@EXAMPLE.com" },
		"the person":               func(c *claim) { c.person = "John" },
		"a web address":            func(c *claim) { c.person = "www.evil.com" },
		"the login":                func(c *claim) { c.login += "x" },
		"the language":             func(c *claim) { c.language = "fr" },
		"an unknown language":      func(c *claim) { c.language = "xx" },
		"a regional language":      func(c *claim) { c.language += "-AT" },
		"no language":              func(c *claim) { c.language = "" },
		"a path as language":       func(c *claim) { c.language = "../en" },
		"the device":               func(c *claim) { c.mac = !c.mac },
		"the policy":               func(c *claim) { c.policy = !c.policy },
		"the form":                 func(c *claim) { c.declared = !c.declared },
		"a test":                   func(c *claim) { c.test = !c.test },
		"the length":               func(c *claim) { c.minLength++ },
		"the minutes":              func(c *claim) { c.lockMinutes++ },
		"tries":                    func(c *claim) { c.attempts += 10 },
		"many tries":               func(c *claim) { c.attempts += 200 },
	}
}

// foreign are orders that the web process itself would allow.
func foreign(t *testing.T) map[string]issue.Order {
	all := map[string]issue.Order{}
	for name, base := range orders(t) {
		for how, change := range map[string]func(*issue.Order){
			"host":         func(o *issue.Order) { o.Service.Incoming.Host = "imap.evil.test" },
			"host to send": func(o *issue.Order) { o.Service.Outgoing.Host = "smtp.example.com.evil.test" },
			"all hosts": func(o *issue.Order) {
				o.Service.Incoming.Host, o.Service.Outgoing.Host = "evil.test", "evil.test"
			},
			"parent host":   func(o *issue.Order) { o.Service.Incoming.Host = "example.com" },
			"host below":    func(o *issue.Order) { o.Service.Incoming.Host = "a.imap.example.com" },
			"dav itself":    func(o *issue.Order) { o.Service.Calendars = profile.DAVServer{Host: "dav.example.com", Port: 443} },
			"like dav":      func(o *issue.Order) { o.Service.Contacts = profile.DAVServer{Host: "xdav.example.com", Port: 443} },
			"organization":  func(o *issue.Order) { o.Organization = "Your Bank" },
			"lower case":    func(o *issue.Order) { o.Organization = "example & sons" },
			"another space": func(o *issue.Order) { o.Organization = "Example &\u00a0Sons" },
			"look-alike":    func(o *issue.Order) { o.Organization = "Ехample & Sons" },
			"another name":  func(o *issue.Order) { o.Organization = "example.org" },
			"domain": func(o *issue.Order) {
				o.Person.Address, _ = profile.ParseAddress("jane@evil.test")
			},
			"domain of its own": func(o *issue.Order) {
				o.Person.Address, _ = profile.ParseAddress("jane@evil.test")
				o.Organization = "evil.test"
			},
			"erasing": func(o *issue.Order) {
				o.Variant, o.Policy = settings.Secure, profile.DefaultPasscode()
			},
		} {
			o := base
			change(&o)
			all[name+", "+how] = o
		}
	}
	return all
}

// TestAttacks has everything that the web process has, and tries to get
// something signed that isn't approved.
func TestAttacks(t *testing.T) {
	a := newAttacker(newRig(t, nil))
	bases := orders(t)
	for _, name := range slices.Sorted(maps.Keys(bases)) {
		c, data := a.honest(bases[name])
		body, err := c.appendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		a.good[data] = true
		if f := a.ask(askSign, append(body, data...)); f.kind != signed || !a.isGood(f.body) {
			t.Fatalf("%s isn't signed, so nothing below means anything: %s", name, f.body)
		}
		for how, edit := range edits() {
			changed := edit(data)
			if changed == data {
				continue
			}
			a.claim(name+", "+how, c, changed)
			if lie, ok := map[string]func(*claim){
				"erasing": func(c *claim) { c.attempts = 10 }, "declared erasing": func(c *claim) { c.attempts = 10 },
				"a foreign address":          func(c *claim) { c.address = "jane@evil.test" },
				"the host imap.evil.test":    func(c *claim) { c.incoming.host = "imap.evil.test" },
				"the organization Your Bank": func(c *claim) { c.organization = "Your Bank" },
				"calendars":                  func(c *claim) { c.calendars.host = "c.dav.evil.test" },
			}[how]; ok {
				lied := c
				lie(&lied)
				a.claim(name+", with a lie, "+how, lied, changed)
			}
		}
		for how, lie := range lies() {
			lied := c
			lie(&lied)
			if !reflect.DeepEqual(lied, c) {
				a.claim(name+", a lie: "+how, lied, data)
			}
		}
		a.shapes(name, c, data)
	}
	for name, o := range foreign(t) {
		c, data := a.honest(o)
		a.claim(name, c, data)
		// The web process's regular interface refuses them too.
		if _, err := a.issuer.Issue(t.Context(), o); err == nil {
			t.Errorf("%s: it was signed", name)
		}
	}
	if len(a.tried) < minAttacks {
		t.Errorf("%d ways were tried, want %d", len(a.tried), minAttacks)
	}
	if got, want := a.signer.Status().Signed, int64(len(bases))+a.true; got != want {
		t.Errorf("%d profiles were signed, want %d", got, want)
	}
	if s := a.signer.Status(); s.Checksums != 0 {
		t.Errorf("%d lists of checksums were signed", s.Checksums)
	}
	t.Logf("%d ways were tried; %d got an approved profile signed, and none anything else", len(a.tried), a.true)
}

// shapes sends the profile in other ways than as the profile of a claim.
func (a *attacker) shapes(name string, c claim, data string) {
	body, err := c.appendTo(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	whole := append(body, data...)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(data)))
	for how, text := range map[string]string{
		"as a list": data, "behind a list": sum + "  a\n" + data, "as a name": sum + "  " + data + "\n", "with one line": strings.ReplaceAll(data, "\n", ""),
		"in a list": sum + "  a\n" + data + sum + "  b\n", "as signed attributes": "1\x81\x60" + data, "nothing": "", "a digest": sum, "a claim": string(whole),
	} {
		a.try(name+", checksums: "+how, askChecksums, []byte(text))
	}
	for how, bytes := range map[string][]byte{
		"no claim": []byte(data), "a claim alone": body, "cut off": whole[:len(body)-1], "nothing": nil, "half": whole[:len(whole)/2],
		"an unknown flag": append([]byte{whole[0] | 0x40}, whole[1:]...), "another flag": append([]byte{whole[0] | 0x80}, whole[1:]...),
		"twice": append(slices.Clone(whole), whole...), "a byte before": append([]byte{0}, whole...),
	} {
		a.try(name+", bytes: "+how, askSign, bytes)
	}
}

// TestBadFrames sends invalid frames. The connection must end, and the signer
// must keep running.
func TestBadFrames(t *testing.T) {
	r := newRig(t, nil)
	for name, bytes := range map[string][]byte{
		"an unknown kind": {0, 0, 0, 0, 99, 0, 0, 0, 1},
		"no kind":         {0, 0, 0, 0, 0, 0, 0, 0, 1},
		"an answer":       appendFrame(nil, signed, 1, []byte("x")),
		"a description":   appendFrame(nil, described, 1, []byte("{}")),
		"too long":        {0, 2, 0, 0, byte(askSign), 0, 0, 0, 1},
		"much too long":   {0xff, 0xff, 0xff, 0xff, byte(askChecksums), 0, 0, 0, 1},
		"a status":        appendFrame(nil, askStatus, 1, []byte("x")),
		"HTTP":            []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		a := newAttacker(r)
		if _, err := a.conn.Write(bytes); err != nil {
			t.Fatal(err)
		}
		if f, err := readFrame(a.in, isAnswer, nil); err == nil {
			t.Errorf("%s: got an answer of kind %d", name, f.kind)
		}
	}
	for name, hello := range map[string]string{"another version": greeting[:len(greeting)-1] + "\x02", "HTTP": "GET / HTTP/1.1\r\n\r\n", "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01"} {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: r.socket, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(hello)); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		if _, err := in.Discard(len(greeting)); err != nil {
			t.Fatal(err)
		}
		if one, err := in.ReadByte(); err == nil {
			t.Errorf("%s: got %d", name, one)
		}
		conn.Close()
	}
	r.has("uses version 2")
	if _, err := r.issuer.Issue(t.Context(), order(t, settings.Mail, profile.IPhone)); err != nil {
		t.Error(err)
	}
}
