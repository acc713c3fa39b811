package profile

import (
	"encoding/xml"
	"strings"
	"testing"
)

// A subscription is a kind of payload that only this test defines, in one file.
// Everything else in the package works with it.
type subscription struct {
	DisplayName, Host, Login string
}

func (s *subscription) Type() string { return s.kind().payloadType }

func (*subscription) kind() kind {
	return kind{name: "subscription", payloadType: "com.apple.subscribedcalendar.account", place: 40, requires: "mail"}
}

func (s *subscription) titles() (displayName, description string) { return s.DisplayName, "" }

func (s *subscription) keys(Address, Platform) map[string]any {
	return map[string]any{"SubCalAccountHostName": s.Host, "SubCalAccountUsername": s.Login, "SubCalAccountUseSSL": true}
}

func (s *subscription) with(f Fields) Payload {
	return &subscription{s.DisplayName, s.Host, f.Login}
}

func (s *subscription) validate(c *checker, _ Platform) {
	c.line("subscription.display_name", s.DisplayName)
	c.host("subscription.host", s.Host)
	c.line("subscription.login", s.Login)
}

// withSubscription returns a profile with mail, the new kind, and a policy, in
// a different order than they are written.
func withSubscription(t *testing.T) *Profile {
	t.Helper()
	address, err := ParseAddress("jane@example.com")
	if err != nil {
		t.Fatal(err)
	}
	policy := DefaultPasscode()
	policy.DisplayName = "Passcode"
	return &Profile{
		Address: address, Platform: IPhone, DisplayName: "Mail", Consent: map[string]string{"default": "Text"},
		Payloads: []Payload{&policy, &subscription{"Holidays", "cal.example.com", "jane"}, &Mail{
			DisplayName: "Mail", AccountName: "jane@example.com", PersonName: "Jane", IncomingLogin: "jane", OutgoingLogin: "jane",
			Incoming: Server{Host: "imap.example.com", Port: 993}, Outgoing: Server{Host: "smtp.example.com", Port: 465},
		}},
	}
}

func TestNewKind(t *testing.T) {
	p := withSubscription(t)
	want, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for rest := string(want); ; {
		_, tail, ok := strings.Cut(rest, "<string>com.apple.")
		if !ok {
			break
		}
		kind, _, _ := strings.Cut(tail, "<")
		order, rest = append(order, kind), tail
	}
	if got := strings.Join(order, " "); got != "mail.managed subscribedcalendar.account mobiledevice.passwordpolicy" {
		t.Errorf("the payloads are written as %s", got)
	}
	template, err := NewTemplate(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := template.Fill(Fields{Address: p.Address, PersonName: "Jane", Login: "jane"})
	if err != nil || string(got) != string(want) {
		t.Errorf("filled (%v) it is\n%s\nwant\n%s", err, got, want)
	}
	Of[*subscription](p).Host = ""
	p.Payloads = p.Payloads[:2]
	if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "subscription: it needs mail in the same profile") || !strings.Contains(err.Error(), "subscription.host") {
		t.Errorf("without mail and host: %v", err)
	}
}

// TestSegments writes a template with the variables of a device management
// service instead of a person's data.
func TestSegments(t *testing.T) {
	p := withSubscription(t)
	template, err := NewTemplate(p)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[Field]string{
		AddressField: "$EMAIL", PersonNameField: "$FULLNAME", LoginField: "$USER", IdentifierField: "com.example.mdm", UUIDField: "$UUID",
	}
	var out strings.Builder
	suffixes := map[string]int{}
	for _, s := range template.Segments() {
		out.WriteString(s.Text + variables[s.Field] + s.After)
		if s.Field == UUIDField {
			suffixes[s.Suffix]++
		}
	}
	text := out.String()
	if err := xml.Unmarshal([]byte(text), new(struct{})); err != nil {
		t.Error(err)
	}
	for _, part := range []string{"<string>$EMAIL</string>", "<key>EmailAccountName</key>\n\t\t\t\t<string>$FULLNAME</string>\n", "<string>com.example.mdm.mail</string>"} {
		if !strings.Contains(text, part) {
			t.Errorf("missing %s:\n%s", part, text)
		}
	}
	if strings.Count(text, "$USER<") != 3 || strings.Contains(text, open) {
		t.Errorf("the login appears %d times:\n%s", strings.Count(text, "$USER<"), text)
	}
	for _, suffix := range []string{"", ".mail", ".subscription", ".passcode"} {
		if suffixes[suffix] != 1 {
			t.Errorf("the UUID of %q appears %d times", suffix, suffixes[suffix])
		}
	}
}

// TestTree checks that the caller gets the property list that Marshal writes,
// validated.
func TestTree(t *testing.T) {
	p := withSubscription(t)
	tree, err := p.Tree()
	if err != nil {
		t.Fatal(err)
	}
	payloads := tree["PayloadContent"].([]any)
	if len(payloads) != 3 || payloads[0].(map[string]any)["IncomingMailServerPortNumber"] != 993 || tree["TargetDeviceType"] != 1 {
		t.Errorf("got %v", tree)
	}
	clear(payloads[0].(map[string]any))
	if again, err := p.Tree(); err != nil || len(again["PayloadContent"].([]any)[0].(map[string]any)) == 0 {
		t.Errorf("a change of the tree changed the profile (%v)", err)
	}
	p.DisplayName = ""
	if _, err := p.Tree(); err == nil {
		t.Error("got a tree of an invalid profile")
	}
}
