// Command mobileconfig-dev runs the service for development: with a demo, with
// templates and stylesheets read from disk on every request, and with a log for
// people. It's a separate program so that the shipped one has no code that
// creates members, and it only listens on this machine.
//
//	go run ./cmd/mobileconfig-dev        run the service; the first start creates the demo
//	go run ./cmd/mobileconfig-dev code   print the current codes of the authenticator apps
//	go run ./cmd/mobileconfig-dev reset  delete the demo; the next start creates a new one
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
)

// options are the values of the flags.
type options struct {
	listen    string
	data      string
	database  string
	templates string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, nil); err != nil {
		fmt.Fprintln(os.Stderr, "mobileconfig-dev:", err)
		os.Exit(1)
	}
}

// run is main with its inputs and outputs as parameters, for tests. It calls
// ready, if that isn't nil, once the service listens.
func run(ctx context.Context, args []string, out, log io.Writer, ready func(net.Addr)) error {
	var o options
	flags := flag.NewFlagSet("mobileconfig-dev", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "loopback `address` to listen on")
	flags.StringVar(&o.data, "data", ".cache/dev", "`folder` for the demo")
	flags.StringVar(&o.database, "database", "", "sqlite:PATH or postgres://… (default: SQLite in the folder)")
	flags.StringVar(&o.templates, "templates", "templates", "`folder` with the templates")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	switch flags.Arg(0) {
	case "":
		return o.serve(ctx, out, log, ready)
	case "code":
		return o.code(out)
	case "reset":
		return o.reset(out)
	}
	return fmt.Errorf("unknown command %q: use code, reset, or no command to serve", flags.Arg(0))
}

// check refuses an address that other machines can reach, because the demo's
// password is in the source code.
func (o options) check() error {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return errors.New("-listen: use a loopback address, such as 127.0.0.1:8080")
	}
	return nil
}
