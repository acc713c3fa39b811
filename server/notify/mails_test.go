package notify_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestMails invites a member, who joins through the link in the email. It
// checks that the owner is notified.
func TestMails(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		sink := notifytest.New(t, true)
		s := servertest.Notifying(t, database, nil, func(c *server.Config) {
			c.Mail = &notify.RelayConfig{Server: sink.Address, From: "setup@example.org", Roots: sink.Roots}
		})
		owner := s.Owner("olga@example.com")
		sink.Wait(t, 2) // a member, a factor
		before := len(sink.Mails())
		owner.Post("/panel/members/invite", "email", "new@example.com", "role", "admin")
		var link string
		servertest.Eventually(t, "the invitation", func() bool {
			for _, m := range sink.Mails()[before:] {
				if found := regexp.MustCompile(`/panel/invitation/[a-z0-9]+`).FindString(strings.ReplaceAll(m.Data, "=\r\n", "")); found != "" {
					link = found
					if !slices.Equal(m.To, []string{"<new@example.com>"}) {
						t.Errorf("the link went to %q", m.To)
					}
				}
			}
			return link != ""
		})
		if strings.Contains(storetest.Dump(t, database), strings.TrimPrefix(link, "/panel/invitation/")) {
			t.Error("the link is kept")
		}
		s.Join("new@example.com", link)
		servertest.Eventually(t, "both to be notified about the member", func() bool {
			told := map[string]bool{}
			for _, m := range sink.Mails() {
				if strings.Contains(m.Data, "Subject: New member") {
					told[m.To[0]] = true
				}
			}
			return told["<olga@example.com>"] && told["<new@example.com>"]
		})
		for _, m := range sink.Mails() {
			for _, secret := range []string{servertest.Password, owner.Seed, owner.Cookie} {
				if strings.Contains(m.Data, secret) {
					t.Errorf("%q in\n%s", secret, m.Data)
				}
			}
		}
		if strings.Contains(s.Log.String(), strings.TrimPrefix(link, "/panel/invitation/")) {
			t.Error("the link is in the log")
		}
	})
}
