package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/settings"
)

type adminHostCommand struct {
	Approve  adminHostApproveCommand  `cmd:"" help:"Approve a server for the domains of an account."`
	Withdraw adminHostWithdrawCommand `cmd:"" help:"Withdraw an approval. Domains that use the server keep it."`
	List     adminHostListCommand     `cmd:"" help:"List the approved servers of an account."`
}

// hostFlags select the account whose servers a command works on.
type hostFlags struct {
	Account string `default:"acc_default" placeholder:"ID" help:"Account (default: the installation's own)."`
	storeFlags
}

// with calls fn with the account's approved servers.
func (f hostFlags) with(fn func(context.Context, *settings.Hosts) error) error {
	ctx := context.Background()
	kept, err := f.openFor(ctx, f.Account)
	if err != nil {
		return err
	}
	defer kept.Close()
	return fieldError(fn(ctx, settings.NewHosts(kept, time.Now)))
}

type adminHostApproveCommand struct {
	Host string `arg:"" help:"Host name, for example imap.example.com, or *.example.com (in quotes) for all servers below it."`
	hostFlags
}

// Run approves a server.
func (c *adminHostApproveCommand) Run(s streams) error {
	return c.with(func(ctx context.Context, hosts *settings.Hosts) error {
		approved, err := hosts.Approve(ctx, audit.ByOperator(), c.Account, c.Host)
		if err == nil {
			fmt.Fprintf(s.err, "mobileconfig: approved %s for %s.\n", approved.Pattern, c.Account)
		}
		return err
	})
}

type adminHostWithdrawCommand struct {
	Host string `arg:"" help:"Host name as shown by list."`
	hostFlags
}

// Run withdraws the approval of a server.
func (c *adminHostWithdrawCommand) Run(s streams) error {
	return c.with(func(ctx context.Context, hosts *settings.Hosts) error {
		pattern, err := settings.ParseHostPattern(c.Host)
		if err != nil {
			return flagError("HOST", err)
		}
		return hosts.Withdraw(ctx, audit.ByOperator(), c.Account, pattern)
	})
}

type adminHostListCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	hostFlags
}

// Run lists the approved servers.
func (c *adminHostListCommand) Run(s streams) error {
	return c.with(func(ctx context.Context, hosts *settings.Hosts) error {
		all, err := hosts.List(ctx, c.Account)
		if err != nil {
			return err
		}
		if !c.JSON {
			for _, h := range all {
				fmt.Fprintln(s.out, h.Pattern)
			}
			return nil
		}
		type listed struct {
			Host      string    `json:"host"`
			CreatedAt time.Time `json:"created_at"`
		}
		out := struct {
			Hosts []listed `json:"approved_hosts"`
		}{Hosts: []listed{}}
		for _, h := range all {
			out.Hosts = append(out.Hosts, listed{h.Pattern, h.Created.UTC()})
		}
		return json.NewEncoder(s.out).Encode(out)
	})
}
