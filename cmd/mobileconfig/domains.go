package main

import (
	"net/http"
	"net/url"
)

type domainsCommand struct {
	List   domainsList   `cmd:"" help:"List the domains of a running service."`
	Get    domainsGet    `cmd:"" help:"Show a domain."`
	Create domainsCreate `cmd:"" help:"Create a domain."`
	Update domainsUpdate `cmd:"" help:"Change what the flags name of a domain."`
	Delete domainsDelete `cmd:"" help:"Delete a domain with its links."`
	Check  domainsCheck  `cmd:"" help:"Say whether its mail servers offer TLS as a profile needs it."`
}

// domainSettings are those of the API.
type domainSettings struct {
	IMAP        *string  `name:"imap" json:"imap,omitempty" placeholder:"SERVER" help:"IMAP server: HOST, HOST:PORT or HOST:143/starttls."`
	SMTP        *string  `name:"smtp" json:"smtp,omitempty" placeholder:"SERVER" help:"SMTP server: HOST, HOST:PORT or HOST:587/starttls."`
	CalDAV      *string  `name:"caldav" json:"caldav,omitempty" placeholder:"SERVER" help:"CalDAV server for calendars."`
	CardDAV     *string  `name:"carddav" json:"carddav,omitempty" placeholder:"SERVER" help:"CardDAV server for contacts."`
	Policy      *string  `json:"policy,omitempty" placeholder:"off|offered|required" help:"Whether profiles come with a device policy."`
	PolicyID    *string  `json:"policy_id,omitempty" placeholder:"ID" help:"Which device policy."`
	DisplayName *string  `json:"display_name,omitempty" placeholder:"NAME" help:"What people call the service."`
	HelpText    *string  `json:"help_text,omitempty" placeholder:"TEXT" help:"Who helps."`
	SignInHint  *string  `json:"sign_in_hint,omitempty" placeholder:"TEXT" help:"Which password is meant."`
	Login       *string  `json:"login,omitempty" placeholder:"address|local_part|given" help:"The form of user names on the servers."`
	Platforms   []string `json:"platforms,omitempty" placeholder:"iphone,mac" help:"What profiles are made for."`
	ReturnHosts []string `json:"return_hosts,omitempty" placeholder:"HOST,…" help:"Hosts to which the page of a link may lead back."`
}

type domainsList struct {
	remoteFlags
	jsonFlag
}

// Run lists the domains.
func (c *domainsList) Run(s streams) error {
	return c.showAll(s, c.JSON, "domains", nil, "domains", "name", "imap", "smtp", "policy", "updated_at")
}

// showAll lists what is at the path.
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

// show asks the service and shows what it answers.
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

// mergePatch says that a body changes some fields.
var mergePatch = http.Header{"Content-Type": {"application/merge-patch+json"}}

type domainsGet struct {
	Name string `arg:"" help:"The domain."`
	remoteFlags
	jsonFlag
}

// Run shows the domain.
func (c *domainsGet) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodGet, pathOf("domains", c.Name), nil, nil)
}

type domainsCreate struct {
	Name string `arg:"" json:"name" help:"The domain."`
	domainSettings
	remoteFlags
	jsonFlag
}

// Run creates the domain.
func (c *domainsCreate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, "domains", c, nil)
}

type domainsUpdate struct {
	Name string `arg:"" json:"-" help:"The domain."`
	domainSettings
	remoteFlags
	jsonFlag
}

// Run changes the domain.
func (c *domainsUpdate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPatch, pathOf("domains", c.Name), c, mergePatch)
}

type domainsDelete struct {
	Name string `arg:"" help:"The domain."`
	remoteFlags
}

// Run deletes the domain.
func (c *domainsDelete) Run(s streams) error {
	return c.show(s, false, http.MethodDelete, pathOf("domains", c.Name), nil, nil)
}

type domainsCheck struct {
	Name string `arg:"" help:"The domain."`
	remoteFlags
	jsonFlag
}

// Run has the service check the servers.
func (c *domainsCheck) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, pathOf("domains", c.Name, "check"), nil, nil)
}
