package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
)

type adminCommand struct {
	Owner       adminOwnerCommand    `cmd:"" help:"Create an owner of an account. The first sign-in asks for a second factor."`
	Key         adminKeyCommand      `cmd:"" help:"Create an API key and print only the key on standard output."`
	ResetFactor adminResetCommand    `cmd:"" help:"Remove the second factors and sessions of a member who lost a device."`
	Accounts    adminAccountsCommand `cmd:"" help:"List the accounts."`
	Host        adminHostCommand     `cmd:"" help:"Manage the servers that the domains of an account may use."`
	SetupURL    adminSetupURLCommand `cmd:"" name:"setup-url" help:"Print the one-time URL for creating the first owner of a new installation. It's valid for three days."`
	Renew       adminRenewCommand    `cmd:"" help:"Renew the certificate early."`
	Rotate      adminRotateCommand   `cmd:"" name:"rotate-secret" help:"Start a new version of the installation's secret."`
	RotateLog   adminLogKeyCommand   `cmd:"" name:"rotate-log-key" help:"Replace the key that signs the action logs."`
}

// storeFlags select the installation for a command. The service may be running.
type storeFlags struct {
	Data     string `default:"./data" placeholder:"DIR" help:"Data folder (default: ./data)."`
	Database string `placeholder:"DB" help:"sqlite:PATH or postgres://… (default: SQLite in the data folder)."`
}

func (f storeFlags) open(ctx context.Context) (*store.Store, error) { return f.openSigning(ctx, nil) }

// openSigning is open for what the keys of the logs sign.
func (f storeFlags) openSigning(ctx context.Context, signer audit.Signer) (*store.Store, error) {
	database := f.Database
	if database == "" {
		if err := asOwner(f.Data); err != nil {
			return nil, err
		}
		dir, err := datadir.Existing(f.Data)
		if err != nil {
			return nil, usage(fmt.Errorf("--data: %w; start the service once, or give --database", err))
		}
		database = dir.Database()
	}
	return store.Open(ctx, store.Config{Database: database, Signer: signer})
}

// openFor opens the store for changes to an account, which must exist.
func (f storeFlags) openFor(ctx context.Context, id string) (*store.Store, error) {
	kept, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := hasAccount(ctx, kept, id); err != nil {
		kept.Close()
		return nil, err
	}
	return kept, nil
}

func hasAccount(ctx context.Context, kept *store.Store, id string) error {
	_, err := kept.Account(ctx, id)
	if fault.Is(err, fault.NotFound) {
		err = flagError("--account", errors.New("account not found; list accounts with: mobileconfig admin accounts"))
	}
	return err
}

// people returns the members and their factors. These commands need neither the
// installation's secret nor its URL: a temporary secret is enough because
// nothing derived from it is stored.
func people(s *store.Store) (*account.Members, *account.Factors, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	vault, err := account.NewVault(crypt.Single(secret), &url.URL{}, time.Now)
	if err != nil {
		return nil, nil, err
	}
	return account.NewMembers(vault, s), account.NewFactors(vault, s), nil
}

// fieldError turns an error about a field into one about its flag.
func fieldError(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Field == "" {
		return err
	}
	return flagError("--"+f.Field, errors.New(f.Detail))
}

type adminOwnerCommand struct {
	Email        string `required:"" placeholder:"E" help:"Email address that the member signs in with."`
	PasswordFile string `required:"" type:"existingfile" placeholder:"F" help:"File with the password in its first line."`
	Account      string `default:"acc_default" placeholder:"ID" help:"Account (default: the installation's own, whose owners are also operators)."`
	storeFlags
}

