package browser

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A panelPage is a page of the control panel and how a member gets there.
type panelPage struct {
	name string
	who  string // of the people; empty: nobody is signed in
	path string // with {names} of what people contains
	// fill are fields to fill in, by selector. Then everything in press is
	// pressed: checkboxes, and last the button that leads on.
	fill   map[string]string
	press  []string
	status int // of the last page
}

// settingPages are the settings pages of an installation in use.
var settingPages = []panelPage{
	{"overview", "owner", "", nil, nil, 200},
	{"domains", "owner", "/domains", nil, nil, 200},
	{"domains found", "owner", "/domains?q=shop", nil, nil, 200},
	{"domains not found", "owner", "/domains?q=nowhere", nil, nil, 200},
	{"domains by metadata", "owner", "/domains?metadata=customer:4711", nil, nil, 200},
	{"domains by metadata that is none", "owner", "/domains?metadata=customer", nil, nil, 422},
	{"links by metadata", "owner", "/links?metadata=customer:4711", nil, nil, 200},
	{"approved servers", "owner", "/hosts", nil, nil, 200},
	{"approved servers for an auditor", "auditor", "/hosts", nil, nil, 200},
	{"approved servers with a mistake", "owner", "/hosts", map[string]string{"#host": "*.co.uk"}, []string{mainButton}, 422},
	{"domain new", "owner", "/domains/new", nil, nil, 200},
	{"domain whose servers are not found", "owner", "/domains/new", map[string]string{"#name": "nowhere.example"}, []string{mainButton}, 200},
	{"domain with mistakes", "owner", "/domains/new?by=hand", map[string]string{"#name": "not a domain"}, []string{saveButton}, 422},
	{"domain unproven", "customer", "/domains/new?by=hand", map[string]string{"#name": "other.example", "#imap": "mail.other.example", "#smtp": "mail.other.example"}, []string{saveButton}, 200},
	{"domain", "owner", "/domains/example.com?done=domain.saved", nil, nil, 200},
	{"domain to edit", "owner", "/domains/example.com/edit", nil, nil, 200},
	{"domain to look at", "auditor", "/domains/example.com/edit", nil, nil, 200},
	{"domain without proof", "customer", "/domains/waiting.example", nil, []string{`form[action$="/verify"] button`}, 422},
	{"commands", "owner", "/setup", nil, nil, 200},
	{"domain for an auditor", "auditor", "/domains/example.com", nil, nil, 200},
	{"domain with checks", "owner", "/domains/example.com", nil, []string{`form[action$="/check"] button`}, 200},
	{"domain to delete", "owner", "/domains/example.com/delete", nil, nil, 200},
	{"mdm", "owner", "/mdm", nil, nil, 200},
	{"mdm that is documented", "owner", "/mdm?vendor=fleet&domain=example.com&policy=own", nil, nil, 200},
	{"mdm that is not", "auditor", "/mdm?vendor=mosyle&domain=example.com", nil, nil, 200},
	{"mdm for one person", "owner", "/mdm?vendor=apple-business&domain=example.com", nil, nil, 200},
	{"mdm for nobody", "owner", "/mdm?vendor=nanomdm&domain=example.com&address=jane", nil, nil, 422},
	{"branding", "owner", "/branding", nil, nil, 200},
	{"branding for an auditor", "auditor", "/branding", nil, nil, 200},
	{"branding with mistakes", "owner", "/branding", map[string]string{"#color": "green", "#help_url": "nowhere"}, []string{saveButton}, 422},
	{"branding of a domain", "owner", "/domains/example.com/branding", map[string]string{"#color": "#f2a900"}, []string{`[formaction$="/preview"]`}, 200},
	{"mails", "owner", "/branding/mails", nil, nil, 200},
	{"mail", "owner", "/branding/mails/link", nil, nil, 200},
	{"policies", "owner", "/policies", nil, nil, 200},
	{"policy new", "owner", "/policies/new", nil, nil, 200},
	{"policy with mistakes", "owner", "/policies/new", map[string]string{"#min_length": "2"}, []string{mainButton}, 422},
	{"policy of all", "owner", "/policies/standard", nil, nil, 200},
	{"policy", "owner", "/policies/{policy}", nil, nil, 200},
	{"policy for an auditor", "auditor", "/policies/{policy}", nil, nil, 200},
	{"policy to delete", "owner", "/policies/{policy}/delete", nil, nil, 200},
	{"links", "owner", "/links", nil, nil, 200},
	{"links for an auditor", "auditor", "/links?domain=example.com&state=waiting", nil, nil, 200},
	{"links not found", "owner", "/links?address=nobody@example.com", nil, nil, 200},
	{"links with mistakes", "owner", "/links?address=nobody", nil, nil, 422},
	{"link new", "owner", "/links/new", nil, nil, 200},
	{"link with mistakes", "owner", "/links/new", map[string]string{"#address": "nobody"}, []string{mainButton}, 422},
	{"link made", "owner", "/links/new", map[string]string{"#address": "maria@example.com"}, []string{mainButton}, 200},
	{"link", "owner", "/links/{link}", nil, nil, 200},
	{"link for an auditor", "auditor", "/links/{link}", nil, nil, 200},
	{"mailbox", "owner", "/mailbox?address=jane%40example.com", nil, nil, 200},
	{"links selected to revoke", "owner", "/links/revoke-selected?link0={link}", nil, nil, 200},
	{"links selected to send", "owner", "/links/mail-selected?link0={link}", nil, nil, 200},
	{"links by their ends", "owner", "/links?sort=expires_at", nil, nil, 200},
	{"link to revoke", "owner", "/links/{link}/revoke", nil, nil, 200},
	{"links to revoke", "owner", "/links/{link}/revoke-mailbox", nil, nil, 200},
	{"links of a domain to revoke", "owner", "/domains/example.com/revoke-links", nil, nil, 200},
	{"keys", "owner", "/keys", nil, nil, 200},
	{"key new", "owner", "/keys/new", nil, nil, 200},
	{"key with mistakes", "owner", "/keys/new", map[string]string{"#name": "Shop"}, []string{mainButton}, 422},
	{"key shown", "owner", "/keys/new", map[string]string{"#name": "Shop"}, []string{`[name="profiles:write"]`, mainButton}, 200},
	{"key", "owner", "/keys/{key}", nil, nil, 200},
	{"key for an auditor", "auditor", "/keys/{key}", nil, nil, 200},
	{"key with a mistake", "owner", "/keys/{key}", map[string]string{"#name": ""}, []string{mainButton}, 422},
	{"key replaced", "owner", "/keys/{key}", nil, []string{`[action$="/rotate"] button`}, 200},
	{"key to revoke", "owner", "/keys/{key}/revoke", nil, nil, 200},
	{"public key new", "owner", "/keys/redirect/new", nil, nil, 200},
	{"public key with mistakes", "owner", "/keys/redirect/new", map[string]string{"#name": "Panel", "#public_key": "nothing"}, []string{mainButton}, 422},
	{"public key", "owner", "/keys/redirect/{redirect}", nil, nil, 200},
	{"public key for an auditor", "auditor", "/keys/redirect/{redirect}", nil, nil, 200},
	{"public key to delete", "owner", "/keys/redirect/{redirect}/delete", nil, nil, 200},
}

