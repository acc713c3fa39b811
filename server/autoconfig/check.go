package autoconfig

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of the DNS lookups.
const (
	checkTimeout = 5 * time.Second // for all records
	maxAnswers   = 20              // values of a name that are checked
)

// A Resolver looks up DNS records. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A State is the state of a record in the DNS.
type State string

// The states.
const (
	Found   State = "found"
	Missing State = "missing" // there is none of this name and type
	Other   State = "other"   // there is one with another value
	Unknown State = "unknown" // the DNS didn't answer
)

// Check returns the state of each record in the DNS, in their order. An alias
// is found if its name resolves to the right target, however that is set up.
func Check(ctx context.Context, dns Resolver, records []Record) []State {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	states := make([]State, len(records))
	var all sync.WaitGroup
	for i, r := range records {
		all.Go(func() { states[i] = check(ctx, dns, r) })
	}
	all.Wait()
	return states
}

func check(ctx context.Context, dns Resolver, r Record) State {
	name := r.Name + "." // the dot avoids the machine's own search list
	switch r.Type {
	case "SRV":
		_, found, err := dns.LookupSRV(ctx, "", "", name)
		return stateOf(first(found), err, func(s *net.SRV) bool {
			return strings.EqualFold(s.Target, r.target+".") && int(s.Port) == r.port
		})
	case "TXT":
		found, err := dns.LookupTXT(ctx, name)
		return stateOf(first(found), err, func(text string) bool { return text == r.Value })
	}
	found, err := dns.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return stateOf(found, err, nil)
	}
	wanted, err := dns.LookupNetIP(ctx, "ip", r.target+".")
	if err != nil {
		return Unknown // not the record's fault
	}
	return stateOf(first(found), nil, func(a netip.Addr) bool { return slices.Contains(wanted, a) })
}

func first[T any](all []T) []T { return all[:min(len(all), maxAnswers)] }

func stateOf[T any](found []T, err error, right func(T) bool) State {
	var problem *net.DNSError
	switch {
	case errors.As(err, &problem) && problem.IsNotFound, err == nil && len(found) == 0:
		return Missing
	case err != nil:
		return Unknown
	case slices.ContainsFunc(found, right):
		return Found
	}
	return Other
}