// Run creates the owner.
func (c *adminOwnerCommand) Run(s streams) error {
	text, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return flagError("--password-file", err)
	}
	password, _, _ := strings.Cut(string(text), "\n")
	ctx := context.Background()
	kept, err := c.openFor(ctx, c.Account)
	if err != nil {
		return err
	}
	defer kept.Close()
	members, _, err := people(kept)
	if err != nil {
		return err
	}
	m, err := members.CreateOwner(ctx, audit.ByOperator(), c.Account, c.Email, strings.TrimSuffix(password, "\r"))
	if f, ok := errors.AsType[*fault.Fault](err); ok && f.Field == "password" {
		return flagError("--password-file", errors.New(f.Detail))
	}
	if err != nil {
		return fieldError(err)
	}
	_, err = fmt.Fprintf(s.out, "%s is an owner of %s and can sign in at /panel.\n", m.Email, m.Account)
	return err
}

type adminResetCommand struct {
	Email string `required:"" placeholder:"E" help:"Email address of the member."`
	storeFlags
}

// Run resets the member's factors.
func (c *adminResetCommand) Run(s streams) error {
	ctx := context.Background()
	kept, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	members, factors, err := people(kept)
	if err != nil {
		return err
	}
	m, err := members.ByEmail(ctx, c.Email)
	if fault.Is(err, fault.NotFound) {
		return flagError("--email", errors.New("no member has this email address"))
	}
	if err != nil {
		return err
	}
	if err := factors.Reset(ctx, audit.ByOperator(), m); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "Second factors and sessions of %s removed. The next sign-in with the password asks for a new second factor.\n", m.Email)
	return err
}

type adminAccountsCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	storeFlags
}

// listedAccount is an account in the command's output.
type listedAccount struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Domains   int        `json:"domains"`
	Members   int        `json:"members"`
	Trusted   bool       `json:"trusted"`
	Suspended *time.Time `json:"suspended,omitempty"`
	Created   *time.Time `json:"created,omitempty"`
}

// Run lists the accounts.
func (c *adminAccountsCommand) Run(s streams) error {
	ctx := context.Background()
	kept, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	all, err := kept.Accounts(ctx)
	if err != nil {
		return err
	}
	listed := []listedAccount{}
	for _, a := range all {
		listed = append(listed, listedAccount{a.ID, a.Name, a.Domains, a.Members, a.Trusted, timeOrNone(a.Suspended), timeOrNone(a.Created)})
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(listed)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tDOMAINS\tMEMBERS\tSTATE")
	for _, a := range listed {
		state := "live"
		if a.Suspended != nil {
			state = "suspended"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", a.ID, a.Name, a.Domains, a.Members, state)
	}
	return w.Flush()
}

func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type adminKeyCommand struct {
	Name     string         `required:"" placeholder:"N" help:"Name of the program that uses the key."`
	Scopes   []string       `placeholder:"S" help:"Permissions, for example domains:read,profiles:write."`
	Preset   string         `placeholder:"P" help:"Permissions for a kind of program, instead of --scopes or in addition: hosting_panel, domain_setup, profiles, events, read_only or full."`
	Domains  []string       `placeholder:"D" help:"Domains that the key is limited to (default: all of the account)."`
	Networks []netip.Prefix `placeholder:"CIDR" help:"Networks that the key can be used from (default: any)."`
	Life     time.Duration  `placeholder:"D" help:"Lifetime, for example 720h (default: no expiry)."`
	Test     bool           `help:"Create a test key. Everything created with it is marked as a test."`
	Account  string         `default:"acc_default" placeholder:"ID" help:"Account (default: the installation's own)."`
	storeFlags
}

// Run creates the key.
func (c *adminKeyCommand) Run(s streams) error {
	ctx := context.Background()
	kept, err := c.openFor(ctx, c.Account)
	if err != nil {
		return err
	}
	defer kept.Close()
	scopes, err := account.WithPreset(c.Scopes, account.Preset(c.Preset))
	if err != nil {
		return fieldError(err)
	}
	_, key, err := account.NewKeys(kept, time.Now).Create(ctx, audit.ByOperator(), account.KeySpec{
		Account:  c.Account,
		Name:     c.Name,
		Scopes:   scopes,
		Domains:  c.Domains,
		Networks: c.Networks,
		Life:     c.Life,
		Test:     c.Test,
	})
	if err != nil {
		return fieldError(err)
	}
	_, err = fmt.Fprintln(s.out, key)
	return err
}
