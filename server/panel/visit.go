package panel

import (
	"net/url"
	"regexp"

	"github.com/updatecase/mobileconfig/server/account"
)

// fenceParam names, in the address that a form of a customer's account goes to,
// that account. A form that was loaded in one account isn't taken in another,
// which an operator may have opened since in another window.
const fenceParam = "in"

// fence is what the address of a form says.
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

// fenced is a page whose forms say which customer's account they are of.
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

// visited is the customer's account that an operator has opened.
func visited(in account.In) Visited {
	a := in.Opened
	return Visited{a.ID, a.Name, in.Session.VisitChanges, !a.Suspended.IsZero(), in.Visiting()}
}
