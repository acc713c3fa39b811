package mail

import (
	"net/http"

	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
)

// pending shows a pending domain.
func (p *Pages) pending(v *panel.Visit) error {
	d, err := p.Domains.GetPending(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	page := p.pendingPage(v, d)
	page.Frame = p.Frame(v, "domains")
	return p.Render(v, http.StatusOK, "pending", page.Frame, page)
}

func (p *Pages) pendingPage(v *panel.Visit, d settings.Pending) pendingPage {
	page := pendingPage{Row: rowOf(d.Domain()), MayApprove: mayApprove(v), Updated: d.Updated}
	page.ProofName, page.ProofValue = p.Domains.Proof(v.Account(), d.Name)
	return page
}

// verifyDomain checks the proof, and shows what the DNS has instead.
func (p *Pages) verifyDomain(v *panel.Visit) error {
	d, err := p.Domains.GetPending(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	page := p.pendingPage(v, d)
	var made settings.Domain
	var published settings.Published
	if err = p.DNSLimiter.Use("proof " + d.Name).Exceeded(); err == nil {
		made, published, err = p.Domains.Verify(v.Ctx(), v.Deciding(), v.Account(), d.Name)
		page.Looked = fault.Is(err, fault.DomainUnproven)
	}
	if err != nil {
		page.Texts, page.Doubled, page.Failed = published.Texts, published.Doubled, published.Failed
		return p.Again(v, err, "pending", "domains", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.goLive(v, made)
}

// approveDomain activates a domain on an operator's authority.
func (p *Pages) approveDomain(v *panel.Visit) error {
	made, err := p.Domains.Approve(v.Ctx(), v.By(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	return p.goLive(v, made)
}

// goLive redirects to a new domain after checking its servers.
func (p *Pages) goLive(v *panel.Visit, d settings.Domain) error {
	if err := p.checkServers(v, d); err != nil && !fault.Is(err, fault.Limited) {
		return err
	}
	return p.To(v, panel.Path("domains", d.Name), "domain.created")
}

func (p *Pages) askDeletePending(v *panel.Visit) error {
	d, err := p.Domains.GetPending(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	return p.Ask(v, "domains", "pending", map[string]any{"Domain": idn.Show(d.Name)}, panel.Path("domains", d.Name))
}
