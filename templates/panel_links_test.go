package templates

import "time"

// What the handlers of the links bring: see TestPanelViews.
type (
	linksPage struct {
		panelFrame
		Form                  panelForm
		States, Domains       []string
		Rows                  []linkRow
		Older, Newest, Revoke string
	}
	linkRow struct {
		ID, Address, Domain, State string
		Downloads                  int
		Created, Expires           time.Time
		Test                       bool
	}
	newLinkPage struct {
		panelFrame
		Form   panelForm
		Locked bool
	}
	linkMail struct {
		State, Failure, Reply string
		Tried                 time.Time
	}
	linkPage struct {
		panelFrame
		Row                                                 linkRow
		Live, Revocable                                     bool
		Name, Login, Locale, Variant, ExternalID, URL, Path string
		ReturnURL                                           string
		Tickets, Most                                       int
		Revoked                                             time.Time
		QR                                                  panelQR
		Mailable                                            bool
		Mail                                                linkMail
	}
)

var linkStates = []string{"waiting", "opened", "downloaded", "used", "expired", "revoked"}

func linkCases() []panelCase {
	const at = "/panel/links"
	var rows []linkRow
	for i, state := range linkStates {
		rows = append(rows, linkRow{"lnk_" + string(rune('1'+i)), "jane@example.com", "example.com", state, i, panelNow, panelNow.Add(time.Hour), i == 1})
	}
	domains := []string{"example.com", "example.org"}
	page := linkPage{
		Row: rows[2], Live: true, Revocable: true, Name: "Jane Doe", Login: "jane", Locale: "en", Variant: "secure", ExternalID: "mbx_812", URL: link, Path: "/s/Jq4XoM2vR8sT",
		ReturnURL: "https://panel.example.com/mail?a=1&b=2", Tickets: 2, Most: 5, QR: panelQR{29, "M0 0h29v29H0z"},
	}
	page.Row.ID = "lnk_1"
	seen, over := page, page
	seen.URL = ""
	over.URL, over.Live, over.Revocable, over.Variant, over.Name, over.ReturnURL = "", false, false, "", "", ""
	over.Row.State, over.Revoked = "revoked", panelNow
	form := panelForm{"address": "jane", "variant": "mail", "expires": "168", "downloads": "x"}
	cases := []panelCase{
		{name: "links", page: "links", who: owner, nav: "links", path: at, view: linksPage{
			Form: panelForm{"domain": "example.com", "state": "opened"}, States: linkStates, Domains: domains, Rows: rows,
			Older: at + "?cursor=1.lnk_9", Newest: at, Revoke: "/panel/domains/example.com/revoke-links",
		}},
		{name: "links-auditor", page: "links", who: auditor, nav: "links", path: at, view: linksPage{States: linkStates, Domains: domains, Rows: rows[:1]}},
		{name: "links-empty", page: "links", who: owner, nav: "links", path: at, view: linksPage{States: linkStates, Domains: domains}},
		{name: "links-no-domain", page: "links", who: owner, nav: "links", path: at, view: linksPage{States: linkStates}},
		{name: "links-nothing", page: "links", who: owner, nav: "links", path: at, view: linksPage{Form: panelForm{"address": "joe@example.com"}, States: linkStates, Domains: domains}},
		{name: "links-problems", page: "links", who: owner, nav: "links", path: at, view: linksPage{Form: panelForm{"address": "joe"}, States: linkStates, Domains: domains}, problems: badFields("address", "domain", "state")},
		{name: "link-new", page: "link-new", who: owner, nav: "links", path: at + "/new", view: newLinkPage{Form: panelForm{"expires": "24", "downloads": "5"}}},
		{name: "link-new-locked", page: "link-new", who: owner, nav: "links", path: at + "/new", view: newLinkPage{Locked: true}},
		{name: "link-problems", page: "link-new", who: owner, nav: "links", path: at + "/new", view: newLinkPage{Form: form},
			problems: badFields("address", "name", "login", "locale", "variant", "expires", "downloads", "external_id", "return_url")},
		{name: "link", page: "link", who: owner, nav: "links", path: at + "/lnk_1", done: "link.created", view: page},
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
