package access_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

var keyText = regexp.MustCompile(`mck_[a-z2-7]+`)

// newKey creates a key for the member that can create others, and returns it.
func newKey(t *testing.T, m *servertest.Member, name string) servertest.Client {
	t.Helper()
	a := m.Make("/panel/keys/new", "name", name, "keys:read", "yes", "keys:write", "yes", "expires", "")
	key := keyText.Find(bytes.ReplaceAll(a.Body, []byte("<wbr>"), nil))
	if key == nil {
		t.Fatalf("the key %s: %d %s", name, a.Status, a.Body)
	}
	return servertest.NewClient(m.Server, string(key))
}

// newChild creates a key with a key; it can create others too.
func newChild(t *testing.T, parent servertest.Client, name string) (child servertest.Client, id string) {
	t.Helper()
	var made struct{ ID, Key string }
	servertest.Decode(t, parent.Want(t, 201, "POST", "/keys", `{"name":"`+name+`","scopes":["keys:read","keys:write"]}`), &made)
	return servertest.NewClient(parent.Server, made.Key), made.ID
}

// TestRemovedMemberKeys removes a member whose key has created others, once so
// that the keys are revoked, and once so that they stay.
func TestRemovedMemberKeys(t *testing.T) {
	for name, keep := range map[string]string{"revoked": "", "kept": "yes"} {
		t.Run(name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				s := servertest.New(t, database, nil)
				owner := s.Owner("olga@example.com")
				admin := owner.Invite("tom@example.com", "admin")
				own, portal := newKey(t, owner, "Own"), newKey(t, admin, "Portal")
				line := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Name: "Line", Scopes: []string{"keys:read"}}))
				child, childID := newChild(t, portal, "Child")
				grandchild, _ := newChild(t, child, "Grandchild")
				other, _ := newChild(t, own, "Other")
				child.Want(t, 200, "POST", "/keys/"+childID+"/revoke", "")

				wantTexts(t, owner.Get("/panel/keys"), "Created by <bdi>Member olga@example.com", "Created by <bdi>Member tom@example.com",
					"Created by API key <bdi>Portal", "Created by API key <bdi>Child", "Created by API key <bdi>Own", "Created on the command line")
				id := storetest.Column(t, database, `SELECT id FROM members WHERE email = 'tom@example.com'`)[0]
				page := owner.Get("/panel/members/" + id + "/remove")
				wantTexts(t, page, "<bdi>Portal</bdi>", "<bdi>Grandchild</bdi>", `name="keep_keys"`)
				for _, text := range []string{"<bdi>Own</bdi><", "<bdi>Other", "<bdi>Line", "<li><bdi>Child"} {
					if bytes.Contains(page.Body, []byte(text)) {
						t.Errorf("the page says %q", text)
					}
				}

				before := len(storetest.Column(t, database, `SELECT seq FROM actions`))
				if a := owner.Post("/panel/members/"+id+"/remove", "keep_keys", keep); a.Status != http.StatusSeeOther || !strings.Contains(a.Location(), "done=member.removed") {
					t.Fatalf("%d %s %s", a.Status, a.Location(), a.Body)
				}
				status, actions := 401, []string{"key.revoke", "key.revoke", "member.remove"}
				if keep != "" {
					status, actions = 200, actions[2:]
				}
				for _, c := range []servertest.Client{portal, grandchild} {
					c.Want(t, status, "GET", "/keys", "")
				}
				for _, c := range []servertest.Client{own, other, line} {
					c.Want(t, 200, "GET", "/keys", "")
				}
				got := storetest.Column(t, database, `SELECT name FROM actions WHERE account = 'acc_default' ORDER BY seq`)[before:]
				if slices.Sort(got); !slices.Equal(got, actions) {
					t.Errorf("the log says %q, want %q", got, actions)
				}
				wantTexts(t, owner.Get("/panel/keys"), "Created by a member who was removed")
			})
		})
	}
}

func wantTexts(t *testing.T, a servertest.Answer, texts ...string) {
	t.Helper()
	body := strings.ReplaceAll(string(a.Body), "<wbr>", "")
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("the page lacks %q: %d %s", text, a.Status, body)
		}
	}
}

