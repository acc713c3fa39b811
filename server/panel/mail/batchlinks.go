package mail

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A BatchLinks has the links of batches.
type BatchLinks interface {
	// BatchLinks returns up to limit links of a batch of the account whose rows
	// come after the line, in the order of the list.
	BatchLinks(ctx context.Context, account, batch string, after, limit int) ([]batches.Link, error)
	// CountBatchLinks returns how many links a batch of the account has.
	CountBatchLinks(ctx context.Context, account, batch string) (int, error)
	// BatchMails returns how many mails of a batch are in each state.
	BatchMails(ctx context.Context, account, batch string) (map[notify.State]int, error)
	// RefusedMails returns mails of a batch that the mail server has refused.
	RefusedMails(ctx context.Context, account, batch string, limit int) ([]mailing.Refused, error)
}

// fillLinks says what has become of the links of the batch.
func (p *Pages) fillLinks(v *panel.Visit, page *batchPage, b batches.Batch) (err error) {
	if !b.Choice.MakesLinks() {
		return nil
	}
	if page.Links.Count, err = p.BatchLinks.CountBatchLinks(v.Ctx(), b.Account, b.ID); err != nil || !b.Choice.Mail {
		return err
	}
	states, err := p.BatchLinks.BatchMails(v.Ctx(), b.Account, b.ID)
	if err != nil {
		return err
	}
	page.Links = batchLinks{page.Links.Count, true, states[notify.Sent], states[notify.Waiting], states[notify.GivenUp] + states[notify.Dropped]}
	refused, err := p.BatchLinks.RefusedMails(v.Ctx(), b.Account, b.ID, problemsShown)
	for _, m := range refused {
		page.Refused = append(page.Refused, batchRefused{m.Link, m.Address, m.Reply, m.State == notify.Waiting})
	}
	return err
}

// linksOnce is how many links are read at once.
const linksOnce = 1000

// mergeLinks sends the links of a batch as CSV for mail merge. What it holds is
// as good as a download of profiles, and is recorded as one.
func (p *Pages) mergeLinks(v *panel.Visit) error {
	b, err := p.Batches.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	if err := p.Batches.Handed(v.Ctx(), v.By(), b, "links.csv"); err != nil {
		return err
	}
	header := v.Response().Header()
	header.Set("Content-Type", "text/csv; charset=utf-8")
	header.Set("Content-Disposition", `attachment; filename="links.csv"`)
	header.Set("Cache-Control", "no-store")
	stream := http.NewResponseController(v.Response())
	line := format.AppendCSV(nil, "email", "name", "url", "expires_at", "language", "external_id")
	for after := 0; ; {
		all, err := p.BatchLinks.BatchLinks(v.Ctx(), b.Account, b.ID, after, linksOnce)
		if err != nil {
			return err
		}
		for _, l := range all {
			line = format.AppendCSV(line, l.Address, l.Name, p.BaseURL.String()+p.Links.Path(l.Link), l.Expires.UTC().Format(time.RFC3339), l.Locale, l.ExternalID)
			after = l.Line
		}
		if err := stream.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
			return err
		}
		if _, err := v.Response().Write(line); err != nil || len(all) < linksOnce {
			return err
		}
		line = line[:0]
	}
}

// handoutsOnce is how many people stand on one page to print.
const handoutsOnce = 100

// batchSheet shows links of a batch to print.
func (p *Pages) batchSheet(v *panel.Visit) error {
	b, err := p.Batches.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	after, err := strconv.Atoi(v.QueryParam("after"))
	if err != nil {
		after = 0 // from the start then
	}
	all, err := p.BatchLinks.BatchLinks(v.Ctx(), b.Account, b.ID, after, handoutsOnce+1)
	if err != nil {
		return err
	}
	page := batchSheetPage{Frame: p.Frame(v, "batches"), ID: b.ID, Name: b.Name}
	if len(all) > handoutsOnce {
		all = all[:handoutsOnce]
		page.Older = fmt.Sprintf("%s/sheet?after=%d", panel.Path("batches", b.ID), all[handoutsOnce-1].Line)
	}
	for _, l := range all {
		one := batchHandout{ID: l.ID, Name: l.Name, Address: l.Address, URL: p.BaseURL.String() + p.Links.Path(l.Link), Expires: l.Expires}
		if one.QR, err = web.NewQR(one.URL); err != nil {
			return err
		}
		page.Rows = append(page.Rows, one)
	}
	return p.Render(v, http.StatusOK, "batch-sheet", page.Frame, page)
}
