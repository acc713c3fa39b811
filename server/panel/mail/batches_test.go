package mail_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const people = "email,name,department\njane@example.com,Jane Doe,Sales\njoe@example.com,Joe Roe,Sales\nnobody@example.net,Nobody,None\nmaria@example.com,Maria Kern,IT\n"

// page waits until the page of a batch contains the text.
func page(t *testing.T, m *servertest.Member, path, text string) (body string) {
	t.Helper()
	servertest.Eventually(t, text, func() bool {
		body = string(m.Get(path).Body)
		return strings.Contains(body, text)
	})
	return body
}

func want(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("no %q", text)
		}
	}
}

// TestBatchPages follows a batch, without a script: upload, preview, another
// meaning of a column, links by email, and the results.
func TestBatchPages(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		relay := notifytest.New(t, false)
		s := servertest.Notifying(t, database, nil, func(c *server.Config) {
			c.Mail = &notify.RelayConfig{Server: relay.Address, From: "setup@example.org", Roots: relay.Roots, Rate: 60000}
		})
		owner := s.Owner("olga@example.com")
		want(t, string(owner.Get("/panel/batches").Body), "No batches yet", "/panel/batches/new")
		want(t, string(owner.Get("/panel/batches/new").Body), `type="file"`, "multipart/form-data")
		if a := owner.Upload("/panel/batches/new", "other", "x.csv", people); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("another field: %d", a.Status)
		}
		a := owner.Upload("/panel/batches/new", "file", "people.csv", people)
		if a.Status != http.StatusSeeOther {
			t.Fatalf("upload: %d %s", a.Status, a.Body)
		}
		at, _, _ := strings.Cut(a.Location(), "?")
		body := page(t, owner, at, "1 row with a problem")
		want(t, body, "people.csv", "department", "Start for 3 people", "1 row can’t be used", "The domain")

		if a := owner.Post(at+"/check", "platform", "iphone", "output", "links", "mail", "yes", "variant", "mail", "locale", "", "column-0", "email", "column-1", "display_name", "column-2", ""); a.Status != http.StatusSeeOther {
			t.Fatalf("check: %d %s", a.Status, a.Body)
		}
		body = page(t, owner, at, "Start for 3 people")
		want(t, body, `<option value="links" selected>`)
		if a := owner.Post(at + "/start"); a.Status != http.StatusSeeOther {
			t.Fatalf("start: %d %s", a.Status, a.Body)
		}
		body = page(t, owner, at, "3 emails sent")
		want(t, page(t, owner, at, "Finished"), "3 setup links", at+"/links.csv", at+"/sheet")
		if strings.Contains(body, "archive-001.zip") {
			t.Error("links have an archive")
		}

		downloads(t, database, s, owner, at+"/links.csv", at+"/sheet")
		csv := owner.Get(at + "/links.csv")
		lines := strings.Split(strings.TrimSpace(string(csv.Body)), "\n")
		if len(lines) != 4 || !strings.HasPrefix(lines[1], `"jane@example.com","Jane Doe","http://setup.example.com/s/`) || !strings.HasPrefix(lines[3], `"maria@example.com",`) {
			t.Errorf("links.csv is\n%s", csv.Body)
		}
		sheet := string(owner.Get(at + "/sheet").Body)
		if n := strings.Count(sheet, "card handout"); n != 3 || !strings.Contains(sheet, strings.Trim(strings.Split(lines[2], ",")[2], `"`)[len("http://setup.example.com/s/"):][:20]) {
			t.Errorf("%d people on the sheet", n)
		}
		got := map[string]int{}
		for _, m := range relay.Mails() {
			if strings.Contains(m.Data, "/s/") {
				got[m.To[0]]++
			}
		}
		if len(got) != 3 || got["<jane@example.com>"]+got["jane@example.com"] != 1 {
			t.Errorf("mails: %v", got)
		}
		if a := owner.Post(at + "/start"); a.Status != http.StatusConflict {
			t.Errorf("a second start: %d", a.Status)
		}
		want(t, string(owner.Get("/panel/batches?state=done").Body), "people.csv")
		if body := string(owner.Get("/panel/batches?state=running").Body); strings.Contains(body, "people.csv") {
			t.Error("the filter does not filter")
		}

		const found = "/panel/batches?address=jane@example.com"
		want(t, string(owner.Get(found).Body), "people.csv")
		if a := owner.Get("/panel/batches?address=jane"); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), "Enter a full email address") {
			t.Errorf("half an address: %d", a.Status)
		}
		if a := owner.Post("/panel/security/log/erase", "mailbox", "jane@example.com"); a.Status != http.StatusSeeOther {
			t.Errorf("erase: %d %s", a.Status, a.Body)
		}
		if body := string(owner.Get(found).Body); strings.Contains(body, "people.csv") {
			t.Error("a mailbox whose text was erased is found")
		}

		auditor := owner.Invite("audrey@example.com", "auditor")
		if body := string(auditor.Get(at).Body); strings.Contains(body, "links.csv") || !strings.Contains(body, "3 setup links") {
			t.Error("an auditor sees too much, or too little")
		}
		for _, path := range []string{"/links.csv", "/sheet", "/files/archive-001.zip"} {
			if a := auditor.Get(at + path); a.Status != http.StatusForbidden {
				t.Errorf("%s for an auditor: %d", path, a.Status)
			}
		}
		if a := owner.Post(at + "/delete"); a.Status != http.StatusSeeOther || owner.Get(at).Status != http.StatusNotFound {
			t.Errorf("delete: %d", a.Status)
		}
	})
}

