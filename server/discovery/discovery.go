// Package discovery finds the servers of an email domain: in the DNS, at the
// domain's autoconfig URL, and under common names. It trusts none of these: a
// server counts only if it offers TLS as devices require.
package discovery

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/probe"
)

// Limits of a search.
const (
	Deadline      = 20 * time.Second
	lookupTimeout = 5 * time.Second // for each source
	searches      = 2               // at once in a process
	maxAnswers    = 4               // of a source that are checked, for each kind
	probesAtOnce  = 4
)

// A Resolver looks up DNS records. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

// A Prober connects to a server and says what it offers. *probe.Prober is one.
type Prober interface {
	Check(ctx context.Context, kind probe.Kind, s profile.Server) probe.Result
}

// A Source is where a server was found.
type Source string

// The sources, the most reliable first.
const (
	SRV        Source = "srv"        // service records of the domain
	Autoconfig Source = "autoconfig" // the URL that mail programs request
	MX         Source = "mx"         // the servers that receive the domain's mail
	Names      Source = "names"      // common names, for example imap.example.com
)

// Sources lists all sources.
func Sources() []Source { return []Source{SRV, Autoconfig, MX, Names} }

// An Outcome is the result of a source.
type Outcome string

// The outcomes.
const (
	Used    Outcome = "used"    // it named a server that is used
	Same    Outcome = "same"    // it named the servers that an earlier source had
	Unfit   Outcome = "unfit"   // it named servers, but none of them is fit
	Nothing Outcome = "nothing" // it named none
	Skipped Outcome = "skipped" // earlier sources had named all
)

// A Server is a server that was found and is fit for devices.
type Server struct {
	Kind     probe.Kind
	Server   profile.Server
	Source   Source
	State    probe.State // Good or ExpiresSoon
	NotAfter time.Time   // of its certificate
}

// A Look is the result of one source.
type Look struct {
	Source  Source
	Outcome Outcome
	Servers []string // that it named, each once
}

// Found is the result of a search: at most one server of each kind.
type Found struct {
	Servers []Server
	Looks   []Look // of all sources, in order
	// LocalPart says that the username in autoconfig is the part before the @.
	LocalPart bool
}

// Of returns the server of a kind; false if none was found.
func (f Found) Of(kind probe.Kind) (Server, bool) {
	i := slices.IndexFunc(f.Servers, func(s Server) bool { return s.Kind == kind })
	if i < 0 {
		return Server{}, false
	}
	return f.Servers[i], true
}

// A Finder searches.
type Finder struct {
	dns    Resolver
	prober Prober
	config Fetcher
	slots  chan struct{}
}

// New returns a Finder. The fetcher requests autoconfig URLs.
func New(dns Resolver, prober Prober, config Fetcher) *Finder {
	return &Finder{dns, prober, config, make(chan struct{}, searches)}
}

// A candidate is a server that a source has named.
type candidate struct {
	kind   probe.Kind
	server profile.Server
	source Source
}

// Find searches for the servers of a domain, in the form that profile.ParseHost
// returns. If too many searches are running, it returns a Limited fault.
func (f *Finder) Find(ctx context.Context, domain string) (Found, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		busy := fault.New(fault.Limited, "Other domains are being searched. Wait %d seconds.", int(Deadline/time.Second))
		busy.RetryAfter = Deadline
		return Found{}, busy
	}
	ctx, cancel := context.WithTimeout(ctx, Deadline)
	defer cancel()
	s := &search{finder: f, results: map[candidate]probe.Result{}, named: map[Source][]candidate{}}
	s.look(ctx, map[Source]func(context.Context) []candidate{
		SRV:        func(ctx context.Context) []candidate { return f.services(ctx, domain) },
		Autoconfig: func(ctx context.Context) []candidate { return s.autoconfig(ctx, domain) },
	})
	s.probe(ctx)
	if s.complete() {
		return s.found(), nil
	}
	s.look(ctx, map[Source]func(context.Context) []candidate{
		MX:    func(ctx context.Context) []candidate { return f.exchangers(ctx, domain) },
		Names: func(context.Context) []candidate { return names(domain, Names) },
	})
	s.probe(ctx)
	return s.found(), nil
}

// A search is one run.
type search struct {
	finder    *Finder
	mu        sync.Mutex
	named     map[Source][]candidate     // nil: not asked
	results   map[candidate]probe.Result // by the candidate's key
	localPart bool
}

// look queries sources at once. It uses a few servers of each kind from each.
func (s *search) look(ctx context.Context, sources map[Source]func(context.Context) []candidate) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var all sync.WaitGroup
	for source, ask := range sources {
		all.Go(func() {
			named := []candidate{}
			seen := map[probe.Kind]int{}
			for _, c := range ask(ctx) {
				if seen[c.kind] < maxAnswers && !slices.Contains(named, c) {
					seen[c.kind]++
					named = append(named, c)
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.named[source] = named
		})
	}
	all.Wait()
}

// probe checks the named servers that weren't checked yet, once each, of the
// kinds that still have none.
func (s *search) probe(ctx context.Context) {
	var due []candidate
	for _, source := range Sources() {
		for _, c := range s.named[source] {
			_, done := s.results[c.key()]
			if !done && !s.has(c.kind) && !slices.Contains(due, c.key()) {
				due = append(due, c.key())
			}
		}
	}
	slots := make(chan struct{}, probesAtOnce)
	var all sync.WaitGroup
	for _, c := range due {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			r := s.finder.prober.Check(ctx, c.kind, c.server)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.results[c] = r
		})
	}
	all.Wait()
}

// key returns c without its source.
func (c candidate) key() candidate { return candidate{kind: c.kind, server: c.server} }

// has reports whether a fit server of the kind was found.
func (s *search) has(kind probe.Kind) bool {
	for key, r := range s.results {
		if key.kind == kind && fit(r.State) {
			return true
		}
	}
	return false
}

func fit(state probe.State) bool { return state == probe.Good || state == probe.ExpiresSoon }

// complete reports whether there is a server for incoming and one for outgoing
// mail.
func (s *search) complete() bool { return s.has(probe.Incoming) && s.has(probe.Outgoing) }

// found selects the first fit server of each kind, and sets the outcome of each
// source.
func (s *search) found() Found {
	found := Found{LocalPart: s.localPart}
	for _, source := range Sources() {
		look := Look{Source: source, Outcome: Nothing}
		if s.named[source] == nil {
			look.Outcome = Skipped
		}
		for _, c := range s.named[source] {
			if text := c.server.String(); !slices.Contains(look.Servers, text) {
				look.Servers = append(look.Servers, text)
			}
			look.Outcome = better(look.Outcome, s.take(&found, c))
		}
		found.Looks = append(found.Looks, look)
	}
	if autoconfig := found.Looks[1]; autoconfig.Outcome == Unfit {
		found.LocalPart = false
	}
	return found
}

// take adds the candidate to the result, if it is the first fit one of its
// kind, and returns the outcome for its source.
func (s *search) take(found *Found, c candidate) Outcome {
	r, checked := s.results[c.key()]
	before, there := found.Of(c.kind)
	switch {
	case there && before.Server == c.server:
		return Same
	case !checked || !fit(r.State) || there:
		return Unfit
	}
	found.Servers = append(found.Servers, Server{c.kind, c.server, c.source, r.State, r.NotAfter})
	return Used
}

// better returns the more significant of two outcomes.
func better(a, b Outcome) Outcome {
	order := []Outcome{Used, Same, Unfit, Nothing}
	if slices.Index(order, b) < slices.Index(order, a) {
		return b
	}
	return a
}
