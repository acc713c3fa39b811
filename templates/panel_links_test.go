package templates

import "time"

// The data from the handlers of links: see TestPanelViews.
type (
	linksPage struct {
		panelFrame
		Form                  panelForm
		States, Domains       []string
		Rows                  []linkRow
		Older, Newest, Revoke string
		Columns               []panelColumn
		Mailable              bool
	}
	selectedPage struct {
		panelFrame
		Mailed bool
		Rows   []selectedRow
	}
	selectedRow struct{ ID, Address, Why string }
	linkRow     struct {
		ID, Address, Domain, State string
		Downloads                  int
		Created, Expires           time.Time
		Test, Revocable            bool
	}
	newLinkPage struct {
		panelFrame
		Form    panelForm
		Locked  bool
		Locales []Language
	}
	mailboxPage struct {
		panelFrame
		Form                    panelForm
		Address, Domain, Server string
		Links                   int
		Downloads               []downloadRow
		More, Policy, Secure    bool
	}
	downloadRow struct {
		At                   time.Time
		Client, IP, Platform string
		Secure, Issued       bool
	}
	linkMail struct {
		State, Failure, Reply string
		Tried                 time.Time
	}
	linkPage struct {
		panelFrame
		Form                                                panelForm
		Row                                                 linkRow
		Live, Revocable                                     bool
		Name, Login, Locale, Variant, ExternalID, URL, Path string
		ReturnURL                                           string
		Tickets, Most                                       int
		Revoked                                             time.Time
		QR                                                  panelQR
		Mailable                                            bool
		Mail                                                linkMail
		Metadata                                            []confirmField
	}
)

var linkStates = []string{"waiting", "opened", "downloaded", "used", "expired", "revoked"}

