package server_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A pair is an installation of two servers, the second of which runs jobs.
type pair struct {
	t        *testing.T
	servers  [2]*servertest.Server
	database string
	ahead    atomic.Int64 // the clock, in nanoseconds
	looks    atomic.Int64
	begin    time.Time
}

// now advances with each call, so that no rate limit is reached.
func (p *pair) now() time.Time {
	return p.begin.Add(time.Duration(p.ahead.Load()) + time.Duration(p.looks.Add(1))*100*time.Millisecond)
}

func (p *pair) move(by time.Duration) { p.ahead.Add(int64(by)) }

func newPair(t *testing.T, database string, e *servertest.Endpoint) *pair {
	p := &pair{t: t, database: database, begin: time.Now()}
	change := func(c *server.Config) { c.Now = p.now }
	p.servers = [2]*servertest.Server{servertest.New(t, database, change), servertest.Notifying(t, database, e, change)}
	return p
}

// keeper returns what the command line uses for a rotation.
func (p *pair) keeper() *secret.Keeper {
	p.t.Helper()
	kept := storetest.Open(p.t, store.Config{Database: p.database, Now: p.now})
	k, err := secret.Open(p.t.Context(), kept, servertest.Secret, p.now)
	if err != nil {
		p.t.Fatal(err)
	}
	return k
}

// minute runs what both servers do each minute.
func (p *pair) minute() {
	p.t.Helper()
	for _, s := range p.servers {
		if err := s.RunScheduled(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *pair) status() secret.Status {
	p.t.Helper()
	status, err := p.keeper().Status(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return status
}

// left returns how many values are encrypted with old versions.
func (p *pair) left() (n int) {
	for _, old := range p.status().Old {
		n += old.Values
	}
	return n
}

var recoveryCode = regexp.MustCompile(`[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}`)

// TestRotation rotates the secret of two servers while people use them. During
// the overlap, nothing valid is refused. Afterwards nothing old is accepted,
// and stored data still works.
func TestRotation(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := servertest.NewEndpoint(t, nil)
		p := newPair(t, database, e)
		owner := p.servers[0].Owner("jane@example.com")
		made := owner.Make("/panel/security/sign-in/recovery")
		codes := recoveryCode.FindAllString(string(made.Body), -1)
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes: %d %s", len(codes), made.Status, made.Body)
		}
		invitation := owner.Make("/panel/members/invite", "email", "tom@example.com", "role", "admin")
		invited := strings.TrimPrefix(p.servers[0].Invitation(invitation), "http://setup.example.com")
		client := servertest.NewClient(p.servers[0], servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		other := servertest.NewClient(p.servers[1], client.Key)
		hook := servertest.NewHook(t, client, e.URL, "key.revoked")
		oldLink := linkFor(t, client, "old@example.com")

		rotating, stop := p.load(owner, oldLink)
		rotating()
		status, err := p.keeper().Rotate(t.Context(), audit.ByOperator(), 24*time.Hour)
		if err != nil || len(status.Old) != 1 {
			t.Fatalf("%+v, %v", status, err)
		}
		rotating() // the server that ran the job knows; the other needn't
		p.minute()
		newLink := linkFor(t, client, "new@example.com")
		servertest.Eventually(t, "values to be reencrypted", func() bool { return p.left() == 0 })
		rotating()
		if n, refused := stop(); refused > 0 || n < 100 {
			t.Errorf("%d of %d requests were refused", refused, n)
		}

		// Tokens that were handed out before, and stored data.
		for _, s := range p.servers {
			for _, path := range []string{oldLink, newLink, invited} {
				if a := s.Get(path); a.Status != http.StatusOK {
					t.Errorf("%s: %d", path, a.Status)
				}
			}
		}
		p.signIn(owner, codes)
		other.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+hook.ID+"/test", "")
		calls := e.Wait(t, 1)
		if err := notifytest.Verify(hook.Secret, calls[0].Header, calls[0].Body); err != nil {
			t.Error(err)
		}

		// After the overlap.
		p.move(25 * time.Hour)
		p.minute()
		for _, s := range p.servers {
			for path, want := range map[string]int{oldLink: http.StatusNotFound, invited: http.StatusNotFound, newLink: http.StatusOK} {
				if a := s.Get(path); a.Status != want {
					t.Errorf("after the overlap, %s: %d, want %d", path, a.Status, want)
				}
			}
		}
		p.move(time.Hour)
		p.minute()
		servertest.Eventually(t, "the old version to be deleted", func() bool { return len(p.status().Old) == 0 })
		p.minute()
		p.signIn(owner, codes[2:])
	})
}

// signIn signs in with the app on one server, and with recovery codes on both.
func (p *pair) signIn(m *servertest.Member, codes []string) {
	p.t.Helper()
	p.move(time.Minute)
	if a := m.SignIn(); a.Status != http.StatusSeeOther {
		p.t.Errorf("with the app: %d", a.Status)
	}
	for i, s := range p.servers {
		by := &servertest.Member{Email: m.Email, Server: s}
		sign := func() int {
			return by.Post("/panel/sign-in", "email", m.Email, "password", servertest.Password, "code", codes[i]).Status
		}
		if status := sign(); status != http.StatusSeeOther {
			p.t.Errorf("with a recovery code: %d", status)
		}
		by.Cookie = ""
		if status := sign(); status == http.StatusSeeOther {
			p.t.Error("a recovery code was used twice")
		}
	}
}

// load uses both servers until stop, which returns the numbers of requests and
// refusals. The other function waits for some more requests.
func (p *pair) load(m *servertest.Member, link string) (more func(), stop func() (n, refused int64)) {
	var n, refused atomic.Int64
	var group sync.WaitGroup
	done := make(chan struct{})
	use := func(get func() int) {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if get() != http.StatusOK {
					refused.Add(1)
				}
				n.Add(1)
			}
		})
	}
	for _, s := range p.servers {
		use(func() int { return s.Get(link).Status })
		use(func() int { return s.Do(http.MethodGet, "/panel", http.Header{"Cookie": {m.Cookie}}, "").Status })
	}
	// A link created on one server is opened on the other right away.
	key := servertest.NewKey(p.t, p.database, account.KeySpec{Scopes: servertest.AllScopes()})
	for i, s := range p.servers {
		use(func() int {
			a := servertest.NewClient(s, key).Do(http.MethodPost, "/setup-links", `{"address":"load@example.com"}`)
			var made servertest.APILink
			if err := json.Unmarshal(a.Body, &made); err != nil || a.Status != http.StatusCreated {
				return 0
			}
			return p.servers[1-i].Get(made.Path()).Status
		})
	}
	more = func() {
		for want := n.Load() + 40; n.Load() < want; time.Sleep(time.Millisecond) {
		}
	}
	return more, func() (int64, int64) {
		close(done)
		group.Wait()
		return n.Load(), refused.Load()
	}
}

func linkFor(t *testing.T, c servertest.Client, address string) string {
	t.Helper()
	a := c.Want(t, http.StatusCreated, http.MethodPost, "/setup-links", `{"expires_in":604800,"address":"`+address+`"}`)
	return servertest.LinkIn(t, a).Path()
}
