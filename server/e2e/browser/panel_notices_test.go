package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// noticePages are the pages about notifications.
var noticePages = []panelPage{
	{"notifications", "owner", "/security/notifications?done=notifications.saved", nil, nil, 200},
	{"mails not found", "owner", "/security/notifications?q=nowhere", nil, nil, 200},
	{"notifications for an auditor", "auditor", "/security/notifications", nil, nil, 200},
	{"own notifications", "owner", "/security/notifications/own", nil, nil, 200},
	{"an auditor's own", "auditor", "/security/notifications/own", nil, nil, 200},
	{"address new", "owner", "/security/notifications/recipients/new", nil, nil, 200},
	{"address with mistakes", "owner", "/security/notifications/recipients/new", map[string]string{"#recipient": "desk"}, []string{`[name="keys"]`, mainButton}, 422},
	{"address", "owner", "/security/notifications/recipients/{address}", nil, nil, 200},
	{"address to remove", "owner", "/security/notifications/recipients/{address}/remove", nil, nil, 200},
	{"webhook new", "owner", "/security/notifications/webhooks/new", nil, nil, 200},
	{"webhook with mistakes", "owner", "/security/notifications/webhooks/new", map[string]string{"#url": "http://example.com"}, []string{mainButton}, 422},
	{"webhook shown", "owner", "/security/notifications/webhooks/new", map[string]string{"#url": "https://example.com/hook"}, []string{`[name="key.created"]`, mainButton}, 200},
	{"webhook", "owner", "/security/notifications/webhooks/{webhook}", nil, nil, 200},
	{"webhook for an auditor", "auditor", "/security/notifications/webhooks/{webhook}", nil, nil, 200},
	{"webhook to disable", "owner", "/security/notifications/webhooks/{webhook}/disable", nil, nil, 200},
	{"webhook with a new secret", "owner", "/security/notifications/webhooks/{webhook}/rotate", nil, []string{"form.card button"}, 200},
	{"webhook to delete", "owner", "/security/notifications/webhooks/{webhook}/delete", nil, nil, 200},
	{"mailbox to erase", "owner", "/security/log/erase?mailbox=jane@example.com", nil, nil, 200},
	{"entry to erase", "owner", "/security/log/erase?seq=1", nil, nil, 200},
}

// testCertificatePages are the pages of an installation with a test
// certificate.
var testCertificatePages = []panelPage{
	{"test certificate", "owner", "/certificate", nil, nil, 200},
	{"certificate with mistakes", "owner", "/certificate", map[string]string{"#certificates": "nothing"}, []string{mainButton}, 422},
}

// noMailPages are the pages of an installation without a mail server.
var noMailPages = []panelPage{{"no mail server", "owner", "/security/notifications", nil, nil, 200}}

// withMail configures a mail server that gets no email.
func withMail(c *server.Config) {
	c.Mail = &notify.RelayConfig{Server: profile.Server{Host: "smtp.example.com", Port: 465}, From: "setup@example.com"}
}

// watched returns an installation that sends notifications.
func watched(t *testing.T) *people {
	t.Helper()
	o := newOffice(t, withMail)
	owner := o.Owner(ownerEmail)
	p := &people{o, map[string]*servertest.Member{"owner": owner, "auditor": owner.Invite("anna@example.com", "auditor")}, map[string]string{}}
	o.alarm(t, owner)
	p.ids["address"] = p.find(owner, "/security/notifications", "/recipients/(adr_[0-9a-f]+)")
	p.ids["webhook"] = p.find(owner, "/security/notifications", "/webhooks/(whk_[a-z2-7]+)")
	return p
}

// alarm sends notifications to people and programs, some of which fail.
func (o *office) alarm(t *testing.T, owner *servertest.Member) {
	t.Helper()
	const at = "/panel/security/notifications"
	must(t, owner.Post(at+"/recipients/new", "recipient", "security@example.com", "sign_ins", "yes", "factors", "yes", "keys", "yes", "identity", "yes"))
	for url, events := range map[string][]string{
		"https://panel.example.com/hooks/mobileconfig": {"link.opened", "yes", "link.downloaded", "yes"},
		"https://siem.example.net/ingest":              {"sign_in.refused", "yes", "key.created", "yes", "policy.changed", "yes"},
	} {
		must(t, owner.Post(at+"/webhooks/new", append(events, "url", url)...))
		o.clock.Move(time.Second)
	}
	storetest.Exec(t, o.database, `UPDATE webhooks SET failing = created WHERE url LIKE '%siem%'`)
	tell := func(i int, kind, address, webhook, state, failure string, tries, status int) {
		now := o.clock.Now().Add(-time.Duration(i) * 37 * time.Minute).UnixMilli()
		storetest.Exec(t, o.database, `INSERT INTO deliveries (id, account, seq, type, address, webhook, state, tries, status, failure, digest, message, again, created, tried, ended)
			SELECT $1, account, 0, $2, $3, NULLIF($4, ''), $5, $6, $7, $8, '', $1, '', $9, $9, 0 FROM members WHERE email = $10`,
			fmt.Sprintf("msg_%s%d", webhook, i), kind, address, webhook, state, tries, status, failure, now, ownerEmail)
	}
	storetest.Exec(t, o.database, `DELETE FROM deliveries`)
	tell(1, "sign_in.new_device", ownerEmail, "", "sent", "", 1, 0)
	tell(2, "key.created", ownerEmail, "", "sent", "", 1, 0)
	tell(3, "key.created", "security@example.com", "", "waiting", "timeout", 3, 0)
	tell(4, "policy.changed", ownerEmail, "", "held", "", 1, 0)
	tell(5, "member.invited", "sofia@exampel.com", "", "given_up", "refused", 1, 0)
	for i, id := range storetest.Column(t, o.database, `SELECT id FROM webhooks ORDER BY created`) {
		tell(1, "link.downloaded", "", id, "sent", "", 1, 200)
		tell(2, "key.created", "", id, []string{"sent", "given_up"}[i], []string{"", "status"}[i], 1+9*i, []int{204, 503}[i])
		tell(3, "link.opened", "", id, "waiting", "tls", 2, 0)
	}
}
