package templates

// The data of the pages about branding and mails.
type (
	brandingPage struct {
		panelFrame
		Path, Domain    string
		Form, Inherited panelForm
		InheritsLogo    bool
		Logo            string
		Confirmed       bool
		Seen            Brand
		Sheet           string
		Color           colorCheck
	}
	colorCheck struct {
		Ratio, Color, Light, Dark string
		Changed                   bool
	}
	mailsPage struct {
		panelFrame
		Rows []mailKind
	}
	mailKind   struct{ Kind, Subject string }
	sampleMail struct {
		panelFrame
		Kind, Subject, From, Text, Address string
	}
)

func brandingCases() []panelCase {
	at, ofDomain := "/panel/branding", "/panel/domains/example.com/branding"
	form := panelForm{"name": "Example Host", "color": "#0b6b62", "help_url": "https://example.com/help", "imprint_url": "", "privacy_url": ""}
	good, changed := colorCheck{"5.8", "#0b6b62", "#0b6b62", "#7fb3ae", false}, colorCheck{"1.7", "#f2a900", "#916500", "#f8d07b", true}
	whole := brandingPage{Path: at, Form: form, Logo: "/brand/0123.png", Confirmed: true, Seen: aBrand, Sheet: "/brand/0b6b62-preview.css", Color: good}
	bare := brandingPage{Path: at, Form: panelForm{}, Seen: Brand{Name: "setup.example.com"}, Sheet: "/brand/2b52c4-preview.css", Color: good}
	domain := brandingPage{Path: ofDomain, Domain: "example.com", Form: panelForm{}, Inherited: form, InheritsLogo: true, Confirmed: true, Seen: aBrand, Sheet: "/brand/f2a900-preview.css", Color: changed}
	return []panelCase{
		{name: "branding", page: "branding", path: at, who: owner, nav: "branding", view: whole},
		{name: "branding-bare", page: "branding", path: at, who: owner, nav: "branding", view: bare},
		{name: "branding-read", page: "branding", path: at, who: auditor, nav: "branding", view: whole},
		{name: "branding-domain", page: "branding", path: ofDomain, who: owner, nav: "branding", view: domain},
		{name: "branding-problems", page: "branding", path: at, who: owner, nav: "branding", view: whole, problems: badFields("name", "color", "help_url", "imprint_url", "privacy_url", "file")},
		{name: "mails", page: "mails", path: at + "/mails", who: owner, nav: "branding", view: mailsPage{Rows: []mailKind{{"link", "Set up your email"}, {"member.joined", "New member"}}}},
		{name: "mail", page: "mail", path: at + "/mails/link", who: owner, nav: "branding", view: sampleMail{Kind: "link", Subject: "Set up your email", From: "Example Host", Text: "Set up your email\n\n-- \nExample Host\n", Address: at + "/mails/link/page"}},
	}
}
