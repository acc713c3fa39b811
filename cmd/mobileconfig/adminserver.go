package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/store"
)

type adminSetupURLCommand struct {
	BaseURL string `required:"" placeholder:"URL" help:"Public URL of the service, the same as for serve."`
	secretFlags
}

// secretFlags locate the installation's secret.
type secretFlags struct {
	SecretFile string `placeholder:"FILE" help:"The installation's secret, if it isn't in the data folder."`
	storeFlags
}

// Run prints the URL.
func (c *adminSetupURLCommand) Run(s streams) error {
	ctx := context.Background()
	kept, secret, err := c.openSecret(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	address, err := server.NewSetupURL(ctx, kept, secret, c.BaseURL)
	if errors.Is(err, server.ErrConfig) {
		return flagError("--base-url", err)
	}
	if err != nil {
		return err
	}
	if address == "" {
		return errors.New("this installation already has a member, who can invite others; if no member can sign in, run: mobileconfig admin owner")
	}
	_, err = fmt.Fprintln(s.out, address)
	return err
}

// openSecret opens the store and reads the secret.
func (c *secretFlags) openSecret(ctx context.Context) (*store.Store, []byte, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, nil, err
	}
	kept, err := c.open(ctx)
	return kept, secret, err
}

func (c *secretFlags) secret() ([]byte, error) {
	if c.SecretFile != "" {
		secret, err := datadir.ReadSecret(c.SecretFile)
		return secret, flagError("--secret-file", err)
	}
	dir, err := datadir.Existing(c.Data)
	if err != nil {
		return nil, flagError("--data", err)
	}
	return dir.Secret()
}

type adminRotateCommand struct {
	Overlap time.Duration `default:"720h" placeholder:"D" help:"How long existing links, tickets and invitations are still accepted (default: 720h, the longest lifetime of a link)."`
	secretFlags
}

// Run rotates the secret. Running servers notice the change by themselves.
func (c *adminRotateCommand) Run(s streams) error {
	if c.Overlap < 0 || c.Overlap > secret.MaxOverlap {
		return flagError("--overlap", fmt.Errorf("give a duration from 0s to %dh", secret.MaxOverlap/time.Hour))
	}
	ctx := context.Background()
	kept, root, err := c.openSecret(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	keeper, err := secret.Open(ctx, kept, root, time.Now)
	if err != nil {
		return err
	}
	status, err := keeper.Rotate(ctx, audit.ByOperator(), c.Overlap)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "New version of the secret: %s.\n", status.Current)
	for _, old := range status.Old {
		fmt.Fprintf(s.out, "Links, tickets and invitations of version %s are accepted until %s. %d values are encrypted with it; the service reencrypts them.\n",
			old.ID, old.Ends.UTC().Format("2006-01-02 15:04 MST"), old.Values)
	}
	return nil
}

type adminRenewCommand struct {
	NewKey bool `help:"Also create a new key, for example after a theft. People may have to remove their old profile before they can install a new one."`
	storeFlags
}

// Run requests the renewal. The service then carries it out.
func (c *adminRenewCommand) Run(s streams) error {
	ctx := context.Background()
	kept, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	if err := certificate.RequestRenewal(ctx, kept, audit.ByOperator(), certificate.Request{NewKey: c.NewKey}, "certificate"); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, "If the service gets its certificate by --acme-email, it renews it within a minute. See its log for the result.")
	return err
}
