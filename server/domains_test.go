package server_test

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

const aMac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"

// admin is a client that may do everything.
func admin(t *testing.T, s *servertest.Server, database string) client {
	t.Helper()
	return client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
}

// set gives the domain example.com its usual servers and the fields.
func (c client) set(t *testing.T, fields string) servertest.Answer {
	t.Helper()
	return c.want(t, 200, "PUT", "/domains/example.com", `{"imap":"imap.example.com","smtp":"smtp.example.com",`+fields+`}`)
}

// policyOf makes a policy with the rules and returns its id.
func (c client) policyOf(t *testing.T, rules string) string {
	t.Helper()
	a := c.want(t, 201, "POST", "/policies", `{"name":"Field staff","min_length":8,"auto_lock_minutes":2,`+rules+`}`)
	var made struct{ ID string }
	if err := json.Unmarshal(a.Body, &made); err != nil || !strings.HasPrefix(made.ID, "pol_") {
		t.Fatalf("%v %s", err, a.Body)
	}
	return made.ID
}

// errorsOf are the fields at fault in a problem, each with its code.
func errorsOf(t *testing.T, a servertest.Answer) []string {
	t.Helper()
	var p struct {
		Errors []struct{ Pointer, Code, Detail string }
	}
	if err := json.Unmarshal(a.Body, &p); err != nil {
		t.Fatalf("%v %s", err, a.Body)
	}
	var out []string
	for _, e := range p.Errors {
		if e.Detail == "" {
			t.Errorf("%s says nothing", e.Pointer)
		}
		out = append(out, e.Pointer+" "+e.Code)
	}
	return out
}

// secondAccount makes the account acc_2, which is not trusted.
func secondAccount(t *testing.T, database string) {
	t.Helper()
	storetest.Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
	storetest.Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
}

func TestAPIPolicies(t *testing.T) {
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := admin(t, s, database)
		id := c.policyOf(t, `"max_failed_attempts":7,"reset_minutes":20,"history":3`)
		var p struct {
			ID, Name     string
			Erases       bool
			ResetMinutes int `json:"reset_minutes"`
			History      int
			Domains      []string
			Created      string
		}
		c.set(t, `"policy":"offered","policy_id":"`+id+`"`)
		a := c.want(t, 200, "GET", "/policies/"+id, "")
		if err := json.Unmarshal(a.Body, &p); err != nil || p.ID != id || p.Name != "Field staff" || !p.Erases || p.ResetMinutes != 20 || p.History != 3 || !slices.Equal(p.Domains, []string{"example.com"}) || p.Created == "" {
			t.Errorf("%v %s", err, a.Body)
		}
		a = c.want(t, 409, "DELETE", "/policies/"+id, "")
		if codeOf(t, a) != "conflict" || !bytes.Contains(a.Body, []byte("example.com")) {
			t.Errorf("a policy in use: %s", a.Body)
		}
		a = c.want(t, 200, "PUT", "/policies/"+id, `{"name":"Office","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)
		if !bytes.Contains(a.Body, []byte(`"erases":false`)) || !bytes.Contains(a.Body, []byte(`"history":0`)) || !bytes.Contains(a.Body, []byte(`"Office"`)) {
			t.Errorf("%s", a.Body)
		}
		c.set(t, `"policy_id":"standard"`)
		var list struct {
			Policies []struct {
				ID      string
				Domains []string
			}
		}
		a = c.want(t, 200, "GET", "/policies", "")
		if err := json.Unmarshal(a.Body, &list); err != nil || len(list.Policies) != 2 || list.Policies[0].ID != "standard" || !slices.Equal(list.Policies[0].Domains, []string{"example.com"}) || list.Policies[1].ID != id || len(list.Policies[1].Domains) != 0 {
			t.Errorf("%v %s", err, a.Body)
		}
		for _, method := range []string{"PUT", "DELETE"} {
			if code := codeOf(t, c.want(t, 409, method, "/policies/standard", `{"name":"x","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)); code != "conflict" {
				t.Error(code)
			}
		}
		c.want(t, 204, "DELETE", "/policies/"+id, "")
		c.want(t, 404, "GET", "/policies/"+id, "")
		c.want(t, 404, "GET", "/policies/%00", "")
		c.want(t, 404, "POST", "/keys/%00/revoke", "")
		c.want(t, 404, "GET", "/policies/%FF", "")
		dump := storetest.Dump(t, database)
		for _, name := range []string{"policy.create", "policy.update", "policy.delete"} {
			if !strings.Contains(dump, "actions.name="+name) {
				t.Errorf("no action %s", name)
			}
		}
	})
}

