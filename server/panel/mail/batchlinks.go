package mail

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// fillLinks sets the status of the batch's links.
func (p *Pages) fillLinks(v *panel.Visit, page *batchPage, b batches.Batch) error {
	counts, err := p.Batches.CountLinks(v.Ctx(), b)
	if err != nil {
		return err
	}
	page.Links = batchLinks{counts.Links, b.Choice.Mail, counts.Sent, counts.Waiting, counts.GivenUp}
	if !b.Choice.Mail {
		return nil
	}
	refused, err := p.Mails.RefusedOf(v.Ctx(), b.Account, b.ID, problemsShown)
	for _, m := range refused {
		page.Refused = append(page.Refused, batchRefused{m.Link, m.Address, m.Reply, m.State == notify.Waiting})
	}
	return err
}

// linkURL returns the URL of a link's page.
func (p *Pages) linkURL(l setup.Link) string { return p.BaseURL.String() + p.Links.Path(l) }

// mergeLinks sends the links of a batch as CSV for mail merge. It gives as
// much access as a download of profiles, and is recorded as one.
func (p *Pages) mergeLinks(v *panel.Visit) error {
	if asksAlone(v) {
		if _, err := p.Batches.LookLinks(v.Ctx(), v.Account(), v.Param("id")); err != nil {
			return err
		}
		web.Stream(v, batches.LinksType, batches.LinksFile)
		return v.NoContent(http.StatusOK)
	}
	all, err := p.Batches.DownloadLinks(v.Ctx(), v.By(), v.Account(), v.Param("id"), batches.LinksFile, 0)
	if err != nil {
		return err
	}
	return batches.WriteLinks(web.Stream(v, batches.LinksType, batches.LinksFile), all, p.linkURL)
}

// handoutsOnce is how many people one printable page contains.
const handoutsOnce = 100

// batchSheet shows links of a batch for printing.
func (p *Pages) batchSheet(v *panel.Visit) error {
	after, err := strconv.Atoi(v.QueryParam("after"))
	if err != nil {
		after = 0 // from the start then
	}
	b, err := p.Batches.LookLinks(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	if asksAlone(v) {
		return v.NoContent(http.StatusOK)
	}
	links, err := p.Batches.DownloadLinks(v.Ctx(), v.By(), b.Account, b.ID, batches.SheetFile, after)
	if err != nil {
		return err
	}
	page := batchSheetPage{Frame: p.Frame(v, "batches"), ID: b.ID, Name: b.Name}
	brands := map[string]templates.Brand{} // by domain
	for l, err := range links {
		if err != nil {
			return err
		}
		if len(page.Rows) == handoutsOnce {
			page.Older = fmt.Sprintf("%s/sheet?after=%d", panel.Path("batches", b.ID), after)
			break
		}
		one := batchHandout{ID: l.ID, Name: l.Name, Address: l.Address, URL: p.linkURL(l.Link), Expires: l.Expires}
		if one.QR, err = web.NewQR(one.URL); err != nil {
			return err
		}
		if _, ok := brands[l.Domain]; !ok {
			if brands[l.Domain], err = p.brandOf(v, l.Domain); err != nil {
				return err
			}
		}
		one.Brand = brands[l.Domain]
		page.Rows, after = append(page.Rows, one), l.Line
	}
	return p.Render(v, http.StatusOK, "batch-sheet", page.Frame, page)
}

// brandOf returns the brand that people of the domain see.
func (p *Pages) brandOf(v *panel.Visit, domain string) (templates.Brand, error) {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), domain)
	if err != nil {
		return templates.Brand{}, err
	}
	return p.Brands.View(v.Ctx(), branding.Owner{Account: d.Account, DomainID: d.ID, Domain: d.Name}, d.DisplayName, idn.Show(d.Name))
}
