package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// secondAccount creates the account acc_2, which isn't trusted.
func secondAccount(t *testing.T, database string) {
	t.Helper()
	storetest.Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
	storetest.Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
}

// TestAPIListsAllProblems checks that one response reports every invalid field.
func TestAPIListsAllProblems(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	a := c.Want(t, 422, "POST", "/policies", `{"name":"a\u202eb","min_length":3,"max_failed_attempts":6,"auto_lock_minutes":0,"grace_minutes":500}`)
	want := []string{"/auto_lock_minutes invalid", "/grace_minutes invalid", "/max_failed_attempts invalid", "/min_length invalid", "/name name_invalid"}
	if got := servertest.ErrorsOf(t, a); !slices.Equal(got, want) || servertest.CodeOf(t, a) != "invalid" {
		t.Errorf("got %q, want %q", got, want)
	}
	a = c.Want(t, 422, "POST", "/domains", `{"name":"nowhere","imap":"x","smtp":"smtp.example.com:25","display_name":"a\u0007","policy_id":"a\u0000"}`)
	want = []string{"/name invalid", "/imap invalid", "/smtp invalid", "/policy_id policy_unknown", "/display_name invalid"}
	if got := servertest.ErrorsOf(t, a); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	a = c.Want(t, 422, "POST", "/profiles", `{"address":"jane@example.com","name":"a\u202eb","login":"a\u202eb"}`)
	if got := servertest.ErrorsOf(t, a); !slices.Equal(got, []string{"/name invalid", "/login invalid"}) {
		t.Errorf("got %q", got)
	}
	c.Want(t, 422, "POST", "/policies", `{"name":"x","min_length":6,"auto_lock_minutes":5}`) // whether it erases is required
}

// serverOn is a server on SQLite, for tests that don't depend on the database.
func serverOn(t *testing.T) (*servertest.Server, string) {
	t.Helper()
	database := storetest.SQLite(t)
	return servertest.New(t, database, nil), database
}

// TestDomainWords checks that a domain's texts are on the page and in the profile.
func TestDomainWords(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	a := c.SetDomain(t, `"display_name":"Example & Sons","help_text":"Call 030 1234.\nOr write <b>us</b>.","sign_in_hint":"The one for webmail."`)
	var d struct {
		Policy, Login string
		PolicyID      string `json:"policy_id"`
		DisplayName   string `json:"display_name"`
		Platforms     []string
	}
	if err := json.Unmarshal(a.Body, &d); err != nil || d.PolicyID != "standard" || d.DisplayName != "Example & Sons" || d.Login != "address" || !slices.Equal(d.Platforms, []string{"iphone", "mac"}) {
		t.Errorf("%v %s", err, a.Body)
	}
	link := s.Link("jane@example.com")
	for _, agent := range []string{servertest.IPhone, servertest.Mac, "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"} {
		page := string(s.Do("GET", link, http.Header{"User-Agent": {agent}}, "").Body)
		for _, want := range []string{"<bdi>Example &amp; Sons</bdi>: email at", "<bdi>Call 030 1234.</bdi><br><bdi>Or write &lt;b&gt;us&lt;/b&gt;.</bdi>", "<bdi>The one for webmail.</bdi>"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %s", agent, want)
			}
		}
	}
	if content := s.Content(s.Get(s.Ticket(link, "mail")).Body); !bytes.Contains(content, []byte("<string>Example &amp; Sons</string>")) {
		t.Errorf("the profile doesn't name the service: %s", content)
	}
	c.SetDomain(t, `"policy":"offered"`)
	if page := s.Get(link).Body; bytes.Contains(page, []byte("Sons")) || bytes.Contains(page, []byte("webmail.</bdi>")) {
		t.Error("a removed text is on the page")
	}
	dump := storetest.Dump(t, database)
	for _, field := range []string{"display_name", "help_text", "sign_in_hint"} {
		if !strings.Contains(dump, `{"field":"`+field+`"`) {
			t.Errorf("no change of %s in the log", field)
		}
	}
}

// TestLoginForms tests each form of usernames.
func TestLoginForms(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		login := func(a servertest.Answer) string {
			content := string(s.Content(a.Body))
			_, rest, _ := strings.Cut(content, "IncomingMailServerUsername</key>")
			_, rest, _ = strings.Cut(rest, "<string>")
			name, _, _ := strings.Cut(rest, "</string>")
			return name
		}
		old := s.Link("jane@example.com")
		waiting := s.Ticket(old, "mail")

		c.SetDomain(t, `"login":"local_part"`)
		if got := login(s.Get(waiting)); got != "jane" {
			t.Errorf("a page gives the login %q", got)
		}
		if page := s.Get(old).Body; !bytes.Contains(page, []byte("before the @")) {
			t.Error("the page doesn't show the login")
		}
		if got := login(c.Want(t, 200, "POST", "/profiles", `{"address":"jane@example.com"}`)); got != "jane" {
			t.Errorf("the API gives the login %q", got)
		}
		if a := c.Want(t, 200, "GET", "/domains/example.com/settings?address=jane@example.com", ""); !bytes.Contains(a.Body, []byte(`"user_name":"jane"`)) {
			t.Errorf("%s", a.Body)
		}

		c.SetDomain(t, `"login":"given"`)
		before := storetest.Fingerprint(t, database)
		if a := s.Post("/start", "address", "jane@example.com"); a.Status != 422 || !bytes.Contains(a.Body, []byte("login_needed")) || !bytes.Contains(a.Body, []byte(`id="address-error"`)) {
			t.Errorf("start: %d", a.Status)
		}
		if a := s.Post(old+"/profile", "variant", "mail", "platform", "iphone"); a.Status != 422 || !bytes.Contains(a.Body, []byte("login_needed")) {
			t.Errorf("an old link: %d", a.Status)
		}
		if a := s.Get(waiting); a.Status != 422 || !bytes.Contains(a.Body, []byte("login_needed")) {
			t.Errorf("an old ticket: %d", a.Status)
		}
		for _, op := range [][3]string{{"POST", "/profiles", `{"address":"jane@example.com"}`}, {"GET", "/domains/example.com/settings?address=jane@example.com", ""}} {
			if a := c.Want(t, 422, op[0], op[1], op[2]); servertest.CodeOf(t, a) != "login_needed" || !slices.Equal(servertest.ErrorsOf(t, a), []string{"/login login_needed"}) {
				t.Errorf("%s: %s", op[1], a.Body)
			}
		}
		c.Want(t, 422, "GET", "/domains/example.com/settings?address=jane@example.com&login=a%00b", "")
		if storetest.Fingerprint(t, database) != before {
			t.Error("a refusal changed the database")
		}
		if a := c.Want(t, 200, "GET", "/domains/example.com/settings?address=jane@example.com&login=jd7", ""); !bytes.Contains(a.Body, []byte(`"user_name":"jd7"`)) {
			t.Errorf("%s", a.Body)
		}
		if got := login(c.Want(t, 200, "POST", "/profiles", `{"address":"jane@example.com","login":"jd7"}`)); got != "jd7" {
			t.Errorf("a given login became %q", got)
		}
	})
}

