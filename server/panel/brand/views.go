package brand

import (
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A brandingPage shows what people see, and a form to change it.
type brandingPage struct {
	panel.Frame
	Path         string   // of the page
	Domain       string   // empty: the account
	Form         web.Form // what the account or domain has itself
	Inherited    web.Form // what a domain has of its account
	InheritsLogo bool
	Logo         string // the path of its own logo
	Confirmed    bool   // a logo can be uploaded without confirming first
	// Seen is what people see, and Sheet the stylesheet that gives previews its
	// color.
	Seen  templates.Brand
	Sheet string
	Color colorCheck
}

// A colorCheck says what becomes of a color.
type colorCheck struct {
	Ratio   string // its contrast on a light page
	Color   string
	Light   string // what is used on light pages
	Dark    string // and on dark ones
	Changed bool   // light pages use another one
}

// A mailsPage lists all mails.
type mailsPage struct {
	panel.Frame
	Rows []mailKind
}

// A mailKind is a kind of mail and an example of its subject.
type mailKind struct{ Kind, Subject string }

// A sampleMail shows one mail: as text, and the path of its page.
type sampleMail struct {
	panel.Frame
	Kind    string
	Subject string
	From    string
	Text    string
	Address string
}
