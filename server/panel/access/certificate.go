package access

import (
	"net/http"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
)

const certificatePath = "/certificate"

// shownRenewals is how many renewals the page shows.
const shownRenewals = 6

// certificate shows the signing certificate.
func (p *Pages) certificate(v *panel.Visit) error {
	page, err := p.certificatePage(v, p.Frame(v, "certificate"))
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "certificate", page.Frame, page)
}

func (p *Pages) certificatePage(v *panel.Visit, f panel.Frame) (certificatePage, error) {
	page := certificatePage{Frame: f, Form: web.Form{}}
	signs := p.Identity()
	page.Signs = p.certificateView(signs, nil)
	status := p.Certificate.Status()
	switch {
	case signs.Process != "":
		page.Source = "signer"
	case p.Files():
		page.Source = "files"
	case signs.Development:
		page.Source = "development"
	default:
		page.Source = string(status.Source)
	}
	page.Renews = status.Renews
	page.Upload = !status.Automatic && !p.Files()
	if id := p.Certificate.Identity(); id != nil && id.Fingerprint() == signs.Fingerprint {
		page.Signs.Notices = noticesOf(id)
	}
	if failed := status.Failure; failed != nil {
		page.Failed = failedOrder{string(failed.Reason), failed.Detail, failed.At, status.Retry}
	}
	var err error
	page.Renewals, err = p.renewals(v)
	return page, err
}

// certificateView shows how devices see a signer. now is the current signer,
// or nil.
func (p *Pages) certificateView(d signing.Description, now *signing.Description) certificateView {
	view := certificateView{Name: d.Name, Issuers: d.Issuers, NotAfter: d.NotAfter, DaysLeft: int(d.NotAfter.Sub(p.Now()) / (24 * time.Hour))}
	if d.Fault != nil {
		view.Fault = d.Fault.Error()
	}
	view.OtherKey = now != nil && !now.Development && now.Key != "" && now.Key != d.Key
	return view
}

func noticesOf(id *signing.Identity) []string {
	var codes []string
	for _, n := range id.Notices() {
		codes = append(codes, string(n.Code))
	}
	return codes
}

// renewals returns the latest renewals, from the installation's log.
func (p *Pages) renewals(v *panel.Visit) ([]renewalRow, error) {
	states := map[audit.Name]string{
		audit.IdentityRenew: "renewed", audit.IdentityChange: "changed", audit.IdentityRenewFailed: "failed", audit.IdentityUpload: "uploaded",
	}
	names := []audit.Name{audit.IdentityRenew, audit.IdentityChange, audit.IdentityRenewFailed, audit.IdentityUpload}
	records, err := p.History.Recent(v.Ctx(), account.Installation, names, "", shownRenewals)
	if err != nil {
		return nil, err
	}
	var rows []renewalRow
	for _, r := range records {
		a := r.View()
		row := renewalRow{At: a.Time, State: states[audit.Name(a.Action)]}
		for _, c := range a.Changes {
			if c.Field == "detail" {
				row.Text = c.New
			}
		}
		if row.State != "" {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// upload checks a certificate, and installs it if requested.
func (p *Pages) upload(v *panel.Visit) error {
	if p.Files() {
		return fault.New(fault.Conflict, "The server operator has configured certificate files or a separate signer.")
	}
	certificates, key := []byte(v.Form["certificates"]), []byte(v.Form["private_key"])
	id, err := p.Certificate.Check(certificates, key)
	if err == nil && v.Form["use"] == "yes" {
		if err = p.Certificate.Upload(v.Ctx(), v.By(), certificates, key); err == nil {
			return p.To(v, panel.Prefix+certificatePath, "certificate.uploaded")
		}
	}
	page, failed := p.certificatePage(v, p.Frame(v, "certificate"))
	if failed != nil {
		return failed
	}
	page.Form["certificates"] = withoutKey(v.Form["certificates"])
	if err != nil {
		return p.Again(v, err, "certificate", "certificate", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	now := p.Identity()
	page.Checked = p.certificateView(id.Describe(), &now)
	page.Checked.Notices = noticesOf(id)
	return p.Render(v, http.StatusOK, "certificate", page.Frame, page)
}

// withoutKey returns the text unless it contains a key, which isn't sent back.
func withoutKey(text string) string {
	if strings.Contains(text, "PRIVATE") {
		return ""
	}
	return text
}

// renew renews the certificate now.
func (p *Pages) renew(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+certificatePath, "certificate.renewing", func() error {
		return p.Certificate.Renew(v.Ctx(), v.By())
	})
}
