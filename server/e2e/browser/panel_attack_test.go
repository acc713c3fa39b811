package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/servertest"
)

// TestPasskeyDuringAttack signs a member in with a passkey while their
// password is constantly being guessed.
func TestPasskeyDuringAttack(t *testing.T) {
	t.Parallel()
	attackDuringPasskey(t, 100)
}

// attackDuringPasskey is TestPasskeyDuringAttack with n guesses.
func attackDuringPasskey(t *testing.T, guesses int64) {
	t.Helper()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	b := open(t, desktop, "light")
	b.authenticator()
	b.become(m)
	b.visit(o.URL + "/panel/security/sign-in/enroll")
	b.enrollPasskey("Laptop")
	b.signOut()

	a := guess(o)
	defer a.stop()
	a.reach(b, guesses/4)
	if got := b.signIn(o, ownerEmail, servertest.Password, o.code(t, m.Seed)); got != http.StatusTooManyRequests {
		t.Errorf("by password and code during the attack: %d, want 429", got)
	}
	b.wantText("A passkey works right away")
	for before := a.done.Load(); ; before = a.done.Load() {
		b.wantSubmit(passkeyButton, 200, "/panel")
		b.wantText("Overview")
		if a.done.Load() > before {
			break // a guess was made during the sign-in
		}
		b.signOut()
	}
	a.reach(b, guesses)
	a.stop()
	if n := a.evaluated.Load(); n == 0 || n > 10 || a.other.Load() > 0 {
		t.Errorf("%d of %d guesses were evaluated, %d answered in another way; want at most 10 and none", n, a.done.Load(), a.other.Load())
	}
	b.visit(o.URL + "/panel/keys")
	b.wantAt("/panel/keys")
	b.wantQuiet(o)
}

// An attack guesses until it is stopped.
type attack struct {
	done, evaluated, other atomic.Int64
	// news has a value when a guess was made since the last look.
	news    chan struct{}
	over    atomic.Bool
	workers sync.WaitGroup
}

func guess(o *office) *attack {
	a := &attack{news: make(chan struct{}, 1)}
	for worker := range 4 {
		a.workers.Go(func() {
			for i := 0; !a.over.Load(); i++ {
				got := o.Do(http.MethodPost, "/panel/sign-in", nil, url.Values{
					"email": {ownerEmail}, "password": {fmt.Sprint("guess", worker, i)}, "code": {fmt.Sprintf("%06d", i)},
				}.Encode())
				switch got.Status {
				case http.StatusUnauthorized:
					a.evaluated.Add(1)
				case http.StatusTooManyRequests:
				default:
					a.other.Add(1)
				}
				a.done.Add(1)
				select {
				case a.news <- struct{}{}:
				default: // there is one already
				}
			}
		})
	}
	return a
}

// reach waits until n guesses were made.
func (a *attack) reach(b *tab, n int64) {
	b.t.Helper()
	giveUp := time.After(limit)
	for a.done.Load() < n {
		select {
		case <-giveUp:
			b.t.Fatalf("%d guesses, want %d", a.done.Load(), n)
		case <-a.news:
		}
	}
}

// stop ends the attack.
func (a *attack) stop() {
	a.over.Store(true)
	a.workers.Wait()
}
