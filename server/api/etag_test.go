package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const publicKey = `"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAQ8enBb+ZNG0DqTsEqXEUgxrbiPB14feWgHhRD5qU4zQ=\n-----END PUBLIC KEY-----\n"`

// A resource is a type of resource in the API.
type resource struct {
	name, path, create string
	patch, other       string // two changes
	put                bool   // it can be replaced as a whole, and deleted
}

// resources describes how to create and change each type of resource.
var resources = []resource{
	{"domain", "/domains", `{"name":"example.net","imap":"imap.example.net","smtp":"smtp.example.net"}`, `{"display_name":"One"}`, `{"display_name":null}`, true},
	{"policy", "/policies", `{"name":"Field","min_length":6,"max_failed_attempts":0,"auto_lock_minutes":5}`, `{"history":3}`, `{"max_failed_attempts":10}`, true},
	{"webhook", "/webhooks", `{"url":"https://panel.example.com/hooks","events":["link.opened"]}`, `{"disabled":true}`, `{"events":["link.opened","link.downloaded"]}`, true},
	{"redirect key", "/redirect-keys", `{"name":"Portal","public_key":` + publicKey + `}`, `{"name":"One"}`, `{"domains":["example.com"]}`, true},
	{"key", "/keys", `{"name":"billing","scopes":["keys:read"]}`, `{"name":"One"}`, `{"expires_at":"2999-01-01T00:00:00.5Z"}`, false},
	{"link", "/setup-links", `{"address":"jane@example.com"}`, `{"variant":"mail","name":"Jane"}`, `{"max_downloads":7,"external_id":"x"}`, false},
}

// send sends a request with a header.
func send(c servertest.Client, method, path, name, value, body string) servertest.Answer {
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.Key}}
	if name != "" {
		header.Set(name, value)
	}
	return c.Server.Do(method, "/api/v1"+path, header, body)
}

// made creates a resource and returns its path.
func made(t *testing.T, c servertest.Client, path, body string) string {
	t.Helper()
	var out struct{ ID, Name string }
	servertest.Decode(t, c.Want(t, 201, "POST", path, body), &out)
	if out.ID == "" {
		out.ID = out.Name
	}
	return path + "/" + out.ID
}

// TestAPIResources gets, changes and puts back each type of resource, using its ETag.
func TestAPIResources(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		for _, r := range resources {
			path := made(t, c, r.path, r.create)
			first := c.Want(t, 200, "GET", path, "")
			tag := first.Header.Get("ETag")
			if len(tag) < 10 || tag[0] != '"' {
				t.Fatalf("%s: ETag %s", r.name, tag)
			}
			for _, match := range []string{tag, "*", `"x", W/` + tag, strings.TrimSuffix(tag, `"`) + `-gzip"`} {
				if a := send(c, "GET", path, "If-None-Match", match, ""); a.Status != 304 || len(a.Body) > 0 || a.Header.Get("ETag") != tag {
					t.Errorf("%s: If-None-Match %s: %d %s", r.name, match, a.Status, a.Body)
				}
			}
			// Everything shown can be sent back, and changes nothing.
			before := storetest.Column(t, database, `SELECT seq FROM actions`)
			method := "PATCH"
			if r.put {
				method = "PUT"
			}
			if a := send(c, method, path, "If-Match", tag, string(first.Body)); a.Status != 200 || string(a.Body) != string(first.Body) || a.Header.Get("ETag") != tag {
				t.Errorf("%s: sent back: %d %s, want %s", r.name, a.Status, a.Body, first.Body)
			}
			if after := storetest.Column(t, database, `SELECT seq FROM actions`); len(after) != len(before) {
				t.Errorf("%s: sent back, it left an action", r.name)
			}
			a := send(c, "PATCH", path, "If-Match", tag, r.patch)
			if a.Status != 200 || a.Header.Get("ETag") == tag {
				t.Fatalf("%s: %d %s", r.name, a.Status, a.Body)
			}
			wantFields(t, r.name, a.Body, r.patch)
			for _, match := range []string{tag, `W/` + a.Header.Get("ETag"), `"x"`, "x"} {
				if a := send(c, "PATCH", path, "If-Match", match, r.other); a.Status != 412 || servertest.CodeOf(t, a) != "precondition_failed" {
					t.Errorf("%s: If-Match %s: %d %s", r.name, match, a.Status, a.Body)
				}
			}
			if r.put {
				if a := send(c, "PUT", path, "If-Match", tag, string(first.Body)); a.Status != 412 {
					t.Errorf("%s: PUT with an old ETag: %d", r.name, a.Status)
				}
			}
			wantFields(t, r.name, c.Want(t, 200, "PATCH", path, r.other).Body, r.other)
			wantFields(t, r.name, c.Want(t, 200, "GET", path, "").Body, r.other)
			if r.put {
				if b := send(c, "DELETE", path, "If-Match", a.Header.Get("ETag"), ""); b.Status != 412 {
					t.Errorf("%s: DELETE with an old ETag: %d %s", r.name, b.Status, b.Body)
				}
			}
			if strings.Contains(r.other, "null") {
				continue
			}
			wantFields(t, r.name, c.Want(t, 200, "GET", path, "").Body, r.patch) // both are kept
		}
	})
}

