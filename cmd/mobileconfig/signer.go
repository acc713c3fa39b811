package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/signerd"
	"github.com/updatecase/mobileconfig/templates"
)

type signerCommand struct {
	Run    signerRunCommand    `cmd:"" default:"withargs" help:"Sign approved profiles for authorized clients until stopped."`
	Status signerStatusCommand `cmd:"" help:"Show the running signer's certificate and statistics. The exit code is 1 if it can't sign."`
	List   signerListCommand   `cmd:"" help:"List the approvals."`

	AllowHost            signerAllowHostCommand    `cmd:"" help:"Approve servers in profiles."`
	WithdrawHost         signerWithdrawHostCommand `cmd:"" help:"Withdraw the approval of servers."`
	AllowDomain          signerAllowDomainCommand  `cmd:"" help:"Approve mail domains for addresses in profiles, and the domain's name as the organization."`
	WithdrawDomain       signerWithdrawDomain      `cmd:"" help:"Withdraw the approval of mail domains."`
	AllowOrganization    signerAllowOrganization   `cmd:"" help:"Approve an organization that profiles come from."`
	WithdrawOrganization signerWithdrawOrg         `cmd:"" help:"Withdraw the approval of an organization."`
	Erasing              signerErasingCommand      `cmd:"" help:"Approve policies that erase an iPhone or lock a Mac after wrong passcodes, or withdraw that approval."`
	Limit                signerLimitCommand        `cmd:"" help:"Limit the number of signatures per minute."`
}

// signerFolder is the signer's folder with its approvals.
type signerFolder struct {
	Folder string `default:"/var/lib/mobileconfig-signer" placeholder:"DIR" help:"Folder of the signer with its approvals (default: /var/lib/mobileconfig-signer)."`
}

func (f signerFolder) open() (signerd.Folder, error) {
	if err := asOwner(f.Folder); err != nil {
		return signerd.Folder{}, err
	}
	folder, err := signerd.OpenFolder(f.Folder)
	return folder, flagError("--folder", err)
}

// change changes the approvals and prints the result.
func (f signerFolder) change(s streams, done string, fn func(*signerd.Approvals) error) error {
	folder, err := f.open()
	if err != nil {
		return err
	}
	if err := folder.Change(fn); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "mobileconfig: %s. A running signer applies this within a second.\n", done)
	return nil
}

// signerSocket is the socket that the signer listens on.
type signerSocket struct {
	Socket string `default:"/run/mobileconfig-signer/socket" placeholder:"FILE" help:"Unix socket of the signer (default: /run/mobileconfig-signer/socket)."`
}

type signerRunCommand struct {
	AllowUser  []string `placeholder:"USER" help:"User of the service, by name or ID, that may request signatures. Can be repeated."`
	AllowGroup []string `placeholder:"GROUP" help:"Group whose processes may request signatures. Can be repeated."`
	signerSocket
	signerFolder
	signingFlags
	loggerFlags
}

