package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// An applyRig is a service and a file to apply to it.
type applyRig struct {
	remoteService
	client   servertest.Client
	database string
	file     string
}

// eachRig runs f on each kind of database. The service's account has one
// domain, no approved servers, and no owner's permission for keys to set
// erasing policies.
func eachRig(t *testing.T, f func(t *testing.T, r *applyRig)) {
	t.Helper()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, servertest.Unhurried)
		key := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
		servertest.Restrict(t, database, account.Default)
		folder := t.TempDir()
		r := &applyRig{remoteService{s, filepath.Join(folder, "key")}, servertest.NewClient(s, key), database, filepath.Join(folder, "mail.yaml")}
		if err := os.WriteFile(r.keyFile, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		f(t, r)
	})
}

func (r *applyRig) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// apply applies the file with a key and checks the exit code.
func (r *applyRig) apply(t *testing.T, want int, flags ...string) (out, errors string) {
	t.Helper()
	return r.run(t, want, append([]string{"apply", "-f", r.file}, flags...)...)
}

// approve applies the file as the operator.
func (r *applyRig) approve(t *testing.T, want int, flags ...string) (out, errors string) {
	t.Helper()
	return r.apply(t, want, append(flags, "--approve", "--database", r.database)...)
}

const wholeFile = `version: 1
approved_hosts: ["*.example.org", imap.example.com, smtp.example.com]
policies:
  - {name: Field staff, min_length: 6, max_failed_attempts: 0, auto_lock_minutes: 5}
domains:
  - name: example.com
    imap: imap.example.com
    smtp: smtp.example.com
    help_text: Call 030 1234.
  - name: example.org
    imap: imap.example.org:143/starttls
    smtp: smtp.example.org
    policy: offered
    device_policy: Field staff
    metadata: {customer: "4711"}
webhooks:
  - url: https://panel.example.com/hooks?token=hidden
    events: [link.used, link.created]
`

// TestApply takes a file through its lifecycle: refused to a key, approved by
// the operator, applied twice, changed, and pruned.
func TestApply(t *testing.T) {
	eachRig(t, func(t *testing.T, r *applyRig) {
		r.write(t, wholeFile)
		out, errors := r.apply(t, exitRefused)
		contains(t, out, "+ approved host *.example.org\n", "+ policy Field staff\n", "~ domain example.com\n    help_text: - -> \"Call 030 1234.\"\n", "+ domain example.org\n",
			"    device_policy: \"Field staff\"\n", "+ webhook panel.example.com (line 17)\n")
		contains(t, errors, "nothing was changed", "line 2: approved_hosts: A key can't approve *.example.org.", "--approve")
		if r.domains(t) != "example.com" {
			t.Error("the dry run changed something")
		}
		out, errors = r.approve(t, exitRefused, "--dry-run")
		contains(t, out, "To create: 6. To change: 1. To delete: 0.\n")
		contains(t, errors, "changes: 7")
		out, _ = r.approve(t, exitGood)
		contains(t, out, "Done: create domain example.org.\n", "mobileconfig webhooks rotate whk_")
		if strings.Contains(out, "hidden") || strings.Contains(out, "whsec_") {
			t.Error("a secret is shown:", out)
		}
		for _, flags := range [][]string{nil, {"--prune"}, {"--dry-run"}} {
			if out, _ := r.apply(t, exitGood, flags...); out != "No changes.\n" {
				t.Errorf("%v: %s", flags, out)
			}
		}
		r.client.Want(t, http.StatusCreated, http.MethodPost, "/domains", `{"name":"more.example.org","imap":"imap.example.org","smtp":"smtp.example.org"}`)
		r.client.Want(t, http.StatusOK, http.MethodPatch, "/domains/example.com", `{"metadata":{"program":"its own"}}`)
		r.write(t, strings.ReplaceAll(wholeFile, "Call 030 1234.", "Call 030 9999."))
		out, _ = r.apply(t, exitGood)
		contains(t, out, `    help_text: "Call 030 1234." -> "Call 030 9999."`, "  domain more.example.org isn't in the file and stays. --prune deletes it.\n", "To create: 0. To change: 1.")
		out, _ = r.apply(t, exitGood, "--prune")
		contains(t, out, "- domain more.example.org, with its setup links\n", "Done: delete domain more.example.org.")
		if a := r.client.Want(t, http.StatusOK, http.MethodGet, "/domains/example.com", ""); !strings.Contains(string(a.Body), "its own") {
			t.Errorf("metadata that isn't in the file was deleted: %s", a.Body)
		}
		if !strings.Contains(servertest.Lines(t, r.database), "host.approve") {
			t.Error("the approvals aren't in the action log")
		}
	})
}

