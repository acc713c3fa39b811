package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// reader is a client that can only read the log.
func reader(t *testing.T, s *servertest.Server, database, owner string) servertest.Client {
	t.Helper()
	return servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Account: owner, Scopes: []string{"actions:read"}}))
}

// TestListActions uses every filter of the log.
func TestListActions(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := reader(t, s, database, "")
		maker := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Name: "maker", Scopes: []string{"policies:write"}}))
		link := s.Link("jane@example.com")
		s.Ticket(link, "secure")
		s.Link("joe@example.com")
		maker.Want(t, http.StatusCreated, http.MethodPost, "/policies", `{"name":"Board","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":10}`)
		all := servertest.ListActions(t, c, "")
		if all.NextCursor != "" || len(all.Actions) < 6 || all.Actions[0].Action != "policy.create" {
			t.Fatalf("%+v", all)
		}
		made := all.Actions[0]
		var opened string
		for _, a := range all.Actions {
			if a.Action == "link.open" {
				opened = a.Link
			}
		}
		if made.Actor.Kind != "key" || made.Actor.Name != "maker" || made.Target.Name != "Board" || made.IP != "127.0.0.1" || opened == "" {
			t.Errorf("%+v", made)
		}
		for query, want := range map[string]string{
			"actor=" + made.Actor.ID:                "policy.create",
			"action=policy.create":                  "policy.create",
			"target=" + made.Target.ID:              "policy.create",
			"interface=api":                         "policy.create",
			"text=board":                            "policy.create",
			"outcome=refused":                       "",
			"mailbox=Jane@example.com":              "link.open link.create",
			"link=" + opened:                        "link.open link.create",
			"domain=example.com&action=link.create": "link.create link.create",
			"ip=127.0.0.0/8&interface=page":         "link.create link.open link.create",
			"ip=192.0.2.1":                          "",
			"from=2099-01-01T00:00:00Z":             "",
			"to=2001-01-01T00:00:00Z":               "",
			"limit=1":                               "policy.create",
		} {
			var got []string
			for _, a := range servertest.ListActions(t, c, query).Actions {
				got = append(got, a.Action)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		var paged []int64
		for cursor, pages := "", 0; ; pages++ {
			page := servertest.ListActions(t, c, "limit=2&cursor="+cursor)
			paged = append(paged, page.Seqs()...)
			if cursor = page.NextCursor; cursor == "" || pages > 20 {
				break
			}
		}
		if want := all.Seqs(); !slices.Equal(paged, want) {
			t.Errorf("page by page %v, want %v", paged, want)
		}
	})
}

// TestListActionsUnreadable checks that an entry changed in the database doesn't hide
// others.
func TestListActionsUnreadable(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := reader(t, s, database, "")
		s.Link("jane@example.com")
		s.Link("joe@example.com")
		before := servertest.ListActions(t, c, "")
		changed := before.Actions[1].Seq
		storetest.Exec(t, database, `UPDATE actions SET leaf = $1 WHERE account = 'acc_default' AND seq = $2`, []byte("{"), changed)
		after := servertest.ListActions(t, c, "")
		if !slices.Equal(after.Seqs(), before.Seqs()) {
			t.Errorf("listed are %v, want %v", after.Seqs(), before.Seqs())
		}
		for i, a := range after.Actions {
			if bad := a.Seq == changed; a.Unreadable != bad || !bad && a.Action != before.Actions[i].Action {
				t.Errorf("action %d: %+v", a.Seq, a)
			}
		}
	})
}

// TestListActionsRefuses checks invalid filters and keys without permission.
func TestListActionsRefuses(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	c := reader(t, s, database, "")
	for query, field := range map[string]string{
		"mailbox=jane": "mailbox", "domain=no%20host": "domain", "ip=here": "ip", "cursor=-1": "cursor", "cursor=x": "cursor",
		"limit=0": "limit", "limit=501": "limit", "limit=x": "limit", "outcome=maybe": "outcome", "interface=fax": "interface",
		"from=yesterday": "from", "to=1": "to", "text=" + strings.Repeat("x", 101): "text",
	} {
		a := c.Want(t, http.StatusUnprocessableEntity, http.MethodGet, "/actions?"+query, "")
		if wrong := servertest.ErrorsOf(t, a); len(wrong) != 1 || !strings.HasPrefix(wrong[0], "/"+field+" ") {
			t.Errorf("%s: %s, without %q", query, a.Body, field)
		}
	}
	some := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"actions:read"}, Domains: []string{"example.com"}}))
	lacking := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: slices.DeleteFunc(servertest.AllScopes(), func(s string) bool { return s == "actions:read" })}))
	for _, path := range []string{"/actions", "/actions/export", "/actions/checkpoint"} {
		for _, who := range []servertest.Client{some, lacking} {
			if code := servertest.CodeOf(t, who.Want(t, http.StatusForbidden, http.MethodGet, path, "")); code != "forbidden" {
				t.Errorf("%s: %s", path, code)
			}
		}
		servertest.NewClient(s, "mck_nonsense").Want(t, http.StatusUnauthorized, http.MethodGet, path, "")
	}
	if n := len(servertest.ListActions(t, c, "action=log.export").Actions); n != 0 {
		t.Errorf("%d exports that were refused are recorded", n)
	}
}

