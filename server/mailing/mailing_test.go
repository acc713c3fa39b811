package mailing_test

import (
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A sent is an email as the API shows it.
type sent struct {
	ID, State, Reason, Reply string
	Tries                    int
}

func writer(t *testing.T, s *servertest.Server, database string) servertest.Client {
	t.Helper()
	return servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:read", "links:write"}}))
}

func newLink(t *testing.T, c servertest.Client, address string) servertest.APILink {
	t.Helper()
	return servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", fmt.Sprintf(`{"address":%q,"name":"Jane"}`, address)))
}

func mailOf(t *testing.T, c servertest.Client, link string) (m sent) {
	t.Helper()
	servertest.Decode(t, c.Want(t, 200, "GET", "/setup-links/"+link+"/mail", ""), &m)
	return m
}

// ended waits until the last email of a link isn't waiting any more.
func ended(t *testing.T, c servertest.Client, link string) (m sent) {
	t.Helper()
	servertest.Eventually(t, "the mail to end", func() bool {
		m = mailOf(t, c, link)
		return m.State != "waiting"
	})
	return m
}

// TestPostfix sends links through a real Postfix and checks how refusals are
// shown.
func TestPostfix(t *testing.T) {
	t.Parallel()
	p := notifytest.NewPostfix(t)
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		kind, _, _ := strings.Cut(database, ":")
		s := servertest.Notifying(t, database, nil, func(c *server.Config) {
			c.Mail = &notify.RelayConfig{Server: p.Address(notifytest.Good, true), From: "setup@example.org", Roots: p.Roots, Rate: 60000}
		})
		owner, c := s.Owner("olga@example.com"), writer(t, s, database)
		jane := "jane-" + kind + "@example.com"
		l := newLink(t, c, jane)
		c.Want(t, 404, "GET", "/setup-links/"+l.ID+"/mail", "")
		if a := owner.Post("/panel/links/" + l.ID + "/mail"); a.Status != http.StatusSeeOther {
			t.Fatalf("the button answers %d", a.Status)
		}
		m := ended(t, c, l.ID)
		var got []*mail.Message
		servertest.Eventually(t, "the mail", func() bool {
			got = p.Mails(t, jane)
			return len(got) > 0
		})
		if m.State != "sent" || m.Tries != 1 || len(got) != 1 {
			t.Errorf("%+v, %d emails", m, len(got))
		}
		if id := got[0].Header.Get("Message-Id"); id != "<"+m.ID+"@example.org>" {
			t.Errorf("the Message-ID is %q, the mail's ID %q", id, m.ID)
		}
		if from := got[0].Header.Get("From"); from != `"Example Mail" <setup@example.org>` && from != `"example.com" <setup@example.org>` {
			t.Errorf("it is from %q", from)
		}
		if page := string(owner.Get("/panel/links/" + l.ID).Body); !strings.Contains(page, "Sent by email") {
			t.Error("the page doesn't say that it was sent")
		}

		refused := newLink(t, c, "refused@example.com")
		c.Want(t, 202, "POST", "/setup-links/"+refused.ID+"/mail", "")
		if m := ended(t, c, refused.ID); m.State != "given_up" || m.Reason != "refused" || m.Tries != 1 || !strings.Contains(m.Reply, "No such mailbox") || strings.Contains(m.Reply, "refused@") {
			t.Errorf("refused: %+v", m)
		}
		if page := string(owner.Get("/panel/links/" + refused.ID).Body); !strings.Contains(page, "No such mailbox") {
			t.Error("the page doesn't show the mail server's reply")
		}

		later := newLink(t, c, "later@example.com")
		c.Want(t, 202, "POST", "/setup-links/"+later.ID+"/mail", "")
		servertest.Eventually(t, "a try", func() bool { return mailOf(t, c, later.ID).Reason == "refused" })
		if m := mailOf(t, c, later.ID); m.State != "waiting" || !strings.Contains(m.Reply, "Come back later") {
			t.Errorf("later: %+v", m)
		}
		c.Want(t, 200, "POST", "/setup-links/"+later.ID+"/revoke", "")
		servertest.Eventually(t, "the mail to be dropped", func() bool { return mailOf(t, c, later.ID).State == "dropped" })

		if n := len(servertest.ListActions(t, servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"actions:read"}})), "action=link.mail").Actions); n != 3 {
			t.Errorf("%d actions, want 3", n)
		}
		if dump := storetest.Dump(t, database); strings.Contains(dump, strings.TrimPrefix(l.Path(), "/s/")) {
			t.Error("the database holds the token of a link")
		}
	})
}

