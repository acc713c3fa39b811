package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/desired"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store"
)

type applyCommand struct {
	File   string     `short:"f" required:"" placeholder:"FILE" help:"The desired state of the account, as YAML or JSON. -: standard input."`
	DryRun bool       `help:"Show what would change without changing it. The exit code is 1 if something would change."`
	Prune  bool       `env:"-" help:"Also delete what isn't in the file, in the sections that the file has, for example domains."`
	Schema schemaFlag `env:"-" help:"Print the JSON Schema of the file format for editors and linters, and exit."`
	remoteFlags
	Approve bool `env:"-" help:"Approve the servers in the file, which API keys can't. Only for the operator, on the machine of the service, with --data or --database."`
	storeFlags
}

// A schemaFlag prints the schema and exits.
type schemaFlag bool

// BeforeReset prints the schema before kong checks for required flags.
func (schemaFlag) BeforeReset(app *kong.Kong) error {
	schema, err := desired.Schema()
	if err == nil {
		_, err = app.Stdout.Write(schema)
	}
	if err == nil {
		app.Exit(exitGood)
	}
	return err
}

// Run shows the changes and makes them.
func (c *applyCommand) Run(s streams) error {
	file, err := c.read()
	if err != nil {
		return usage(err)
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	a := applier{remote: r, out: s.out, created: map[string]string{}}
	if c.Approve {
		if err := a.open(ctx, c.storeFlags); err != nil {
			return err
		}
		defer a.kept.Close()
	}
	state, err := a.state(ctx, file)
	if err != nil {
		return err
	}
	plan := file.Plan(state, desired.Options{Prune: c.Prune, ByOperator: a.kept != nil})
	if err := plan.Print(s.out); err != nil {
		return err
	}
	switch {
	case len(plan.Refused) > 0:
		return fmt.Errorf("the service would refuse this, nothing was changed:\n  %w", plan.Refused)
	case c.DryRun && len(plan.Steps) > 0:
		return fmt.Errorf("changes: %d", len(plan.Steps))
	case c.DryRun:
		return nil
	}
	return a.apply(ctx, plan.Steps)
}

func (c *applyCommand) read() (*desired.File, error) {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, desired.MaxSize+1))
	if err != nil {
		return nil, err
	}
	file, err := desired.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s can't be used:\n  %w", c.File, err)
	}
	return file, nil
}

// An applier makes an account of a service match a file.
type applier struct {
	*remote
	out io.Writer
	// created has the IDs of new policies by name.
	created map[string]string
	kept    *store.Store // nil if servers can't be approved
	account string       // the account whose servers are approved
}

// open opens the service's own database, which must contain the key's account.
func (a *applier) open(ctx context.Context, flags storeFlags) error {
	data, err := a.call(ctx, http.MethodGet, "keys/current", nil, nil, nil)
	if err != nil {
		return err
	}
	var key struct{ ID string }
	if err := json.Unmarshal(data, &key); err != nil {
		return err
	}
	if a.kept, err = flags.open(ctx); err != nil {
		return err
	}
	known, err := a.kept.Key(ctx, key.ID)
	if err != nil {
		a.kept.Close()
		if fault.Is(err, fault.NotFound) {
			err = flagError("--data", errors.New("this isn't the installation at --server: it doesn't have the key of --key-file"))
		}
		return err
	}
	a.account = known.Account
	return nil
}

