//go:build soak && !race

package server_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// startRace starts an installation with two servers on PostgreSQL.
func startRace(t *testing.T) (*authorityWorld, *servertest.Seeder) {
	t.Helper()
	w := &authorityWorld{database: storetest.Postgres(t)}
	w.open(t, 2)
	seeder := servertest.NewSeeder(t, w.database, w.clock.Now)
	w.root = seeder.TOTP(seeder.Member(account.Default, "root@example.com", account.Owner, true))
	return w, seeder
}

// raceRow is a request that creates a policy, by a member or with a key.
func raceRow(api bool) *authorityRow {
	if api {
		return operation(http.MethodPost, "/policies", nil, `{"name":"Phones",`+rules+`}`)
	}
	return fresh("/policies/new", nil, authorityPolicy...)
}

// together runs all functions at the same time and waits for them.
func together(all ...func()) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	wg.Wait()
}

// TestSoakRevocations sends writing requests, two at each of two servers, while
// their permission is revoked. The log has the order: no write comes after the
// revocation, and none ends in an error.
func TestSoakRevocations(t *testing.T) {
	for _, r := range revocations {
		if !strings.Contains("abcdeg", r.letter) { // the other cases have no request
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			w, seeder := startRace(t)
			done, refused := 0, 0
			for i := range soak.Count(20, 1000) {
				row := raceRow(r.letter == "g" || r.letter == "d" && i%2 == 1)
				n, m := raceOnce(t, w, &stage{
					authorityRow: row, world: w, seeder: seeder, server: w.a, domain: fmt.Sprintf("race%d.example.com", i), ids: map[string]string{},
				}, r)
				done, refused = done+n, refused+m
			}
			soak.Figure(t, r.name+": writes done before, and refused", fmt.Sprint(done, " ", refused), "both must happen")
		})
	}
}

// raceOnce returns the numbers of successful and refused writes.
func raceOnce(t *testing.T, w *authorityWorld, s *stage, r revocation) (done, refused int) {
	t.Helper()
	s.seed(t)
	var requests []*servertest.Held
	for i := range 4 {
		s.ids["Phones"] = fmt.Sprint("Phones", i) // each policy needs another name
		s.hold(t, []*servertest.Server{w.a, w.b}[i%2])
		requests = append(requests, s.held)
	}
	answers := make([]servertest.Answer, len(requests))
	acts := []func(){func() { r.revoke(t, w, s) }}
	for i, request := range requests {
		acts = append(acts, func() { answers[i] = request.Release() })
	}
	together(acts...)
	for _, a := range answers {
		switch {
		case s.isDone(a):
			done++
		case s.refused(a, r):
			refused++
		default:
			t.Errorf("%s: got %d %s %s", s.domain, a.Status, a.Location(), brief(a.Body))
		}
	}
	policies := s.policies(t)
	if len(policies) != done {
		t.Errorf("%s: %d succeeded, but the log has %d", s.domain, done, len(policies))
	}
	last := s.revokedAt(t)
	for _, at := range policies {
		if at > last {
			t.Errorf("%s: action %d is a policy that was created after action %d, %s", s.domain, at, last, r.name)
		}
	}
	return done, refused
}

// policies returns the positions in the log at which policies were created.
func (s *stage) policies(t *testing.T) []int {
	t.Helper()
	return s.seqs(t, `name = 'policy.create'`)
}

// revokedAt returns the position in the log of the last revocation.
func (s *stage) revokedAt(t *testing.T) int {
	t.Helper()
	seqs := s.seqs(t, `name IN ('session.revoke', 'member.remove', 'member.update', 'account.suspend', 'member.password', 'key.revoke')`)
	if len(seqs) == 0 {
		t.Fatalf("%s: the revocation isn't in the log", s.domain)
	}
	return seqs[len(seqs)-1]
}

func (s *stage) seqs(t *testing.T, where string) []int {
	t.Helper()
	var all []int
	for _, text := range storetest.Column(t, s.world.database, `SELECT seq FROM actions WHERE account = '`+s.account+`' AND `+where+` ORDER BY seq`) {
		seq, err := strconv.Atoi(text)
		must(t, err)
		all = append(all, seq)
	}
	return all
}