// TestAPIListsAllProblems wants every field that cannot be taken in one answer.
func TestAPIListsAllProblems(t *testing.T) {
	s, database := serverOn(t)
	c := admin(t, s, database)
	a := c.want(t, 422, "POST", "/policies", `{"name":"a\u202eb","min_length":3,"max_failed_attempts":6,"auto_lock_minutes":0,"grace_minutes":500}`)
	want := []string{"/name name_invalid", "/min_length invalid", "/max_failed_attempts invalid", "/auto_lock_minutes invalid", "/grace_minutes invalid"}
	if got := errorsOf(t, a); !slices.Equal(got, want) || codeOf(t, a) != "name_invalid" {
		t.Errorf("got %q, want %q", got, want)
	}
	a = c.want(t, 422, "POST", "/domains", `{"name":"nowhere","imap":"x","smtp":"smtp.example.com:25","display_name":"a\u0007","policy_id":"a\u0000"}`)
	want = []string{"/name invalid", "/imap invalid", "/smtp invalid", "/policy_id policy_unknown", "/display_name invalid"}
	if got := errorsOf(t, a); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	a = c.want(t, 422, "POST", "/profiles", `{"address":"jane@example.com","name":"a\u202eb","login":"a\u202eb"}`)
	if got := errorsOf(t, a); !slices.Equal(got, []string{"/name invalid", "/login invalid"}) {
		t.Errorf("got %q", got)
	}
	c.want(t, 422, "POST", "/policies", `{"name":"x","min_length":6,"auto_lock_minutes":5}`) // whether it erases must be said
}

// TestPolicyBelongsToAnAccount wants nothing of another account's policy to be
// seen, changed or used.
func TestPolicyBelongsToAnAccount(t *testing.T) {
	s, database := serverOn(t)
	secondAccount(t, database)
	c := admin(t, s, database)
	id := c.policyOf(t, `"max_failed_attempts":7`)
	other := client{s, newKey(t, database, account.KeySpec{Account: "acc_2", Scopes: allScopes()})}
	other.want(t, 404, "GET", "/policies/"+id, "")
	other.want(t, 404, "PUT", "/policies/"+id, `{"name":"x","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)
	other.want(t, 404, "DELETE", "/policies/"+id, "")
	if a := other.want(t, 200, "GET", "/policies", ""); bytes.Contains(a.Body, []byte(id)) || bytes.Contains(a.Body, []byte("example.com")) {
		t.Errorf("%s", a.Body)
	}
	a := c.want(t, 422, "PUT", "/domains/example.com", `{"imap":"a.example","smtp":"b.example","policy_id":"pol_none"}`)
	if got := errorsOf(t, a); !slices.Equal(got, []string{"/policy_id policy_unknown"}) {
		t.Errorf("%q", got)
	}
	narrow := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes(), Domains: []string{"other.example"}})}
	if a := narrow.want(t, 200, "GET", "/policies", ""); bytes.Contains(a.Body, []byte("example.com")) {
		t.Errorf("a key for other domains sees %s", a.Body)
	}
	for _, op := range [][2]string{{"POST", "/policies"}, {"PUT", "/policies/" + id}, {"DELETE", "/policies/" + id}} {
		if code := codeOf(t, narrow.want(t, 403, op[0], op[1], `{"name":"x","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)); code != "forbidden" {
			t.Errorf("%s: %s", op, code)
		}
	}
	if got := c.want(t, 200, "GET", "/policies/"+id, ""); !bytes.Contains(got.Body, []byte(`"max_failed_attempts":7`)) {
		t.Errorf("it was changed: %s", got.Body)
	}
}

// serverOn is a server on SQLite, for what the database does not decide.
func serverOn(t *testing.T) (*servertest.Server, string) {
	t.Helper()
	database := storetest.SQLite(t)
	return servertest.New(t, database, nil), database
}

// TestPolicyOfDomain follows the policy of a domain onto the page and into the
// profile: one that never erases, and then one that does.
func TestPolicyOfDomain(t *testing.T) {
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := admin(t, s, database)
		id := c.policyOf(t, `"max_failed_attempts":0,"alphanumeric":true`)
		c.set(t, `"policy":"offered","policy_id":"`+id+`"`)
		link := s.Link("jane@example.com")
		ticket := s.Ticket(link, "secure")
		page, content := string(s.Get(link).Body), string(s.Content(s.Get(ticket).Body))
		if strings.Contains(page, "erase this iPhone") || !strings.Contains(page, "Wrong codes do not erase it") || !strings.Contains(page, "8 characters or more") {
			t.Error("the page does not follow a policy that never erases")
		}
		if strings.Contains(content, "maxFailedAttempts") || strings.Contains(content, "ERASE THIS") || !strings.Contains(content, "<integer>8</integer>") {
			t.Errorf("the profile does not follow it: %s", content)
		}
		c.want(t, 200, "PUT", "/policies/"+id, `{"name":"Strict","min_length":9,"auto_lock_minutes":2,"max_failed_attempts":7}`)
		page, content = string(s.Get(link).Body), string(s.Content(s.Get(ticket).Body))
		if !strings.Contains(page, "7 wrong codes erase this iPhone") || !strings.Contains(content, "ABOUT 7 WRONG CODES") || !strings.Contains(content, "<integer>9</integer>") {
			t.Error("the next download does not follow the change")
		}
		a := c.want(t, 200, "POST", "/profiles", `{"address":"jane@example.com","variant":"secure"}`)
		if string(s.Content(a.Body)) != content {
			t.Error("the API makes another profile")
		}
	})
}