// peoplePages are the pages before the sign-in, and those about people.
var peoplePages = []panelPage{
	{"sign-in", "", "/sign-in?next=/panel/keys", nil, nil, 200},
	{"sign-in refused", "", "/sign-in", map[string]string{"#email": ownerEmail, "#password": "wrong"}, []string{signInButton}, 401},
	{"invitation", "", "/invitation/{invitation}", nil, nil, 200},
	{"invitation with mistakes", "", "/invitation/{invitation}", map[string]string{"#password": "short"}, []string{mainButton}, 422},
	{"invitation that is gone", "", "/invitation/gone", nil, nil, 404},

	{"enroll", "newcomer", "", nil, nil, 200},
	{"totp", "newcomer", "/security/sign-in/totp", nil, nil, 200},
	{"totp with a wrong code", "newcomer", "/security/sign-in/totp", map[string]string{"#code": "123"}, []string{mainButton}, 422},

	{"members", "owner", "/members", nil, nil, 200},
	{"members for an auditor", "auditor", "/members", nil, nil, 200},
	{"invite", "owner", "/members/invite", nil, nil, 200},
	{"invite with mistakes", "owner", "/members/invite", map[string]string{"#email": "nobody"}, []string{mainButton}, 422},
	{"invitation shown", "owner", "/members/invite", map[string]string{"#email": "jonas@example.com"}, []string{mainButton}, 200},
	{"member", "owner", "/members/{member}", nil, nil, 200},
	{"member who is the last owner", "owner", "/members/{owner}", nil, nil, 200},
	{"member to remove", "owner", "/members/{member}/remove", nil, nil, 200},
	{"certificate", "owner", "/certificate", nil, nil, 200},
	{"accounts", "owner", "/accounts", nil, nil, 200},
	{"account new", "owner", "/accounts/new", nil, nil, 200},
	{"account with mistakes", "owner", "/accounts/new", map[string]string{"#email": "nobody"}, []string{mainButton}, 422},
	{"account made", "owner", "/accounts/new", map[string]string{"#name": "Corner Shop", "#email": "cora@corner.example"}, []string{mainButton}, 200},
	{"account", "owner", "/accounts/{account}", nil, nil, 200},
	{"account suspended", "owner", "/accounts/{suspended}", nil, nil, 200},
	{"account to suspend", "owner", "/accounts/{account}/suspend", nil, nil, 200},
	{"account to open", "owner", "/accounts/{account}/open", nil, nil, 200},
	{"account to open without a reason", "owner", "/accounts/{account}/open", nil, []string{mainButton}, 422},
	{"account to resume", "owner", "/accounts/{suspended}/resume", nil, nil, 200},
	{"domains of a customer", "visitor", "/domains", nil, nil, 200},
	{"members of a customer", "visitor", "/members", nil, nil, 200},
	{"own page while in a customer's account", "visitor", "/security/sign-in", nil, nil, 200},
	{"not allowed in a customer's account", "visitor", "/members/invite", nil, nil, 403},
	{"security", "owner", "/security/sign-in", nil, nil, 200},
	{"enroll another", "owner", "/security/sign-in/enroll", nil, nil, 200},
	{"passkey to remove", "owner", "/security/sign-in/passkey/{passkey}/remove", nil, nil, 200},
	{"totp to remove", "owner", "/security/sign-in/totp/remove", nil, nil, 200},
	{"recovery codes", "owner", "/security/sign-in/recovery", nil, []string{mainButton}, 200},
	{"recovery again", "owner", "/security/sign-in/recovery", nil, nil, 200},
	{"password", "owner", "/security/sign-in/password", nil, nil, 200},
	{"password with mistakes", "owner", "/security/sign-in/password", map[string]string{"#current": "wrong"}, []string{mainButton}, 422},
	{"not allowed", "auditor", "/domains/new", nil, nil, 403},
	{"no such page", "owner", "/nowhere", nil, nil, 404},
}