// Run signs until the process is told to stop.
func (c *signerRunCommand) Run(s streams) error {
	config, err := c.config(s)
	if err != nil {
		return err
	}
	listener, err := signerd.Listen(c.Socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := signerd.Harden(); err != nil {
		return err
	}
	server.TuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	d := config.Identity().Describe()
	config.Log.Info("signing", "name", d.Name, "not_after", d.NotAfter, "socket", listener.Addr().String())
	return signerd.New(config).Run(ctx, listener)
}

func (c *signerRunCommand) config(s streams) (signerd.Config, error) {
	config := signerd.Config{Now: time.Now}
	var err error
	if config.Log, err = c.logger(s.err); err != nil {
		return config, err
	}
	if len(c.AllowUser)+len(c.AllowGroup) == 0 {
		return config, usage(errors.New("no one is allowed to connect: give the user of the service with --allow-user"))
	}
	if config.Users, config.Groups, err = c.allowed(); err != nil {
		return config, err
	}
	folder, err := c.open()
	if err != nil {
		return config, err
	}
	if config.Approvals, err = folder.Watch(config.Log); err != nil {
		return config, err
	}
	if config.Texts, err = templates.Words(); err != nil {
		return config, err
	}
	identity, err := c.identity(s, &config)
	if err != nil {
		return config, err
	}
	// It's always one of files.
	config.Identity = func() signerd.FileSigner { return identity.Current().(signerd.FileSigner) }
	config.Reload = identity.Err
	return config, nil
}

// identity returns the signing identity.
func (c *signerRunCommand) identity(s streams, config *signerd.Config) (server.Identity, error) {
	files, named, err := c.files()
	if err != nil {
		return nil, err
	}
	if named {
		return server.FromFiles(files, time.Now, config.Log)
	}
	id, err := developmentIn(c.Folder, s.err)
	if err != nil {
		return nil, err
	}
	return server.Fixed(id), nil
}

// allowed returns the IDs of users and groups that may connect: those in the
// flags, and the users who could read the key anyway.
func (c *signerRunCommand) allowed() (users, groups []uint32, err error) {
	users = []uint32{0, uint32(os.Geteuid())}
	for _, name := range c.AllowUser {
		id, err := numberOf(name, func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
		if err != nil {
			return nil, nil, flagError("--allow-user", err)
		}
		users = append(users, id)
	}
	for _, name := range c.AllowGroup {
		id, err := numberOf(name, func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
		if err != nil {
			return nil, nil, flagError("--allow-group", err)
		}
		groups = append(groups, id)
	}
	return users, groups, nil
}

// numberOf returns the ID of a user or group.
func numberOf(name string, lookup func(string) (string, error)) (uint32, error) {
	n, err := strconv.ParseUint(name, 10, 32)
	if err == nil {
		return uint32(n), nil
	}
	text, err := lookup(name)
	if err != nil {
		return 0, err
	}
	n, err = strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}

type signerStatusCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	signerSocket
}

// Run queries the running signer.
func (c *signerStatusCommand) Run(s streams) error {
	d, status, err := signerd.Look(context.Background(), signerd.ClientConfig{Socket: c.Socket})
	if err != nil {
		return fmt.Errorf("%w at %s. Start it (systemctl start mobileconfig-signer), or give its socket with --socket; its log shows refused connections", err, c.Socket)
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(struct {
			Name        string    `json:"name"`
			Fingerprint string    `json:"fingerprint"`
			NotAfter    time.Time `json:"not_after"`
			signerd.Status
		}{d.Name, d.Fingerprint, d.NotAfter.UTC(), status})
	} else {
		printStatus(s.out, d.Name, d.NotAfter, status)
	}
	if err == nil && status.Usable != "ok" {
		err = errors.New(status.Usable)
	}
	return err
}

func printStatus(out io.Writer, name string, notAfter time.Time, status signerd.Status) {
	fmt.Fprintf(out, "Signs as %s until %s.\nSince %s: %d profiles and %d lists of checksums signed.\n",
		name, notAfter.UTC().Format(time.DateOnly), status.Since.UTC().Format(time.DateTime), status.Signed, status.Checksums)
	if status.Reload != "ok" {
		fmt.Fprintf(out, "The newer files can't be used: %s\n", status.Reload)
	}
	for _, reason := range signerd.Reasons() {
		if n := status.Refused[reason]; n > 0 {
			fmt.Fprintf(out, "Refused for %s: %d\n", reason, n)
		}
	}
}

type signerListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	signerFolder
}

// Run lists the approvals.
func (c *signerListCommand) Run(s streams) error {
	folder, err := c.open()
	if err != nil {
		return err
	}
	a, err := folder.Approvals()
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(a)
	}
	for _, list := range []struct {
		what string
		all  []string
	}{{"host", a.Hosts}, {"domain", a.Domains}, {"organization", a.Organizations}} {
		for _, entry := range list.all {
			fmt.Fprintf(s.out, "%-13s %s\n", list.what, entry)
		}
	}
	erasing, limit := "off", "off"
	if a.Erasing {
		erasing = "on"
	}
	if a.Limit > 0 {
		limit = strconv.Itoa(a.Limit)
	}
	fmt.Fprintf(s.out, "%-13s %s\n%-13s %s\n", "erasing", erasing, "limit", limit)
	return nil
}

// allow adds entries to a list, and withdraw removes them. Neither fails if
// there's nothing to change.
func allow(list *[]string, entries []string) {
	for _, entry := range entries {
		if !slices.Contains(*list, entry) {
			*list = append(*list, entry)
		}
	}
	slices.Sort(*list)
}

func withdraw(list *[]string, entries []string) error {
	for _, entry := range entries {
		i := slices.Index(*list, entry)
		if i < 0 {
			return usage(fmt.Errorf("%s isn't approved; list approvals with: mobileconfig signer list", entry))
		}
		*list = slices.Delete(*list, i, i+1)
	}
	return nil
}