// domains are the names of the account's domains.
func (r *applyRig) domains(t *testing.T) string {
	t.Helper()
	var list struct{ Domains []struct{ Name string } }
	servertest.Decode(t, r.client.Want(t, http.StatusOK, http.MethodGet, "/domains", ""), &list)
	var names []string
	for _, d := range list.Domains {
		names = append(names, d.Name)
	}
	return strings.Join(names, " ")
}

// TestApplyRefused checks that unusable files, and plans that the service would
// refuse, change nothing.
func TestApplyRefused(t *testing.T) {
	eachRig(t, func(t *testing.T, r *applyRig) {
		actions := func() string {
			return strings.Join(storetest.Column(t, r.database, `SELECT count(*) FROM actions`), "")
		}
		before := actions()
		for _, tt := range []struct{ text, want string }{
			{"version: 2\nrooms: []\n", "newer than this program"},
			{"version: 1\nrooms: []\n", "line 2: rooms: There's no such field."},
			{"version: 1\ndomains:\n- name: x.example\n  imap: a b\n  smtp: smtp.x.example\n", "line 4: domains/0/imap: Check the IMAP server:"},
			{"version: 1\nwebhooks:\n- url: https://a.example\n  events: [link.eaten]\n", "line 4: webhooks/0/events/0: Write one of:"},
			{"version: [", "did not find expected node content"},
		} {
			r.write(t, tt.text)
			_, errors := r.apply(t, exitUsage)
			contains(t, errors, tt.want)
		}
		r.file += ".none"
		r.apply(t, exitUsage)
		for _, tt := range []struct{ text, want string }{
			{"domains:\n- name: x.example\n  imap: imap.x.example\n  smtp: smtp.x.example\n", "line 4: domains/0/imap: An owner of the account hasn't approved this server."},
			{"domains:\n- name: example.com\n  imap: imap.example.com\n  smtp: smtp.x.example\n", "line 5: domains/0/smtp: An owner"},
			{"domains:\n- name: example.com\n  imap: imap.example.com\n  smtp: smtp.example.com\n  device_policy: None\n", "line 6: domains/0/device_policy: Neither"},
		} {
			r.write(t, "version: 1\n"+tt.text)
			_, errors := r.apply(t, exitRefused, "--prune")
			contains(t, errors, tt.want, "nothing was changed")
		}
		if after := actions(); after != before {
			t.Errorf("%s actions, and %s before", after, before)
		}
		other := storetest.SQLite(t)
		_, errors := r.apply(t, exitUsage, "--approve", "--database", other)
		contains(t, errors, "--data: this isn't the installation at --server")
	})
}

// TestApplyPolicyInUse checks that a policy isn't deleted while a domain
// outside the file uses it.
func TestApplyPolicyInUse(t *testing.T) {
	eachRig(t, func(t *testing.T, r *applyRig) {
		id := r.client.NewPolicy(t, `"max_failed_attempts":0`)
		r.client.Want(t, http.StatusOK, http.MethodPatch, "/domains/example.com", fmt.Sprintf(`{"policy":"offered","policy_id":%q}`, id))
		r.write(t, "version: 1\npolicies: []\n")
		_, errors := r.apply(t, exitRefused, "--prune")
		contains(t, errors, `line 2: policies: The policy "Field staff" isn't in the file, but it can't be deleted: the domain example.com uses it.`)
		r.write(t, "version: 1\npolicies: []\ndomains:\n- {name: example.com, imap: imap.example.com, smtp: smtp.example.com}\n")
		out, _ := r.apply(t, exitGood, "--prune")
		contains(t, out, `device_policy: "Field staff" -> "standard"`, "- policy Field staff\n")
	})
}

