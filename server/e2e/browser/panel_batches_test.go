package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// batchPages are the pages about lists of people and their batches.
var batchPages = []panelPage{
	{"batches", "owner", "/batches", nil, nil, 200},
	{"batches for an auditor", "auditor", "/batches", nil, nil, 200},
	{"batches that aren't there", "owner", "/batches?state=canceled", nil, nil, 200},
	{"batch new", "owner", "/batches/new", nil, nil, 200},
	{"batch with problems", "owner", "/batches/{ready}", nil, nil, 200},
	{"batch that can't be used", "owner", "/batches/{failed}", nil, nil, 200},
	{"batch done", "owner", "/batches/{done}", nil, nil, 200},
	{"batch done for an auditor", "auditor", "/batches/{done}", nil, nil, 200},
	{"batch with links", "owner", "/batches/{links}", nil, nil, 200},
	{"batch to print", "owner", "/batches/{links}/sheet", nil, nil, 200},
	{"batch running", "owner", "/batches/{running}", nil, nil, 200},
	{"batch to delete", "owner", "/batches/{done}/delete", nil, nil, 200},
	{"batch pushed", "owner", "/batches/{pushed}", nil, nil, 200},
	{"devices", "owner", "/batches/{pushed}/push", nil, nil, 200},
	{"devices for an auditor", "auditor", "/batches/{pushed}/push?state=refused", nil, nil, 200},
	{"devices in no state", "owner", "/batches/{pushed}/push?state=failed", nil, nil, 200},
	{"nanomdm", "owner", "/mdm/nanomdm", nil, nil, 200},
	{"nanomdm with mistakes", "owner", "/mdm/nanomdm", map[string]string{"#url": "http://mdm.example.com"}, []string{mainButton}, 422},
	{"nanomdm for an auditor", "auditor", "/mdm/nanomdm", nil, nil, 200},
	{"nanomdm whose secret is new", "owner", "/mdm/nanomdm/rotate", nil, []string{mainButton}, 200},
	{"nanomdm to disconnect", "owner", "/mdm/nanomdm/disconnect", nil, nil, 200},
}

// withBatches returns an installation with a batch in each state.
func withBatches(t *testing.T) *people {
	t.Helper()
	o := newOffice(t, withMail)
	owner := o.Owner(ownerEmail)
	p := &people{o, map[string]*servertest.Member{"owner": owner, "auditor": owner.Invite("anna@example.com", "auditor")}, map[string]string{}}
	p.makeBatches(t)
	return p
}

// push creates a batch and pushes it to devices in every state. No host of the
// tests answers, so the devices' answers are written to the database.
func (p *people) push(t *testing.T, upload func(name, list, shows string) string) {
	t.Helper()
	owner := p.members["owner"]
	must(t, owner.Post("/panel/mdm/nanomdm", "url", "https://mdm.example.com", "key", "s3cret"))
	list := "email,name,udid\n"
	for i := range 7 {
		list += fmt.Sprintf("person-%d@example.com,Person %d,00008110-%016X\n", i+1, i+1, 0x1A2B3C4D5E6F*(i+1))
	}
	path := upload("pushed.csv", list+"nobody@example.com,Nobody,\n", "Start batch")
	must(t, owner.Post(path+"/check", "platform", "iphone", "output", "files", "mail", "", "variant", "mail", "locale", "", "column-0", "email", "column-1", "display_name", "column-2", "udid"))
	servertest.Eventually(t, "Start batch", func() bool { return strings.Contains(string(owner.Get(path).Body), "Start batch") })
	must(t, owner.Post(path+"/start"))
	servertest.Eventually(t, "archive-001.zip", func() bool { return strings.Contains(string(owner.Get(path).Body), "archive-001.zip") })
	must(t, owner.Post(path+"/push"))
	servertest.Eventually(t, "the devices", func() bool {
		return len(storetest.Column(t, p.database, `SELECT id FROM push_deliveries WHERE tries > 0`)) == 7
	})
	for i, state := range []string{"installed", "installed", "installed", "queued", "not_now", "refused", "waiting"} {
		detail := map[string]string{"refused": "The profile could not be installed. (MCInstallationErrorDomain 4001)", "waiting": "NanoMDM can't be reached."}[state]
		storetest.Exec(t, p.database, fmt.Sprintf(`UPDATE push_deliveries SET state = '%s', detail = '%s' WHERE email = 'person-%d@example.com'`, state, strings.ReplaceAll(detail, "'", "''"), i+1))
	}
}

// makeBatches uploads lists and creates files and links from them. It leaves
// one list with problems, one that is refused, and one that never finishes.
func (p *people) makeBatches(t *testing.T) {
	t.Helper()
	owner := p.members["owner"]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.RunJobs(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	upload := func(name, list, shows string) (path string) {
		t.Helper()
		a := owner.Upload("/panel/batches/new", "file", name, list)
		must(t, a)
		path, _, _ = strings.Cut(a.Location(), "?")
		p.ids[strings.TrimSuffix(name, ".csv")] = strings.TrimPrefix(path, "/panel/batches/")
		servertest.Eventually(t, shows, func() bool { return strings.Contains(string(owner.Get(path).Body), shows) })
		return path
	}
	make := func(path, output, shows string) {
		t.Helper()
		must(t, owner.Post(path+"/check", "platform", "both", "output", output, "mail", "", "variant", "mail", "declarations", "yes", "locale", "", "column-0", "email", "column-1", "display_name"))
		servertest.Eventually(t, "Start batch", func() bool { return strings.Contains(string(owner.Get(path).Body), "Start batch") })
		must(t, owner.Post(path+"/start"))
		servertest.Eventually(t, shows, func() bool { return strings.Contains(string(owner.Get(path).Body), shows) })
	}
	const few = "email,name\njane@example.com,Jane Doe\njoe@example.com,Joe Roe\nmaria@example.com,Maria Kern\n"
	make(upload("done.csv", few, "Start batch"), "files", "archive-001.zip")
	make(upload("links.csv", few, "Start batch"), "links", "3 setup links")
	upload("failed.csv", "email,password\njane@example.com,hunter2\n", "contains passwords")
	var many strings.Builder
	many.WriteString("Work mail,Full name,Department,Password,email\n")
	for i := range 40 {
		fmt.Fprintf(&many, "x,Person %d,Sales,,person-%d@example.com\n", i, i)
	}
	many.WriteString("x,Nobody,Sales,,nobody\nx,Stranger,IT,,stranger@elsewhere.example\nx,With a name that nobody may have @ all,IT,,jane@example.com\n")
	upload("ready.csv", many.String(), "3 rows with problems")
	p.push(t, upload)
	running := upload("running.csv", few, "Start batch")
	stop()
	must(t, owner.Post(running+"/start"))
}