// state reads the account's current state, limited to the sections in the file.
func (a *applier) state(ctx context.Context, file *desired.File) (desired.State, error) {
	var s desired.State
	for _, part := range []struct {
		kind       desired.Kind
		path, name string
		into       any
	}{
		{desired.HostKind, "approved-hosts", "approved_hosts", &s.Hosts},
		{desired.PolicyKind, "policies", "policies", &s.Policies},
		{desired.DomainKind, "domains", "domains", &s.Domains},
		{desired.WebhookKind, "webhooks", "webhooks", &s.Webhooks},
	} {
		if !file.Needs(part.kind) {
			continue
		}
		all, err := a.list(ctx, part.path, nil, part.name)
		if err != nil {
			return s, err
		}
		data, err := json.Marshal(all)
		if err == nil {
			err = json.Unmarshal(data, part.into)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// apply makes the changes in order. If one fails, the rest is skipped and the
// error lists them.
func (a *applier) apply(ctx context.Context, steps []desired.Step) error {
	for i, step := range steps {
		note, err := a.do(ctx, step)
		if err != nil {
			left := ""
			for _, s := range steps[i:] {
				left += "\n  " + s.String()
			}
			return fmt.Errorf("%s: %w\n%d of %d changes were made. Not made:%s", step, err, i, len(steps), left)
		}
		if _, err := fmt.Fprintf(a.out, "Done: %s.%s\n", step, note); err != nil {
			return err
		}
	}
	return nil
}

// collections maps kinds to their API paths.
var collections = map[desired.Kind]string{desired.PolicyKind: "policies", desired.DomainKind: "domains", desired.WebhookKind: "webhooks"}

// do makes one change. The note for the user may be empty.
func (a *applier) do(ctx context.Context, step desired.Step) (note string, err error) {
	if step.Kind == desired.HostKind {
		return "", a.doHost(ctx, step)
	}
	if step.Verb == desired.Create {
		return a.create(ctx, collections[step.Kind], step)
	}
	path := pathOf(collections[step.Kind], step.ID)
	header, err := a.unchanged(ctx, path, step)
	if p, ok := errors.AsType[*problemError](err); ok && p.Status == http.StatusNotFound && step.Verb == desired.Delete {
		return "", nil // already done by someone else
	}
	if err != nil {
		return "", err
	}
	if step.Verb == desired.Delete {
		_, err = a.call(ctx, http.MethodDelete, path, nil, nil, header)
	} else {
		_, err = a.call(ctx, http.MethodPut, path, nil, step.Body(a.created), header)
	}
	return "", err
}

// unchanged is the header of a conditional request: it fails if the resource
// changed since it was read.
func (a *applier) unchanged(ctx context.Context, path string, step desired.Step) (http.Header, error) {
	data, header, err := a.answer(ctx, http.MethodGet, path, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	if !step.Unchanged(data) {
		return nil, errors.New("someone else changed this in the meantime; check the change and run this again")
	}
	return http.Header{"If-Match": header.Values("ETag")}, nil
}

// create makes what the step says, unless someone else just did exactly that.
func (a *applier) create(ctx context.Context, path string, step desired.Step) (note string, err error) {
	data, err := a.call(ctx, http.MethodPost, path, nil, step.Body(a.created), nil)
	p, refused := errors.AsType[*problemError](err)
	already := refused && p.Status == http.StatusConflict
	if already {
		data, err = a.existing(ctx, path, step, err)
	}
	if err != nil {
		return "", err
	}
	var created struct{ ID string }
	if err := json.Unmarshal(data, &created); err != nil {
		return "", err
	}
	switch {
	case step.Kind == desired.PolicyKind:
		a.created[step.Name] = created.ID
	case step.Kind == desired.WebhookKind && !already:
		note = fmt.Sprintf(" Get its secret with: mobileconfig webhooks rotate %s", created.ID)
	}
	return note, nil
}

// existing returns what the step creates if it exists, or the error.
func (a *applier) existing(ctx context.Context, path string, step desired.Step, refused error) (json.RawMessage, error) {
	all, err := a.list(ctx, path, nil, path)
	if err != nil {
		return nil, err
	}
	for _, data := range all {
		if step.Creates(data, a.created) {
			return data, nil
		}
	}
	return nil, refused
}

// doHost approves a server or withdraws the approval.
func (a *applier) doHost(ctx context.Context, step desired.Step) (err error) {
	hosts, already := settings.NewHosts(a.kept, time.Now), fault.Conflict
	if step.Verb == desired.Delete {
		err, already = hosts.Withdraw(ctx, audit.ByOperator(), a.account, step.ID), fault.NotFound
	} else {
		_, err = hosts.Approve(ctx, audit.ByOperator(), a.account, step.Name)
	}
	if fault.Is(err, already) {
		return nil // already done by someone else
	}
	return err
}
