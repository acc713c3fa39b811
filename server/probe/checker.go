package probe

import (
	"context"
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

// Limits of a Checker.
const (
	checksAtOnce = 2
	checkPause   = 10 * time.Second // of a domain, from one to the next
)

// A Checker checks the servers of domains on request. Its limits keep the
// service from being used as a tool against other servers. They apply to one
// process.
type Checker struct {
	prober *Prober
	checks checks
}

// NewChecker returns a Checker that uses the prober.
func NewChecker(p *Prober) *Checker { return &Checker{prober: p} }

// Check checks the servers of a domain. If the domain was checked a moment
// ago, or too many others are being checked, it returns a Limited fault.
func (c *Checker) Check(ctx context.Context, domain string, targets []Target) ([]Result, error) {
	if err := c.checks.begin(domain, c.prober.now()); err != nil {
		return nil, err
	}
	defer c.checks.end()
	results := make([]Result, len(targets))
	var all sync.WaitGroup
	for i, t := range targets {
		all.Go(func() { results[i] = c.prober.Check(ctx, t.Kind, t.Server) })
	}
	all.Wait()
	return results, nil
}

// checks counts the checks of this process. Its zero value is ready to use.
type checks struct {
	mu      sync.Mutex
	running int
	began   map[string]time.Time // by domain, within checkPause
}

// begin refuses a check that comes too soon, or while too many others run. If
// it succeeds, end must be called.
func (k *checks) begin(domain string, now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, at := range k.began {
		if now.Sub(at) >= checkPause {
			delete(k.began, name)
		}
	}
	if at, ok := k.began[domain]; ok {
		return tooSoon(checkPause-now.Sub(at), "This domain was checked a moment ago. Try again soon.")
	}
	if k.running >= checksAtOnce {
		return tooSoon(Deadline, "Other domains are being checked. Try again soon.")
	}
	if k.began == nil {
		k.began = map[string]time.Time{}
	}
	k.began[domain] = now
	k.running++
	return nil
}

func (k *checks) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running--
}

func tooSoon(wait time.Duration, why string) error {
	f := fault.New(fault.Limited, "%s Wait %d seconds.", why, int(wait.Seconds()+1))
	f.RetryAfter = wait
	return f
}
