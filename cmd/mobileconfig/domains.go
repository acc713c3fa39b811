package main

import (
	"net/http"
	"net/url"
)

type domainsCommand struct {
	List   domainsList   `cmd:"" help:"List the domains of a running service."`
	Get    domainsGet    `cmd:"" help:"Show a domain."`
	Create domainsCreate `cmd:"" help:"Create a domain."`
	Update domainsUpdate `cmd:"" help:"Update the given settings of a domain."`
	Delete domainsDelete `cmd:"" help:"Delete a domain and its links."`
	Check  domainsCheck  `cmd:"" help:"Check whether a domain's mail servers offer TLS as a profile needs it."`
}

// domainSettings are the API's settings of a domain.
type domainSettings struct {
	IMAP        *string  `name:"imap" json:"imap,omitempty" placeholder:"SERVER" help:"IMAP server: HOST, HOST:PORT or HOST:143/starttls."`
	SMTP        *string  `name:"smtp" json:"smtp,omitempty" placeholder:"SERVER" help:"SMTP server: HOST, HOST:PORT or HOST:587/starttls."`
	CalDAV      *string  `name:"caldav" json:"caldav,omitempty" placeholder:"SERVER" help:"CalDAV server for calendars."`
	CardDAV     *string  `name:"carddav" json:"carddav,omitempty" placeholder:"SERVER" help:"CardDAV server for contacts."`
	Policy      *string  `json:"policy,omitempty" placeholder:"off|offered|required" help:"Whether profiles include a passcode policy."`
	PolicyID    *string  `json:"policy_id,omitempty" placeholder:"ID" help:"ID of the passcode policy."`
	DisplayName *string  `json:"display_name,omitempty" placeholder:"NAME" help:"Display name of the service."`
	HelpText    *string  `json:"help_text,omitempty" placeholder:"TEXT" help:"Whom to contact for help."`
	SignInHint  *string  `json:"sign_in_hint,omitempty" placeholder:"TEXT" help:"Which password to use."`
	Login       *string  `json:"login,omitempty" placeholder:"address|local_part|given" help:"How usernames on the servers are formed."`
	Platforms   []string `json:"platforms,omitempty" placeholder:"iphone,mac" help:"Platforms that profiles are offered for."`
	ReturnHosts []string `json:"return_hosts,omitempty" placeholder:"HOST,…" help:"Hosts that a setup page may link back to."`
}

type domainsList struct {
	remoteFlags
	jsonFlag
}

// Run lists the domains.
func (c *domainsList) Run(s streams) error {
	return c.showAll(s, c.JSON, "domains", nil, "domains", "name", "imap", "smtp", "policy", "updated_at")
}

// showAll lists the resources at the path.
func (f remoteFlags) showAll(s streams, asJSON bool, path string, query url.Values, name string, fields ...string) error {
	r, err := f.connect()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	all, err := r.list(ctx, path, query, name)
	if err != nil {
		return err
	}
	return showList(s, asJSON, name, all, fields...)
}

// show sends a request and prints the answer.
func (f remoteFlags) show(s streams, asJSON bool, method, path string, body any, header http.Header) error {
	r, err := f.connect()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	data, err := r.call(ctx, method, path, nil, body, header)
	if err != nil {
		return err
	}
	return showObject(s, asJSON, data)
}

// mergePatch is the content type of a body that changes some fields.
var mergePatch = http.Header{"Content-Type": {"application/merge-patch+json"}}

type domainsGet struct {
	Name string `arg:"" help:"Domain name."`
	remoteFlags
	jsonFlag
}

// Run shows the domain.
func (c *domainsGet) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodGet, pathOf("domains", c.Name), nil, nil)
}

type domainsCreate struct {
	Name string `arg:"" json:"name" help:"Domain name."`
	domainSettings
	remoteFlags
	jsonFlag
}

// Run creates the domain.
func (c *domainsCreate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, "domains", c, nil)
}

type domainsUpdate struct {
	Name string `arg:"" json:"-" help:"Domain name."`
	domainSettings
	remoteFlags
	jsonFlag
}

// Run updates the domain.
func (c *domainsUpdate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPatch, pathOf("domains", c.Name), c, mergePatch)
}

type domainsDelete struct {
	Name string `arg:"" help:"Domain name."`
	remoteFlags
}

// Run deletes the domain.
func (c *domainsDelete) Run(s streams) error {
	return c.show(s, false, http.MethodDelete, pathOf("domains", c.Name), nil, nil)
}

type domainsCheck struct {
	Name string `arg:"" help:"Domain name."`
	remoteFlags
	jsonFlag
}

// Run asks the service to check the servers.
func (c *domainsCheck) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, pathOf("domains", c.Name, "check"), nil, nil)
}
