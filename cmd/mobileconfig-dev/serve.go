package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/demo"
)

// serve runs the service until ctx is done. It creates the demo if there is
// none.
func (o options) serve(ctx context.Context, out, log io.Writer, ready func(net.Addr)) error {
	if _, err := os.Stat(o.templates); err != nil {
		return fmt.Errorf("-templates: %w; run this in the module's root folder", err)
	}
	config, dir, err := o.config(log)
	if err != nil {
		return err
	}
	kept, err := o.demo(ctx, out, config)
	if err != nil {
		return err
	}
	srv, err := server.New(ctx, config)
	if err != nil {
		return fmt.Errorf("%w\nIf the schema has changed: make dev-reset", err)
	}
	return srv.Run(ctx, func(address net.Addr) {
		o.greet(out, srv.BaseURL(), kept, dir)
		if ready != nil {
			ready(address)
		}
	})
}

// config is the configuration of a service on this machine.
func (o options) config(log io.Writer) (server.Config, *datadir.Dir, error) {
	config := server.Config{
		Listen:    o.listen,
		Database:  o.database,
		Templates: os.DirFS(o.templates),
		Log:       slog.New(handler(log)),

		Resolver:     offline(),
		HostResolver: offline(),
	}
	dir, err := o.claim()
	if err != nil {
		return config, nil, err
	}
	config.Archive = dir.File("archive")
	if config.Database == "" {
		config.Database = dir.Database()
	}
	var missing [3]error
	config.Secret, missing[0] = dir.Secret()
	config.LogKey, missing[1] = dir.LogKey()
	identity, err := dir.Identity(time.Now)
	config.Identity, missing[2] = server.Fixed(identity), err
	return config, dir, errors.Join(missing[:]...)
}

// offline is a resolver that resolves nothing and sends nothing: the demo's
// mail servers and webhooks don't exist.
func offline() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("mobileconfig-dev doesn't use the network")
	}}
}

// handler writes log lines for people: all levels, and the time without the
// date.
func handler(log io.Writer) slog.Handler {
	return slog.NewTextHandler(log, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
			}
			return a
		},
	})
}

// demo returns the sign-in details of the demo, and creates the demo if there
// is none.
func (o options) demo(ctx context.Context, out io.Writer, config server.Config) (*demo.Demo, error) {
	kept, err := o.read()
	if !errors.Is(err, os.ErrNotExist) {
		return kept, err
	}
	_, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, err
	}
	base := &url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}
	fmt.Fprintln(out, "Creating the demo: a month at an email provider …")
	made, err := demo.Seed(ctx, demo.Config{
		Database: config.Database, Secret: config.Secret, LogKey: config.LogKey, BaseURL: base, Identity: config.Identity.Current(),
	})
	if errors.Is(err, demo.ErrNotNew) {
		return nil, fmt.Errorf("%w; if the last start was interrupted, run: make dev-reset", err)
	}
	if err != nil {
		return nil, err
	}
	return made, o.write(made)
}

// greet prints the addresses and how to sign in.
func (o options) greet(out io.Writer, base string, d *demo.Demo, dir *datadir.Dir) {
	fmt.Fprintf(out, "\nPages     %s/?address=jane@%s\nPanel     %s/panel\nPassword  %s\n\n", base, demo.Harbor, base, demo.Password)
	printCodes(out, d, time.Now())
	fmt.Fprintf(out, "\nOpen links:\n")
	for _, l := range liveLinks(d) {
		fmt.Fprintf(out, "  %-11s %s%s\n", l.state, base, l.path)
	}
	fmt.Fprintf(out, `
New code:           make dev-code (each code works once)
Authenticator app:  %s
API key:            %s
Signed by:          %s
New demo:           make dev-reset
Stop with Ctrl-C.

`, d.Owner.URI, d.Key, dir.IdentityRoot())
}