// TestManyKeysOfOneMember checks that the page that removes a member says how
// many keys it doesn't show.
func TestManyKeysOfOneMember(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	owner := s.Owner("olga@example.com")
	portal := newKey(t, owner, "Portal")
	for range 101 {
		newChild(t, portal, "Child")
	}
	owner.Invite("paul@example.com", "owner")
	members := regexp.MustCompile(`/panel/members/mem_\w+`).FindAllString(string(owner.Get("/panel/members").Body), -1)
	shown := ""
	for _, path := range members {
		if page := string(owner.Get(path + "/remove").Body); strings.Contains(page, "Portal") {
			shown = page
		}
	}
	if n := strings.Count(shown, "<li><bdi>"); n != 100 || !strings.Contains(shown, "And 2 more.") {
		t.Errorf("%d keys are shown: %s", n, shown)
	}
}

// TestKeyPresets creates a key for each kind of program. It checks that
// another kind is refused without losing the input.
func TestKeyPresets(t *testing.T) {
	database := storetest.SQLite(t)
	m := servertest.New(t, database, nil).Owner("olga@example.com")
	for preset, want := range map[string]string{"hosting_panel": "domains:read links:read links:write webhooks:read", "read_only": ""} {
		if a := m.Post("/panel/keys/new", "name", preset, "preset", preset, "expires", "30"); a.Status != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", preset, a.Status, a.Body)
		}
		got := storetest.Column(t, database, `SELECT scopes FROM keys WHERE name = '`+preset+`'`)[0]
		if want == "" && (strings.Contains(got, "write") || !strings.Contains(got, "actions:read")) || want != "" && got != want {
			t.Errorf("%s: %q", preset, got)
		}
	}
	a := m.Post("/panel/keys/new", "name", "Shop", "preset", "everything", "expires", "30")
	if body := string(a.Body); a.Status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#preset"`) || !strings.Contains(body, `value="Shop"`) {
		t.Errorf("%d %s", a.Status, body)
	}
}

// TestKeyEnds creates keys with presets and expiring public keys in the panel,
// and checks the warnings before they expire.
func TestKeyEnds(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		owner := s.Owner("olga@example.com")
		a := owner.Make("/panel/keys/new", "name", "Reader", "preset", "events", "identity:read", "yes", "expires", "365")
		if keyText.Find(bytes.ReplaceAll(a.Body, []byte("<wbr>"), nil)) == nil {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if got := storetest.Column(t, database, `SELECT scopes FROM keys WHERE name = 'Reader'`); got[0] != "identity:read webhooks:read" {
			t.Errorf("scopes %q", got)
		}
		const public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAQ8enBb+ZNG0DqTsEqXEUgxrbiPB14feWgHhRD5qU4zQ=\n-----END PUBLIC KEY-----\n"
		for _, life := range []string{"30", ""} {
			if a := owner.Post("/panel/keys/redirect/new", "name", "Portal "+life, "public_key", public, "expires", life); a.Status != http.StatusSeeOther {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		if got := storetest.Column(t, database, `SELECT (expires - created) / 86400000 FROM redirect_keys WHERE name = 'Portal 30' AND expires > 0`); !slices.Equal(got, []string{"30"}) {
			t.Errorf("lives %v", got)
		}
		if got := storetest.Column(t, database, `SELECT expires FROM redirect_keys WHERE name = 'Portal'`); !slices.Equal(got, []string{"0"}) {
			t.Errorf("ends %v", got)
		}
		for _, bad := range [][]string{{"/panel/keys/redirect/new", "public_key", public, "expires", "31"}, {"/panel/keys/new", "preset", "other", "keys:read", "yes", "expires", "30"}} {
			if a := owner.Post(bad[0], append([]string{"name", "Bad"}, bad[1:]...)...); a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%v: %d", bad, a.Status)
			}
		}
		if a := owner.Get("/panel/keys"); bytes.Contains(a.Body, []byte("Expires soon")) {
			t.Error("a new key ends soon")
		}
		storetest.Exec(t, database, `UPDATE keys SET created = created - 31449600000, expires = expires - 31449600000 WHERE name = 'Reader'`) // 364 days
		wantTexts(t, owner.Get("/panel/keys"), "Expires soon")
	})
}