// wantFields checks that the response has the patched fields.
func wantFields(t *testing.T, name string, answer []byte, patch string) {
	t.Helper()
	var got, want map[string]any
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(patch), &want); err != nil {
		t.Fatal(err)
	}
	for field, value := range want {
		if value == nil {
			value = ""
		}
		a, _ := json.Marshal(got[field])
		b, _ := json.Marshal(value)
		if text := strings.TrimSuffix(string(b), `.5Z"`); string(a) != string(b) && !strings.HasPrefix(string(a), text+".5") {
			if field == "events" && len(a) == len(b) { // sorted
				continue
			}
			t.Errorf("%s: %s is %s, want %s", name, field, a, b)
		}
	}
}

// TestAPILostUpdate changes each resource twice at once from the same version, on two
// servers: one request is refused.
func TestAPILostUpdate(t *testing.T) {
	t.Parallel()
	fields := map[string]string{
		"domain": `"display_name":"%s"`, "policy": `"name":"%s"`, "webhook": `"url":"https://panel.example.com/%s"`,
		"redirect key": `"name":"%s"`, "key": `"name":"%s"`, "link": `"external_id":"%s"`,
	}
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		key := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
		clients := []servertest.Client{
			servertest.NewClient(servertest.New(t, database, servertest.Unhurried), key),
			servertest.NewClient(servertest.New(t, database, servertest.Unhurried), key),
		}
		for _, r := range resources {
			if r.put {
				deleteOrChange(t, clients, r)
			}
			path := made(t, clients[0], r.path, r.create)
			for round := range 10 {
				tag := clients[0].Want(t, 200, "GET", path, "").Header.Get("ETag")
				statuses := make([]int, len(clients))
				var wg sync.WaitGroup
				for i, c := range clients {
					patch := fmt.Sprintf("{"+fields[r.name]+"}", fmt.Sprintf("round%dof%d", round, i))
					wg.Go(func() { statuses[i] = send(c, "PATCH", path, "If-Match", tag, patch).Status })
				}
				wg.Wait()
				if slices.Sort(statuses); !slices.Equal(statuses, []int{200, 412}) {
					t.Errorf("%s: %v", r.name, statuses)
				}
			}
		}
	})
}

// deleteOrChange deletes and changes a resource at once from the same version: only one
// of them succeeds.
func deleteOrChange(t *testing.T, clients []servertest.Client, r resource) {
	t.Helper()
	for round := range 10 {
		path := made(t, clients[0], r.path, r.create)
		tag := clients[0].Want(t, 200, "GET", path, "").Header.Get("ETag")
		var changed, deleted servertest.Answer
		var wg sync.WaitGroup
		wg.Go(func() { changed = send(clients[round%2], "PATCH", path, "If-Match", tag, r.patch) })
		wg.Go(func() { deleted = send(clients[1-round%2], "DELETE", path, "If-Match", tag, "") })
		wg.Wait()
		left := send(clients[0], "GET", path, "", "", "").Status
		switch got := [3]int{changed.Status, deleted.Status, left}; got {
		case [3]int{200, 412, 200}:
			if a := send(clients[0], "DELETE", path, "If-Match", changed.Header.Get("ETag"), ""); a.Status != 204 {
				t.Fatalf("%s: DELETE with the current ETag: %d %s", r.name, a.Status, a.Body)
			}
		case [3]int{404, 204, 404}:
		default:
			t.Errorf("%s: changed, deleted and read: %v", r.name, got)
		}
	}
}