// TestApplyFails checks that the error lists what was done and what wasn't, if
// the service refuses a step or someone else changes its target.
func TestApplyFails(t *testing.T) {
	eachRig(t, func(t *testing.T, r *applyRig) {
		r.write(t, `version: 1
policies:
  - {name: A, min_length: 6, max_failed_attempts: 0, auto_lock_minutes: 5}
  - {name: B, min_length: 6, max_failed_attempts: 10, auto_lock_minutes: 5}
domains:
  - {name: example.com, imap: imap.example.com, smtp: smtp.example.com, device_policy: A}
`)
		_, errors := r.apply(t, exitRefused)
		contains(t, errors, "create policy B: ", "1 of 3 changes were made. Not made:\n  create policy B\n  change domain example.com\n")
		r.write(t, "version: 1\ndomains:\n  - {name: example.com, imap: imap.example.com, smtp: smtp.example.com, device_policy: A}\n")

		// Someone else changes the domain right after it was listed.
		meddle := r.between(t, func(method, path string) bool {
			return method == http.MethodGet && path == "/api/v1/domains/example.com"
		},
			func() {
				r.client.Want(t, http.StatusOK, http.MethodPatch, "/domains/example.com", `{"help_text":"Call us."}`)
			})
		_, errors = r.apply(t, exitRefused)
		contains(t, errors, "change domain example.com: someone else changed this in the meantime", "0 of 1 changes were made")
		if meddle() != 1 {
			t.Error("nothing was changed in between")
		}

		// Someone else changes the domain after its second read.
		meddle = r.between(t, func(method, path string) bool { return method == http.MethodPut },
			func() {
				r.client.Want(t, http.StatusOK, http.MethodPatch, "/domains/example.com", `{"help_text":"Call me."}`)
			})
		_, errors = r.apply(t, exitRefused)
		contains(t, errors, "precondition_failed")
		if meddle() != 1 {
			t.Error("nothing was changed in between")
		}
		if a := r.client.Want(t, http.StatusOK, http.MethodGet, "/domains/example.com", ""); !strings.Contains(string(a.Body), "Call me.") {
			t.Errorf("the other change is lost: %s", a.Body)
		}
	})
}

const twoFile = `version: 1
policies: [{name: Office, min_length: 6, max_failed_attempts: 0, auto_lock_minutes: 5}]
domains: [{name: example.org, imap: imap.example.com, smtp: smtp.example.com, device_policy: Office}]
webhooks: [{url: "https://a.example", events: [link.used]}]
`

// TestApplyTwo applies a file while other runs apply it too. Each object is
// created once, and what another run has created isn't an error.
func TestApplyTwo(t *testing.T) {
	eachRig(t, func(t *testing.T, r *applyRig) {
		second := *r
		meddle := second.between(t, func(method, path string) bool { return method == http.MethodPost }, func() { r.apply(t, exitGood) })
		r.write(t, "version: 1\napproved_hosts: [imap.example.com, smtp.example.com]\n")
		r.approve(t, exitGood)
		r.write(t, twoFile)
		out, _ := second.apply(t, exitGood)
		contains(t, out, "Done: create policy Office.\n", "Done: create domain example.org.\n", "Done: create webhook a.example (line 4).\n")
		if strings.Contains(out, "secret") || meddle() == 0 {
			t.Errorf("the second run created it again:\n%s", out)
		}
		r.wantOnce(t)
		r.write(t, "version: 1\npolicies: []\ndomains: []\nwebhooks: []\n")
		r.apply(t, exitGood, "--prune")
		r.write(t, twoFile)
		var runs sync.WaitGroup
		for range 4 {
			runs.Go(func() { r.apply(t, exitGood) })
		}
		runs.Wait()
		r.wantOnce(t)
	})
}

// wantOnce checks that the account has each object of twoFile once.
func (r *applyRig) wantOnce(t *testing.T) {
	t.Helper()
	if out, _ := r.apply(t, exitGood); !strings.HasSuffix(out, "No changes.\n") {
		t.Error(out)
	}
	m := meddler{applyRig: r}
	if p, w := m.listed(t, "policies"), m.listed(t, "webhooks"); len(p) != 2 || len(w) != 1 { // includes the standard policy
		t.Errorf("%v %v", p, w)
	}
}

