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

// Bounds on what is asked of the DNS.
const (
	checkTimeout = 5 * time.Second // for all records
	maxAnswers   = 20              // of a name that are looked at
)

// A Resolver asks the DNS. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A State is how a record stands in the DNS.
type State string

// The states.
const (
	Found   State = "found"
	Missing State = "missing" // there is none of this name and type
	Other   State = "other"   // there is one that says something else
	Unknown State = "unknown" // the DNS gave no answer
)

// Check says of each record, in their order, how it stands in the DNS. An alias
// is found if its name leads where it should, however that is written.
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
	name := r.Name + "." // the dot keeps the machine's own search list out
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