// parseAll parses entries and normalizes them.
func parseAll(what string, entries []string, parse func(string) (string, error)) ([]string, error) {
	var all []string
	for _, entry := range entries {
		parsed, err := parse(entry)
		if err != nil {
			return nil, flagError(what, fmt.Errorf("%q: %w", entry, err))
		}
		all = append(all, parsed)
	}
	return all, nil
}

type signerAllowHostCommand struct {
	Host []string `arg:"" help:"Host name, for example imap.example.com, or *.example.com (in quotes) for all servers below it."`
	signerFolder
}

// Run approves servers.
func (c *signerAllowHostCommand) Run(s streams) error {
	all, err := parseAll("HOST", c.Host, settings.ParseHostPattern)
	if err != nil {
		return err
	}
	return c.change(s, fmt.Sprintf("approved %d servers", len(all)), func(a *signerd.Approvals) error { allow(&a.Hosts, all); return nil })
}

type signerWithdrawHostCommand struct {
	Host []string `arg:"" help:"Host name as shown by list."`
	signerFolder
}

// Run withdraws the approval of servers.
func (c *signerWithdrawHostCommand) Run(s streams) error {
	return c.change(s, "withdrawn", func(a *signerd.Approvals) error { return withdraw(&a.Hosts, c.Host) })
}

type signerAllowDomainCommand struct {
	Domain []string `arg:"" help:"Domain, for example example.com, *.example.com (in quotes) for all domains below it, or * for every domain."`
	signerFolder
}

// Run approves mail domains.
func (c *signerAllowDomainCommand) Run(s streams) error {
	all, err := parseAll("DOMAIN", c.Domain, signerd.ParseDomainPattern)
	if err != nil {
		return err
	}
	return c.change(s, fmt.Sprintf("approved %d mail domains", len(all)), func(a *signerd.Approvals) error { allow(&a.Domains, all); return nil })
}

type signerWithdrawDomain struct {
	Domain []string `arg:"" help:"Domain as shown by list."`
	signerFolder
}

// Run withdraws the approval of mail domains.
func (c *signerWithdrawDomain) Run(s streams) error {
	return c.change(s, "withdrawn", func(a *signerd.Approvals) error { return withdraw(&a.Domains, c.Domain) })
}

type signerAllowOrganization struct {
	Name []string `arg:"" help:"Organization exactly as in profiles (in quotes)."`
	signerFolder
}

// Run approves organizations.
func (c *signerAllowOrganization) Run(s streams) error {
	all, err := parseAll("NAME", c.Name, signerd.ParseOrganization)
	if err != nil {
		return err
	}
	return c.change(s, fmt.Sprintf("approved %d organizations", len(all)), func(a *signerd.Approvals) error { allow(&a.Organizations, all); return nil })
}

type signerWithdrawOrg struct {
	Name []string `arg:"" help:"Organization as shown by list."`
	signerFolder
}

// Run withdraws the approval of organizations.
func (c *signerWithdrawOrg) Run(s streams) error {
	return c.change(s, "withdrawn", func(a *signerd.Approvals) error { return withdraw(&a.Organizations, c.Name) })
}

type signerErasingCommand struct {
	Switch string `arg:"" enum:"on,off" help:"on or off."`
	signerFolder
}

// Run approves policies that erase devices, or withdraws that approval.
func (c *signerErasingCommand) Run(s streams) error {
	return c.change(s, "policies that erase are "+map[string]string{"on": "approved", "off": "no longer approved"}[c.Switch],
		func(a *signerd.Approvals) error { a.Erasing = c.Switch == "on"; return nil })
}

type signerLimitCommand struct {
	N string `arg:"" help:"Maximum per minute, or off."`
	signerFolder
}

// Run sets the limit.
func (c *signerLimitCommand) Run(s streams) error {
	n, err := strconv.Atoi(c.N)
	if c.N == "off" {
		n, err = 0, nil
	}
	if err != nil || n == 0 && c.N != "off" || n < 0 || n > signerd.MaxLimit {
		return flagError("N", fmt.Errorf("%q: give a number from 1 to %d, or off", c.N, signerd.MaxLimit))
	}
	done := fmt.Sprintf("at most %d signatures per minute", n)
	if n == 0 {
		done = "any number of signatures per minute"
	}
	return c.change(s, done, func(a *signerd.Approvals) error { a.Limit = n; return nil })
}
