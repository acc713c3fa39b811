package main

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/probe"
)

// A lookup finds the SRV records of a domain. *net.Resolver is one.
type lookup interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// maxServers limits the servers of each kind that a domain may have.
const maxServers = 4

// domain checks the servers of a mail domain.
func (c *checkCommand) domain(ctx context.Context, prober *probe.Prober) ([]probe.Result, error) {
	name, err := profile.ParseHost(c.Target)
	if err != nil {
		return nil, err
	}
	if c.Connect != "" || c.Protocol != "auto" {
		return nil, errors.New("--connect and --protocol are for one server: HOST:PORT")
	}
	var results []probe.Result
	for _, kind := range []probe.Kind{probe.Incoming, probe.Outgoing} {
		servers := named(ctx, net.DefaultResolver, kind, name)
		if len(servers) == 0 {
			results = append(results, firstReachable(ctx, prober, kind, usual(kind, name)))
		}
		for _, s := range servers {
			results = append(results, prober.Check(ctx, kind, s))
		}
	}
	return results, nil
}

// A service is one from the SRV records (RFC 6186, RFC 8314).
type service struct{ name, suffix string }

// services returns those of a kind, with implicit TLS first.
func services(kind probe.Kind) []service {
	if kind == probe.Incoming {
		return []service{{"imaps", ""}, {"imap", "/starttls"}}
	}
	return []service{{"submissions", ""}, {"submission", "/starttls"}}
}

// named returns the servers in the domain's SRV records, of the first service
// that has any.
func named(ctx context.Context, dns lookup, kind probe.Kind, domain string) []profile.Server {
	for _, s := range services(kind) {
		_, records, err := dns.LookupSRV(ctx, s.name, "tcp", domain)
		if err != nil && len(records) == 0 {
			continue
		}
		var servers []profile.Server
		for _, r := range records {
			text := strings.TrimSuffix(r.Target, ".") + ":" + strconv.Itoa(int(r.Port)) + s.suffix
			if server, err := parseFor(kind, text); err == nil && len(servers) < maxServers {
				servers = append(servers, server)
			}
		}
		if len(servers) > 0 {
			return servers
		}
	}
	return nil
}

// usual returns the common server names for a domain without SRV records.
func usual(kind probe.Kind, domain string) []profile.Server {
	port := profile.DefaultIncomingPort
	if kind == probe.Outgoing {
		port = profile.DefaultOutgoingPort
	}
	var servers []profile.Server
	for _, prefix := range []string{string(kind) + ".", "mail.", ""} {
		servers = append(servers, profile.Server{Host: prefix + domain, Port: port})
	}
	return servers
}

// firstReachable checks the servers until one responds. If none does, it returns
// the result of the first.
func firstReachable(ctx context.Context, prober *probe.Prober, kind probe.Kind, servers []profile.Server) probe.Result {
	var first probe.Result
	for i, s := range servers {
		r := prober.Check(ctx, kind, s)
		if r.State != probe.Unresolved && r.State != probe.Refused && r.State != probe.Timeout {
			return r
		}
		if i == 0 {
			first = r
		}
	}
	return first
}
