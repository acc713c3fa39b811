package brand

import (
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A brandingPage shows a brand, and a form to change it.
type brandingPage struct {
	panel.Frame
	Path         string   // of the page
	Domain       string   // empty: the account
	Form         web.Form // set by the account or domain itself
	Inherited    web.Form // inherited by a domain from its account
	InheritsLogo bool
	Logo         string // the path of its own logo
	Confirmed    bool   // a logo can be uploaded without confirming first
	// Seen is the effective brand, and Sheet the stylesheet that gives
	// previews its color.
	Seen  templates.Brand
	Sheet string
	Color colorCheck
}

// A colorCheck shows how a color is used.
type colorCheck struct {
	Ratio   string // its contrast on a light page
	Color   string
	Light   string // the color used on light pages
	Dark    string // and on dark ones
	Changed bool   // light pages use a different color
}

// A mailsPage lists all emails.
type mailsPage struct {
	panel.Frame
	Rows []mailKind
}

// A mailKind is a kind of email and an example of its subject.
type mailKind struct{ Kind, Subject string }

// A sampleMail shows one email: as text, and the path of its page.
type sampleMail struct {
	panel.Frame
	Kind    string
	Subject string
	From    string
	Text    string
	Address string
}
