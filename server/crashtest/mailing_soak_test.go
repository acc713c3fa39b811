//go:build soak

package crashtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// sentAtOnce is how many mails a server sends at a time.
const sentAtOnce = 4

// TestSoakMailing has links sent by a real Postfix, while the program is killed
// again and again. Each person gets one mail. What was under way when the program
// was killed may come twice, with the same Message-ID.
func TestSoakMailing(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		p := notifytest.NewPostfix(t)
		random := chance(t)
		data := filepath.Join(t.TempDir(), "data")
		rate := soak.Count(600, 3000)
		more := []string{
			"--database", database, "--mail-server", fmt.Sprintf("127.0.0.1:%d", p.Address(notifytest.Good, false).Port),
			"--mail-from", "setup@example.org", "--mail-roots", p.RootsFile, "--mail-rate", fmt.Sprint(rate),
		}
		start(t, data, more...).stop(t) // makes the domain
		people, kills := soak.Count(20, 10_000), soak.Count(1, 5)
		askForMails(t, database, data, people)
		sent := func() int {
			return len(storetest.Column(t, database, `SELECT id FROM link_mails WHERE state = 'sent'`))
		}
		program := start(t, data, more...)
		begun, first := time.Now(), sent()
		for n := range kills {
			at := (n+1)*people/(kills+1) - random.IntN(people/(2*kills)+1)
			until(t, program, "mails to be sent", func() bool { return sent() >= at })
			if n == 0 {
				soak.Figure(t, "mails a minute", int(float64(sent()-first)/time.Since(begun).Minutes()), rate)
			}
			program.kill()
			program = start(t, data, more...)
		}
		for left := people - sent(); left > 0; left = people - sent() {
			until(t, program, "more mails", func() bool { return people-sent() < left })
		}
		program.stop(t)
		wantOneEach(t, p, people, kills)
	})
}

// askForMails makes a link for each person and has it sent, while no server runs.
func askForMails(t *testing.T, database, data string, people int) {
	t.Helper()
	secret, err := os.ReadFile(filepath.Join(data, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, store.Config{Database: database})
	links, err := setup.New(s, s, secret, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	mails, ctx := mailing.New(s, links, time.Now), context.Background()
	for n := range people {
		l, err := links.Create(ctx, audit.ByProgram(), setup.LinkSpec{Account: account.Default, Address: fmt.Sprintf("person%d@example.com", n)})
		if err == nil {
			_, err = mails.Send(ctx, audit.ByProgram(), account.Default, l.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wantOneEach wants a mail for each person, and a second one only where the
// program was killed, with the same Message-ID.
func wantOneEach(t *testing.T, p *notifytest.Postfix, people, kills int) {
	t.Helper()
	ids, twice := map[string]map[string]bool{}, 0
	delivered := func() int { return strings.Count(p.Log(t), "status=sent (delivered to maildir)") }
	accepted := func() int { return strings.Count(p.Log(t), ": message-id=<") }
	for end := time.Now().Add(guard); delivered() < accepted() && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	for _, m := range p.AllMails(t) {
		to := m.Header.Get("Delivered-To")
		if ids[to] == nil {
			ids[to] = map[string]bool{}
		} else {
			twice++
		}
		ids[to][m.Header.Get("Message-Id")] = true
	}
	for n := range people {
		if to := fmt.Sprintf("person%d@example.com", n); len(ids[to]) != 1 {
			t.Errorf("%s has %d mails with different Message-IDs", to, len(ids[to]))
		}
	}
	if len(ids) != people || twice > kills*sentAtOnce {
		t.Errorf("%d people have mails, want %d; %d came twice after %d kills", len(ids), people, twice, kills)
	}
	soak.Figure(t, "mails that came twice after kill -9", twice, kills*sentAtOnce)
}
