package server_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A crowd is a server behind a proxy that sets the client's address, so that
// visitors can come from anywhere.
type crowd struct {
	*servertest.Server
	ahead atomic.Int64
}

func newCrowd(t *testing.T, database string) *crowd {
	c := &crowd{}
	begin := time.Now()
	c.Server = servertest.Local(t, database, func(config *server.Config) {
		config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		config.Now = func() time.Time { return begin.Add(time.Duration(c.ahead.Load())) }
	})
	return c
}

// from posts a form of the panel from an address.
func (c *crowd) from(ip, path, body string) servertest.Answer {
	return c.Do(http.MethodPost, path, http.Header{"X-Forwarded-For": {ip}, "Sec-Fetch-Site": {"same-origin"}}, body)
}

func signInForm(email, password string) string {
	return "email=" + strings.Replace(email, "@", "%40", 1) + "&password=" + strings.ReplaceAll(password, " ", "+") + "&code="
}

// TestStrangersCannotLockOut has 64 networks guess a member's password. Each
// must wait after a while. The member can still sign in from a known device.
// The device's mark alone lets no one in, and doesn't help with other members.
func TestStrangersCannotLockOut(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		c := newCrowd(t, database)
		jane := c.Owner("jane@example.com")
		tom := jane.Invite("tom@example.com", "admin")
		if jane.Device == "" || jane.Device == tom.Device {
			t.Fatalf("marks %q and %q", jane.Device, tom.Device)
		}
		storetest.Exec(t, database, `UPDATE members SET password = '`+servertest.CostlyHash+`'`) // guesses take time
		c.ahead.Add(int64(time.Minute))
		stop := make(chan struct{})
		var group sync.WaitGroup
		var waits, refused atomic.Int64
		for i := range 64 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch a := c.from(fmt.Sprintf("198.51.100.%d", i), "/panel/sign-in", signInForm(jane.Email, "not the password")); a.Status {
					case http.StatusTooManyRequests:
						waits.Add(1)
					case http.StatusForbidden, http.StatusUnauthorized, http.StatusUnprocessableEntity:
						refused.Add(1)
					default:
						t.Errorf("a guess: %d", a.Status)
						return
					}
				}
			})
		}
		servertest.Eventually(t, "all networks to wait", func() bool { return waits.Load() > 300 })
		for range 3 {
			c.ahead.Add(int64(time.Minute))
			if a := jane.SignIn(); a.Status != http.StatusSeeOther {
				t.Errorf("from the known device: %d", a.Status)
			}
		}
		stranger := &servertest.Member{Email: jane.Email, Seed: jane.Seed, Server: c.Server, Device: tom.Device}
		c.ahead.Add(int64(time.Minute))
		if a := stranger.SignIn(); a.Status != http.StatusTooManyRequests {
			t.Errorf("with the mark of someone else's device: %d", a.Status)
		}
		close(stop)
		group.Wait()
		if n := refused.Load(); n > 20 {
			t.Errorf("%d guesses were accepted", n)
		}
		thief := &servertest.Member{Email: jane.Email, Server: c.Server, Device: jane.Device}
		if a := thief.Get("/panel"); a.Status == http.StatusOK {
			t.Error("the mark of the device lets in")
		}
		taken := 0
		for range 20 {
			if a := thief.Post("/panel/sign-in", "email", jane.Email, "password", "a guess", "code", ""); a.Status != http.StatusTooManyRequests {
				taken++
			}
		}
		if taken > 10 {
			t.Errorf("%d guesses with the mark were accepted", taken)
		}
	})
}

// TestFloodOfUnknownSignIns has one address invent sign-ins. The log only gets a few
// entries, with the number of attempts.
func TestFloodOfUnknownSignIns(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		c := newCrowd(t, database)
		c.Owner("jane@example.com")
		before := len(servertest.ReadLog(t, database, account.Installation, audit.MemberSignIn))
		for range 28 { // below the limit for one network
			c.from("192.0.2.1", "/panel/sign-in", signInForm("nobody@example.com", "a guess"))
			c.ahead.Add(int64(time.Second))
		}
		for range 500 {
			a := c.Do(http.MethodPost, "/panel/sign-in/passkey/finish", http.Header{"X-Forwarded-For": {"192.0.2.2"}, "Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/json"}},
				`{"ceremony":"cer_aaaaaaaaaaaaaaaa","response":{}}`)
			if a.Status == http.StatusOK || a.Status >= 500 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		if err := c.RunScheduled(t.Context()); err != nil {
			t.Fatal(err)
		}
		entries := servertest.ReadLog(t, database, account.Installation, audit.MemberSignIn)[before:]
		for ip, most := range map[string]int{"192.0.2.1": 10, "192.0.2.2": 10} {
			n, tries := 0, 0
			for _, e := range entries {
				if e.Personal.IP != ip {
					continue
				}
				n++
				tries++
				for _, change := range e.Changes {
					if sum, err := strconv.Atoi(change.New); err == nil {
						tries += sum - 1
					}
				}
			}
			t.Logf("%s: %d tries in %d entries", ip, tries, n)
			if want := map[string]int{"192.0.2.1": 10, "192.0.2.2": 500}[ip]; n > most || tries != want {
				t.Errorf("%s: %d entries, want up to %d; %d tries, want %d", ip, n, most, tries, want)
			}
		}
	})
}

// TestMailboxIsNotDenied has anonymous visitors from many places request links
// for one mailbox. Its owner still gets one.
func TestMailboxIsNotDenied(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		c := newCrowd(t, database)
		start := func(ip string) int { return c.from(ip, "/start", "address=jane%40example.com").Status }
		for i := range 12 {
			if status := start("192.0.2.1"); (status == http.StatusTooManyRequests) != (i >= 10) {
				t.Errorf("link %d: %d", i, status)
			}
		}
		for i := range 20 {
			start(fmt.Sprintf("192.0.2.%d", 10+i))
		}
		if status := start("203.0.113.7"); status != http.StatusSeeOther {
			t.Errorf("the owner of the mailbox: %d", status)
		}
	})
}