// downloads checks that a GET of each path is recorded, and a HEAD isn't.
func downloads(t *testing.T, database string, s *servertest.Server, m *servertest.Member, paths ...string) {
	t.Helper()
	log := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"actions:read"}}))
	for i, path := range paths {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			if a := m.Do(method, path, nil, ""); a.Status != http.StatusOK {
				t.Errorf("%s %s: %d", method, path, a.Status)
			}
		}
		if n := len(servertest.ListActions(t, log, "action=batch.download").Actions); n != i+1 {
			t.Errorf("%s: %d downloads are recorded, want %d", path, n, i+1)
		}
	}
}

// TestBatchFiles creates archives, watches their progress, and downloads a
// part of one.
func TestBatchFiles(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.Notifying(t, database, nil, nil)
	owner := s.Owner("olga@example.com")
	at, _, _ := strings.Cut(owner.Upload("/panel/batches/new", "file", "people.csv", people).Location(), "?")
	page(t, owner, at, "Start for 3 people")
	if a := owner.Post(at + "/start"); a.Status != http.StatusSeeOther {
		t.Fatalf("start: %d %s", a.Status, a.Body)
	}
	events := string(owner.Get(at + "/events").Body) // ends with the batch
	if !strings.HasPrefix(events, "data: {") || !strings.HasSuffix(events, "\n\n") || !strings.Contains(events, `"state":"done"`) {
		t.Errorf("events: %q", events)
	}
	want(t, page(t, owner, at, "Finished"), "archive-001.zip", "3 profiles", "SHA-256", "Sign again")
	downloads(t, database, s, owner, at+"/files/archive-001.zip")
	whole := owner.Get(at + "/files/archive-001.zip")
	part := owner.Do("GET", at+"/files/archive-001.zip", http.Header{"Range": {"bytes=10-19"}}, "")
	if whole.Status != 200 || part.Status != 206 || !bytes.Equal(part.Body, whole.Body[10:20]) {
		t.Errorf("%d with %d bytes, then %d with %d", whole.Status, len(whole.Body), part.Status, len(part.Body))
	}
	want(t, string(owner.Get(at+"/files/errors.csv").Body), "nobody@example.net")
	a := owner.Post(at + "/reissue")
	again, _, _ := strings.Cut(a.Location(), "?")
	if a.Status != http.StatusSeeOther || again == at {
		t.Fatalf("reissue: %d to %s", a.Status, again)
	}
	page(t, owner, again, "Start for 3 people")
}

// TestBatchDeclarations requests declarations in the form, and finds them in
// the archive.
func TestBatchDeclarations(t *testing.T) {
	s := servertest.Notifying(t, storetest.SQLite(t), nil, nil)
	owner := s.Owner("olga@example.com")
	at, _, _ := strings.Cut(owner.Upload("/panel/batches/new", "file", "people.csv", "email\njane@example.com\n").Location(), "?")
	const fact = "<dt>Policy as declarations</dt><dd>Yes</dd>"
	if body := page(t, owner, at, "Start for 1 person"); !strings.Contains(body, `name="declarations" value="yes"`) || strings.Contains(body, fact) {
		t.Error("the choice is missing, or made")
	}
	if a := owner.Post(at+"/check", "platform", "mac", "output", "files", "variant", "mail", "declarations", "yes", "locale", ""); a.Status != http.StatusSeeOther {
		t.Fatalf("check: %d %s", a.Status, a.Body)
	}
	want(t, page(t, owner, at, "Start for 1 person"), `name="declarations" value="yes" checked`, fact, "Devices erase themselves")
	if a := owner.Post(at + "/start"); a.Status != http.StatusSeeOther {
		t.Fatalf("start: %d %s", a.Status, a.Body)
	}
	want(t, page(t, owner, at, "Finished"), fact)
	archive := string(owner.Get(at + "/files/archive-001.zip").Body)
	want(t, archive, "declarations/example.com/mac/passcode.json", "declarations/example.com/mac/activation.json", "com.apple.configuration.passcode.settings")
	log := string(owner.Get("/panel/security/log?action=batch.start").Body)
	want(t, log, "Policy as declarations")
}

// TestBatchUploadRefused checks that unusable lists are refused with an
// explanation.
func TestBatchUploadRefused(t *testing.T) {
	s := servertest.Notifying(t, storetest.SQLite(t), nil, nil)
	owner := s.Owner("olga@example.com")
	at, _, _ := strings.Cut(owner.Upload("/panel/batches/new", "file", "people.csv", "email,password\njane@example.com,hunter2\n").Location(), "?")
	body := page(t, owner, at, "The batch failed")
	if want(t, body, "password"); strings.Contains(body, "hunter2") {
		t.Error("a password is shown")
	}
	if a := owner.Upload("/panel/batches/new", "file", "", ""); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), "Choose a file") {
		t.Errorf("no file: %d", a.Status)
	}
	auditor := owner.Invite("audrey@example.com", "auditor")
	if a := auditor.Upload("/panel/batches/new", "file", "people.csv", people); a.Status != http.StatusForbidden {
		t.Errorf("an auditor: %d", a.Status)
	}
}
