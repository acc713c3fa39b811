//go:build !race

package server_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// An authorityRow is a writing request. Every writing route has one.
type authorityRow struct {
	method, path string // as in the router
	note         string // distinguishes rows of one route
	cases        string // letters of the revocations that stop it
	harmless     string // letters of others that are tried and must not stop it
	reads        bool   // it stores nothing
	shows        bool   // the answer is a page that repeats the form
	open         bool   // no one is signed in
	json         bool   // for the panel's script
	operates     bool   // acts on the installation
	visit        bool   // by an operator in a customer's account
	header       http.Header
	body         string // {domain} and the names set by prepare are filled in
	// prepare creates what the request is about, before anything starts. May be
	// nil.
	prepare func(t *testing.T, s *stage)
	// late creates the body just before the request is sent. May be nil.
	late func(t *testing.T, s *stage, at *servertest.Server) string
}

func (r *authorityRow) api() bool { return strings.HasPrefix(r.path, "/api/") }

func (r *authorityRow) name() string {
	name := r.method + strings.NewReplacer("/panel", " ", "/api/v1", " api ", "/", ".").Replace(r.path)
	return strings.ReplaceAll(strings.TrimSuffix(name+" "+r.note, " "), " .", " ")
}

// A stage is an account for one row, with an owner who isn't affected, and the
// member or key that makes the request.
type stage struct {
	*authorityRow
	world                   *authorityWorld
	seeder                  *servertest.Seeder
	account, domain         string
	owner, actor, elsewhere servertest.Seat
	key                     string // the API key itself
	ids                     map[string]string
	device                  *authenticator
	target                  string // the account that an operator changes
	server                  *servertest.Server
	ahead                   time.Duration // how long after the start of the request its end is sent
	held                    *servertest.Held
	answer                  servertest.Answer
}

// An authorityWorld is an installation with one or two servers.
type authorityWorld struct {
	database string
	clock    *storetest.Clock
	// a gets the requests, b the revocations.
	a, b *servertest.Server
	root servertest.Seat // an operator who isn't affected
	// seeder creates what would take long through requests.
	seeder *servertest.Seeder
}

const authorityBase = "http://localhost"

// open starts servers on the database.
func (w *authorityWorld) open(t *testing.T, servers int) {
	t.Helper()
	w.clock = storetest.NewClock()
	start := func() *servertest.Server {
		return servertest.New(t, w.database, func(c *server.Config) {
			c.Identity = authorityIdentity(t, w.clock)
			c.Now, c.BaseURL = w.clock.Now, authorityBase // for which browsers have passkeys
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.Mail = &notify.RelayConfig{Server: profile.Server{Host: "smtp.example.com", Port: 465}, From: "setup@example.com"}
		})
	}
	w.a = start()
	if w.b = w.a; servers > 1 {
		w.b = start()
	}
}

// authorityIdentity is a development identity, which can be replaced by an
// upload.
func authorityIdentity(t *testing.T, clock *storetest.Clock) server.Identity {
	t.Helper()
	id, err := signing.Development(signingtest.WriteFile(t, "development.pem", []byte(authorityBundle())), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	return server.Fixed(id)
}

// TestAuthority holds back the end of every writing request, revokes what it
// was admitted by, and sends the end. Nothing may change, and no one may be
// notified.
func TestAuthority(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			servers := 1
			if name == "postgres" {
				servers = 2
			}
			w := &authorityWorld{database: database(t)}
			var stages []*stage
			if !t.Run("seed", func(t *testing.T) { stages = seedAuthority(t, w) }) {
				return
			}
			t.Run("nothing revoked", func(t *testing.T) { w.copied(t, servers).control(t, stages) })
			for _, r := range revocations {
				t.Run(r.name, func(t *testing.T) { w.copied(t, servers).try(t, stages, r) })
			}
		})
	}
}

// copied returns a new installation with w's seed data, so that a wrong change
// in one case doesn't affect the next.
func (w *authorityWorld) copied(t *testing.T, servers int) *authorityWorld {
	t.Helper()
	c := &authorityWorld{database: storetest.Copy(t, w.database), root: w.root}
	c.open(t, servers)
	c.seeder = servertest.NewSeeder(t, c.database, c.clock.Now)
	return c
}

