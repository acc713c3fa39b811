package log

import (
	"net/http"
	"strconv"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
)

// erasePath is where personal text is erased from the action log.
const erasePath = panel.LogPath + "/erase"

// erasure reads whose personal text to erase, and its name on pages.
func erasure(seq, mailbox string) (which audit.Erasure, id string, values map[string]any, err error) {
	if mailbox = profile.Trim(mailbox); mailbox != "" {
		address, err := profile.ParseAddress(mailbox)
		if err != nil {
			return which, "", nil, fault.New(fault.Invalid, "Enter a full email address, for example jane@example.com.")
		}
		folded := address.Folded()
		return audit.Erasure{Mailbox: folded}, "mailbox", map[string]any{"Email": folded}, nil
	}
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil || n < 1 {
		return which, "", nil, fault.New(fault.Invalid, "Choose a mailbox or an entry of the action log.")
	}
	return audit.Erasure{Seq: n}, "entry", map[string]any{"Number": seq}, nil
}

// askErase shows what erasing will do.
func (p *Pages) askErase(v *panel.Visit) error {
	which, id, values, err := erasure(v.QueryParam("seq"), v.QueryParam("mailbox"))
	if err != nil {
		return err
	}
	f := p.Frame(v, "log")
	page := panel.RemovePage{Frame: f, ID: id, Values: values, Action: panel.Prefix + erasePath, Back: panel.Prefix + panel.LogPath}
	if which.Mailbox != "" {
		page.Fields = []panel.Field{{Name: "mailbox", Value: which.Mailbox}}
	} else {
		page.Fields = []panel.Field{{Name: "seq", Value: strconv.FormatInt(which.Seq, 10)}}
	}
	return p.Render(v, http.StatusOK, "remove", f, page)
}

// erase erases the personal text of the actions about a mailbox, or of one
// action. A mailbox is also removed from batches.
func (p *Pages) erase(v *panel.Visit) error {
	which, _, _, err := erasure(v.Form["seq"], v.Form["mailbox"])
	if err != nil {
		return err
	}
	return p.Do(v, panel.Prefix+panel.LogPath, "log.erased", func() error {
		_, err := p.Actions.ErasePersonal(v.Ctx(), v.By(), v.Account(), which, audit.Action{Outcome: audit.Done})
		if audit.IsFinding(err) {
			p.Log.Error("an erasure was refused, because the action log was changed in the database", "account", v.Account(), "error", err)
			return fault.New(fault.Conflict, "An entry of the action log was changed in the database, so its text wasn't erased. Ask the server operator to verify the log.")
		}
		if which.Mailbox == "" || err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		// Files can't be changed in the transaction, which has checked the
		// authority.
		had, failed := p.Batches.Forget(v.Ctx(), v.By(), v.Account(), which.Mailbox)
		if had || failed != nil {
			return failed
		}
		return err
	})
}
