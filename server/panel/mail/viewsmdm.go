package mail

import (
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// An mdmPage chooses a device management service, and shows what it supports.
// Form: vendor, domain, policy, address, name.
type mdmPage struct {
	panel.Frame
	Form    web.Form
	Vendors []panel.Choice
	Domains []panel.Choice // none: there is no domain yet
	// Policies are those of the account, in addition to the domain's own.
	Policies []panel.Choice
	Vendor   *mdmVendor // nil: none is chosen
	Made     *mdmMade   // nil: nothing could be created
}

// An mdmVendor is the chosen service. Its texts are in English, as its files
// are.
type mdmVendor struct {
	Name, Title           string
	Fills                 bool // the person
	SecondHand            bool // some facts have a mark
	Checked               string
	Signed, Needs, Values mdmFact
	Declarations          mdmFact // empty: it supports none, or there is no policy
	Variables             []mdmVariable
	Steps                 []string
	StepsMark             string
	Limits                []mdmFact
	Sources               []string
	Notes                 []string
}

// An mdmFact is a sentence. Its mark, second-hand or unconfirmed, means that
// it doesn't come from the vendor.
type mdmFact struct{ Text, Mark string }

// An mdmVariable is one of the vendor's: address, name, user, local.
type mdmVariable struct {
	ID string
	mdmFact
}

// An mdmMade is what was created for the service.
type mdmMade struct {
	Files     []string
	ZIP       string // where the archive is
	Templates []mdmTemplate
	Asks      []mdmAsk
	Warnings  []string
	Advice    string // about the servers
}

// An mdmTemplate is the template for a kind of device: iphone, mac.
type mdmTemplate struct{ Platform, XML, Path string }

// An mdmAsk is something that people will be asked, and how often.
type mdmAsk struct{ What, Times string }
