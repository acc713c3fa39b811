package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
)

type checkCommand struct {
	Target   string `arg:"" placeholder:"DOMAIN|HOST:PORT" help:"A mail domain, or a server: HOST:PORT, HOST:143/starttls or HOST:587/starttls."`
	Protocol string `enum:"imap,smtp,caldav,carddav,auto" default:"auto" placeholder:"P" help:"Protocol, if the port doesn't imply it: imap, smtp, caldav or carddav (default: by port)."`
	Connect  string `placeholder:"ADDR" help:"HOST:PORT to connect to instead, for a server whose DNS name doesn't point to it yet."`
	Roots    string `placeholder:"PEM" help:"Additional roots to trust."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Run checks whether mail servers offer TLS as a profile needs it. If one
// doesn't, the exit code is 1. Private networks are allowed, because a person
// runs the command on purpose.
func (c *checkCommand) Run(s streams) error {
	roots, err := signing.Roots(c.Roots)
	if err != nil {
		return flagError("--roots", err)
	}
	ctx := context.Background()
	prober := probe.New(direct{instead: c.Connect}, roots, nil)
	c.Target = hostOf(c.Target)
	var results []probe.Result
	if strings.ContainsAny(c.Target, ":/") {
		results, err = c.one(ctx, prober)
	} else {
		results, err = c.domain(ctx, prober)
	}
	if err != nil {
		return usage(err)
	}
	if err := c.print(s.out, results); err != nil {
		return err
	}
	return verdictOn(results)
}

// hostOf returns the host of a URL, which people copy from their browser, or
// the target unchanged.
func hostOf(target string) string {
	u, err := url.Parse(strings.TrimSpace(target))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return target
	}
	return u.Hostname()
}

// verdictOn returns an error if a server isn't good.
func verdictOn(results []probe.Result) error {
	var bad int
	for _, r := range results {
		if r.State != probe.Good {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d servers aren't as a profile needs them", bad, len(results))
}

// A direct dialer connects to any address, or always to the one given.
type direct struct {
	net.Dialer
	instead string
}

// DialContext connects.
func (d direct) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.instead != "" {
		address = d.instead
	}
	return d.Dialer.DialContext(ctx, network, address)
}

// one checks a single server.
func (c *checkCommand) one(ctx context.Context, prober *probe.Prober) ([]probe.Result, error) {
	kind, err := c.kind()
	if err != nil {
		return nil, err
	}
	server, err := parseFor(kind, c.Target)
	if err != nil {
		return nil, err
	}
	return []probe.Result{prober.Check(ctx, kind, server)}, nil
}

// kind returns the server's protocol, by flag or by port.
func (c *checkCommand) kind() (probe.Kind, error) {
	if c.Protocol != "auto" {
		return probe.Kind(c.Protocol), nil
	}
	_, port, _ := strings.Cut(strings.TrimSuffix(c.Target, "/starttls"), ":")
	switch port {
	case "993", "143":
		return probe.Incoming, nil
	case "465", "587":
		return probe.Outgoing, nil
	}
	return "", errors.New("the port doesn't imply a protocol: give --protocol imap, smtp, caldav or carddav")
}

func parseFor(kind probe.Kind, text string) (profile.Server, error) {
	switch kind {
	case probe.Incoming:
		return profile.ParseIncoming(text)
	case probe.CalDAV, probe.CardDAV:
		s, err := profile.ParseDAV(text)
		return profile.Server{Host: s.Host, Port: s.Port}, err
	}
	return profile.ParseOutgoing(text)
}

// A checkedServer is a result in JSON.
type checkedServer struct {
	Protocol   string         `json:"protocol"`
	Host       string         `json:"host"`
	Port       int            `json:"port"`
	Encryption string         `json:"encryption"`
	State      probe.State    `json:"state"`
	Severity   probe.Severity `json:"severity"`
	Detail     string         `json:"detail"`
	TLS        string         `json:"tls,omitempty"`
	NotAfter   *time.Time     `json:"certificate_not_after,omitempty"`
	// Advice is for hosts that are known to refuse a mailbox's password.
	Advice string `json:"password_advice,omitempty"`
}

func (c *checkCommand) print(out io.Writer, results []probe.Result) error {
	if !c.JSON {
		return printResults(out, results)
	}
	var all struct {
		Servers []checkedServer `json:"servers"`
	}
	for _, r := range results {
		s := checkedServer{string(r.Kind), r.Server.Host, r.Server.Port, r.Server.Encryption(), r.State, r.State.Severity(), r.State.Detail(), r.TLSVersion, nil, settings.PasswordAdvice(r.Server.Host)}
		if !r.NotAfter.IsZero() {
			s.NotAfter = &r.NotAfter
		}
		all.Servers = append(all.Servers, s)
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

// printResults prints one line for each server.
func printResults(out io.Writer, results []probe.Result) error {
	for _, r := range results {
		line := fmt.Sprintf("%s %s: %s", strings.ToUpper(string(r.Kind)), r.Server, r.State)
		if r.State != probe.Good {
			line += ". " + r.State.Detail()
		}
		if !r.NotAfter.IsZero() {
			line += fmt.Sprintf(" (%s, certificate until %s)", r.TLSVersion, r.NotAfter.Format(time.DateOnly))
		}
		if advice := settings.PasswordAdvice(r.Server.Host); advice != "" {
			line += "\n  " + advice
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