// TestActionsAreTheAccounts checks that no request returns anything from another
// account's log.
func TestActionsAreTheAccounts(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		s.Link("jane@example.com")
		mine := servertest.ListActions(t, reader(t, s, database, ""), "")
		c := reader(t, s, database, servertest.OtherAccount(t, database))
		for _, query := range []string{
			"", "mailbox=jane@example.com", "domain=example.com", "action=link.create", "limit=500", "cursor=1000",
			"target=" + url.QueryEscape(mine.Actions[0].Target.ID), "text=jane", "text=" + url.QueryEscape(account.Default),
		} {
			for _, a := range servertest.ListActions(t, c, query).Actions {
				if a.Action != "key.create" || a.Seq != 1 {
					t.Errorf("%q shows %+v", query, a)
				}
			}
		}
		a := c.Want(t, http.StatusOK, http.MethodGet, "/actions/export", "")
		if lines := bytes.Count(a.Body, []byte("\n")); lines != 2 || bytes.Contains(a.Body, []byte("jane")) || bytes.Contains(a.Body, []byte(account.Default)) {
			t.Errorf("the export is %s", a.Body)
		}
		if n := len(servertest.ListActions(t, reader(t, s, database, ""), "action=log.export").Actions); n != 0 {
			t.Errorf("%d exports in the log of another account", n)
		}
	})
}

// TestExportAndCheckpoint verifies an export with several parts against a checkpoint,
// both from the API, and detects each missing line.
func TestExportAndCheckpoint(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		grow(t, database, 1100)
		c := reader(t, s, database, "")
		a := c.Want(t, http.StatusOK, http.MethodGet, "/actions/export", "")
		if kind := a.Header.Get("Content-Type"); kind != "application/octet-stream" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", a.Header)
		}
		var point struct {
			Origin, Root, Note string
			Size               int64
			PublicKey          string `json:"public_key"`
		}
		servertest.Decode(t, c.Want(t, http.StatusOK, http.MethodGet, "/actions/checkpoint", ""), &point)
		opened, err := audit.OpenCheckpoint([]byte(point.Note), point.PublicKey)
		if err != nil || opened.Origin != point.Origin || opened.Size != point.Size || opened.Root.String() != point.Root || opened.Account() != account.Default {
			t.Fatalf("%+v %+v %v", point, opened, err)
		}
		lines := bytes.SplitAfter(a.Body, []byte("\n"))
		lines = lines[:len(lines)-1]
		if int64(len(lines)) != point.Size {
			t.Errorf("%d lines, want %d", len(lines), point.Size)
		}
		if err := checkLines(lines, point.PublicKey, opened); err != nil {
			t.Error(err)
		}
		for _, i := range []int{0, 999, 1000, len(lines) - 1} {
			if err := checkLines(slices.Delete(slices.Clone(lines), i, i+1), point.PublicKey, opened); !audit.IsFinding(err) {
				t.Errorf("without line %d: %v", i, err)
			}
		}
		last := servertest.ListActions(t, c, "limit=1").Actions[0]
		if last.Action != "log.export" || last.Seq != point.Size || last.Actor.Kind != "key" || last.Interface != "api" || last.Target.ID != account.Default {
			t.Errorf("the export is recorded as %+v", last)
		}
		if kept := storetest.Column(t, database, `SELECT CAST(COUNT(*) AS TEXT) FROM checkpoints`); kept[0] != "1" {
			t.Errorf("%s notes are kept, want 1", kept[0])
		}
	})
}

// grow adds actions to the log.
func grow(t *testing.T, database string, n int) {
	t.Helper()
	kept := storetest.Open(t, store.Config{Database: database})
	for i := range n {
		a := audit.Action{Account: account.Default, Name: audit.LinkOpen, Outcome: audit.Done, Actor: audit.Actor{Kind: audit.Visitor, Interface: audit.Page}, Mailbox: fmt.Sprintf("m%d@example.com", i)}
		if err := kept.Record(t.Context(), audit.Grant{Kind: audit.ProgramGrant, Actor: a.Actor}, a); err != nil {
			t.Fatal(err)
		}
	}
}

func checkLines(lines [][]byte, public string, point audit.Checkpoint) error {
	check := audit.NewCheck(point.Account(), public, audit.Known{Tree: point.Tree, By: "the checkpoint"})
	for _, line := range lines {
		r, err := audit.ParseLine(line)
		if err == nil {
			err = check.Add(r.Record)
		}
		if err != nil {
			return err
		}
	}
	return check.End()
}

// TestExportBreaksOff makes the second part of an export fail: the client must not
// mistake the first for a complete export.
func TestExportBreaksOff(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	grow(t, database, 1100)
	c := reader(t, s, database, "")
	storetest.Exec(t, database, `UPDATE actions SET at = 'x' WHERE account = 'acc_default' AND seq = 1050`)
	req, err := http.NewRequest(http.MethodGet, s.URL+"/api/v1/actions/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil || bytes.Count(body, []byte("\n")) != 1000 || !json.Valid(body[:bytes.IndexByte(body, '\n')]) {
		t.Errorf("%d lines and %v, want 1000 and an error", bytes.Count(body, []byte("\n")), err)
	}
	if log := s.Log.String(); !regexp.MustCompile(`"msg":"request failed".*"route":"/api/v1/actions/export"`).MatchString(log) {
		t.Errorf("the program's log doesn't report it: %s", log)
	}
}