// TestApplyOther checks that nothing is overwritten if someone else has just
// created an object with other settings.
func TestApplyOther(t *testing.T) {
	eachRig(t, func(t *testing.T, r *applyRig) {
		meddle := r.between(t, func(method, path string) bool { return method == http.MethodPost }, func() {
			r.client.Want(t, http.StatusCreated, http.MethodPost, "/policies", `{"name":"Office","min_length":8,"max_failed_attempts":0,"auto_lock_minutes":5}`)
		})
		r.write(t, "version: 1\npolicies: [{name: Office, min_length: 6, max_failed_attempts: 0, auto_lock_minutes: 5}]\n")
		_, errors := r.apply(t, exitRefused)
		contains(t, errors, "create policy Office: ", "A policy with this name already exists.", "0 of 1 changes were made")
		out, _ := r.apply(t, exitGood)
		contains(t, out, "min_length: 8 -> 6")
		if meddle() == 0 {
			t.Error("nothing was created in between")
		}
	})
}

// TestApplyTwoApprovals approves and withdraws servers while another operator
// does the same. A change that is already made isn't an error.
func TestApplyTwoApprovals(t *testing.T) {
	t.Parallel()
	eachRig(t, func(t *testing.T, r *applyRig) {
		for _, tt := range []struct{ hosts, want string }{
			{`["*.a.example", b.example]`, "Done: create approved host b.example.\n"},
			{"[]", "Done: delete approved host b.example.\n"},
		} {
			r.write(t, "version: 1\npolicies: []\napproved_hosts: "+tt.hosts+"\n")
			second := *r
			meddle := second.between(t, func(_, path string) bool { return path == "/api/v1/policies" }, func() { r.approve(t, exitGood, "--prune") })
			out, _ := second.approve(t, exitGood, "--prune")
			contains(t, out, tt.want)
			if meddle() != 1 {
				t.Error("there was only one run")
			}
			if out, _ = r.approve(t, exitGood, "--prune"); out != "No changes.\n" {
				t.Error(out)
			}
		}
	})
}

// between puts a proxy before the service. It calls fn before it forwards the
// first request that matches pick, and counts the calls.
func (r *applyRig) between(t *testing.T, pick func(method, path string) bool, fn func()) func() int64 {
	t.Helper()
	handler := r.client.Server.Handler()
	var times atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if pick(req.Method, req.URL.Path) && times.Add(1) == 1 {
			fn()
		}
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(proxy.Close)
	r.Server = &servertest.Server{URL: proxy.URL}
	return times.Load
}

