package panel

import (
	"net/url"
	"regexp"

	"github.com/updatecase/mobileconfig/server/account"
)

// fenceParam is the URL parameter of a customer account's forms that names the
// account. A form that was loaded in one account isn't accepted in another,
// which an operator may have opened since in another window.
const fenceParam = "in"

// fence returns the account in the form's URL.
func (v *Visit) fence() string {
	if !v.In.Visiting() {
		return ""
	}
	return v.In.Account.ID
}

var (
	formTag = regexp.MustCompile(`<(form|button)\b[^>]*>`)
	postTag = regexp.MustCompile(`method="post"|formaction=`)
	target  = regexp.MustCompile(`((?:form)?action="[^"?]*)(\??)`)
)

// fenced is a page whose forms name their customer's account.
func (v *Visit) fenced(page []byte) []byte {
	account := v.fence()
	if account == "" {
		return page
	}
	return formTag.ReplaceAllFunc(page, func(tag []byte) []byte {
		if !postTag.Match(tag) {
			return tag
		}
		return target.ReplaceAll(tag, []byte("${1}?"+fenceParam+"="+url.QueryEscape(account)))
	})
}

// visited returns the customer's account that an operator has opened.
func visited(in account.In) Visited {
	a := in.Opened
	return Visited{a.ID, a.Name, in.Session.VisitChanges, !a.Suspended.IsZero(), in.Visiting()}
}