func linkCases() []panelCase {
	const at = "/panel/links"
	var rows []linkRow
	for i, state := range linkStates {
		rows = append(rows, linkRow{"lnk_" + string(rune('1'+i)), "jane@example.com", "example.com", state, i, panelNow, panelNow.Add(time.Hour), i == 1, i < 4})
	}
	domains := []string{"example.com", "example.org"}
	page := linkPage{
		Row: rows[2], Live: true, Revocable: true, Name: "Jane Doe", Login: "jane", Locale: "en", Variant: "secure", ExternalID: "mbx_812", URL: link, Path: "/s/Jq4XoM2vR8sT",
		ReturnURL: "https://panel.example.com/mail?a=1&b=2", Tickets: 2, Most: 5, QR: panelQR{29, "M0 0h29v29H0z"},
		Form: panelForm{"metadata": "customer: 4711\n"}, Metadata: []confirmField{{"customer", "4711"}},
	}
	page.Row.ID = "lnk_1"
	seen, over := page, page
	seen.URL = ""
	over.URL, over.Live, over.Revocable, over.Variant, over.Name, over.ReturnURL = "", false, false, "", "", ""
	over.Row.State, over.Revoked = "revoked", panelNow
	locales := []Language{{"de", "Deutsch", "ltr"}, {"en", "English", "ltr"}}
	downloads := []downloadRow{{panelNow, "Safari on iPhone", "192.0.2.7", "iphone", true, false}, {panelNow, "", "", "mac", false, true}, {panelNow, "", "192.0.2.7", "", false, false}}
	mailbox := mailboxPage{Form: panelForm{"address": "jane@example.com"}, Address: "jane@example.com", Domain: "example.com", Server: "imap.example.com", Links: 2, Downloads: downloads, More: true, Policy: true, Secure: true}
	bare := mailbox
	bare.Links, bare.Downloads, bare.More, bare.Policy, bare.Secure = 0, nil, false, false, false
	form := panelForm{"address": "jane", "locale": "xx", "variant": "mail", "expires": "168", "downloads": "x"}
	cases := []panelCase{
		{name: "links", page: "links", who: owner, nav: "links", path: at, view: linksPage{
			Form: panelForm{"domain": "example.com", "state": "opened"}, States: linkStates, Domains: domains, Rows: rows,
			Older: at + "?cursor=1.lnk_9", Newest: at, Revoke: "/panel/domains/example.com/revoke-links",
		}},
		{name: "links-selected", page: "links-selected", who: owner, nav: "links", path: at + "/selected", view: selectedPage{Rows: []selectedRow{
			{"lnk_1", "jane@example.com", ""}, {"lnk_2", "", "There is no such link."}}}},
		{name: "links-mailed", page: "links-selected", who: owner, nav: "links", path: at + "/selected", view: selectedPage{Mailed: true, Rows: []selectedRow{
			{"lnk_1", "jane@example.com", ""}, {"lnk_2", "joe@example.com", "This link no longer works."}}}},
		{name: "links-sorted", page: "links", who: owner, nav: "links", path: at, view: linksPage{Form: panelForm{"sort": "-expires_at"}, States: linkStates, Domains: domains, Rows: rows, Mailable: true,
			Columns: []panelColumn{{"created_at", at + "?sort=created_at", ""}, {"expires_at", at + "?sort=expires_at", "descending"}}}},
		{name: "links-auditor", page: "links", who: auditor, nav: "links", path: at, view: linksPage{States: linkStates, Domains: domains, Rows: rows[:1]}},
		{name: "links-empty", page: "links", who: owner, nav: "links", path: at, view: linksPage{States: linkStates, Domains: domains}},
		{name: "links-no-domain", page: "links", who: owner, nav: "links", path: at, view: linksPage{States: linkStates}},
		{name: "links-nothing", page: "links", who: owner, nav: "links", path: at, view: linksPage{Form: panelForm{"address": "joe@example.com"}, States: linkStates, Domains: domains}},
		{name: "links-problems", page: "links", who: owner, nav: "links", path: at, view: linksPage{Form: panelForm{"address": "joe"}, States: linkStates, Domains: domains}, problems: badFields("address", "domain", "state", "metadata")},
		{name: "link-new", page: "link-new", who: owner, nav: "links", path: at + "/new", view: newLinkPage{Form: panelForm{"expires": "24", "downloads": "5", "locale": "de"}, Locales: locales}},
		{name: "mailbox-ask", page: "mailbox", who: owner, nav: "links", path: "/panel/mailbox", view: mailboxPage{}},
		{name: "mailbox-wrong", page: "mailbox", who: owner, nav: "links", path: "/panel/mailbox", view: mailboxPage{Form: panelForm{"address": "jane"}}, problems: badFields("address")},
		{name: "mailbox", page: "mailbox", who: owner, nav: "links", path: "/panel/mailbox", view: mailbox, done: "links.revoked"},
		{name: "mailbox-bare", page: "mailbox", who: owner, nav: "links", path: "/panel/mailbox", view: bare},
		{name: "mailbox-auditor", page: "mailbox", who: auditor, nav: "links", path: "/panel/mailbox", view: mailbox},
		{name: "link-new-locked", page: "link-new", who: owner, nav: "links", path: at + "/new", view: newLinkPage{Locked: true}},
		{name: "link-problems", page: "link-new", who: owner, nav: "links", path: at + "/new", view: newLinkPage{Form: form},
			problems: badFields("address", "name", "login", "locale", "variant", "expires", "downloads", "external_id", "return_url")},
		{name: "link", page: "link", who: owner, nav: "links", path: at + "/lnk_1", done: "link.created", view: page},
		{name: "link-metadata-problems", page: "link", who: owner, nav: "links", path: at + "/lnk_1", view: page, problems: badFields("metadata")},
		{name: "link-auditor", page: "link", who: auditor, nav: "links", path: at + "/lnk_1", view: seen},
		{name: "link-over", page: "link", who: owner, nav: "links", path: at + "/lnk_1", view: over},
	}
	for _, mail := range []linkMail{{State: "waiting"}, {State: "sent", Tried: panelNow}, {"given_up", "refused", "550 5.1.1 User unknown", panelNow}, {State: "dropped", Tried: panelNow}} {
		each := page
		each.Mail, each.Mailable = mail, mail.State != "waiting"
		cases = append(cases, panelCase{name: "link-mail-" + mail.State, page: "link", who: owner, nav: "links", path: at + "/lnk_1", view: each})
	}
	for _, state := range linkStates {
		each := over
		each.Row.State = state
		cases = append(cases, panelCase{name: "link-" + state, page: "link", who: owner, nav: "links", path: at + "/lnk_1", view: each})
	}
	return cases
}