// TestApplyWaits checks that the command waits when the service asks for it.
func TestApplyWaits(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"status":429,"code":"rate_limited"}`)
			return
		}
		fmt.Fprint(w, `{"webhooks":[]}`)
	}))
	defer service.Close()
	folder := t.TempDir()
	r := &applyRig{remoteService: remoteService{&servertest.Server{URL: service.URL}, filepath.Join(folder, "key")}, file: filepath.Join(folder, "mail.yaml")}
	if err := os.WriteFile(r.keyFile, []byte("mck_x"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.write(t, "version: 1\nwebhooks: []\n")
	if out, _ := r.apply(t, exitGood); out != "No changes.\n" || asked.Load() != 2 {
		t.Errorf("%s after %d requests", out, asked.Load())
	}
}

// TestApplyConverges changes the file and the service at random. After an apply
// with pruning the account matches the file; without, it contains at least the
// file. A second apply changes nothing.
func TestApplyConverges(t *testing.T) {
	t.Parallel()
	eachRig(t, func(t *testing.T, r *applyRig) {
		storetest.Exec(t, r.database, `UPDATE accounts SET erasing_policies_by_key = 1`)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		m := meddler{applyRig: r, Rand: rand.New(rand.NewPCG(seed, 1))}
		changed := 0
		for range 12 {
			for range 4 {
				m.meddle(t)
			}
			want := m.newFile()
			data, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			r.write(t, string(data))
			prune := m.IntN(2) == 0
			var flags []string
			if prune {
				flags = append(flags, "--prune")
			}
			out, _ := r.approve(t, exitGood, flags...)
			if !strings.Contains(out, "No changes.") {
				changed++
			}
			if out, _ = r.approve(t, exitGood, flags...); !strings.HasSuffix(out, "No changes.\n") {
				t.Fatalf("the second time:\n%s%s", data, out)
			}
			m.wantState(t, want, prune)
		}
		if changed < 6 {
			t.Errorf("%d of 12 files changed something", changed)
		}
	})
}

// A meddler creates random files and random changes of the service.
type meddler struct {
	*applyRig
	*rand.Rand
}

type object = map[string]any

// Names to choose from.
var (
	someHosts    = []string{"*.a.example", "*.b.example", "imap.c.example", "smtp.c.example"}
	somePolicies = []string{"Field staff", "Office", "Café"}
	someDomains  = []string{"a.example", "b.example", "xn--mller-kva.example"}
	someHooks    = []string{"https://a.example/hooks?token=1", "https://b.example/hooks"}
)

func (m meddler) one(all []string) string { return all[m.IntN(len(all))] }

// some returns a random subset.
func (m meddler) some(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(string) bool { return m.IntN(3) == 0 })
}

// server returns a server that is approved in every file.
func (m meddler) server(kind string) string {
	return kind + m.one([]string{".a.example", ".b.example", ".a.example:1993", ".c.example"})
}

func (m meddler) policy(name string) object {
	return object{"name": name, "min_length": 4 + m.IntN(9), "max_failed_attempts": 10 * m.IntN(2), "auto_lock_minutes": 1 + m.IntN(15),
		"history": m.IntN(3), "alphanumeric": m.IntN(2) == 0}
}

// domain returns a domain with the settings that both the file and the API
// have.
func (m meddler) domain(name string) object {
	d := object{"name": name, "imap": m.server("imap"), "smtp": m.server("smtp"), "policy": m.one([]string{"off", "offered", "required"})}
	for field, values := range map[string][]string{
		"display_name": {"", "Mail ", "Pošta"}, "help_text": {"", "Call.\nOr write."}, "login": {"address", "local_part", "given"}, "caldav": {"", "dav.a.example"},
	} {
		if m.IntN(2) == 0 {
			d[field] = m.one(values)
		}
	}
	if m.IntN(2) == 0 {
		d["platforms"] = m.some([]string{"mac", "iphone"})
	}
	if m.IntN(2) == 0 {
		d["metadata"] = map[string]string{"customer": m.one([]string{"1", "2", ""})}
	}
	return d
}

func (m meddler) webhook(url string) object {
	return object{"url": url, "events": append(m.some([]string{"link.used", "link.created"}), "link.expired"), "disabled": m.IntN(3) == 0}
}

// newFile returns a random file. hosts are servers that other domains need as
// well.
func (m meddler) newFile() object {
	f := object{"version": 1, "approved_hosts": append(m.some([]string{"*.d.example", "x.d.example"}), append(someHosts, "imap.example.com", "smtp.example.com")...)}
	var policies, domains, hooks []object
	for _, name := range m.some(somePolicies) {
		policies = append(policies, m.policy(name))
	}
	for _, name := range m.some(someDomains) {
		d := m.domain(name)
		if len(policies) > 0 && m.IntN(2) == 0 {
			d["device_policy"] = policies[m.IntN(len(policies))]["name"]
		}
		domains = append(domains, d)
	}
	for _, url := range m.some(someHooks) {
		hooks = append(hooks, m.webhook(url))
	}
	f["policies"], f["domains"], f["webhooks"] = list(policies), list(domains), list(hooks)
	return f
}

// list is never null.
func list(all []object) []object { return append([]object{}, all...) }

// ask sends a request. The service may refuse it.
func (m meddler) ask(t *testing.T, method, path string, body any) {
	t.Helper()
	text := ""
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
	}
	if a := m.client.Do(method, path, text); a.Status >= 500 {
		t.Fatalf("%s %s: %d %s", method, path, a.Status, a.Body)
	}
}

// listed returns what the account has at the path.
func (m meddler) listed(t *testing.T, path string) []object {
	t.Helper()
	var page map[string]json.RawMessage
	var all []object
	servertest.Decode(t, m.client.Want(t, http.StatusOK, http.MethodGet, "/"+path+"?limit=500", ""), &page)
	if err := json.Unmarshal(page[strings.ReplaceAll(path, "-", "_")], &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// pathOfOne returns the path of one resource at the path, if there is one.
func (m meddler) pathOfOne(t *testing.T, path, key string) string {
	t.Helper()
	all := m.listed(t, path)
	if len(all) == 0 {
		return "/" + path + "/none"
	}
	return fmt.Sprintf("/%s/%v", path, all[m.IntN(len(all))][key])
}

// meddle changes something in the account.
func (m meddler) meddle(t *testing.T) {
	t.Helper()
	switch m.IntN(10) {
	case 0:
		m.ask(t, http.MethodPost, "/domains", m.domain(m.one(append(someDomains, "other.example"))))
	case 1:
		m.ask(t, http.MethodDelete, m.pathOfOne(t, "domains", "name"), nil)
	case 2, 3:
		d := m.domain("")
		delete(d, "name")
		all := m.listed(t, "policies")
		d["policy_id"] = all[m.IntN(len(all))]["id"]
		m.ask(t, http.MethodPatch, m.pathOfOne(t, "domains", "name"), d)
	case 4:
		m.ask(t, http.MethodPost, "/policies", m.policy(m.one(append(somePolicies, "Standard", "standard"))))
	case 5:
		m.ask(t, http.MethodPatch, m.pathOfOne(t, "policies", "id"), m.policy(m.one(somePolicies)))
	case 6:
		m.ask(t, http.MethodDelete, m.pathOfOne(t, "policies", "id"), nil)
	case 7:
		m.ask(t, http.MethodPost, "/webhooks", m.webhook(m.one(append(someHooks, "https://other.example"))))
	case 8:
		m.ask(t, http.MethodPatch, m.pathOfOne(t, "webhooks", "id"), m.webhook(m.one(someHooks)))
	case 9:
		storetest.Exec(t, m.database, `DELETE FROM approved_hosts WHERE pattern = $1`, m.one(someHosts))
	}
}

// wantState checks that the account has what the file says, and nothing else if
// it was pruned.
func (m meddler) wantState(t *testing.T, file object, pruned bool) {
	t.Helper()
	policies := m.listed(t, "policies")
	names := map[any]any{}
	for _, p := range policies {
		names[p["id"]] = p["name"]
	}
	names["standard"] = "standard"
	domains := m.listed(t, "domains")
	for _, d := range domains {
		d["device_policy"] = names[d["policy_id"]]
	}
	own := slices.DeleteFunc(policies, func(p object) bool { return p["id"] == "standard" })
	for _, part := range []struct {
		name, key string
		there     []object
	}{
		{"policies", "name", own}, {"domains", "name", domains}, {"webhooks", "url", m.listed(t, "webhooks")},
	} {
		want := file[part.name].([]object)
		if pruned && len(part.there) != len(want) {
			t.Errorf("%d %s, and the file has %d", len(part.there), part.name, len(want))
		}
		for _, w := range want {
			i := slices.IndexFunc(part.there, func(o object) bool { return o[part.key] == w[part.key] })
			if i < 0 {
				t.Errorf("%s lack %v", part.name, w[part.key])
				continue
			}
			for field, value := range expected(part.name, w) {
				if got := part.there[i][field]; fmt.Sprint(got) != fmt.Sprint(value) {
					t.Errorf("%s %v: %s is %v, want %v", part.name, w[part.key], field, got, value)
				}
			}
		}
	}
	var patterns []string
	for _, h := range m.listed(t, "approved-hosts") {
		patterns = append(patterns, h["host"].(string))
	}
	for _, want := range file["approved_hosts"].([]string) {
		if !slices.Contains(patterns, want) {
			t.Errorf("%s isn't approved", want)
		}
	}
	if n := len(file["approved_hosts"].([]string)); pruned && len(patterns) != n {
		t.Errorf("%d approved servers, and the file has %d", len(patterns), n)
	}
}

// expected returns what the API shows for the file.
func expected(kind string, w object) object {
	out := object{}
	if kind == "domains" {
		out = object{"device_policy": "standard", "display_name": "", "help_text": "", "login": "address", "caldav": "", "platforms": "[iphone mac]"}
	}
	for field, v := range w {
		out[field] = v
		switch v := v.(type) {
		case string:
			port := map[string]string{"imap": ":993", "smtp": ":465", "caldav": ":443"}[field]
			if strings.Contains(v, ":") || v == "" {
				port = ""
			}
			out[field] = strings.TrimSpace(v) + port
		case []string:
			sorted := slices.Sorted(slices.Values(v))
			out[field] = sorted
			if len(sorted) == 0 {
				out[field] = "[iphone mac]"
			}
		case map[string]string:
			kept := object{}
			for name, value := range v {
				if value != "" {
					kept[name] = value
				}
			}
			out[field] = kept
		}
	}
	return out
}
