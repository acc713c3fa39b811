package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// DomainSettings are the settings of a domain.
type DomainSettings struct {
	IMAP        string   `json:"imap" minLength:"1" maxLength:"300" doc:"IMAP server: HOST, HOST:PORT or HOST:143/starttls; the default port is 993." example:"imap.example.com:993"`
	SMTP        string   `json:"smtp" minLength:"1" maxLength:"300" doc:"SMTP server: HOST, HOST:PORT or HOST:587/starttls; the default port is 465." example:"smtp.example.com:465"`
	CalDAV      string   `json:"caldav,omitempty" maxLength:"300" doc:"CalDAV server: HOST or HOST:PORT; the default port is 443. Profiles also set up calendars, and devices ask for one more password." example:"dav.example.com:443"`
	CardDAV     string   `json:"carddav,omitempty" maxLength:"300" doc:"CardDAV server: HOST or HOST:PORT; the default port is 443. Profiles also set up contacts, and devices ask for one more password." example:"dav.example.com:443"`
	Policy      string   `json:"policy,omitempty" enum:"off,offered,required" default:"off" doc:"Whether profiles include a passcode policy, which can erase an iPhone after too many wrong passcodes." example:"offered"`
	PolicyID    string   `json:"policy_id,omitempty" maxLength:"40" default:"standard" doc:"ID of the account's passcode policy to use."`
	DisplayName string   `json:"display_name,omitempty" maxLength:"64" doc:"Name of the service. Devices show it as the organization. The default is the domain." example:"Example Mail"`
	HelpText    string   `json:"help_text,omitempty" maxLength:"500" doc:"Who to ask for help, in one or more lines. Shown on pages." example:"Call 030 1234."`
	SignInHint  string   `json:"sign_in_hint,omitempty" maxLength:"200" doc:"Which password to use, in one sentence. Shown where devices ask for it." example:"The one you use for webmail."`
	Login       string   `json:"login,omitempty" enum:"address,local_part,given" default:"address" doc:"Form of usernames on the servers. With given, every profile needs its own login, and the public page creates no links."`
	Platforms   []string `json:"platforms,omitempty" enum:"iphone,mac" maxItems:"2" doc:"Platforms of profiles. The default is both." example:"[\"iphone\",\"mac\"]"`
	ReturnHosts []string `json:"return_hosts,omitempty" maxItems:"20" doc:"Hosts that a setup page can link back to, over https." example:"[\"panel.example.com\"]"`
	Metadata    Metadata `json:"metadata,omitempty" doc:"Your own data: up to 20 names, with values of up to 500 bytes. Lists can be filtered by a pair."`
}

// A Domain is a mail domain in the API.
type Domain struct {
	Name        string       `json:"name" doc:"The domain in lower case, as A-labels." example:"example.com"`
	IMAP        string       `json:"imap" doc:"IMAP server: HOST:PORT, or HOST:PORT/starttls." example:"imap.example.com:993"`
	SMTP        string       `json:"smtp" doc:"SMTP server, in the same form." example:"smtp.example.com:465"`
	CalDAV      string       `json:"caldav" doc:"CalDAV server for calendars: HOST:PORT, over HTTPS. Empty if profiles set up no calendars." example:"dav.example.com:443"`
	CardDAV     string       `json:"carddav" doc:"CardDAV server for contacts, in the same form." example:"dav.example.com:443"`
	Policy      string       `json:"policy" enum:"off,offered,required" doc:"Whether profiles include a passcode policy." example:"offered"`
	PolicyID    string       `json:"policy_id" doc:"ID of the passcode policy." example:"standard"`
	DisplayName string       `json:"display_name" doc:"Name of the service; can be empty." example:"Example Mail"`
	HelpText    string       `json:"help_text" doc:"Who to ask for help; can be empty." example:"Call 030 1234."`
	SignInHint  string       `json:"sign_in_hint" doc:"Which password to use; can be empty." example:"The one you use for webmail."`
	Login       string       `json:"login" enum:"address,local_part,given" doc:"Form of usernames on the servers."`
	Platforms   []string     `json:"platforms" enum:"iphone,mac" doc:"Platforms of profiles." example:"[\"iphone\",\"mac\"]"`
	ReturnHosts []string     `json:"return_hosts" doc:"Hosts that a setup page can link back to." example:"[\"panel.example.com\"]"`
	Metadata    Metadata     `json:"metadata" doc:"Your own data."`
	CreatedAt   field.Moment `json:"created_at"`
	UpdatedAt   field.Moment `json:"updated_at"`
}

