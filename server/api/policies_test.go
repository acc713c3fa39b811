package api_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestAPIPolicies(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		id := c.NewPolicy(t, `"max_failed_attempts":7,"reset_minutes":20,"history":3`)
		var p struct {
			ID, Name     string
			Erases       bool
			ResetMinutes int `json:"reset_minutes"`
			History      int
			Domains      []string
			CreatedAt    string `json:"created_at"`
		}
		c.SetDomain(t, `"policy":"offered","policy_id":"`+id+`"`)
		a := c.Want(t, 200, "GET", "/policies/"+id, "")
		if err := json.Unmarshal(a.Body, &p); err != nil || p.ID != id || p.Name != "Field staff" || !p.Erases || p.ResetMinutes != 20 || p.History != 3 || !slices.Equal(p.Domains, []string{"example.com"}) || p.CreatedAt == "" {
			t.Errorf("%v %s", err, a.Body)
		}
		a = c.Want(t, 409, "DELETE", "/policies/"+id, "")
		if servertest.CodeOf(t, a) != "conflict" || !bytes.Contains(a.Body, []byte("example.com")) {
			t.Errorf("a policy in use: %s", a.Body)
		}
		a = c.Want(t, 200, "PUT", "/policies/"+id, `{"name":"Office","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)
		if !bytes.Contains(a.Body, []byte(`"erases":false`)) || !bytes.Contains(a.Body, []byte(`"history":0`)) || !bytes.Contains(a.Body, []byte(`"Office"`)) {
			t.Errorf("%s", a.Body)
		}
		c.SetDomain(t, `"policy_id":"standard"`)
		var list struct {
			Policies []struct {
				ID      string
				Domains []string
			}
		}
		a = c.Want(t, 200, "GET", "/policies", "")
		if err := json.Unmarshal(a.Body, &list); err != nil || len(list.Policies) != 2 || list.Policies[0].ID != "standard" || !slices.Equal(list.Policies[0].Domains, []string{"example.com"}) || list.Policies[1].ID != id || len(list.Policies[1].Domains) != 0 {
			t.Errorf("%v %s", err, a.Body)
		}
		for _, method := range []string{"PUT", "DELETE"} {
			if code := servertest.CodeOf(t, c.Want(t, 409, method, "/policies/standard", `{"name":"x","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)); code != "conflict" {
				t.Error(code)
			}
		}
		c.Want(t, 204, "DELETE", "/policies/"+id, "")
		c.Want(t, 404, "GET", "/policies/"+id, "")
		c.Want(t, 404, "GET", "/policies/%00", "")
		c.Want(t, 404, "POST", "/keys/%00/revoke", "")
		c.Want(t, 404, "GET", "/policies/%FF", "")
		dump := storetest.Dump(t, database)
		for _, name := range []string{"policy.create", "policy.update", "policy.delete"} {
			if !strings.Contains(dump, "actions.name="+name) {
				t.Errorf("no action %s", name)
			}
		}
	})
}

// TestPolicyBelongsToAnAccount checks that another account's policy can't be seen,
// changed or used.
func TestPolicyBelongsToAnAccount(t *testing.T) {
	s, database := serverOn(t)
	secondAccount(t, database)
	c := servertest.Admin(t, s, database)
	id := c.NewPolicy(t, `"max_failed_attempts":7`)
	other := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Account: "acc_2", Scopes: servertest.AllScopes()}))
	other.Want(t, 404, "GET", "/policies/"+id, "")
	other.Want(t, 404, "PUT", "/policies/"+id, `{"name":"x","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)
	other.Want(t, 404, "DELETE", "/policies/"+id, "")
	if a := other.Want(t, 200, "GET", "/policies", ""); bytes.Contains(a.Body, []byte(id)) || bytes.Contains(a.Body, []byte("example.com")) {
		t.Errorf("%s", a.Body)
	}
	a := c.Want(t, 422, "PUT", "/domains/example.com", `{"imap":"a.example","smtp":"b.example","policy_id":"pol_none"}`)
	if got := servertest.ErrorsOf(t, a); !slices.Equal(got, []string{"/policy_id policy_unknown"}) {
		t.Errorf("%q", got)
	}
	narrow := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes(), Domains: []string{"other.example"}}))
	if a := narrow.Want(t, 200, "GET", "/policies", ""); bytes.Contains(a.Body, []byte("example.com")) {
		t.Errorf("a key for other domains sees %s", a.Body)
	}
	for _, op := range [][2]string{{"POST", "/policies"}, {"PUT", "/policies/" + id}, {"DELETE", "/policies/" + id}} {
		if code := servertest.CodeOf(t, narrow.Want(t, 403, op[0], op[1], `{"name":"x","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":0}`)); code != "forbidden" {
			t.Errorf("%s: %s", op, code)
		}
	}
	if got := c.Want(t, 200, "GET", "/policies/"+id, ""); !bytes.Contains(got.Body, []byte(`"max_failed_attempts":7`)) {
		t.Errorf("it was changed: %s", got.Body)
	}
}

// TestPolicyOfDomain checks a domain's policy on the page and in the profile: one that
// never erases, and then one that does.
func TestPolicyOfDomain(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		id := c.NewPolicy(t, `"max_failed_attempts":0,"alphanumeric":true`)
		c.SetDomain(t, `"policy":"offered","policy_id":"`+id+`"`)
		link := s.Link("jane@example.com")
		ticket := s.Ticket(link, "secure")
		page, content := string(s.Get(link).Body), string(s.Content(s.Get(ticket).Body))
		if strings.Contains(page, "erase this iPhone") || !strings.Contains(page, "Wrong passcodes don’t erase it") || !strings.Contains(page, "8 characters or more") {
			t.Error("the page does not follow a policy that never erases")
		}
		if strings.Contains(content, "maxFailedAttempts") || strings.Contains(content, "ERASE THIS") || !strings.Contains(content, "<integer>8</integer>") {
			t.Errorf("the profile does not follow it: %s", content)
		}
		c.Want(t, 200, "PUT", "/policies/"+id, `{"name":"Strict","min_length":9,"auto_lock_minutes":2,"max_failed_attempts":7}`)
		page, content = string(s.Get(link).Body), string(s.Content(s.Get(ticket).Body))
		if !strings.Contains(page, "7 wrong passcodes erase this iPhone") || !strings.Contains(content, "ABOUT 7 WRONG PASSCODES") || !strings.Contains(content, "<integer>9</integer>") {
			t.Error("the next download does not follow the change")
		}
		a := c.Want(t, 200, "POST", "/profiles", `{"address":"jane@example.com","variant":"secure"}`)
		if string(s.Content(a.Body)) != content {
			t.Error("the API makes another profile")
		}
	})
}
