package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
)

type adminCommand struct {
	Key adminKeyCommand `cmd:"" help:"Make a key for the API and print it, alone, on standard output."`
}

type adminKeyCommand struct {
	Name     string         `required:"" placeholder:"N" help:"Which program will have the key."`
	Scopes   []string       `required:"" placeholder:"S" help:"What it may do, such as domains:read,profiles:write."`
	Domains  []string       `placeholder:"D" help:"Domains that it may act for (default: all of the account)."`
	Networks []netip.Prefix `placeholder:"CIDR" help:"Networks that it may come from (default: anywhere)."`
	Life     time.Duration  `placeholder:"D" help:"How long it lives, such as 720h (default: for ever)."`
	Account  string         `default:"acc_default" hidden:"" help:"The account."`
	Data     string         `default:"./data" placeholder:"DIR" help:"The data folder (default: ./data)."`
	Database string         `placeholder:"DB" help:"sqlite:PATH or postgres://… (default: SQLite in the data folder)."`
}

// Run makes the key. The service may run meanwhile.
func (c *adminKeyCommand) Run(s streams) error {
	database := c.Database
	if database == "" {
		dir, err := datadir.Existing(c.Data)
		if err != nil {
			return usage(fmt.Errorf("--data: %w; start the service once, or name --database", err))
		}
		database = dir.Database()
	}
	ctx := context.Background()
	kept, err := store.Open(ctx, store.Config{Database: database})
	if err != nil {
		return err
	}
	defer kept.Close()
	_, key, err := account.NewKeys(kept, time.Now).Create(ctx, audit.Actor{Kind: audit.Operator, Interface: audit.CommandLine}, account.KeySpec{
		Account:  c.Account,
		Name:     c.Name,
		Scopes:   c.Scopes,
		Domains:  c.Domains,
		Networks: c.Networks,
		Life:     c.Life,
	})
	if f, ok := errors.AsType[*fault.Fault](err); ok && f.Field != "" {
		return flagError("--"+f.Field, errors.New(f.Detail))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, key)
	return err
}
