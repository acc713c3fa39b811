package mail

import (
	"net/http"
	"strconv"

	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
)

// selectedFields are the names under which the list sends the selected links,
// one for each of its rows.
var selectedFields = func() []string {
	var names []string
	for i := range panel.PageSize {
		names = append(names, "link"+strconv.Itoa(i))
	}
	return names
}()

// selectedPath is the page with the results for the selected links.
const selectedPath = panel.LinksPath + "/selected"

// askSelected asks about the links that were selected in the list. It leaves
// out those that no longer exist.
func (p *Pages) askSelected(id string) func(*panel.Visit) error {
	return func(v *panel.Visit) error {
		var fields []panel.Field
		for _, name := range selectedFields {
			link := v.QueryParam(name)
			if link == "" {
				continue
			}
			_, err := p.Links.Get(v.Ctx(), v.Account(), link)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil {
				fields = append(fields, panel.Field{Name: name, Value: link})
			}
		}
		if len(fields) == 0 {
			return p.To(v, panel.Prefix+panel.LinksPath, "links.unselected")
		}
		f := p.Frame(v, "links")
		return p.Render(v, http.StatusOK, "remove", f, panel.RemovePage{Frame: f, ID: id, Values: map[string]any{"Links": len(fields)},
			Action: v.Request().URL.Path, Fields: fields, Back: panel.Prefix + panel.LinksPath})
	}
}

// revokeSelected revokes the links, each with its action.
func (p *Pages) revokeSelected(v *panel.Visit) error {
	return p.eachSelected(v, "links.revoked", func(id string) error {
		_, err := p.Links.Revoke(v.Ctx(), v.By(), v.Account(), id)
		return err
	})
}

// mailSelected sends the links to their people by email, each with its action.
func (p *Pages) mailSelected(v *panel.Visit) error {
	return p.eachSelected(v, "links.mailed", func(id string) error {
		_, err := p.Mails.Send(v.Ctx(), v.By(), v.Account(), id)
		return err
	})
}

// eachSelected does something with each link. If it fails for one, it
// continues, and redirects to a page with the results.
func (p *Pages) eachSelected(v *panel.Visit, done string, do func(id string) error) error {
	f := p.Frame(v, "links")
	made := selectedLinks{Done: done}
	missed := false
	for _, name := range selectedFields {
		id := v.Form[name]
		if id == "" {
			continue
		}
		row := selectedRow{ID: id}
		if l, err := p.Links.Get(v.Ctx(), v.Account(), id); err == nil {
			row.Address = idn.Show(l.Address)
		}
		if err := do(id); err != nil {
			if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Gone) && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Limited) {
				return err
			}
			row.Why, missed = p.Problems(f, err)[0].Text, true
		}
		made.Rows = append(made.Rows, row)
	}
	if !missed {
		return p.To(v, panel.Prefix+panel.LinksPath, done)
	}
	return p.ShowOnce(v, panel.Prefix+selectedPath, made)
}

// selectedLinks returns the selected links as the next page shows them.
type selectedLinks struct {
	Done string
	Rows []selectedRow
}

// selected shows the results for the selected links.
func (p *Pages) selected(v *panel.Visit) error {
	var made selectedLinks
	there, _ := p.Shown(v, &made)
	if !there {
		return p.To(v, panel.Prefix+panel.LinksPath, "")
	}
	f := p.Frame(v, "links")
	return p.Render(v, http.StatusOK, "links-selected", f, selectedPage{f, made.Done == "links.mailed", made.Rows})
}
