package templates

import "strings"

// The data of the page about a device management service, from server/panel.
type (
	mdmPage struct {
		panelFrame
		Form     panelForm
		Vendors  []policyChoice
		Domains  []policyChoice
		Policies []policyChoice
		Vendor   *mdmVendor
		Made     *mdmMade
	}
	mdmVendor struct {
		Name, Title           string
		Fills                 bool
		SecondHand            bool
		Checked               string
		Signed, Needs, Values mdmFact
		Declarations          mdmFact
		Variables             []mdmVariable
		Steps                 []string
		StepsMark             string
		Limits                []mdmFact
		Sources               []string
		Notes                 []string
	}
	mdmFact     struct{ Text, Mark string }
	mdmVariable struct {
		ID string
		mdmFact
	}
	mdmMade struct {
		Files     []string
		ZIP       string
		Templates []mdmTemplate
		Asks      []mdmAsk
		Warnings  []string
		Advice    string
	}
	mdmTemplate struct{ Platform, XML, Path string }
	mdmAsk      struct{ What, Times string }
)

func mdmCases() []panelCase {
	vendors := []policyChoice{{"nanomdm", "NanoMDM", false}, {"mosyle", "Mosyle", false}}
	domains := []policyChoice{{"example.com", "example.com", false}}
	mosyle := &mdmVendor{
		Name: "mosyle", Title: "Mosyle", Fills: true, SecondHand: true, Checked: "2026-11-28",
		Signed: mdmFact{"Use unsigned profiles.", "unconfirmed"}, Needs: mdmFact{"A device that is assigned to a person", "second-hand"},
		Values:    mdmFact{"Variables have to be turned on.", "second-hand"},
		Variables: []mdmVariable{{"address", mdmFact{"%Email%", "second-hand"}}, {"name", mdmFact{"%FullName%", ""}}, {"user", mdmFact{"%UserId%", ""}}, {"local", mdmFact{strings.Repeat("$LONG_", 20), ""}}},
		Steps:     []string{"Upload.", "Assign.", "Look.", "Check.", "Open Mail."}, StepsMark: "second-hand",
		Limits: []mdmFact{{"Names must be unique.", "unconfirmed"}}, Sources: []string{"https://example.com/a/page/with/a/long/name"}, Notes: []string{"An MDM can't promise a single password prompt."},
	}
	nano := &mdmVendor{Name: "nanomdm", Title: "NanoMDM", Checked: "2026-11-28", Declarations: mdmFact{"KMFDDM sends them.", "second-hand"}, Signed: mdmFact{"Accepted.", ""}, Needs: mdmFact{"The ID", ""}, Values: mdmFact{"Nothing", ""}, Steps: mosyle.Steps, Limits: mosyle.Limits}
	made := &mdmMade{
		Files: []string{"platforms/ios/configuration-profiles/mail-example.com.mobileconfig", "README.txt"}, ZIP: "/panel/domains/example.com/mdm/files.zip?vendor=mosyle",
		Templates: []mdmTemplate{{"iphone", "<dict>\n\t<key>EmailAddress</key>\n</dict>", "/panel/domains/example.com/mdm/template?platform=iphone"}, {"mac", "<dict/>", "/panel/domains/example.com/mdm/template?platform=mac"}},
		Asks:      []mdmAsk{{"To install the profile", "never"}, {"Email password", "once or twice"}}, Advice: "Google takes an app password only.", Warnings: []string{"Mosyle has no variable for the part before the @."},
	}
	at := "/panel/mdm"
	chosen := panelForm{"vendor": "mosyle", "domain": "example.com", "policy": "own"}
	person := panelForm{"vendor": "nanomdm", "domain": "example.com", "address": "jane", "name": "Jane"}
	return []panelCase{
		{name: "mdm", page: "mdm", who: owner, nav: "mdm", path: at, view: mdmPage{Form: chosen, Vendors: vendors, Domains: domains, Policies: []policyChoice{{"pol_1", "Tablets", false}}, Vendor: mosyle, Made: made}},
		{name: "mdm-auditor", page: "mdm", who: auditor, nav: "mdm", path: at, view: mdmPage{Form: chosen, Vendors: vendors, Domains: domains, Vendor: mosyle, Made: made}},
		{name: "mdm-choose", page: "mdm", who: owner, nav: "mdm", path: at, view: mdmPage{Form: panelForm{"domain": "example.com"}, Vendors: vendors, Domains: domains}},
		{name: "mdm-person", page: "mdm", who: owner, nav: "mdm", path: at, view: mdmPage{Form: panelForm{"vendor": "nanomdm"}, Vendors: vendors, Domains: domains, Vendor: nano}},
		{name: "mdm-person-made", page: "mdm", who: owner, nav: "mdm", path: at, view: mdmPage{Form: person, Vendors: vendors, Domains: domains, Vendor: nano, Made: made}},
		{name: "mdm-wrong", page: "mdm", who: owner, nav: "mdm", path: at, view: mdmPage{Form: person, Vendors: vendors, Domains: domains, Vendor: nano}, problems: badFields("address", "name")},
		{name: "mdm-empty", page: "mdm", who: owner, nav: "mdm", path: at, view: mdmPage{Vendors: vendors}},
	}
}