// seedAuthority creates an account for each row.
func seedAuthority(t *testing.T, w *authorityWorld) []*stage {
	w.open(t, 1)
	seeder := servertest.NewSeeder(t, w.database, w.clock.Now)
	seeder.Age = account.AbsoluteLife - account.ConfirmLife - sessionEnds
	w.root = seeder.TOTP(seeder.Member(account.Default, "root@example.com", account.Owner, true))
	var stages []*stage
	for i, row := range slices.Concat(panelRows(), visitRows(), apiRows()) {
		s := &stage{authorityRow: row, world: w, seeder: seeder, server: w.a, domain: fmt.Sprintf("row%d.example.com", i), ids: map[string]string{}}
		s.seed(t)
		stages = append(stages, s)
	}
	return stages
}

func (s *stage) seed(t *testing.T) {
	t.Helper()
	s.account, s.owner = account.Default, s.world.root
	if !s.operates {
		s.account = s.seeder.Account(s.domain)
		s.owner = s.seeder.Member(s.account, "owner@"+s.domain, account.Owner, false)
	}
	if s.api() {
		s.makeKey(t, "Table")
	} else {
		home := s.account
		if s.visit {
			home = account.Default
		}
		s.actor = s.seeder.Member(home, "actor@"+s.domain, account.Owner, home == account.Default)
		s.actor = s.seeder.TOTP(s.actor)
	}
	if s.prepare != nil {
		s.prepare(t, s)
	}
	if s.visit {
		s.ids["{account}"] = s.account
		s.visitAccount(t, s.account)
	}
	if !s.api() {
		s.elsewhere = s.seeder.Session(s.actor, s.world.clock.Now())
	}
}

