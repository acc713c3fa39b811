package mail

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// mdm shows what a device management service takes, and what to expect.
func (p *Pages) mdm(v *panel.Visit) error {
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	page := mdmPage{Frame: p.Frame(v, "mdm"), Form: mdmForm(v)}
	for _, each := range mdm.Vendors() {
		page.Vendors = append(page.Vendors, panel.Choice{Value: each.Name, Label: each.Title})
	}
	for _, d := range domains {
		page.Domains = append(page.Domains, panel.Choice{Value: d.Name, Label: idn.Show(d.Name)})
	}
	policies, err := p.Policies.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	for _, each := range policies {
		page.Policies = append(page.Policies, panel.Choice{Value: each.ID, Label: each.Name})
	}
	if len(domains) > 0 && page.Form["domain"] == "" {
		page.Form["domain"] = domains[0].Name
	}
	vendor, found := mdm.Find(page.Form["vendor"])
	if !found || len(domains) == 0 {
		return p.Render(v, http.StatusOK, "mdm", page.Frame, page)
	}
	page.Vendor = vendorView(vendor)
	page.Vendor.Notes = vendor.Notes(page.Form["policy"] != "")
	if page.Form["policy"] != "" {
		page.Vendor.Declarations = factView(vendor.Declarations)
	}
	if !vendor.Fills() && page.Form["address"] == "" {
		return p.Render(v, http.StatusOK, "mdm", page.Frame, page)
	}
	set, err := p.mdmSet(v, page.Form)
	if err != nil {
		return p.Again(v, err, "mdm", "mdm", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	if page.Made, err = madeView(set, page.Form); err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "mdm", page.Frame, page)
}

// mdmForm are the choices that the URL names.
func mdmForm(v *panel.Visit) web.Form {
	form := web.Form{}
	for _, name := range []string{"vendor", "domain", "policy", "address", "name"} {
		form[name] = v.QueryParam(name)
	}
	return form
}

// mdmSet makes what the form asks for. A vendor or domain that isn't there is a
// NotFound fault.
func (p *Pages) mdmSet(v *panel.Visit, form web.Form) (*mdm.Set, error) {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), form["domain"])
	if err != nil {
		return nil, err
	}
	vendor, found := mdm.Find(form["vendor"])
	if !found {
		return nil, fault.New(fault.NotFound, "There is no such MDM.")
	}
	variant := settings.Mail
	if form["policy"] != "" {
		variant = settings.Secure
	}
	if id := form["policy"]; id != "" && id != "own" {
		policy, err := p.Policies.Get(v.Ctx(), v.Account(), id)
		if err != nil {
			return nil, err
		}
		d.DevicePolicy = policy.Passcode
	}
	order := issue.ManagedOrderOf(d, vendor, variant)
	if form["address"] != "" && !vendor.Fills() {
		if order.Person.Address, err = profile.ParseAddress(form["address"]); err != nil {
			return nil, fault.OnText("address", err, fault.AddressMalformed, "Enter an email address, for example jane@example.com.")
		}
		if order.Person.Name = profile.Plain(form["name"]); !profile.IsPersonName(order.Person.Name) {
			return nil, fault.On("name", fault.Invalid, "A name has letters, digits, spaces and ' - . , & ( ) only, and no web address.")
		}
	}
	return p.Issuer.Manage(order)
}

// mdmFiles sends all files as an archive.
func (p *Pages) mdmFiles(v *panel.Visit) error {
	set, err := p.mdmOf(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := set.WriteZIP(&out); err != nil {
		return err
	}
	return send(v, "application/zip", set.FileName()+".zip", out.Bytes())
}

// mdmTemplate sends one template.
func (p *Pages) mdmTemplate(v *panel.Visit) error {
	set, err := p.mdmOf(v)
	if err != nil {
		return err
	}
	template, found := set.Template(profile.Platform(v.QueryParam("platform")), false)
	if !found {
		return fault.New(fault.NotFound, "There is no such template.")
	}
	var out bytes.Buffer
	if _, err := template.WriteTo(&out); err != nil {
		return err
	}
	return send(v, "application/xml", set.FileName()+"-"+string(template.Platform)+".mobileconfig", out.Bytes())
}

// mdmOf is what a download is about: the domain of its path, and the choices of its
// query.
func (p *Pages) mdmOf(v *panel.Visit) (*mdm.Set, error) {
	form := mdmForm(v)
	form["domain"] = v.Param("domain")
	return p.mdmSet(v, form)
}

// send answers with a file. Its name has ASCII letters only.
func send(v *panel.Visit, kind, name string, data []byte) error {
	v.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	return v.Blob(http.StatusOK, kind, data)
}

// vendorView is a vendor as the page shows it.
func vendorView(v *mdm.Vendor) *mdmVendor {
	out := &mdmVendor{
		Name: v.Name, Title: v.Title, Fills: v.Fills(), SecondHand: v.SecondHand(), Checked: v.Checked, Sources: v.Sources,
		Steps: v.Steps[:], StepsMark: markOf(v.StepsSure),
		Signed: factView(v.Signed), Needs: factView(v.Needs), Values: factView(v.Values),
	}
	for _, f := range v.Limits {
		out.Limits = append(out.Limits, factView(f))
	}
	for _, one := range []struct {
		id       string
		variable mdm.Variable
	}{{"address", v.Address}, {"name", v.PersonName}, {"user", v.UserName}, {"local", v.LocalPart}} {
		if one.variable.Text != "" {
			out.Variables = append(out.Variables, mdmVariable{one.id, factView(mdm.Fact(one.variable))})
		}
	}
	return out
}

func factView(f mdm.Fact) mdmFact { return mdmFact{f.Text, markOf(f.Sure)} }

// markOf is what a fact is marked with: nothing, if it is the vendor's word.
func markOf(s mdm.Sure) string {
	if s == mdm.Documented {
		return ""
	}
	return string(s)
}

// madeView is what was made, as the page shows it.
func madeView(set *mdm.Set, form web.Form) (*mdmMade, error) {
	files, err := set.Files()
	if err != nil {
		return nil, err
	}
	made := &mdmMade{Warnings: set.Warnings, Advice: set.Advice}
	for _, f := range files {
		made.Files = append(made.Files, f.Path)
	}
	for _, ask := range set.Asks() {
		made.Asks = append(made.Asks, mdmAsk{ask.What, ask.Times})
	}
	query := url.Values{}
	for _, name := range []string{"vendor", "policy", "address", "name"} {
		if form[name] != "" {
			query.Set(name, form[name])
		}
	}
	at := panel.Path("domains", form["domain"], "mdm")
	made.ZIP = at + "/files.zip?" + query.Encode()
	for _, t := range set.Templates {
		if t.Policy {
			continue
		}
		var text strings.Builder
		if _, err := t.WriteTo(&text); err != nil {
			return nil, err
		}
		query.Set("platform", string(t.Platform))
		made.Templates = append(made.Templates, mdmTemplate{string(t.Platform), text.String(), at + "/template?" + query.Encode()})
	}
	return made, nil
}