// TestDomainWords follows what a domain says to the page and into the profile.
func TestDomainWords(t *testing.T) {
	s, database := serverOn(t)
	c := admin(t, s, database)
	a := c.set(t, `"display_name":"Example & Sons","help_text":"Call 030 1234.\nOr write <b>us</b>.","sign_in_hint":"The one for webmail."`)
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
	for _, agent := range []string{servertest.IPhone, aMac, "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"} {
		page := string(s.Do("GET", link, http.Header{"User-Agent": {agent}}, "").Body)
		for _, want := range []string{"<bdi>Example &amp; Sons</bdi>: mail at", "<bdi>Call 030 1234.</bdi><br><bdi>Or write &lt;b&gt;us&lt;/b&gt;.</bdi>", "<bdi>The one for webmail.</bdi>"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %s", agent, want)
			}
		}
	}
	if content := s.Content(s.Get(s.Ticket(link, "mail")).Body); !bytes.Contains(content, []byte("<string>Example &amp; Sons</string>")) {
		t.Errorf("the profile does not name the service: %s", content)
	}
	c.set(t, `"policy":"offered"`)
	if page := s.Get(link).Body; bytes.Contains(page, []byte("Sons")) || bytes.Contains(page, []byte("webmail.</bdi>")) {
		t.Error("what the domain no longer says is on the page")
	}
	dump := storetest.Dump(t, database)
	for _, field := range []string{"display_name", "help_text", "sign_in_hint"} {
		if !strings.Contains(dump, `{"field":"`+field+`"`) {
			t.Errorf("no change of %s in the log", field)
		}
	}
}

// TestLoginForms walks over the forms of user names.
func TestLoginForms(t *testing.T) {
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := admin(t, s, database)
		login := func(a servertest.Answer) string {
			content := string(s.Content(a.Body))
			_, rest, _ := strings.Cut(content, "IncomingMailServerUsername</key>")
			_, rest, _ = strings.Cut(rest, "<string>")
			name, _, _ := strings.Cut(rest, "</string>")
			return name
		}
		old := s.Link("jane@example.com")
		waiting := s.Ticket(old, "mail")

		c.set(t, `"login":"local_part"`)
		if got := login(s.Get(waiting)); got != "jane" {
			t.Errorf("a page gives the login %q", got)
		}
		if page := s.Get(old).Body; !bytes.Contains(page, []byte("before the @")) {
			t.Error("the page does not say the login")
		}
		if got := login(c.want(t, 200, "POST", "/profiles", `{"address":"jane@example.com"}`)); got != "jane" {
			t.Errorf("the API gives the login %q", got)
		}
		if a := c.want(t, 200, "GET", "/domains/example.com/settings?address=jane@example.com", ""); !bytes.Contains(a.Body, []byte(`"user_name":"jane"`)) {
			t.Errorf("%s", a.Body)
		}

		c.set(t, `"login":"given"`)
		before := storetest.Fingerprint(t, database)
		if a := s.Post("/start", "address", "jane@example.com"); a.Status != 422 || !bytes.Contains(a.Body, []byte("login_needed")) || !bytes.Contains(a.Body, []byte(`href="#address"`)) {
			t.Errorf("start: %d", a.Status)
		}
		if a := s.Post(old+"/profile", "variant", "mail", "platform", "iphone"); a.Status != 422 || !bytes.Contains(a.Body, []byte("login_needed")) {
			t.Errorf("an old link: %d", a.Status)
		}
		if a := s.Get(waiting); a.Status != 422 || !bytes.Contains(a.Body, []byte("login_needed")) {
			t.Errorf("an old ticket: %d", a.Status)
		}
		for _, op := range [][3]string{{"POST", "/profiles", `{"address":"jane@example.com"}`}, {"GET", "/domains/example.com/settings?address=jane@example.com", ""}} {
			if a := c.want(t, 422, op[0], op[1], op[2]); codeOf(t, a) != "login_needed" || !slices.Equal(errorsOf(t, a), []string{"/login login_needed"}) {
				t.Errorf("%s: %s", op[1], a.Body)
			}
		}
		c.want(t, 422, "GET", "/domains/example.com/settings?address=jane@example.com&login=a%00b", "")
		if storetest.Fingerprint(t, database) != before {
			t.Error("a refusal changed the database")
		}
		if a := c.want(t, 200, "GET", "/domains/example.com/settings?address=jane@example.com&login=jd7", ""); !bytes.Contains(a.Body, []byte(`"user_name":"jd7"`)) {
			t.Errorf("%s", a.Body)
		}
		if got := login(c.want(t, 200, "POST", "/profiles", `{"address":"jane@example.com","login":"jd7"}`)); got != "jd7" {
			t.Errorf("a given login became %q", got)
		}
	})
}

