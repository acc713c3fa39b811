package browser

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// batchRooms are the pages of batches.
var batchRooms = []room{
	{"batches", "owner", "/batches", nil, nil, 200},
	{"batches with a filter", "owner", "/batches?state=cancelled", nil, nil, 200},
	{"batches for an auditor", "auditor", "/batches", nil, nil, 200},
	{"batch new", "owner", "/batches/new", nil, nil, 200},
	{"batch ready", "owner", "/batches/{ready}?done=batch.uploaded", nil, nil, 200},
	{"batch ready for an auditor", "auditor", "/batches/{ready}", nil, nil, 200},
	{"batch with files", "owner", "/batches/{files}", nil, nil, 200},
	{"batch with links", "owner", "/batches/{links}", nil, nil, 200},
	{"batch that stopped", "owner", "/batches/{failed}", nil, nil, 200},
	{"batch to print", "owner", "/batches/{links}/sheet", nil, nil, 200},
	{"batch to delete", "owner", "/batches/{files}/delete", nil, nil, 200},
}

// batchList is a list of people of whom two can't be used.
const batchList = "Email Address [Required],First Name,Last Name,Department,Password [Required]\n" +
	"jane@example.com,Jane,Doe,Sales,****\njoe@example.com,Joe,Roe,Sales,****\nmaria@example.com,Maria,Kern,IT,****\n" +
	"a.rather.long.name.of.somebody@exmaple.com,Ann,Other,IT,****\n,No,Address,IT,****\n"

// batched is an installation with batches in all states that last. Its mail
// server refuses the second mail.
func batched(t *testing.T) *people {
	t.Helper()
	relay := notifytest.New(t, false)
	o := newOffice(t, func(c *server.Config) {
		c.Mail = &notify.RelayConfig{Server: relay.Address, From: "setup@example.org", Roots: relay.Roots, Rate: 60000}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- o.RunJobs(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	owner := o.Owner(ownerEmail)
	p := &people{o, map[string]*servertest.Member{"owner": owner}, map[string]string{}}
	p.members["auditor"] = owner.Invite("anna@example.com", "auditor")
	p.ids["ready"] = uploadBatch(t, owner, batchList, "rows with problems")
	p.ids["files"] = uploadBatch(t, owner, batchList, "rows with problems")
	p.ids["links"] = uploadBatch(t, owner, batchList, "rows with problems")
	p.ids["failed"] = uploadBatch(t, owner, "email,password\njane@example.com,hunter2\n", "The batch has stopped")
	must(t, owner.Post("/panel/batches/"+p.ids["links"]+"/check", "platform", "iphone", "variant", "mail", "output", "links", "mail", "yes"))
	batchSays(t, owner, p.ids["links"], `<option value="links" selected>`)
	relay.Answer = func(n int) string {
		if n%3 == 1 {
			return "550 5.1.1 No such mailbox here"
		}
		return "250 OK"
	}
	for name, text := range map[string]string{"files": "archive-001.zip", "links": "1 not sent"} {
		batchSays(t, owner, p.ids[name], "Create files for 3 people")
		must(t, owner.Post("/panel/batches/"+p.ids[name]+"/start"))
		batchSays(t, owner, p.ids[name], text)
		batchSays(t, owner, p.ids[name], "Finished")
	}
	return p
}

// uploadBatch uploads a list and returns the ID of the batch, once its page has
// the text.
func uploadBatch(t *testing.T, m *servertest.Member, list, text string) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "staff-2026-11.csv")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, list)
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	a := m.Do("POST", "/panel/batches/new", http.Header{"Content-Type": {form.FormDataContentType()}, "Sec-Fetch-Site": {"same-origin"}}, body.String())
	must(t, a)
	id, _, _ := strings.Cut(strings.TrimPrefix(a.Location(), "/panel/batches/"), "?")
	batchSays(t, m, id, text)
	return id
}

// batchSays waits until the page of a batch has the text.
func batchSays(t *testing.T, m *servertest.Member, id, text string) {
	t.Helper()
	servertest.Eventually(t, text, func() bool { return strings.Contains(string(m.Get("/panel/batches/"+id).Body), text) })
}

// TestPanelBatchByKeyboard starts a batch by the keys alone, and sees the page
// follow what happens by itself.
func TestPanelBatchByKeyboard(t *testing.T) {
	running(t)
	p := batched(t)
	b := open(t, desktop, "light")
	b.become(p.members["owner"])
	b.visit(p.URL + "/panel/batches/" + p.ids["ready"])
	k := &keyboard{tab: b}
	k.to(`form[action$="/start"] button`)
	k.enter("/panel/batches/" + p.ids["ready"])
	b.eventually("the archive, without a reload by hand", `document.querySelector('a[href$="/archive-001.zip"]') !== null`)
	b.wantQuiet(p.office)
}
