//go:build soak

package crashtest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// A journal records what was promised to clients.
type journal struct {
	mu      sync.Mutex
	links   map[string]*linkNote
	tickets map[string]*ticketNote
	// maybeLinks counts the requests for links that weren't answered.
	maybeLinks int
	// promises counts answers that a change was stored, unclear those that were
	// missing or reported a failure.
	promises, unclear int
	// failures counts the latter by status and code.
	failures map[string]int
	// strange are unexpected answers.
	strange []string
	// last is when the last promise was given, and slowest the time of the
	// slowest answer.
	last    time.Time
	slowest time.Duration
}

type linkNote struct{ tickets, maybe int }

type ticketNote struct {
	link           string
	fetches, maybe int
}

func newJournal() *journal {
	return &journal{links: map[string]*linkNote{}, tickets: map[string]*ticketNote{}, failures: map[string]int{}}
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var failures []string
	for _, what := range slices.Sorted(maps.Keys(j.failures)) {
		failures = append(failures, fmt.Sprintf("%d× %s", j.failures[what], what))
	}
	return fmt.Sprintf("%d promises (%d links, %d tickets), %d unclear (%s)",
		j.promises, len(j.links), len(j.tickets), j.unclear, strings.Join(failures, ", "))
}

// note runs f with the journal locked.
func (j *journal) note(f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
}

func (j *journal) promised() { j.promises++; j.last = time.Now() }

// count returns how many promises have been given.
func (j *journal) count() (n int) {
	j.note(func() { n = j.promises })
	return n
}

// told returns for how many of the promises a webhook must be called: those
// about tickets and downloads.
func (j *journal) told() (n int) {
	j.note(func() { n = j.promises - len(j.links) })
	return n
}

// failed returns how many answers had the status and code.
func (j *journal) failed(what string) (n int) {
	j.note(func() { n = j.failures[what] })
	return n
}

// more waits until n more promises have been given by the program.
func (j *journal) more(t *testing.T, p *process, n int) {
	t.Helper()
	before := j.count()
	until(t, p, fmt.Sprintf("%d more promises", n), func() bool { return j.count() >= before+n })
}

// add adds the promises of another journal.
func (j *journal) add(other *journal) {
	other.note(func() {
		j.note(func() {
			maps.Copy(j.links, other.links)
			maps.Copy(j.tickets, other.tickets)
			j.maybeLinks += other.maybeLinks
			j.promises, j.unclear = j.promises+other.promises, j.unclear+other.unclear
			for what, n := range other.failures {
				j.failures[what] += n
			}
			j.strange = append(j.strange, other.strange...)
		})
	})
}

// lastPromise returns when the last promise was given.
func (j *journal) lastPromise() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// An answer is a complete response, or status 0.
type answer struct {
	status   int
	location string
	code     string
	body     string
}

// A person uses the service again and again.
type person struct {
	url     string
	client  *http.Client
	random  *rand.Rand
	journal *journal
}

// load lets n people use the service until ctx is done.
func load(ctx context.Context, url string, n int, seed uint64, j *journal) {
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Timeout: guard, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			p := person{url, client, rand.New(rand.NewPCG(seed, uint64(i))), j}
			for ctx.Err() == nil {
				p.visit(ctx)
			}
		})
	}
	all.Wait()
}

// visit is one person's visit, with detours that must leave nothing behind.
func (p person) visit(ctx context.Context) {
	if p.random.IntN(5) == 0 {
		p.expect(p.do("POST", "/start", "address=jane@elsewhere.example"), 422)
	}
	link, token := p.start()
	if link == "" {
		p.rest()
		return
	}
	p.expect(p.do("GET", "/s/"+token, ""), 200)
	for range 1 + p.random.IntN(2) {
		ticket, path := p.ask(link, token)
		if ticket == "" {
			p.rest()
			return
		}
		for range p.random.IntN(4) {
			if ctx.Err() != nil {
				return
			}
			p.fetch(ticket, path)
		}
	}
}

// rest pauses a person after the service failed.
func (p person) rest() { time.Sleep(10 * time.Millisecond) }

// start creates a link and returns its ID and token.
func (p person) start() (id, token string) {
	form := url.Values{"address": {fmt.Sprintf("u%d@example.com", p.random.Uint32())}, "name": {"Jane Doe"}}
	a := p.do("POST", "/start", form.Encode())
	token, ok := strings.CutPrefix(a.location, "/s/")
	p.journal.note(func() {
		if a.status != 303 || !ok {
			p.journal.maybeLinks++
			return
		}
		id = "lnk_" + token[:len(token)-crypt.CodeSize]
		p.journal.links[id] = &linkNote{}
		p.journal.promised()
	})
	p.expect(a, 303)
	return id, token
}

// ask requests a ticket and returns its ID and URL.
func (p person) ask(link, token string) (id, path string) {
	a := p.do("POST", "/s/"+token+"/profile", "variant=mail&platform=iphone")
	parts := strings.Split(a.location, "/")
	p.journal.note(func() {
		if a.status != 303 || len(parts) != 4 {
			p.journal.links[link].maybe++
			return
		}
		id = "tkt_" + parts[2][:len(parts[2])-crypt.CodeSize]
		p.journal.links[link].tickets++
		p.journal.tickets[id] = &ticketNote{link: link}
		p.journal.promised()
	})
	p.expect(a, 303)
	return id, a.location
}

// fetch downloads. Only complete responses count.
func (p person) fetch(ticket, path string) {
	a := p.do("GET", path, "")
	p.journal.note(func() {
		if a.status != 200 {
			p.journal.tickets[ticket].maybe++
			return
		}
		p.journal.tickets[ticket].fetches++
		p.journal.promised()
	})
	p.expect(a, 200)
}

// expect records an answer that is neither as expected nor reports a failure of
// the database or its disk.
func (p person) expect(a answer, status int) {
	p.journal.note(func() {
		switch {
		case a.status == status:
		case a.status == 0:
			p.journal.unclear++
		case a.status == 503 && (a.code == "storage_full" || a.code == "database_unavailable"):
			p.journal.unclear++
			p.journal.failures[fmt.Sprint(a.status, " ", a.code)]++
		default:
			p.journal.strange = append(p.journal.strange, fmt.Sprintf("%d %s, want %d", a.status, a.code, status))
		}
	})
}

// do sends a request from its own address, behind a proxy, so that it reaches
// no rate limit.
func (p person) do(method, path, form string) answer {
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(form))
	if err != nil {
		return answer{}
	}
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("203.%d.%d.%d", p.random.IntN(256), p.random.IntN(256), p.random.IntN(256)))
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	sent := time.Now()
	defer func() { p.journal.note(func() { p.journal.slowest = max(p.journal.slowest, time.Since(sent)) }) }()
	res, err := p.client.Do(req)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}
	}
	_, after, _ := strings.Cut(string(body), `data-code="`)
	code, _, _ := strings.Cut(after, `"`)
	return answer{res.StatusCode, res.Header.Get("Location"), code, string(body)}
}
