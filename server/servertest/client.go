package servertest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// An ActionPage is a page of the action log as the API returns it.
type ActionPage struct {
	Actions []struct {
		Seq                       int64
		Time                      time.Time
		Action, Outcome, IP, Link string
		Interface                 string
		Actor, Target             struct{ Kind, ID, Name string }
		Unreadable                bool
	}
	NextCursor string `json:"next_cursor"`
}

// Seqs returns the sequence numbers of the actions on the page.
func (l ActionPage) Seqs() []int64 {
	var all []int64
	for _, a := range l.Actions {
		all = append(all, a.Seq)
	}
	return all
}

// ListActions fetches a page of the action log by the query string.
func ListActions(t *testing.T, c Client, query string) ActionPage {
	t.Helper()
	var out ActionPage
	Decode(t, c.Want(t, http.StatusOK, http.MethodGet, "/actions?"+query, ""), &out)
	return out
}

// OtherAccount adds a second account with a log of its own and returns its ID.
func OtherAccount(t *testing.T, database string) string {
	t.Helper()
	storetest.Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
	storetest.Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
	return "acc_2"
}

// AllScopes returns every scope that an API key can have.
func AllScopes() []string {
	var out []string
	for _, s := range account.Scopes() {
		out = append(out, string(s))
	}
	return out
}

// NewKey creates an API key as the command line does, in an account whose keys
// may use every server and set every policy; [Restrict] ends that. The default
// account is account.Default and the default name "panel".
func NewKey(t testing.TB, database string, spec account.KeySpec) string {
	t.Helper()
	if spec.Account == "" {
		spec.Account = account.Default
	}
	if spec.Name == "" {
		spec.Name = "panel"
	}
	_, key, err := account.NewKeys(storetest.Shared(t, database), time.Now).Create(t.Context(), audit.ByOperator(), spec)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Exec(t, database, `UPDATE accounts SET erasing_policies_by_key = 1 WHERE id = $1`, spec.Account)
	storetest.Exec(t, database, `INSERT INTO approved_hosts (account, pattern, created)
		VALUES ($1, '*.com', 0), ($1, '*.net', 0), ($1, '*.org', 0), ($1, '*.test', 0), ($1, '*.example', 0) ON CONFLICT (account, pattern) DO NOTHING`, spec.Account)
	return key
}

// Restrict makes the account require approved servers, and forbids its keys
// policies that erase.
func Restrict(t *testing.T, database, account string) {
	t.Helper()
	storetest.Exec(t, database, `DELETE FROM approved_hosts WHERE account = $1`, account)
	storetest.Exec(t, database, `UPDATE accounts SET erasing_policies_by_key = 0 WHERE id = $1`, account)
}

// A Client calls the API with a key.
type Client struct {
	Server *Server
	Key    string
}

// NewClient returns a client that calls the server with the key.
func NewClient(s *Server, key string) Client { return Client{Server: s, Key: key} }

// Do sends a JSON request to the path below /api/v1.
func (c Client) Do(method, path, body string) Answer {
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.Key}}
	return c.Server.Do(method, "/api/v1"+path, header, body)
}

// Want is Do, and reports an error unless the answer has the status.
func (c Client) Want(t *testing.T, status int, method, path, body string) Answer {
	t.Helper()
	a := c.Do(method, path, body)
	if a.Status != status {
		t.Errorf("%s %s %s: %d %s, want %d", method, path, body, a.Status, a.Body, status)
	}
	return a
}

// CodeOf returns the code of a problem document, after checking that the
// answer is a well-formed one.
func CodeOf(t *testing.T, a Answer) string {
	t.Helper()
	var p struct{ Type, Title, Detail, Code, Instance string }
	if err := json.Unmarshal(a.Body, &p); err != nil || p.Title == "" || p.Detail == "" || p.Type != "about:blank" || !strings.HasPrefix(p.Instance, "urn:mobileconfig:req_") {
		t.Errorf("no problem: %v %s", err, a.Body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	return p.Code
}

// Admin returns a client whose new key has every scope.
func Admin(t *testing.T, s *Server, database string) Client {
	t.Helper()
	return NewClient(s, NewKey(t, database, account.KeySpec{Scopes: AllScopes()}))
}

// SetDomain updates the domain example.com with its usual servers and
// additional JSON fields.
func (c Client) SetDomain(t *testing.T, fields string) Answer {
	t.Helper()
	return c.Want(t, 200, "PUT", "/domains/example.com", `{"imap":"imap.example.com","smtp":"smtp.example.com",`+fields+`}`)
}

// NewPolicy creates a policy with additional JSON fields and returns its ID. It's
// called Field staff, unless a field is the name.
func (c Client) NewPolicy(t *testing.T, rules string) string {
	t.Helper()
	if !strings.Contains(rules, `"name":`) {
		rules += `,"name":"Field staff"`
	}
	a := c.Want(t, 201, "POST", "/policies", `{"min_length":8,"auto_lock_minutes":2,`+rules+`}`)
	var made struct{ ID string }
	if err := json.Unmarshal(a.Body, &made); err != nil || !strings.HasPrefix(made.ID, "pol_") {
		t.Fatalf("%v %s", err, a.Body)
	}
	return made.ID
}

// ErrorsOf returns the pointer and code of each error in a problem document.
func ErrorsOf(t *testing.T, a Answer) []string {
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

// An APILink is a setup link as the API returns it.
type APILink struct {
	ID, URL, State, Variant string
	QRURL                   string    `json:"qr_url"`
	ExternalID              string    `json:"external_id"`
	ExpiresAt               time.Time `json:"expires_at"`
	Downloads               int
}

// LinkIn decodes the setup link in an answer.
func LinkIn(t *testing.T, a Answer) APILink {
	t.Helper()
	var l APILink
	if err := json.Unmarshal(a.Body, &l); err != nil {
		t.Fatalf("%v %s", err, a.Body)
	}
	return l
}

// Path returns the path of the link's page on a server made by New.
func (l APILink) Path() string { return strings.TrimPrefix(l.URL, "http://setup.example.com") }

// Decode decodes the JSON body of an answer and fails the test if it can't.
func Decode(t *testing.T, a Answer, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
}
