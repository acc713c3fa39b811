package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A remoteService is a running server with an API key.
type remoteService struct {
	*servertest.Server
	keyFile string
}

func newService(t *testing.T) remoteService {
	t.Helper()
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	file := filepath.Join(t.TempDir(), "key")
	key := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return remoteService{s, file}
}

// run runs a command on the service and checks the exit code.
func (s remoteService) run(t *testing.T, want int, args ...string) (out, errors string) {
	t.Helper()
	var o, e bytes.Buffer
	args = append(args, "--server", s.URL, "--key-file", s.keyFile)
	if got := run(args, streams{&o, &e}); got != want {
		t.Fatalf("mobileconfig %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, o.String(), e.String())
	}
	return o.String(), e.String()
}

// field returns a field of a JSON object.
func field(t *testing.T, text, name string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return fmt.Sprint(v[name])
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q isn't in\n%s", part, text)
		}
	}
}

// TestRemoteDomains takes a domain through its lifecycle on the command line.
func TestRemoteDomains(t *testing.T) {
	s := newService(t)
	s.run(t, exitGood, "domains", "create", "example.org", "--imap", "imap.example.org", "--smtp", "smtp.example.org", "--display-name", "Example Mail")
	out, _ := s.run(t, exitGood, "domains", "list")
	contains(t, out, "name         imap ", "example.com ", "example.org  imap.example.org:993  smtp.example.org:465  off")
	out, _ = s.run(t, exitGood, "domains", "update", "example.org", "--policy", "offered", "--platforms", "iphone", "--display-name", "", "--json")
	if field(t, out, "policy") != "offered" || field(t, out, "platforms") != "[iphone]" || field(t, out, "display_name") != "" || field(t, out, "imap") != "imap.example.org:993" {
		t.Error(out)
	}
	out, _ = s.run(t, exitGood, "domains", "get", "example.org")
	contains(t, out, "policy        offered\n", "platforms     iphone\n")
	out, _ = s.run(t, exitGood, "domains", "list", "--json")
	var list struct{ Domains []struct{ Name string } }
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Domains) != 2 || list.Domains[1].Name != "example.org" {
		t.Errorf("%v %s", err, out)
	}
	s.run(t, exitGood, "domains", "delete", "example.org")
	_, errors := s.run(t, exitRefused, "domains", "get", "example.org")
	contains(t, errors, "not_found")
	_, errors = s.run(t, exitRefused, "domains", "create", "x.example", "--imap", "x y", "--smtp", "smtp.example.org", "--policy", "never")
	contains(t, errors, "\n  imap: ", "\n  policy: ")
}

// TestRemoteLinks creates links one by one and from a file with a bad line,
// twice.
func TestRemoteLinks(t *testing.T) {
	s := newService(t)
	out, _ := s.run(t, exitGood, "links", "create", "jane@example.com", "--name", "Jane", "--max-downloads", "2", "--expires-in", "3600", "--json")
	id := field(t, out, "id")
	if field(t, out, "max_downloads") != "2" || field(t, out, "name") != "Jane" {
		t.Error(out)
	}
	_, errors := s.run(t, exitRefused, "links", "update", id, "--expires-at", "2999-01-01T00:00:00Z")
	contains(t, errors, "expires_at: ")
	s.run(t, exitGood, "links", "update", id, "--external-id", "mbx_7")
	file := filepath.Join(t.TempDir(), "links.jsonl")
	lines := `{"address":"ann@example.com","external_id":"a"}` + "\n\n" + `{"address":"bob"}` + "\n" + `{"address":"cleo@example.com"}` + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errors = s.run(t, exitRefused, "links", "bulk", file)
	contains(t, out, "ann@example.com\thttp://setup.example.com/s/", "cleo@example.com\thttp")
	contains(t, errors, "line 2: ", "address_malformed", "1 of 3 links weren't created")
	again, _ := s.run(t, exitRefused, "links", "bulk", file)
	if again != out {
		t.Errorf("the second time:\n%s\nafter\n%s", again, out)
	}
	out, _ = s.run(t, exitGood, "links", "list", "--state", "waiting,opened", "--sort", "created_at")
	if strings.Count(out, "lnk_") != 3 || !strings.Contains(out, id+"  waiting  jane@example.com") {
		t.Error(out)
	}
	out, _ = s.run(t, exitGood, "links", "list", "--external-id", "mbx_7", "--json")
	contains(t, out, id)
	s.run(t, exitGood, "links", "revoke", id)
	out, _ = s.run(t, exitGood, "links", "revoke", "--address", "ann@example.com")
	contains(t, out, "revoked  1")
	s.run(t, exitUsage, "links", "revoke")
	s.run(t, exitUsage, "links", "revoke", id, "--domain", "example.com")
	s.run(t, exitUsage, "links", "bulk", filepath.Join(t.TempDir(), "none"))
	if err := os.WriteFile(file, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, exitUsage, "links", "bulk", file)
	out, _ = s.run(t, exitGood, "log", "list", "--action", "link.revoke", "--most", "1")
	if strings.Count(out, "link.revoke") != 1 {
		t.Error(out)
	}
}

