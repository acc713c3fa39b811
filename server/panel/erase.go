package panel

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// erasePath is where personal text is erased from the action log.
const erasePath = logOwnPath + "/erase"

// erasure reads whose personal text to erase, and how a page names it.
func erasure(seq, mailbox string) (which audit.Erasure, id string, values map[string]any, err error) {
	if mailbox = profile.Trim(mailbox); mailbox != "" {
		address, err := profile.ParseAddress(mailbox)
		if err != nil {
			return which, "", nil, fault.New(fault.Invalid, "Write a whole mail address, such as jane@example.com.")
		}
		folded := address.Folded()
		return audit.Erasure{Mailbox: folded}, "mailbox", map[string]any{"Email": folded}, nil
	}
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil || n < 1 {
		return which, "", nil, fault.New(fault.Invalid, "Name a mailbox or an entry of the action log.")
	}
	return audit.Erasure{Seq: n}, "entry", map[string]any{"Number": seq}, nil
}

// askErase says what erasing will do.
func (p *Panel) askErase(v *visit) error {
	which, id, values, err := erasure(v.QueryParam("seq"), v.QueryParam("mailbox"))
	if err != nil {
		return err
	}
	f := p.frame(v, "log")
	page := removePage{frame: f, ID: id, Values: values, Action: Prefix + erasePath, Back: Prefix + logOwnPath}
	if which.Mailbox != "" {
		page.Fields = []field{{"mailbox", which.Mailbox}}
	} else {
		page.Fields = []field{{"seq", strconv.FormatInt(which.Seq, 10)}}
	}
	return p.render(v, http.StatusOK, "remove", f, page)
}

// erase erases the personal text of the actions about a mailbox, or of one.
func (p *Panel) erase(v *visit) error {
	which, _, _, err := erasure(v.form["seq"], v.form["mailbox"])
	if err != nil {
		return err
	}
	return p.do(v, Prefix+logOwnPath, "log.erased", func() error {
		_, err := p.Actions.ErasePersonal(v.ctx(), v.by(), v.account(), which, audit.Action{Outcome: audit.Done})
		if audit.IsFinding(err) {
			p.Log.Error("an erasure was refused, because the action log was changed in the database", "account", v.account(), "error", err)
			return fault.New(fault.Conflict, "An entry of the action log was changed in the database, so its text wasn't erased. Ask whoever runs this service to verify the log.")
		}
		return err
	})
}

// retentions are for how many days the content of actions can be kept; 0 is
// for ever. An account may have another number from elsewhere.
func retentions(now int) []int {
	days := []int{0, 90, 180, 400, 730, 1095, 2557}
	if !slices.Contains(days, now) {
		days = append(days, now)
		slices.Sort(days)
	}
	return days
}

// setRetention says for how long the content of actions is kept.
func (p *Panel) setRetention(v *visit) error {
	days, err := strconv.Atoi(v.form["retention_days"])
	if err != nil {
		return fault.On("retention_days", fault.Invalid, "Choose one of the times.")
	}
	return p.do(v, Prefix+"/members", "retention.saved", func() error {
		return p.Retention.SetRetention(v.ctx(), v.by(), v.account(), days, audit.Action{Outcome: audit.Done})
	})
}

// setLanguage keeps which language the member reads.
func (p *Panel) setLanguage(v *visit) error {
	tag := v.form["language"]
	for _, l := range p.Texts.Languages() {
		if l.Tag == tag {
			return p.do(v, Prefix+ownPath, "language.saved", func() error {
				return p.Members.SetLanguage(v.ctx(), v.by(), v.in.Member, tag)
			})
		}
	}
	return fault.On("language", fault.Invalid, "Choose one of the languages.")
}