// TestPlatforms wants no button and no profile for a platform that a domain
// makes nothing for.
func TestPlatforms(t *testing.T) {
	s, database := serverOn(t)
	c := admin(t, s, database)
	link := s.Link("jane@example.com")
	tests := []struct {
		platforms, agent string
		has, not         []string
	}{
		{`["mac"]`, servertest.IPhone, []string{"Set up mail on your\u00a0Mac", "imap.example.com"}, []string{"<form", `value="iphone"`}},
		{`["mac"]`, "curl/8", []string{"Set up mail on your\u00a0Mac", "imap.example.com"}, []string{"<form", "qr.svg"}},
		{`["mac"]`, aMac, []string{`value="mac"`, "no file for an iPad"}, []string{`value="iphone"`}},
		{`["iphone"]`, aMac, []string{"qr.svg", `value="iphone"`, "no file for a Mac"}, []string{`value="mac"`}},
		{`["iphone"]`, servertest.IPhone, []string{`value="iphone"`}, []string{`value="mac"`}},
		{`["iphone","mac"]`, "curl/8", []string{`value="iphone"`, `value="mac"`}, []string{"no file for"}},
	}
	for _, tt := range tests {
		c.set(t, `"policy":"offered","platforms":`+tt.platforms)
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
			c.want(t, answer, "POST", "/profiles", `{"address":"jane@example.com","platform":"`+platform+`"}`)
		}
	}
}

// A zone answers for the DNS.
type zone map[string][]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	if texts, ok := z[name]; ok {
		return texts, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// TestDomainProof has an account that is not trusted bring a domain by what
// the refusal says.
func TestDomainProof(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		dns := zone{}
		s := servertest.New(t, database, func(c *server.Config) { c.Resolver = dns })
		secondAccount(t, database)
		c := client{s, newKey(t, database, account.KeySpec{Account: "acc_2", Scopes: []string{"domains:write", "domains:read"}})}
		const body = `{"name":"two.example","imap":"imap.two.example","smtp":"smtp.two.example"}`
		a := c.want(t, 422, "POST", "/domains", body)
		var p struct{ Detail string }
		if err := json.Unmarshal(a.Body, &p); err != nil || codeOf(t, a) != "domain_unproven" || !slices.Equal(errorsOf(t, a), []string{"/name domain_unproven"}) {
			t.Fatalf("%v %s", err, a.Body)
		}
		var name, value string
		if _, err := fmt.Sscanf(strings.ReplaceAll(p.Detail, ",", " "), "Publish the TXT record %s with the value %s then", &name, &value); err != nil || name != "_mobileconfig.two.example" {
			t.Fatalf("%v: %s", err, p.Detail)
		}
		dns[name+"."] = []string{"v=spf1 -all", "mobileconfig-domain=aaaaaaaaaaaaaaaaaaaaaaaaaa"}
		c.want(t, 422, "POST", "/domains", body)
		dns[name+"."] = append(dns[name+"."], value)
		c.want(t, 201, "POST", "/domains", body)
		c.want(t, 422, "POST", "/domains", strings.Replace(body, "two.example", "example.com", 1))
		trusted := admin(t, s, database)
		trusted.want(t, 201, "POST", "/domains", strings.Replace(body, "two.example", "three.example", 1))
	})
}

// TestFirstDomainKeepsItsSettings starts the server again with other servers
// for its first domain.
func TestFirstDomainKeepsItsSettings(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	c := admin(t, s, database)
	c.set(t, `"policy":"required","display_name":"Example Mail","login":"local_part","caldav":"cal.example.com"`)
	c.s = servertest.New(t, database, func(config *server.Config) {
		config.First.Service.Incoming.Host = "new.example.com"
	})
	a := c.want(t, 200, "GET", "/domains/example.com", "")
	for _, want := range []string{`"imap":"new.example.com:993"`, `"policy":"required"`, `"display_name":"Example Mail"`, `"login":"local_part"`, `"caldav":"cal.example.com:443"`} {
		if !bytes.Contains(a.Body, []byte(want)) {
			t.Errorf("no %s in %s", want, a.Body)
		}
	}
}