func domainOf(d settings.Domain) Domain {
	return Domain{
		Name: d.Name, IMAP: d.Service.Incoming.String(), SMTP: d.Service.Outgoing.String(),
		CalDAV: d.Service.Calendars.String(), CardDAV: d.Service.Contacts.String(), Policy: string(d.Policy),
		PolicyID: cmp.Or(d.PolicyID, settings.StandardPolicy), DisplayName: d.DisplayName, HelpText: d.HelpText,
		SignInHint: d.SignInHint, Login: string(d.Login), Platforms: field.Words[string](d.Platforms),
		ReturnHosts: append([]string{}, d.ReturnHosts...), Metadata: d.Metadata.Values(), CreatedAt: field.At(d.Created), UpdatedAt: field.At(d.Updated),
	}
}

// Settings returns the settings of the domain.
func (d Domain) Settings() DomainSettings {
	return DomainSettings{
		IMAP: d.IMAP, SMTP: d.SMTP, CalDAV: d.CalDAV, CardDAV: d.CardDAV, Policy: d.Policy, PolicyID: d.PolicyID, DisplayName: d.DisplayName,
		HelpText: d.HelpText, SignInHint: d.SignInHint, Login: d.Login, Platforms: d.Platforms, ReturnHosts: d.ReturnHosts, Metadata: d.Metadata,
	}
}

// spec returns the spec for the domain called name.
func (s DomainSettings) spec(name string) settings.DomainSpec {
	return settings.DomainSpec{
		Name: name, Incoming: s.IMAP, Outgoing: s.SMTP, Calendars: s.CalDAV, Contacts: s.CardDAV, Policy: settings.Offer(s.Policy), PolicyID: s.PolicyID,
		DisplayName: s.DisplayName, HelpText: s.HelpText, SignInHint: s.SignInHint, Login: settings.Login(s.Login), Platforms: s.Platforms, ReturnHosts: s.ReturnHosts, Metadata: s.Metadata.orNone(),
	}
}

// Domain returns a domain with the settings, without an account and a name. The error
// has a fault for each invalid field.
func (s DomainSettings) Domain() (settings.Domain, error) { return s.spec("").Domain() }

// Normal returns the settings in the form that the API shows. The error is that of
// [DomainSettings.Domain].
func (s DomainSettings) Normal() (DomainSettings, error) {
	d, err := s.Domain()
	return domainOf(d).Settings(), err
}

// A DomainPath identifies a domain. It's exported because huma only reads exported
// embedded fields; so are the others.
type DomainPath struct {
	Name string `path:"id" maxLength:"255" doc:"Name of the domain." example:"example.com"`
}

// An answer is a response that isn't about a single resource.
type answer[T any] struct{ Body T }

type noBody struct{}

func (a *API) domains(h huma.API) {
	register(a, h, operation("list-domains", http.MethodGet, "/domains", account.DomainsRead, "List domains"), a.listDomains)
	register(a, h, creating("create-domain", "/domains", account.DomainsWrite, "Create a domain"), a.createDomain)
	register(a, h, operation("get-domain", http.MethodGet, "/domains/{id}", account.DomainsRead, "Show a domain"), a.getDomain)
	update := operation("update-domain", http.MethodPut, "/domains/{id}", account.DomainsWrite, "Replace the settings of a domain")
	patch := operation("patch-domain", http.MethodPatch, "/domains/{id}", account.DomainsWrite, "Update a domain")
	openapi.Takes[DomainSettings, Domain](h, &update, &patch)
	register(a, h, update, a.updateDomain)
	register(a, h, patch, a.patchDomain)
	register(a, h, operation("delete-domain", http.MethodDelete, "/domains/{id}", account.DomainsWrite, "Delete a domain and its links"), a.deleteDomain)
	register(a, h, operation("get-domain-settings", http.MethodGet, "/domains/{id}/settings", account.DomainsRead, "Show the manual settings of a mailbox"), a.domainSettings)
	a.check(h)
}