// TestSoakEachOther has two parties revoke each other's permissions at the same
// time, on two servers. One succeeds and remains.
func TestSoakEachOther(t *testing.T) {
	for _, kind := range []struct {
		name string
		// paths are where one revokes the other, and vice versa.
		paths func(one, other *stage) (string, string)
	}{
		{"members", func(one, other *stage) (string, string) {
			return "/panel/members/" + other.actor.Member + "/remove", "/panel/members/" + one.actor.Member + "/remove"
		}},
		{"sessions", func(one, other *stage) (string, string) {
			return "/panel/security/sessions/" + other.actor.Session + "/revoke", "/panel/security/sessions/" + one.actor.Session + "/revoke"
		}},
		{"all other sessions", func(*stage, *stage) (string, string) {
			return "/panel/security/sessions/revoke-others", "/panel/security/sessions/revoke-others"
		}},
		{"keys", func(one, other *stage) (string, string) {
			return "/api/v1/keys/" + other.ids["{key}"] + "/revoke", "/api/v1/keys/" + one.ids["{key}"] + "/revoke"
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			w, seeder := startRace(t)
			for i := range soak.Count(20, 1000) {
				row := fresh("", nil)
				if kind.name == "keys" {
					row = operation(http.MethodPost, "", nil, "")
				}
				one := &stage{authorityRow: row, world: w, seeder: seeder, server: w.a, domain: fmt.Sprintf("each%d.example.com", i), ids: map[string]string{}}
				one.seed(t)
				other := one.another(t, kind.name)
				one.eachOther(t, other, kind.paths)
			}
		})
	}
}

// another returns a second party in the account: a member, a session of the
// same member, or a key.
func (s *stage) another(t *testing.T, kind string) *stage {
	t.Helper()
	other := *s
	other.ids = map[string]string{}
	switch kind {
	case "keys":
		other.makeKey(t, "Other")
	case "members":
		other.actor = s.seeder.TOTP(s.seeder.Member(s.account, "other@"+s.domain, account.Owner, false))
	default:
		other.actor = s.seeder.Session(s.actor, s.world.clock.Now())
	}
	return &other
}

func (s *stage) eachOther(t *testing.T, other *stage, paths func(one, other *stage) (string, string)) {
	t.Helper()
	here, there := paths(s, other)
	first, second := *s.authorityRow, *s.authorityRow
	first.path, second.path = here, there
	s.authorityRow, other.authorityRow = &first, &second
	s.hold(t, s.world.a)
	other.hold(t, s.world.b)
	together(func() { s.answer = s.held.Release() }, func() { other.answer = other.held.Release() })
	r := revocations[0]
	for _, each := range []*stage{s, other} {
		if !each.isDone(each.answer) && !each.refused(each.answer, r) {
			t.Errorf("%s: %s got %d %s %s", s.domain, each.path, each.answer.Status, each.answer.Location(), brief(each.answer.Body))
		}
	}
	if s.isDone(s.answer) == other.isDone(other.answer) {
		t.Errorf("%s: got %d %s and %d %s, want one success", s.domain, s.answer.Status, s.answer.Location(), other.answer.Status, other.answer.Location())
	}
}

// TestSoakSignIns signs members in while their account is suspended, their
// password changed, or they are removed. No invalid session remains.
func TestSoakSignIns(t *testing.T) {
	for _, r := range revocations {
		if !strings.Contains("bde", r.letter) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			w, seeder := startRace(t)
			in, tried := 0, 0
			for i := 0; tried < soak.Count(80, 1000); i++ {
				s := &stage{authorityRow: fresh("/sign-in", nil), world: w, seeder: seeder, server: w.a, domain: fmt.Sprintf("in%d.example.com", i), ids: map[string]string{}}
				s.seed(t)
				in += s.signInsMeanwhile(t, r, i)
				tried += signInsAtOnce
			}
			soak.Figure(t, r.name+": sign-ins that came before it", in, "some")
		})
	}
}

const signInsAtOnce = 4

// signInsMeanwhile signs in a member without a second factor several times in
// parallel while r happens to that member, and returns the number of successes.
func (s *stage) signInsMeanwhile(t *testing.T, r revocation, round int) (in int) {
	t.Helper()
	s.actor = s.seeder.Member(s.account, "plain@"+s.domain, account.Owner, false)
	s.elsewhere = s.seeder.Session(s.actor, s.world.clock.Now())
	s.open, s.body = true, formOf("email", s.actor.Email, "password", servertest.Password, "code", "")
	answers := make([]servertest.Answer, signInsAtOnce)
	acts := []func(){func() { r.revoke(t, s.world, s) }}
	for i := range answers {
		s.header = http.Header{"X-Forwarded-For": {fmt.Sprintf("10.%d.%d.%d", round/250, round%250, i)}}
		s.hold(t, []*servertest.Server{s.world.a, s.world.b}[i%2])
		held := s.held
		acts = append(acts, func() { answers[i] = held.Release() })
	}
	together(acts...)
	for _, a := range answers {
		if s.isDone(a) {
			in++
		} else if !s.refused(a, r) {
			t.Errorf("%s: got %d %s", s.domain, a.Status, a.Location())
		}
	}
	left := storetest.Column(t, s.world.database, `SELECT id FROM sessions WHERE member = '`+s.actor.Member+`' AND id <> '`+s.elsewhere.Session+`'`)
	if len(left) > 0 {
		t.Errorf("%s: %d sessions are left (%s)", s.domain, len(left), r.name)
	}
	return in
}