// TestPlatforms checks that there is no button and no profile for a platform that the
// domain doesn't offer.
func TestPlatforms(t *testing.T) {
	s, database := serverOn(t)
	c := servertest.Admin(t, s, database)
	link := s.Link("jane@example.com")
	tests := []struct {
		platforms, agent string
		has, not         []string
	}{
		{`["mac"]`, servertest.IPhone, []string{"Set up email on your\u00a0Mac", "imap.example.com"}, []string{"<form", `value="iphone"`}},
		{`["mac"]`, "curl/8", []string{"Set up email on your\u00a0Mac", "imap.example.com"}, []string{"<form", "qr.svg"}},
		{`["mac"]`, servertest.Mac, []string{`value="mac"`, "no profile for an iPad"}, []string{`value="iphone"`}},
		{`["iphone"]`, servertest.Mac, []string{"qr.svg", `value="iphone"`, "no profile for a Mac"}, []string{`value="mac"`}},
		{`["iphone"]`, servertest.IPhone, []string{`value="iphone"`}, []string{`value="mac"`}},
		{`["iphone","mac"]`, "curl/8", []string{`value="iphone"`, `value="mac"`}, []string{"no profile for"}},
	}
	for _, tt := range tests {
		c.SetDomain(t, `"policy":"offered","platforms":`+tt.platforms)
		page := string(s.Do("GET", link, http.Header{"User-Agent": {tt.agent}}, "").Body)
		for _, want := range tt.has {
			if !strings.Contains(page, want) {
				t.Errorf("%s for %.20s: no %s", tt.platforms, tt.agent, want)
			}
		}
		for _, never := range tt.not {
			if strings.Contains(page, never) {
				t.Errorf("%s for %.20s: has %s", tt.platforms, tt.agent, never)
			}
		}
		for _, platform := range []string{"iphone", "mac"} {
			page, answer := http.StatusSeeOther, http.StatusOK
			if !strings.Contains(tt.platforms, platform) {
				page, answer = 422, 422
			}
			if a := s.Post(s.Link(platform+"@example.com")+"/profile", "variant", "mail", "platform", platform); a.Status != page || page == 422 && (!bytes.Contains(a.Body, []byte("platform_not_offered")) || bytes.Contains(a.Body, []byte(`href="#platform"`))) {
				t.Errorf("%s: a page gives %s %d", tt.platforms, platform, a.Status)
			}
			c.Want(t, answer, "POST", "/profiles", `{"address":"jane@example.com","platform":"`+platform+`"}`)
		}
	}
}

// A zone stands in for DNS.
type zone map[string][]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	if texts, ok := z[name]; ok {
		return texts, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// TestDomainProof adds a domain to an untrusted account by following the error.
func TestDomainProof(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		dns := zone{}
		s := servertest.New(t, database, func(c *server.Config) { c.Resolver = dns })
		secondAccount(t, database)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Account: "acc_2", Scopes: []string{"domains:write", "domains:read"}}))
		const body = `{"name":"two.example","imap":"imap.two.example","smtp":"smtp.two.example"}`
		a := c.Want(t, 422, "POST", "/domains", body)
		var p struct{ Detail string }
		if err := json.Unmarshal(a.Body, &p); err != nil || servertest.CodeOf(t, a) != "domain_unproven" || !slices.Equal(servertest.ErrorsOf(t, a), []string{"/name domain_unproven"}) {
			t.Fatalf("%v %s", err, a.Body)
		}
		var name, value string
		if _, err := fmt.Sscanf(strings.ReplaceAll(p.Detail, ",", " "), "Publish the TXT record %s with the value %s then", &name, &value); err != nil || name != "_mobileconfig.two.example" {
			t.Fatalf("%v: %s", err, p.Detail)
		}
		dns[name+"."] = []string{"v=spf1 -all", "mobileconfig-domain=aaaaaaaaaaaaaaaaaaaaaaaaaa"}
		c.Want(t, 422, "POST", "/domains", body)
		dns[name+"."] = append(dns[name+"."], value)
		c.Want(t, 201, "POST", "/domains", body)
		c.Want(t, 422, "POST", "/domains", strings.Replace(body, "two.example", "example.com", 1))
		trusted := servertest.Admin(t, s, database)
		trusted.Want(t, 201, "POST", "/domains", strings.Replace(body, "two.example", "three.example", 1))
	})
}