// A DomainList is a page of domains.
type DomainList struct {
	Domains []Domain `json:"domains" doc:"By name."`
	Page
}

type domainsQuery struct {
	MetadataQuery
	ListQuery
}

func (a *API) listDomains(ctx context.Context, c call, in *domainsQuery) (*answer[DomainList], error) {
	after, _, err := in.place()
	pair, bad := in.pair()
	if err = errors.Join(bad, err); err != nil {
		return nil, err
	}
	all, err := a.Domains.Part(ctx, settings.Filter{
		Account: c.key.Account, Names: c.key.Domains, Metadata: pair, After: after.text, Limit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	all, next, err := page(ListQuery{Limit: in.Limit}, all, func(d settings.Domain) place { return place{text: d.Name} })
	if err != nil {
		return nil, err
	}
	out := &answer[DomainList]{DomainList{[]Domain{}, next}}
	for _, d := range all {
		out.Body.Domains = append(out.Body.Domains, domainOf(d))
	}
	return out, nil
}

// A NewDomain is the input to create a domain.
type NewDomain struct {
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"The domain. Its name can't be changed later." example:"example.com"`
	DomainSettings
}

type createDomain struct{ Body NewDomain }

func (in *createDomain) check(context.Context, *API, call) error {
	return in.Body.spec(in.Body.Name).Check()
}

func (a *API) createDomain(ctx context.Context, c call, in *createDomain) (*resource[Domain], error) {
	if name, err := profile.ParseHost(in.Body.Name); err == nil {
		if err := c.key.PermitDomain(name); err != nil {
			return nil, err
		}
	}
	d, err := a.Domains.Create(ctx, c.by, c.key.Account, in.Body.spec(in.Body.Name))
	return resourceOf(domainOf(d)), err
}

// permitted returns a domain that the key can access.
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

func (a *API) getDomain(ctx context.Context, c call, in *DomainPath) (*resource[Domain], error) {
	d, err := a.permitted(ctx, c, in.Name)
	return resourceOf(domainOf(d)), err
}

type updateDomain struct {
	DomainPath
	Body DomainSettings
}

func (in *updateDomain) check(context.Context, *API, call) error {
	return in.Body.spec("example.com").Check()
}

func (a *API) updateDomain(ctx context.Context, c call, in *updateDomain) (*resource[Domain], error) {
	return a.changeDomain(ctx, c, in.Name, func(DomainSettings) (DomainSettings, error) { return in.Body, nil })
}

type patchDomain struct {
	DomainPath
	Body mergePatch `contentType:"application/merge-patch+json"`
}

func (in *patchDomain) check(ctx context.Context, a *API, c call) error {
	d, err := a.permitted(ctx, c, in.Name)
	if err != nil {
		return err
	}
	s, err := patched(domainOf(d).Settings(), in.Body)
	if err != nil {
		return err
	}
	return s.spec(d.Name).Check()
}

func (a *API) patchDomain(ctx context.Context, c call, in *patchDomain) (*resource[Domain], error) {
	return a.changeDomain(ctx, c, in.Name, func(s DomainSettings) (DomainSettings, error) { return patched(s, in.Body) })
}

// changeDomain changes the domain's current settings.
func (a *API) changeDomain(ctx context.Context, c call, name string, change func(DomainSettings) (DomainSettings, error)) (*resource[Domain], error) {
	d, err := a.permitted(ctx, c, name)
	if err != nil {
		return nil, err
	}
	d, err = a.Domains.Change(ctx, c.by, c.key.Account, d.Name, func(d settings.Domain) (settings.DomainSpec, error) {
		now := domainOf(d)
		if err := c.matches(now); err != nil {
			return settings.DomainSpec{}, err
		}
		s, err := change(now.Settings())
		return s.spec(d.Name), err
	})
	return resourceOf(domainOf(d)), err
}

func (a *API) deleteDomain(ctx context.Context, c call, in *DomainPath) (*noBody, error) {
	d, err := a.permitted(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	return nil, a.Domains.Delete(ctx, c.by, c.key.Account, d.Name, func(d settings.Domain) error { return c.matches(domainOf(d)) })
}

type settingsQuery struct {
	DomainPath
	Address string `query:"address" required:"true" maxLength:"254" doc:"A mailbox of the domain." example:"jane@example.com"`
	Login   string `query:"login" maxLength:"254" doc:"Username on the servers, if it can't be derived from the address." example:"jane"`
}

// ManualSettings are for people who set up mail manually.
type ManualSettings struct {
	Address  string     `json:"address" example:"jane@example.com"`
	Incoming MailServer `json:"incoming"`
	Outgoing MailServer `json:"outgoing"`
	CalDAV   *DAVServer `json:"caldav,omitempty" doc:"Calendars, if the domain has them."`
	CardDAV  *DAVServer `json:"carddav,omitempty" doc:"Contacts, if the domain has them."`
}

// A MailServer is an incoming or outgoing mail server.
type MailServer struct {
	Protocol   string `json:"protocol" enum:"imap,smtp"`
	Host       string `json:"host" example:"imap.example.com"`
	Port       int    `json:"port" minimum:"1" maximum:"65535" example:"993"`
	Encryption string `json:"encryption" enum:"SSL/TLS,STARTTLS"`
	UserName   string `json:"user_name" example:"jane@example.com"`
}

// A DAVServer is a server for calendars or contacts.
type DAVServer struct {
	Protocol   string `json:"protocol" enum:"caldav,carddav"`
	Host       string `json:"host" example:"dav.example.com"`
	Port       int    `json:"port" minimum:"1" maximum:"65535" example:"443"`
	Encryption string `json:"encryption" enum:"SSL/TLS"`
	UserName   string `json:"user_name" example:"jane@example.com"`
}

func (a *API) domainSettings(ctx context.Context, c call, in *settingsQuery) (*answer[ManualSettings], error) {
	d, err := a.permitted(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	var bad []error
	address, err := profile.ParseAddress(in.Address)
	if err != nil || address.Domain() != d.Name {
		bad = append(bad, fault.On("address", fault.AddressForeign, "The address isn't in this domain."))
	}
	in.Login = profile.Trim(in.Login)
	if err := profile.CheckLine(in.Login); err != nil {
		bad = append(bad, fault.OnText("login", err, fault.Invalid, "The login contains a character that isn't allowed."))
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	login, err := d.LoginFor(address, in.Login)
	if err != nil {
		return nil, err
	}
	return &answer[ManualSettings]{ManualSettings{
		Address:  address.String(),
		Incoming: serverOf("imap", d.Service.Incoming, login),
		Outgoing: serverOf("smtp", d.Service.Outgoing, login),
		CalDAV:   davServerOf("caldav", d.Service.Calendars, login),
		CardDAV:  davServerOf("carddav", d.Service.Contacts, login),
	}}, nil
}

// davServerOf returns nil for a part that the domain doesn't have.
func davServerOf(protocol string, s profile.DAVServer, login string) *DAVServer {
	if s.IsZero() {
		return nil
	}
	return &DAVServer{protocol, s.Host, s.Port, s.Encryption(), login}
}

func serverOf(protocol string, s profile.Server, login string) MailServer {
	return MailServer{protocol, s.Host, s.Port, s.Encryption(), login}
}