// fill replaces names with the stage's IDs.
func (s *stage) fill(text string) string {
	pairs := []string{"{domain}", s.domain, ":delivery_id", s.ids[":delivery"]}
	for name, id := range s.ids {
		pairs = append(pairs, name, id)
	}
	if id, ok := s.ids[":id"]; ok {
		pairs = append(pairs, ":policy", id)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// hold sends the request without its end.
func (s *stage) hold(t *testing.T, at *servertest.Server) {
	t.Helper()
	header := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	body := s.fill(s.body)
	if s.late != nil {
		body = s.late(t, s, at)
	}
	switch {
	case s.api():
		header.Set("Authorization", "Bearer "+s.key)
		header.Set("Content-Type", "application/json")
	case s.json:
		header.Set("Content-Type", "application/json")
	default:
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range s.header {
		header[name] = values
	}
	if !s.open && !s.api() {
		header.Set("Cookie", at.As(s.actor).Cookie)
	}
	s.held = at.Hold(s.method, s.fill(s.path), header, body)
}

// bookkeeping is what may be recorded about a refused request.
var bookkeeping = []string{"sessions.last_used", "keys.last_used", "keys.last_network", "key_networks", "limits"}

// control sends each request without a revocation, because a request that would
// fail anyway proves nothing. Then it reloads the page that the browser shows.
func (w *authorityWorld) control(t *testing.T, stages []*stage) {
	before := storetest.Rows(t, w.database, bookkeeping...)
	for _, s := range stages {
		s.ahead = 0
		s.hold(t, w.a)
		s.answer = s.held.Release()
	}
	after := storetest.Rows(t, w.database, bookkeeping...)
	gone, added := difference(before, after)
	ceremonies := len(slices.DeleteFunc(slices.Clone(added), func(row storetest.Row) bool { return row.Table != "ceremonies" }))
	for _, s := range stages {
		t.Run(s.name(), func(t *testing.T) {
			if !s.held.Waited {
				t.Error("the server acted before the end of the request")
			}
			if !s.isDone(s.answer) {
				t.Fatalf("got %d %s %s", s.answer.Status, s.answer.Location(), brief(s.answer.Body))
			}
			kept := len(s.of(gone)) + len(s.of(added))
			if strings.HasSuffix(s.path, "/passkey/begin") && ceremonies > 0 {
				ceremonies-- // which has no actor
				kept++
			}
			if kept == 0 && !s.reads {
				t.Error("nothing was stored")
			}
			if !s.api() && !s.json && !s.shows && !s.visit && !strings.HasSuffix(s.path, "/open") { // views by operators are recorded
				s.reload(t, w.a, s.answer)
			}
		})
	}
	if gone, added := difference(after, storetest.Rows(t, w.database, bookkeeping...)); len(gone)+len(added) > 0 {
		t.Errorf("a reload changed %v and created %v", gone, added)
	}
}

// try holds back every request that the revocation stops, revokes, and sends
// their ends.
func (w *authorityWorld) try(t *testing.T, stages []*stage, r revocation) {
	stages = slices.DeleteFunc(slices.Clone(stages), func(s *stage) bool { return !strings.Contains(s.cases+s.harmless, r.letter) })
	w.clock.Move(r.sent)
	for _, s := range stages {
		s.ahead = r.ended
		s.hold(t, w.a)
	}
	for _, s := range stages {
		if r.revoke != nil {
			r.revoke(t, w, s)
		}
	}
	w.clock.Move(r.ended)
	stopped := func(s *stage) bool { return strings.Contains(s.cases, r.letter) }
	release := func(which func(*stage) bool) {
		for _, s := range stages {
			if which(s) {
				s.answer = s.held.Release()
			}
		}
	}
	before := storetest.Rows(t, w.database, bookkeeping...)
	between := before
	if slices.ContainsFunc(stages, func(s *stage) bool { return stopped(s) && s.open }) {
		release(func(s *stage) bool { return stopped(s) && s.open })
		between = storetest.Rows(t, w.database, bookkeeping...)
	}
	openGone, openAdded := difference(before, between)
	release(func(s *stage) bool { return stopped(s) && !s.open })
	gone, added := difference(between, storetest.Rows(t, w.database, bookkeeping...))
	release(func(s *stage) bool { return !stopped(s) })
	// A refused sign-in is recorded, and a ceremony is used up.
	openGone, openAdded = kept(openGone), kept(openAdded)
	gone = slices.DeleteFunc(gone, func(row storetest.Row) bool { return row.Table == "ceremonies" })
	blamed := 0
	for _, s := range stages {
		mine := append(s.of(gone), s.of(added)...)
		if s.open {
			mine = append(s.of(openGone), s.of(openAdded)...)
		}
		blamed += len(mine)
		t.Run(s.name(), func(t *testing.T) { s.judge(t, r, stopped(s), mine) })
	}
	if strings.Contains(admissionRefuses, r.letter) {
		t.Run("repeated", func(t *testing.T) {
			w.again(t, slices.DeleteFunc(stages, func(s *stage) bool { return !stopped(s) }), r)
		})
	}
	if n := len(gone) + len(added) + len(openGone) + len(openAdded); blamed == 0 && n > 0 {
		t.Errorf("%d changed rows belong to no stage: %v %v %v %v", n, gone, added, openGone, openAdded)
	}
}

// again repeats each request. Now it's refused before its body is read, so that
// clients without permission can't keep a server waiting.
func (w *authorityWorld) again(t *testing.T, stages []*stage, r revocation) {
	w.clock.Move(time.Minute) // the limit per minute for networks that send invalid keys
	for _, s := range stages {
		if s.open || s.late != nil || s.visit && r.letter == "d" {
			continue // or the answer is a page, for which net/http reads the body itself
		}
		s.hold(t, w.a)
		if a := s.held.Release(); s.held.Waited || !s.refused(a, r) {
			t.Errorf("%s: got %d %s, want a refusal without reading the body (read: %v)", s.name(), a.Status, a.Location(), s.held.Waited)
		}
	}
}

// TestAuthorityComplete checks that each writing route in the panel and the API
// has a row.
func TestAuthorityComplete(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	router, ok := s.Handler().(*echo.Echo)
	if !ok {
		t.Fatalf("the handler is a %T, whose routes are unknown", s.Handler())
	}
	rows := map[string]bool{}
	for _, row := range append(panelRows(), apiRows()...) {
		rows[row.method+" "+row.path] = false
	}
	for _, route := range router.Routes() {
		writes := slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, route.Method)
		if !writes || !strings.HasPrefix(route.Path, "/panel") && !strings.HasPrefix(route.Path, "/api/") {
			continue
		}
		name := route.Method + " " + route.Path
		if _, ok := rows[name]; !ok {
			t.Errorf("%s has no row in the table of TestAuthority", name)
		}
		rows[name] = true
	}
	for name, found := range rows {
		if !found {
			t.Errorf("%s is in the table but isn't a route", name)
		}
	}
}
