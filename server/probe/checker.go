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

// A Checker checks the servers of domains for whoever has set them up, seldom
// enough that the service is no tool against others. Its limits are those of
// one process.
type Checker struct {
	prober *Prober
	checks checks
}

// NewChecker returns a Checker that asks the prober.
func NewChecker(p *Prober) *Checker { return &Checker{prober: p} }

// Check checks the servers of a domain. The fault is Limited if the domain
// was checked a moment ago, or if too many others are.
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

// checks counts the checks of this process. Its zero value has none.
type checks struct {
	mu      sync.Mutex
	running int
	began   map[string]time.Time // by domain, within checkPause
}

// begin refuses a check that comes too soon, or beside too many others. After
// it end must be called.
func (k *checks) begin(domain string, now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, at := range k.began {
		if now.Sub(at) >= checkPause {
			delete(k.began, name)
		}
	}
	if at, ok := k.began[domain]; ok {
		return tooSoon(checkPause-now.Sub(at), "This domain was checked a moment ago.")
	}
	if k.running >= checksAtOnce {
		return tooSoon(Deadline, "Other domains are being checked.")
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
