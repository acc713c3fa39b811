package templates

import (
	"fmt"
	"time"
)

// The data of the pages about domains, and of the checklist on the overview.
type (
	domainRow struct {
		Name, Incoming, Outgoing, Offer string
		Erases                          bool
		Links, Downloads                int
		Pending                         bool
	}
	domainPage struct {
		panelFrame
		Form                panelForm
		Row                 domainRow
		Days                int
		URL                 string
		QR                  panelQR
		DisplayName, Login  string
		Hint                string
		IPhone, Mac         bool
		Calendars, Contacts string
		Policy              string
		Attempts, MinLength int
		PasswordAdvice      string
		Checks              []serverCheck
		CheckedAt           time.Time
		Records             []dnsRecord
		RecordsAt           time.Time
		FoundRecords        int
		Zone                string
		Recent              []actionRow
		Metadata            []confirmField
	}
	dnsRecord   struct{ Name, Type, Value, State string }
	serverCheck struct {
		Protocol, Server            string
		Port                        int
		Encryption, Severity, State string
		Text                        string
		NotAfter                    time.Time
	}
	domainFormPage struct {
		panelFrame
		Form                     panelForm
		Name                     string
		Pending, Whole, Advanced bool
		Policies                 []policyChoice
		Search                   *search
		PasswordAdvice           string
	}
	search struct {
		Incoming, Outgoing *foundServer
		Also               []also
		Looks              []look
	}
	foundServer struct {
		Server, Source string
		NotAfter       time.Time
		Soon           bool
	}
	also struct{ Kind, Server string }
	look struct {
		Source, Outcome string
		Servers         []string
	}
	pendingPage struct {
		panelFrame
		Row                   domainRow
		Updated               time.Time
		ProofName, ProofValue string
		MayApprove, Looked    bool
		Texts                 []string
		Doubled, Failed       bool
	}
	checklist struct {
		First, Then []setupStep
		Done, Total int
		BackupDays  int
		URL         string
		QR          panelQR
		Link        string
	}
	setupStep struct {
		ID           string
		Number       int
		Done, Next   bool
		Detail, Path string
	}
	panelSetupPage struct {
		panelFrame
		Host, Certificate, Relay, Backup string
	}
)

var (
	setupIDs = []string{"certificate", "domain", "servers", "link", "opened", "downloaded", "owner", "relay", "backup"}
	sources  = []string{"srv", "autoconfig", "mx", "names"}
)

// setupSteps returns the checklist with this many steps done.
func setupSteps(done int) *checklist {
	c := &checklist{Done: done, Total: len(setupIDs)}
	for i, id := range setupIDs {
		s := setupStep{ID: id, Number: i + 1, Done: i < done, Next: i == done}
		if s.Done {
			s.Detail = "example.com"
		} else if id != "downloaded" {
			s.Path = "/panel/" + id
		}
		if i < 6 {
			c.First = append(c.First, s)
		} else {
			c.Then = append(c.Then, s)
		}
	}
	if done == 4 {
		c.URL, c.Link, c.QR = "https://setup.example.com/s/abc", "/panel/links/lnk_1", panelQR{29, "M4 4h1v1h-1z"}
	}
	return c
}