// latePages are the pages of a member who signed in long ago.
var latePages = []panelPage{
	{"confirm before a page", "owner", "/security/sign-in/password", nil, nil, 403},
	{"confirm before a form", "owner", "/policies/new", map[string]string{"#name": "Tablets"}, []string{mainButton}, 403},
	{"confirm with a wrong code", "owner", "/security/sign-in/recovery", map[string]string{"#confirm_code": "123"}, []string{mainButton}, 422},
}

// emptyPages are the pages of an installation that was just set up.
var emptyPages = []panelPage{
	{"overview", "owner", "", nil, nil, 200},
	{"domains", "owner", "/domains", nil, nil, 200},
	{"links", "owner", "/links", nil, nil, 200},
	{"link new", "owner", "/links/new", nil, nil, 200},
	{"keys", "owner", "/keys", nil, nil, 200},
	{"key new", "owner", "/keys/new", nil, nil, 200},
	{"security", "owner", "/security/sign-in", nil, nil, 200},
	{"recovery", "owner", "/security/sign-in/recovery", nil, nil, 200},
}

// firstPages are the pages of an installation without a member.
var firstPages = []panelPage{
	{"setup", "", "{setup}", nil, nil, 200},
	{"setup with mistakes", "", "{setup}", map[string]string{"#password": "short"}, []string{mainButton}, 422},
}

// enter opens the page, fills and presses, and returns the last status.
func (r panelPage) enter(b *tab, p *people) int {
	b.t.Helper()
	path := regexp.MustCompile(`\{\w+\}`).ReplaceAllStringFunc(r.path, func(name string) string {
		id, ok := p.ids[strings.Trim(name, "{}")]
		if !ok {
			b.t.Fatalf("%s has no %s", r.path, name)
		}
		return id
	})
	status := b.visit(p.URL + "/panel" + path)
	for _, selector := range slices.Sorted(maps.Keys(r.fill)) {
		b.retype(selector, r.fill[selector])
	}
	for i, selector := range r.press {
		if i < len(r.press)-1 {
			b.tick(selector)
		} else {
			status = b.submit(selector)
		}
	}
	return status
}