// TestOnce checks that simultaneous requests send a link once, and that a
// repeated request returns the same email.
func TestOnce(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, func(c *server.Config) {
			c.Mail = &notify.RelayConfig{From: "setup@example.org"}
			c.Mail.Server.Host, c.Mail.Server.Port = "127.0.0.1", 1 // nobody works on the queue
		})
		c := writer(t, s, database)
		l := newLink(t, c, "jane@example.com")
		var wg sync.WaitGroup
		var taken, refused atomic.Int32
		for range 8 {
			wg.Go(func() {
				switch a := c.Do("POST", "/setup-links/"+l.ID+"/mail", ""); a.Status {
				case 202:
					taken.Add(1)
				case 409:
					refused.Add(1)
				default:
					t.Errorf("%d %s", a.Status, a.Body)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 || refused.Load() != 7 {
			t.Errorf("%d emails, %d refusals", taken.Load(), refused.Load())
		}
		l = newLink(t, c, "joe@example.com")
		name := http.Header{"Idempotency-Key": {"once"}, "Authorization": {"Bearer " + c.Key}, "Content-Type": {"application/json"}}
		first := s.Do("POST", "/api/v1/setup-links/"+l.ID+"/mail", name, "")
		again := s.Do("POST", "/api/v1/setup-links/"+l.ID+"/mail", name, "")
		if first.Status != 202 || again.Status != 202 || string(first.Body) != string(again.Body) {
			t.Errorf("%d %s, then %d %s", first.Status, first.Body, again.Status, again.Body)
		}
		if n := len(storetest.Column(t, database, `SELECT id FROM link_mails`)); n != 2 {
			t.Errorf("%d emails, want 2", n)
		}
	})
}

// TestRefused checks that members without permission, and links that no longer
// work, cause no email.
func TestRefused(t *testing.T) {
	database := storetest.SQLite(t)
	with := func(c *server.Config) {
		c.Mail = &notify.RelayConfig{From: "setup@example.org"}
		c.Mail.Server.Host, c.Mail.Server.Port = "127.0.0.1", 1
	}
	s := servertest.New(t, database, with)
	c := writer(t, s, database)
	l := newLink(t, c, "jane@example.com")
	for what, spec := range map[string]account.KeySpec{
		"403 reading":      {Scopes: []string{"links:read"}},
		"403 a test":       {Scopes: []string{"links:read", "links:write"}, Test: true},
		"404 other domain": {Scopes: []string{"links:read", "links:write"}, Domains: []string{"example.net"}},
	} {
		a := servertest.NewClient(s, servertest.NewKey(t, database, spec)).Do("POST", "/setup-links/"+l.ID+"/mail", "")
		if got := fmt.Sprint(a.Status); got != what[:3] {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	owner := s.Owner("olga@example.com")
	auditor := owner.Invite("audrey@example.com", "auditor")
	if a := auditor.Post("/panel/links/" + l.ID + "/mail"); a.Status != http.StatusForbidden {
		t.Errorf("an auditor: %d", a.Status)
	}
	if page := string(auditor.Get("/panel/links/" + l.ID).Body); strings.Contains(page, "/mail\"") {
		t.Error("an auditor has the button")
	}
	c.Want(t, 200, "POST", "/setup-links/"+l.ID+"/revoke", "")
	c.Want(t, 409, "POST", "/setup-links/"+l.ID+"/mail", "")
	for range 5 {
		c.Want(t, 202, "POST", "/setup-links/"+newLink(t, c, "joe@example.com").ID+"/mail", "")
	}
	c.Want(t, 429, "POST", "/setup-links/"+newLink(t, c, "joe@example.com").ID+"/mail", "")
	if got := storetest.Column(t, database, `SELECT DISTINCT link_mails.state || ' ' || links.address FROM link_mails JOIN links ON links.id = link_mails.link`); !slices.Equal(got, []string{"waiting joe@example.com"}) {
		t.Errorf("mails: %q", got)
	}

	// Without a mail server, nothing is stored.
	database = storetest.SQLite(t)
	c = writer(t, servertest.New(t, database, nil), database)
	c.Want(t, 409, "POST", "/setup-links/"+newLink(t, c, "jane@example.com").ID+"/mail", "")
	if n := len(storetest.Column(t, database, `SELECT id FROM link_mails`)); n != 0 {
		t.Errorf("%d emails without a mail server", n)
	}
}

// TestRate checks that no period has more turns than the rate allows, and that
// senders that come in time get all of them.
func TestRate(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		const every = 200 * time.Millisecond
		turns := 0
		for range 60 * 20 { // a minute, by twentieths of a second
			wait, err := s.TakeTurn(t.Context(), every)
			if err != nil {
				t.Fatal(err)
			}
			if wait == 0 {
				turns++
			} else if wait > every {
				t.Fatalf("waits for %v", wait)
			}
			clock.Move(50 * time.Millisecond)
		}
		if turns != 300 {
			t.Errorf("%d turns in a minute, want 300", turns)
		}
		clock.Move(time.Hour) // no one asks: unused turns aren't saved up
		turns = 0
		for range 10 {
			if wait, err := s.TakeTurn(t.Context(), every); err != nil {
				t.Fatal(err)
			} else if wait == 0 {
				turns++
			}
		}
		if turns != 1 {
			t.Errorf("%d turns at once after a pause, want 1", turns)
		}
		clock.Move(-time.Hour) // the clock was wrong
		if wait, err := s.TakeTurn(t.Context(), every); err != nil || wait > 0 {
			t.Errorf("after the clock was put back: %v, %v", wait, err)
		}
	})
}