// TestRemoteWebhooks creates a webhook, shows a delivery, and deletes it.
func TestRemoteWebhooks(t *testing.T) {
	s := newService(t)
	out, _ := s.run(t, exitGood, "webhooks", "create", "https://panel.example.com/hooks", "--events", "link.created,link.used", "--json")
	id := field(t, out, "id")
	if !strings.HasPrefix(field(t, out, "secret"), "whsec_") {
		t.Error(out)
	}
	out, _ = s.run(t, exitGood, "webhooks", "list")
	contains(t, out, id+"  https://panel.example.com/hooks  link.created,link.used  false")
	out, _ = s.run(t, exitGood, "webhooks", "test", id, "--json")
	out, _ = s.run(t, exitGood, "webhooks", "deliveries", id, field(t, out, "id"), "--json")
	contains(t, out, `"payload"`, `"account": "acc_default"`)
	out, _ = s.run(t, exitGood, "webhooks", "deliveries", id)
	contains(t, out, "test   waiting")
	out, _ = s.run(t, exitGood, "webhooks", "update", id, "--disabled", "--json")
	if field(t, out, "disabled") != "true" {
		t.Error(out)
	}
	s.run(t, exitGood, "webhooks", "delete", id)
	s.run(t, exitRefused, "webhooks", "get", id)
}

// TestRemoteFlags checks that an unreachable service is distinguished from
// wrong usage.
func TestRemoteFlags(t *testing.T) {
	s := newService(t)
	closed := remoteService{&servertest.Server{URL: "http://127.0.0.1:1"}, s.keyFile}
	closed.run(t, exitRefused, "domains", "list")
	for _, url := range []string{"", "x", "ftp://example.com", "http://setup.example.com", "https://a@example.com"} {
		remoteService{&servertest.Server{URL: url}, s.keyFile}.run(t, exitUsage, "domains", "list")
	}
	remoteService{s.Server, filepath.Join(t.TempDir(), "none")}.run(t, exitUsage, "domains", "list")
	wrong := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(wrong, []byte("mck_nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errors := remoteService{s.Server, wrong}.run(t, exitRefused, "domains", "list")
	contains(t, errors, "unauthorized")
	for _, args := range [][]string{
		{"--forward-to", "x"}, {"--forward-to", "http://127.0.0.1:1", "--events", "link.nonsense"}, {"--forward-to", "http://127.0.0.1:1", "--after", "x"},
		{"--forward-to", "http://127.0.0.1:1", "--secret-file", wrong},
	} {
		s.run(t, exitUsage, append([]string{"webhooks", "listen"}, args...)...)
	}
	_, errors = s.run(t, exitRefused, "webhooks", "listen", "--forward-to", "http://127.0.0.1:1", "--after", "100000")
	contains(t, errors, "restored from a backup")
}