func domainCases() []panelCase {
	policies := []policyChoice{{"standard", "Standard", true}, {"pol_1", "Loan phones", false}}
	fresh := panelForm{"name": "example.com", "login": "address", "iphone": "yes", "mac": "yes", "policy": "offered", "policy_id": "standard"}
	saved := panelForm{"display_name": "Example Mail", "imap": "imap.example.com:993", "smtp": "smtp.example.com:465", "caldav": "dav.example.com:443", "login": "local_part", "sign_in_hint": "Use the app password.",
		"help_text": "Help desk\n+43 1 234567", "iphone": "yes", "policy": "offered", "policy_id": "pol_1"}
	checks := []serverCheck{
		{"imap", "imap.example.com", 993, "SSL/TLS", "good", "good", "TLS works and the certificate is good.", panelNow},
		{"smtp", "smtp.example.com", 465, "SSL/TLS", "warning", "forbidden", "The server is not reachable from here.", time.Time{}},
		{"caldav", "dav.example.com", 443, "SSL/TLS", "error", "certificate_wrong_name", "The certificate is for another name.", panelNow},
		{"carddav", "dav.example.com", 443, "SSL/TLS", "", "", "", time.Time{}},
	}
	records := func(states ...string) []dnsRecord {
		return []dnsRecord{
			{"_imaps._tcp.example.com", "SRV", "0 1 993 imap.example.com.", states[0]}, {"_submissions._tcp.example.com", "SRV", "0 1 465 smtp.example.com.", states[1]},
			{"autoconfig.example.com", "CNAME", "setup.example.com.", states[2]}, {"_ua-auto-config.example.com", "TXT", "v=UAAC1; a=sha256; d=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", states[3]},
		}
	}
	const zone = "_imaps._tcp.example.com. IN SRV 0 1 993 imap.example.com.\nautoconfig.example.com. IN CNAME setup.example.com."
	qr := panelQR{29, "M4 4h1v1h-1z"}
	whole := domainPage{Form: panelForm{"metadata": "customer: 4711\n"}, Metadata: []confirmField{{"customer", "4711"}}, Row: panelDomains[0], Days: 14, URL: "https://setup.example.com/", QR: qr, DisplayName: "Example Mail", Login: "address", Hint: "Use the app password.", IPhone: true, Mac: true,
		Calendars: "cal.example.com:443", Contacts: "card.example.com:443", Policy: "Standard", Attempts: 10, MinLength: 6, Checks: checks, CheckedAt: panelNow,
		Records: records("found", "missing", "other", "found"), RecordsAt: panelNow, FoundRecords: 2, Zone: zone,
		Recent: []actionRow{{"domain.update", "example.com", "Maria Kern", "member", false, panelNow}, {"link.create", "", "", "visitor", false, panelNow}}}
	bare := domainPage{Row: panelDomains[1], Days: 14, URL: "https://setup.example.com/", QR: qr, Mac: true, Contacts: "card.example.com:443", MinLength: 1, Policy: "Loan phones",
		Checks: []serverCheck{{"imap", "imap.example.com", 993, "SSL/TLS", "", "", "", time.Time{}}}, Records: records("", "", "", "unknown"), PasswordAdvice: "Make an app password there."}
	found := &search{Incoming: &foundServer{"imap.example.com:993", "srv", panelNow, false}, Outgoing: &foundServer{"smtp.example.com:465", "names", panelNow, true},
		Also:  []also{{"caldav", "dav.example.com:443"}, {"carddav", "dav.example.com:443"}},
		Looks: []look{{"srv", "used", []string{"imap.example.com:993"}}, {"autoconfig", "same", nil}, {"mx", "unfit", []string{"mx.example.com:993"}}, {"names", "skipped", nil}}}
	nothing := &search{Looks: []look{{"srv", "nothing", nil}, {"autoconfig", "nothing", nil}, {"mx", "nothing", nil}, {"names", "nothing", nil}}}
	pending := pendingPage{Row: panelDomains[0], Updated: panelNow, ProofName: "_mobileconfig.example.com", ProofValue: "mobileconfig-domain=abcdefghijklmnopqrstuvwxyz"}
	looked := pending
	looked.Looked = true
	at := "/panel/domains"
	fields := badFields("name", "display_name", "imap", "smtp", "caldav", "carddav", "login", "sign_in_hint", "help_text", "iphone", "mac", "policy", "policy_id")
	cases := []panelCase{
		{name: "domains", page: "domains", who: owner, nav: "domains", path: at, done: "domain.created",
			view: domainsPage{panelPaging: panelPaging{"", 57, 21, 23, "/panel/domains", "/panel/domains?page=3", "", nil}, Rows: panelDomains}},
		{name: "domains-found", page: "domains", who: owner, nav: "domains", path: at, view: domainsPage{panelPaging: panelPaging{"example", 1, 1, 1, "", "", "", nil}, Rows: panelDomains[:1]}},
		{name: "domains-nothing", page: "domains", who: owner, nav: "domains", path: at, view: domainsPage{panelPaging: panelPaging{Query: "nowhere"}}},
		{name: "domains-metadata", page: "domains", who: owner, nav: "domains", path: at, view: domainsPage{panelPaging: panelPaging{"", 1, 1, 1, "", "", "", nil}, Form: panelForm{"metadata": "customer:4711"}, Rows: panelDomains[:1]}},
		{name: "domains-metadata-none", page: "domains", who: owner, nav: "domains", path: at, view: domainsPage{Form: panelForm{"metadata": "customer:4711"}}},
		{name: "domains-problems", page: "domains", who: owner, nav: "domains", path: at, view: domainsPage{Form: panelForm{"metadata": "customer"}}, problems: badFields("metadata")},
		{name: "domains-empty", page: "domains", who: owner, nav: "domains", path: at, view: domainsPage{}},
		{name: "domains-auditor", page: "domains", who: auditor, nav: "domains", path: at, view: domainsPage{panelPaging: panelPaging{"", 2, 1, 2, "", "", "", nil}, Rows: panelDomains[:2]}},
		{name: "domains-empty-auditor", page: "domains", who: auditor, nav: "domains", path: at, view: domainsPage{}},
		{name: "domain-new", page: "domain-form", who: owner, nav: "domains", path: at + "/new", view: domainFormPage{Form: panelForm{}, Policies: policies}},
		{name: "domain-new-wrong", page: "domain-form", who: owner, nav: "domains", path: at + "/new/find", view: domainFormPage{Form: panelForm{"name": "x"}, Policies: policies}, problems: badFields("name")},
		{name: "domain-found", page: "domain-form", who: owner, nav: "domains", path: at + "/new/find", view: domainFormPage{Form: fresh, Policies: policies, Whole: true, Search: found}},
		{name: "domain-nothing", page: "domain-form", who: owner, nav: "domains", path: at + "/new/find", view: domainFormPage{Form: fresh, Policies: policies, Whole: true, Search: nothing}},
		{name: "domain-problems", page: "domain-form", who: operator, nav: "domains", path: at + "/new", problems: fields, view: domainFormPage{Form: fresh, Whole: true, Advanced: true, Policies: policies}},
		{name: "domain-edit", page: "domain-form", who: owner, nav: "domains", path: at + "/example.com/edit", view: domainFormPage{Form: saved, Name: "example.com", Whole: true, Policies: policies, PasswordAdvice: "Make an app password there."}},
		{name: "domain-auditor", page: "domain-form", who: auditor, nav: "domains", path: at + "/example.com/edit", view: domainFormPage{Form: saved, Name: "example.com", Whole: true, Pending: true, Policies: policies[1:]}},
		{name: "domain", page: "domain", who: owner, nav: "domains", path: at + "/example.com", done: "domain.saved", view: whole},
		{name: "domain-bare", page: "domain", who: owner, nav: "domains", path: at + "/example.org", view: bare, problems: badFields("")},
		{name: "domain-looked-at", page: "domain", who: auditor, nav: "domains", path: at + "/example.com", view: whole},
		{name: "pending-owner", page: "pending", who: owner, nav: "domains", path: at + "/example.com", view: pending, done: "domain.pending"},
		{name: "pending-auditor", page: "pending", who: auditor, nav: "domains", path: at + "/example.com", view: pending},
	}
	for i, change := range []func(*pendingPage){
		func(p *pendingPage) { p.MayApprove = true },
		func(p *pendingPage) { p.Doubled = true },
		func(p *pendingPage) { p.Failed = true },
		func(p *pendingPage) { p.Texts = []string{"v=spf1 -all"} },
	} {
		page := looked
		change(&page)
		name := []string{"pending", "pending-doubled", "pending-failed", "pending-others"}[i]
		cases = append(cases, panelCase{name: name, page: "pending", who: operator, nav: "domains", path: fmt.Sprint(at, "/example.com/verify"), view: page, problems: badFields("")})
	}
	return cases
}
