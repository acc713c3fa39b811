package panel_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// testGuesses guesses a member's password many times within a quarter of an hour.
func testGuesses(h *installation) { h.guesses(1000) }

// guesses guesses the owner's password n times, all at the same time of the clock.
// It returns the peak of the memory in use, in bytes.
func (h *installation) guesses(n int) uint64 {
	const workers = 20
	h.clock.Move(time.Hour)
	var refused, limited, other atomic.Int32
	var most atomic.Uint64
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range n / workers {
				a := h.Do(http.MethodPost, "/panel/sign-in", http.Header{"X-Forwarded-For": {fmt.Sprintf("192.0.2.%d", i%250)}},
					url.Values{"email": {h.owner.Email}, "password": {fmt.Sprint("guess", worker, i)}, "code": {fmt.Sprintf("%06d", i)}}.Encode())
				switch {
				case a.Status == http.StatusUnauthorized:
					refused.Add(1)
				case a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "":
					limited.Add(1)
				default:
					other.Add(1)
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse+m.StackInuse))
		})
	}
	wg.Wait()
	if refused.Load() > 10 || refused.Load() == 0 || other.Load() > 0 {
		h.t.Errorf("%d evaluated, %d told to wait, %d otherwise; want at most 10 evaluated", refused.Load(), limited.Load(), other.Load())
	}
	// Signed-in members stay signed in, and a passkey still works.
	if a := h.owner.Get("/panel/security/sign-in"); a.Status == http.StatusTooManyRequests {
		h.t.Errorf("the member's session: %d", a.Status)
	}
	a := h.Do(http.MethodPost, "/panel/sign-in/passkey/begin", http.Header{"Content-Type": {"application/json"}}, "{}")
	if a.Status != http.StatusUnprocessableEntity || !bytes.Contains(a.Body, []byte("passkey_refused")) { // no https here
		h.t.Errorf("passkey: %d %s", a.Status, a.Body)
	}
	h.clock.Move(15 * time.Minute)
	if a := h.owner.SignIn(); a.Status != http.StatusSeeOther {
		h.t.Errorf("afterwards: %d", a.Status)
	}
	return most.Load()
}

// TestCodeRace sends one code many times at once to two servers.
func TestCodeRace(t *testing.T) { codeRace(t, 30) }

func codeRace(t *testing.T, clients int) {
	t.Helper()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		first := start(t, database)
		owner := first.Owner("olga@example.com")
		second := servertest.New(t, database, func(c *server.Config) { c.Now = first.clock.Now })
		first.clock.Move(time.Hour)
		servers := []*servertest.Server{first.Server, second}
		form := url.Values{"email": {owner.Email}, "password": {servertest.Password}, "code": {owner.Code()}}.Encode()
		var in atomic.Int32
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				switch a := servers[i%2].Do(http.MethodPost, "/panel/sign-in", nil, form); a.Status {
				case http.StatusSeeOther:
					in.Add(1)
				case http.StatusUnauthorized, http.StatusTooManyRequests:
				default:
					t.Errorf("got %d %s", a.Status, a.Body)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("the code let in %d, want 1", in.Load())
		}
	})
}

// testSameAnswer checks that responses don't reveal who is a member.
func testSameAnswer(h *installation) {
	ask := func(email string) servertest.Answer {
		return h.Post("/panel/sign-in", "email", email, "password", "wrong", "code", "")
	}
	member, stranger := ask(h.owner.Email), ask("olgb@example.com")
	member.Body = bytes.ReplaceAll(member.Body, []byte(h.owner.Email), []byte("olgb@example.com"))
	if member.Status != stranger.Status || !bytes.Equal(member.Body, stranger.Body) || len(member.Header) != len(stranger.Header) {
		h.t.Errorf("a member gets %d %v, a stranger %d %v", member.Status, member.Header, stranger.Status, stranger.Header)
	}
}

// testCanaries sends secrets through every form: in fields for secrets, in
// other fields, and in unknown fields.
func testCanaries(h *installation) {
	names := []string{"password", "current", "code", "confirm_code", "confirm_password", "secret", "mail_password", "imap_password", "pass", "pwd",
		"token", "api_key", "unknown", "setup", "_method", "__proto__"}
	var canaries []string
	next := func() string {
		canaries = append(canaries, fmt.Sprintf("Zq7-canary-%04d-Wx9", len(canaries)))
		return canaries[len(canaries)-1]
	}
	var answers strings.Builder
	for _, row := range rows() {
		if row.Method != http.MethodPost || strings.HasSuffix(row.Path, "sign-out") {
			continue
		}
		for i, name := range names {
			m := *h.owner
			if i%2 == 1 {
				m.Cookie = "" // without signing in
			}
			form := url.Values{name: {next()}}
			if row.Path == "/panel/sign-in" {
				form.Set("email", next()) // the password in the wrong field
			}
			if body := forms[row.Path]; body != "" && i%3 == 0 {
				form, _ = url.ParseQuery(body)
				form.Set(name, next())
			}
			a := m.Do(row.Method, path(row.Path, h.own)+"?"+url.Values{name: {next()}}.Encode(), http.Header{"Sec-Fetch-Site": {"same-origin"}}, form.Encode())
			answers.Write(a.Body)
			fmt.Fprint(&answers, a.Header)
			json := m.Do(row.Method, path(row.Path, h.own), http.Header{"Content-Type": {"application/json"}},
				fmt.Sprintf(`{"ceremony":%q,"response":{"id":%q},%q:%q}`, next(), next(), name, next()))
			answers.Write(json.Body)
			if a.Status >= 500 || json.Status >= 500 {
				h.t.Errorf("%s with %s: %d, %d", row.Path, name, a.Status, json.Status)
			}
		}
	}
	sent := regexp.MustCompile(`Zq7-canary-\d{4,}-Wx9`) // searching for each takes long
	if !sent.MatchString(canaries[0]) || !sent.MatchString(canaries[len(canaries)-1]) {
		h.t.Fatalf("%s and %s aren't found", canaries[0], canaries[len(canaries)-1])
	}
	places := map[string]string{"an answer": answers.String(), "the database": storetest.Dump(h.t, h.database), "the log": h.Log.String()}
	for where, text := range places {
		if canary := sent.FindString(text); canary != "" {
			h.t.Errorf("%s holds %s", where, canary)
		}
	}
	if len(canaries) < 40*16 {
		h.t.Errorf("only %d canaries were sent", len(canaries))
	}
}
