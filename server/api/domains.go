package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A domain is a mail domain as the API shows it.
type domain struct {
	Name        string    `json:"name" doc:"The domain as lower-case A-label." example:"example.com"`
	IMAP        string    `json:"imap" doc:"IMAP server: HOST:PORT, with /starttls behind it where TLS begins so." example:"imap.example.com:993"`
	SMTP        string    `json:"smtp" doc:"SMTP server, in the same form." example:"smtp.example.com:465"`
	CalDAV      string    `json:"caldav" doc:"CalDAV server for calendars: HOST:PORT, reached over HTTPS; empty: profiles set up none." example:"dav.example.com:443"`
	CardDAV     string    `json:"carddav" doc:"CardDAV server for contacts, in the same form." example:"dav.example.com:443"`
	Policy      string    `json:"policy" enum:"off,offered,required" doc:"Whether profiles come with a device policy."`
	PolicyID    string    `json:"policy_id" doc:"The device policy." example:"standard"`
	DisplayName string    `json:"display_name" doc:"What people call the service; may be empty."`
	HelpText    string    `json:"help_text" doc:"Who helps; may be empty."`
	SignInHint  string    `json:"sign_in_hint" doc:"Which password is meant; may be empty."`
	Login       string    `json:"login" enum:"address,local_part,given" doc:"The form of user names on the servers."`
	Platforms   []string  `json:"platforms" enum:"iphone,mac" doc:"What profiles are made for."`
	ReturnHosts []string  `json:"return_hosts" doc:"Hosts to which the page of a setup link may lead back."`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
}

func domainOf(d settings.Domain) domain {
	out := domain{
		Name: d.Name, IMAP: d.Service.Incoming.String(), SMTP: d.Service.Outgoing.String(),
		CalDAV: d.Service.Calendars.String(), CardDAV: d.Service.Contacts.String(), Policy: string(d.Policy),
		PolicyID: cmp.Or(d.PolicyID, settings.StandardPolicy), DisplayName: d.DisplayName, HelpText: d.HelpText,
		SignInHint: d.SignInHint, Login: string(d.Login), ReturnHosts: append([]string{}, d.ReturnHosts...), Created: d.Created, Updated: d.Updated,
	}
	for _, p := range d.Platforms {
		out.Platforms = append(out.Platforms, string(p))
	}
	return out
}

// A MailService is what can be set of a domain.
type MailService struct {
	IMAP        string   `json:"imap" maxLength:"300" doc:"HOST, HOST:PORT or HOST:143/starttls; the default port is 993." example:"imap.example.com"`
	SMTP        string   `json:"smtp" maxLength:"300" doc:"HOST, HOST:PORT or HOST:587/starttls; the default port is 465." example:"smtp.example.com"`
	CalDAV      string   `json:"caldav,omitempty" maxLength:"300" doc:"HOST or HOST:PORT; the default port is 443. Profiles then set up calendars too, and devices ask for a password once more." example:"dav.example.com"`
	CardDAV     string   `json:"carddav,omitempty" maxLength:"300" doc:"HOST or HOST:PORT; the default port is 443. Profiles then set up contacts too, and devices ask for a password once more." example:"dav.example.com"`
	Policy      string   `json:"policy,omitempty" enum:"off,offered,required" default:"off" doc:"Whether profiles come with a device policy, which may erase an iPhone after too many wrong codes."`
	PolicyID    string   `json:"policy_id,omitempty" maxLength:"40" default:"standard" doc:"The device policy, one of the account's."`
	DisplayName string   `json:"display_name,omitempty" maxLength:"64" doc:"What people call the service. Devices show it as who issues the profile; the default is the domain." example:"Example Mail"`
	HelpText    string   `json:"help_text,omitempty" maxLength:"500" doc:"Who helps, in one line or several. Pages show it."`
	SignInHint  string   `json:"sign_in_hint,omitempty" maxLength:"200" doc:"Which password is meant, in a sentence. Pages show it where a device will ask." example:"The one that you use for webmail."`
	Login       string   `json:"login,omitempty" enum:"address,local_part,given" default:"address" doc:"The form of user names on the servers. With given, every profile needs a login of its own, and the public page makes no links."`
	Platforms   []string `json:"platforms,omitempty" enum:"iphone,mac" maxItems:"2" doc:"What profiles are made for; the default is both."`
	ReturnHosts []string `json:"return_hosts,omitempty" maxItems:"20" doc:"Hosts to which the page of a setup link may lead back, over https." example:"[\"panel.example.com\"]"`
}

// A DomainPath is the domain in the path of a route.
type DomainPath struct {
	Domain string `path:"domain" maxLength:"255" doc:"The domain's name."`
}

type domainBody struct{ Body domain }

type noBody struct{}

func (a *API) domains(h huma.API) {
	register(a, h, operation("list-domains", http.MethodGet, "/domains", account.DomainsRead, "List the domains"), a.listDomains)
	create := operation("create-domain", http.MethodPost, "/domains", account.DomainsWrite, "Create a domain")
	create.DefaultStatus = http.StatusCreated
	register(a, h, create, a.createDomain)
	register(a, h, operation("get-domain", http.MethodGet, "/domains/{domain}", account.DomainsRead, "Show a domain"), a.getDomain)
	register(a, h, operation("update-domain", http.MethodPut, "/domains/{domain}", account.DomainsWrite, "Change what a domain says, all of it"), a.updateDomain)
	register(a, h, operation("delete-domain", http.MethodDelete, "/domains/{domain}", account.DomainsWrite, "Delete a domain with its links"), a.deleteDomain)
	register(a, h, operation("domain-settings", http.MethodGet, "/domains/{domain}/settings", account.DomainsRead, "Settings to type by hand for a mailbox"), a.domainSettings)
	a.check(h)
}