// TestKeyRenamed renames a key in the panel. It checks that the expiry stays,
// and that an invalid name is refused without losing the input.
func TestKeyRenamed(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		owner := s.Owner("olga@example.com")
		owner.Make("/panel/keys/new", "name", "Shop", "domains:read", "yes", "expires", "30")
		row := func() string {
			return storetest.Column(t, database, `SELECT name || ' ' || expires FROM keys`)[0]
		}
		path := "/panel/keys/" + storetest.Column(t, database, `SELECT id FROM keys`)[0]
		before := row()
		if a := owner.Post(path, "name", " Portal "); a.Status != http.StatusSeeOther || a.Location() != path+"?done=key.saved" {
			t.Fatalf("%d %s %s", a.Status, a.Location(), a.Body)
		}
		if got, want := row(), strings.Replace(before, "Shop", "Portal", 1); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		wantTexts(t, owner.Get(path), "<bdi>Portal</bdi>", `value="Portal"`, `maxlength="100"`, "domains:read")
		for _, name := range []string{"", strings.Repeat("x", 101), "a\u200bb"} {
			if a := owner.Post(path, "name", name); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `href="#name"`) {
				t.Errorf("%q: %d", name, a.Status)
			}
		}
		if got := servertest.ReadLog(t, database, account.Default, audit.KeyUpdate); len(got) != 1 || got[0].Changes[0].New != "Portal" {
			t.Errorf("the log has %+v", got)
		}
		owner.Post(path + "/revoke")
		if a := owner.Post(path, "name", "Again"); a.Status != http.StatusConflict {
			t.Errorf("a revoked key: %d", a.Status)
		}
		if a := owner.Post("/panel/keys/key_none", "name", "Again"); a.Status != http.StatusNotFound {
			t.Errorf("no key: %d", a.Status)
		}
	})
}

// TestKeyReplaced replaces a key in the panel: the new one is shown once, and
// the old one works until the overlap is over.
func TestKeyReplaced(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		owner := s.Owner("olga@example.com")
		old := newKey(t, owner, "Shop")
		path := "/panel/keys/" + storetest.Column(t, database, `SELECT id FROM keys`)[0]
		for _, overlap := range []string{"", "0", "2", "-1", "x"} {
			if a := owner.Post(path+"/rotate", "overlap", overlap); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `href="#overlap"`) {
				t.Errorf("%q: %d", overlap, a.Status)
			}
		}
		page := owner.Make(path+"/rotate", "overlap", "1")
		key := keyText.Find(bytes.ReplaceAll(page.Body, []byte("<wbr>"), nil))
		if key == nil || strings.HasSuffix(string(key), old.Key) {
			t.Fatalf("%d %s", page.Status, page.Body)
		}
		replaced := servertest.NewClient(s, string(key))
		var now struct {
			Name   string
			Scopes []string
		}
		servertest.Decode(t, replaced.Want(t, 200, "GET", "/keys/current", ""), &now)
		if now.Name != "Shop" || !slices.Equal(now.Scopes, []string{"keys:read", "keys:write"}) {
			t.Errorf("%+v", now)
		}
		old.Want(t, 200, "GET", "/keys/current", "")
		clock.Move(59 * time.Minute)
		old.Want(t, 200, "GET", "/keys/current", "")
		clock.Move(time.Minute)
		old.Want(t, 401, "GET", "/keys/current", "")
		replaced.Want(t, 200, "GET", "/keys/current", "")
		owner.SignIn()
		if a := owner.Post(path+"/rotate", "overlap", "1"); a.Status != http.StatusConflict {
			t.Errorf("a key that has ended: %d %s", a.Status, a.Location())
		}
		if got := storetest.Column(t, database, `SELECT id FROM keys`); len(got) != 2 {
			t.Errorf("keys %v", got)
		}
	})
}
