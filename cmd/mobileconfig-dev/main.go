// Command mobileconfig-dev runs the service for those who work on it: on a
// demo, with templates and stylesheet read from disk at each request, and with
// a log for people. It is a program of its own so that the one that is shipped
// has no way to make members out of nothing, and it serves this machine alone.
//
//	go run ./cmd/mobileconfig-dev        the service; the demo is made at the first start
//	go run ./cmd/mobileconfig-dev code   codes of the authenticator apps, now
//	go run ./cmd/mobileconfig-dev reset  forget the demo; the next start makes a new one
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

// options are what the flags say.
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

// run is main with everything that a test may want to see. Once the service
// listens it calls ready, if that is not nil.
func run(ctx context.Context, args []string, out, log io.Writer, ready func(net.Addr)) error {
	var o options
	flags := flag.NewFlagSet("mobileconfig-dev", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to serve on, of this machine alone")
	flags.StringVar(&o.data, "data", ".cache/dev", "`folder` of the demo")
	flags.StringVar(&o.database, "database", "", "sqlite:PATH or postgres://… (default: SQLite in the folder)")
	flags.StringVar(&o.templates, "templates", "templates", "`folder` of the templates")
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
	return fmt.Errorf("there is no command %q: it is code, reset, or none to serve", flags.Arg(0))
}

// check refuses an address that others could reach: the password of the demo
// is in its source.
func (o options) check() error {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return errors.New("-listen: name an address of this machine alone, such as 127.0.0.1:8080")
	}
	return nil
}