type domainList struct {
	Body struct {
		Domains []domain `json:"domains"`
	}
}

func (a *API) listDomains(ctx context.Context, c call, _ *struct{}) (*domainList, error) {
	all, err := a.Domains.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	out := &domainList{}
	out.Body.Domains = []domain{}
	for _, d := range all {
		if c.key.PermitDomain(d.Name) == nil {
			out.Body.Domains = append(out.Body.Domains, domainOf(d))
		}
	}
	return out, nil
}

type createDomain struct {
	Body struct {
		Name string `json:"name" maxLength:"255" doc:"The domain. Its name cannot be changed later." example:"example.com"`
		MailService
	}
}

func (a *API) createDomain(ctx context.Context, c call, in *createDomain) (*domainBody, error) {
	if name, err := profile.ParseHost(in.Body.Name); err == nil {
		if err := c.key.PermitDomain(name); err != nil {
			return nil, err
		}
	}
	d, err := a.Domains.Create(ctx, c.by, c.key.Account, in.Body.spec(in.Body.Name))
	return &domainBody{domainOf(d)}, err
}

func (m MailService) spec(name string) settings.DomainSpec {
	return settings.DomainSpec{
		Name: name, Incoming: m.IMAP, Outgoing: m.SMTP, Calendars: m.CalDAV, Contacts: m.CardDAV, Policy: settings.Offer(m.Policy), PolicyID: m.PolicyID,
		DisplayName: m.DisplayName, HelpText: m.HelpText, SignInHint: m.SignInHint, Login: settings.Login(m.Login), Platforms: m.Platforms, ReturnHosts: m.ReturnHosts,
	}
}

// permitted returns a domain that the key may act for.
func (a *API) permitted(ctx context.Context, c call, name string) (settings.Domain, error) {
	host, err := profile.ParseHost(name)
	if err != nil {
		return settings.Domain{}, fault.New(fault.NotFound, "There is no such domain.")
	}
	if err := c.key.PermitDomain(host); err != nil {
		return settings.Domain{}, err
	}
	return a.Domains.Get(ctx, c.key.Account, host)
}

func (a *API) getDomain(ctx context.Context, c call, in *DomainPath) (*domainBody, error) {
	d, err := a.permitted(ctx, c, in.Domain)
	return &domainBody{domainOf(d)}, err
}

type updateDomain struct {
	DomainPath
	Body MailService
}

func (a *API) updateDomain(ctx context.Context, c call, in *updateDomain) (*domainBody, error) {
	d, err := a.permitted(ctx, c, in.Domain)
	if err != nil {
		return nil, err
	}
	d, err = a.Domains.Update(ctx, c.by, c.key.Account, d.Name, in.Body.spec(d.Name))
	return &domainBody{domainOf(d)}, err
}

func (a *API) deleteDomain(ctx context.Context, c call, in *DomainPath) (*noBody, error) {
	d, err := a.permitted(ctx, c, in.Domain)
	if err != nil {
		return nil, err
	}
	return nil, a.Domains.Delete(ctx, c.by, c.key.Account, d.Name)
}

type settingsQuery struct {
	DomainPath
	Address string `query:"address" required:"true" maxLength:"254" doc:"A mailbox of the domain." example:"jane@example.com"`
	Login   string `query:"login" maxLength:"254" doc:"Its user name on the servers, where that cannot be told from the address."`
}

type settingsBody struct {
	Body struct {
		Address  string     `json:"address"`
		Incoming mailServer `json:"incoming"`
		Outgoing mailServer `json:"outgoing"`
		CalDAV   *davServer `json:"caldav,omitempty" doc:"Calendars, where the domain has chosen them."`
		CardDAV  *davServer `json:"carddav,omitempty" doc:"Contacts, where the domain has chosen them."`
	}
}

type mailServer struct {
	Protocol   string `json:"protocol" enum:"imap,smtp"`
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Encryption string `json:"encryption" enum:"SSL/TLS,STARTTLS"`
	UserName   string `json:"user_name"`
}

type davServer struct {
	Protocol   string `json:"protocol" enum:"caldav,carddav"`
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Encryption string `json:"encryption" enum:"SSL/TLS"`
	UserName   string `json:"user_name"`
}

func (a *API) domainSettings(ctx context.Context, c call, in *settingsQuery) (*settingsBody, error) {
	d, err := a.permitted(ctx, c, in.Domain)
	if err != nil {
		return nil, err
	}
	address, err := profile.ParseAddress(in.Address)
	if err != nil || address.Domain() != d.Name {
		return nil, fault.New(fault.AddressForeign, "The address is no mailbox of this domain.")
	}
	if !profile.IsLine(in.Login) {
		return nil, fault.On("login", fault.Invalid, "The login has a character that may not stand there.")
	}
	login, err := d.LoginFor(address, in.Login)
	if err != nil {
		return nil, err
	}
	out := &settingsBody{}
	out.Body.Address = address.String()
	out.Body.Incoming = serverOf("imap", d.Service.Incoming, login)
	out.Body.Outgoing = serverOf("smtp", d.Service.Outgoing, login)
	out.Body.CalDAV = davServerOf("caldav", d.Service.Calendars, login)
	out.Body.CardDAV = davServerOf("carddav", d.Service.Contacts, login)
	return out, nil
}

// davServerOf is nothing for a part that the domain has not chosen.
func davServerOf(protocol string, s profile.DAVServer, login string) *davServer {
	if s.IsZero() {
		return nil
	}
	return &davServer{protocol, s.Host, s.Port, s.Encryption(), login}
}

func serverOf(protocol string, s profile.Server, login string) mailServer {
	return mailServer{protocol, s.Host, s.Port, s.Encryption(), login}
}
