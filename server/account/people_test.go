package account_test

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/account/accounttest"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const (
	jane   = "jane@example.com"
	phrase = "lampshade orbit cucumber 47"
)

// A installation is an installation, or one server of it.
type installation struct {
	t        testing.TB
	clock    *storetest.Clock
	store    *store.Store
	members  *account.Members
	factors  *account.Factors
	sessions *account.Sessions
	accounts *account.Accounts
}

// each runs f with a new installation on each database.
func each(t *testing.T, f func(h *installation)) {
	storetest.EachDatabase(t, func(t *testing.T, database string) { f(open(t, database, storetest.NewClock())) })
}

func open(t testing.TB, database string, clock *storetest.Clock) *installation {
	t.Helper()
	s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
	base := &url.URL{Scheme: "https", Host: "setup.example.com"}
	vault, err := account.NewVault(crypt.Single([]byte(strings.Repeat("s", 32))), base, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &installation{t, clock, s, account.NewMembers(vault, s), account.NewFactors(vault, s), account.NewSessions(vault, s), account.NewAccounts(vault, s)}
}

var from = account.From{
	Actor:   audit.Actor{Kind: audit.Visitor, IP: "192.0.2.7", Client: "Safari on Mac", Interface: audit.Panel},
	Network: netip.MustParsePrefix("192.0.2.7/32"),
}

// entitled lets the actor do everything. The tests of the store check grants.
func entitled(who audit.Actor) audit.Grant { return audit.Grant{Kind: audit.ProgramGrant, Actor: who} }

// own returns the grant of a member for their own sign-in.
func own(in account.In) audit.Grant {
	who := from.Actor
	who.Kind, who.ID, who.Name = audit.Member, in.Member.ID, in.Member.Email
	return in.Grant(who, account.Self, false)
}

func (h *installation) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *installation) want(err error, code fault.Code) {
	h.t.Helper()
	if !fault.Is(err, code) {
		h.t.Fatalf("got %v, want the fault %s", err, code)
	}
}

// first creates the first owner.
func (h *installation) first() account.Member {
	h.t.Helper()
	token, err := h.members.InviteFirst(h.t.Context())
	h.must(err)
	m, err := h.members.Join(h.t.Context(), from, token, account.Newcomer{Email: jane, Name: "Jane", Password: phrase})
	h.must(err)
	return m
}

// join creates a member of the default account from an invitation.
func (h *installation) join(email string, role account.Role) account.Member {
	h.t.Helper()
	_, token, err := h.members.Invite(h.t.Context(), entitled(audit.Actor{Kind: audit.Member}), account.Default, email, string(role), "")
	h.must(err)
	m, err := h.members.Join(h.t.Context(), from, token, account.Newcomer{Password: phrase})
	h.must(err)
	return m
}

func (h *installation) load(token string) account.In {
	h.t.Helper()
	in, err := h.sessions.Load(h.t.Context(), token)
	h.must(err)
	return in
}

// signIn signs the member in, with or without a code.
func (h *installation) signIn(email, code string) string {
	h.t.Helper()
	token, err := h.sessions.SignIn(h.t.Context(), from, email, phrase, code)
	h.must(err)
	return token
}

// enroll enrolls an authenticator app for the member of the session and returns
// its seed. It then moves the clock to the next step.
func (h *installation) enroll(token string) (seed string) {
	h.t.Helper()
	in := h.load(token)
	setup, err := h.factors.NewTOTP(in.Member)
	h.must(err)
	seed = strings.ReplaceAll(setup.Secret, " ", "")
	h.must(h.factors.EnrollTOTP(h.t.Context(), own(in), in, setup.Encrypted, h.code(seed)))
	h.clock.Move(30 * time.Second)
	return seed
}

// code returns what the app with the seed shows now.
func (h *installation) code(seed string) string {
	h.t.Helper()
	code, err := totp.GenerateCode(seed, h.clock.Now())
	h.must(err)
	return code
}

func TestFirstOwner(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ctx := h.t.Context()
		token, err := h.members.InviteFirst(ctx)
		h.must(err)
		other, err := h.members.InviteFirst(ctx)
		h.must(err)
		i, acc, err := h.members.Invitation(ctx, token)
		h.must(err)
		if !i.First() || i.Role != account.Owner || acc.ID != account.Default {
			h.t.Errorf("the first invitation is %+v for %+v", i, acc)
		}
		m, err := h.members.Join(ctx, from, token, account.Newcomer{Email: " Jane@Example.COM ", Name: "Jane", Password: phrase})
		h.must(err)
		if m.Email != jane || m.Role != account.Owner || !m.Operator {
			h.t.Errorf("the first owner is %+v", m)
		}
		for _, t := range []string{token, other, "", "x", token + "a", strings.Repeat("a", 42)} {
			_, err := h.members.Join(ctx, from, t, account.Newcomer{Email: "mallory@example.com", Password: phrase})
			h.want(err, fault.NotFound)
		}
		again, err := h.members.InviteFirst(ctx)
		h.must(err)
		if again != "" {
			h.t.Error("an installation with a member invites a first owner")
		}
		in := h.load(h.signIn(jane, ""))
		if !in.Enroll() || in.Session.Fresh(h.clock.Now()) {
			h.t.Error("a member without a second factor need not enroll one, or counts as confirmed")
		}
	})
}

func TestInvitationEnds(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		by := entitled(audit.Actor{Kind: audit.Member})
		i, token, err := h.members.Invite(ctx, by, account.Default, "tom@example.com", "auditor", "")
		h.must(err)
		h.clock.Move(account.InvitationLife - time.Millisecond)
		_, _, err = h.members.Invitation(ctx, token)
		h.must(err)
		h.clock.Move(time.Millisecond)
		_, err = h.members.Join(ctx, from, token, account.Newcomer{Password: phrase})
		h.want(err, fault.NotFound)

		i, token, err = h.members.Invite(ctx, by, account.Default, "tom@example.com", "auditor", "")
		h.must(err)
		h.want(h.members.RevokeInvitation(ctx, by, "acc_other", i.ID), fault.NotFound)
		h.must(h.members.RevokeInvitation(ctx, by, account.Default, i.ID))
		_, err = h.members.Join(ctx, from, token, account.Newcomer{Password: phrase})
		h.want(err, fault.NotFound)

		_, _, err = h.members.Invite(ctx, by, account.Default, jane, "admin", "")
		h.want(err, fault.Conflict)
		_, _, err = h.members.Invite(ctx, by, account.Default, "jane", "admin", "")
		h.want(err, fault.AddressMalformed)
		_, _, err = h.members.Invite(ctx, by, account.Default, "eve@example.com", "operator", "")
		h.want(err, fault.Invalid)
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		seed := h.enroll(h.signIn(jane, ""))
		good := h.code(seed)
		tests := []struct{ name, email, password, code string }{
			{"unknown", "nobody@example.com", phrase, good},
			{"no address", "'; --", phrase, good},
			{"wrong password", jane, phrase + "x", good},
			{"no password", jane, "", good},
			{"long password", jane, strings.Repeat("x", 1<<16), good},
			{"no code", jane, phrase, ""},
			{"wrong code", jane, phrase, "000000"},
			{"wrong recovery code", jane, phrase, "AAAA-AAAA-AAAA-AAAA"},
		}
		var text string
		for _, tt := range tests {
			h.clock.Move(3 * time.Minute)
			_, err := h.sessions.SignIn(ctx, from, tt.email, tt.password, strings.Replace(tt.code, good, h.code(seed), 1))
			h.want(err, fault.SignInRefused)
			if detail := fault.Of(err).Detail; text != "" && detail != text {
				h.t.Errorf("%s: the answer differs: %q", tt.name, detail)
			} else {
				text = detail
			}
		}
		h.clock.Move(15 * time.Minute)
		token := h.signIn(" JANE@example.com", " "+h.code(seed)[:3]+" "+h.code(seed)[3:])
		in := h.load(token)
		if in.Enroll() || !in.Session.Fresh(h.clock.Now()) || in.Session.Method != account.ByTOTP {
			h.t.Errorf("signed in as %+v", in.Session)
		}
		if n := h.count(account.Default, audit.MemberSignIn, audit.Refused); n != 6 {
			h.t.Errorf("the log has %d refused sign-ins of the member, want 6", n)
		}
		if n := h.count(account.Installation, audit.MemberSignIn, audit.Refused); n != 2 {
			h.t.Errorf("the installation's log has %d refused sign-ins, want 2", n)
		}
		for _, bad := range []string{"", "x", token + "x", strings.ToUpper(token), strings.Repeat("A", 43)} {
			_, err := h.sessions.Load(ctx, bad)
			h.want(err, fault.NotFound)
		}
	})
}

// count returns how many actions with the name and outcome a log has.
func (h *installation) count(log string, name audit.Name, outcome audit.Outcome) (n int) {
	h.t.Helper()
	records, err := h.store.Actions(h.t.Context(), log, 0, 10_000)
	h.must(err)
	for _, r := range records {
		entry, err := r.Read()
		h.must(err)
		if entry.Name == name && entry.Outcome == outcome {
			n++
		}
	}
	return n
}

// TestCodeOnce checks that no code works twice, whatever the clock does.
func TestCodeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		h.first()
		seed := h.enroll(h.signIn(jane, ""))
		used := h.code(seed)
		h.signIn(jane, used)
		for _, move := range []time.Duration{0, 29 * time.Second, -5 * time.Minute, 5 * time.Minute, -30 * time.Second, time.Hour} {
			h.clock.Move(move)
			_, err := h.sessions.SignIn(h.t.Context(), from, jane, phrase, used)
			h.want(err, fault.SignInRefused)
		}
		late := h.code(seed)
		h.clock.Move(30 * time.Second)
		h.signIn(jane, late) // one step late is in time
		h.clock.Move(time.Minute)
		later := h.code(seed)
		h.clock.Move(time.Minute)
		_, err := h.sessions.SignIn(h.t.Context(), from, jane, phrase, later)
		h.want(err, fault.SignInRefused)
	})
}

func TestRecoveryCodes(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		token := h.signIn(jane, "")
		h.enroll(token)
		codes, err := h.factors.NewCodes(ctx, own(h.load(token)), h.load(token))
		h.must(err)
		if len(codes) != 10 || len(strings.ReplaceAll(codes[0], "-", ""))*5 < 80 {
			h.t.Fatalf("got the codes %v", codes)
		}
		spoken := strings.ToLower(strings.ReplaceAll(codes[0], "-", " "))
		in := h.load(h.signIn(jane, spoken))
		if in.Member.CodesLeft != 9 || in.Session.Method != account.ByRecovery {
			h.t.Errorf("after one code %d are left, signed in by %s", in.Member.CodesLeft, in.Session.Method)
		}
		_, err = h.sessions.SignIn(ctx, from, jane, phrase, codes[0])
		h.want(err, fault.SignInRefused)
		_, err = h.factors.NewCodes(ctx, own(in), in)
		h.must(err)
		_, err = h.sessions.SignIn(ctx, from, jane, phrase, codes[1])
		h.want(err, fault.SignInRefused)
	})
}

// TestOnce races two servers for something that can be used once.
func TestOnce(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		servers := []*installation{open(t, database, clock), open(t, database, clock)}
		h := servers[0]
		m := h.first()
		token := h.signIn(jane, "")
		h.enroll(token)
		codes, err := h.factors.NewCodes(t.Context(), own(h.load(token)), h.load(token))
		h.must(err)
		_, invitation, err := h.members.Invite(t.Context(), entitled(audit.Actor{Kind: audit.Member}), account.Default, "tom@example.com", "admin", "")
		h.must(err)

		m, err = h.members.Get(t.Context(), m.Account, m.ID)
		h.must(err)
		step := clock.Now().Unix() / 30
		session := func(i int, proof account.Used) (account.Session, account.Used, audit.Action) {
			now := clock.Now()
			s := account.Session{ID: "ses_" + string(proof.Method) + string(rune('a'+i%26)) + string(rune('a'+i/26)), Member: m.ID,
				Hash: []byte{byte(i), byte(len(proof.Codes)), 1}, Method: proof.Method, Created: now, LastUsed: now}
			return s, proof, audit.Action{Account: account.Default, Name: audit.MemberSignIn, Outcome: audit.Done}
		}
		in := h.load(token)
		vaultCode := func(i int) error { // through a whole confirmation
			_, err := servers[i%2].sessions.Confirm(t.Context(), from, in, codes[0], "")
			return err
		}
		tests := []struct {
			name string
			n    int
			code []fault.Code
			try  func(i int) error
		}{
			{"totp", 200, []fault.Code{fault.SignInRefused}, func(i int) error {
				s, proof, a := session(i, account.Used{Member: m.ID, Method: account.ByTOTP, Step: step + 1, Password: m.Password, TOTPSince: m.TOTPSince})
				return servers[i%2].store.CreateSession(t.Context(), entitled(from.Actor), s, proof, a)
			}},
			{"recovery", 200, []fault.Code{fault.CodeWrong, fault.Limited}, vaultCode},
			{"invitation", 200, []fault.Code{fault.NotFound, fault.Conflict, fault.Limited}, func(i int) error {
				member := account.Member{ID: "mem_" + string(rune('a'+i%26)) + string(rune('a'+i/26)), Account: account.Default,
					Email: "tom@example.com", Role: account.Admin, Created: clock.Now()}
				if i < 12 { // the whole way
					_, err := servers[i%2].members.Join(t.Context(), from, invitation, account.Newcomer{Password: phrase})
					return err
				}
				found, _, err := servers[i%2].members.Invitation(t.Context(), invitation)
				if err != nil {
					return err
				}
				return servers[i%2].store.CreateMember(t.Context(), entitled(from.Actor), member, found.ID,
					audit.Action{Account: account.Default, Name: audit.MemberJoin, Outcome: audit.Done})
			}},
		}
		for _, tt := range tests {
			var done atomic.Int32
			var wg sync.WaitGroup
			for i := range tt.n {
				wg.Go(func() {
					err := tt.try(i)
					if err == nil {
						done.Add(1)
						return
					}
					for _, code := range tt.code {
						if fault.Is(err, code) {
							return
						}
					}
					t.Errorf("%s: %v", tt.name, err)
				})
			}
			wg.Wait()
			if done.Load() != 1 {
				t.Errorf("%s: %d of %d succeeded, want 1", tt.name, done.Load(), tt.n)
			}
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		seed := h.enroll(h.signIn(jane, ""))
		fresh := func() string {
			h.clock.Move(time.Hour)
			return h.signIn(jane, h.code(seed))
		}
		dead := func(what, token string) {
			h.t.Helper()
			if _, err := h.sessions.Load(ctx, token); !fault.Is(err, fault.NotFound) {
				h.t.Errorf("%s: the session lives: %v", what, err)
			}
		}
		token := fresh()
		h.clock.Move(account.IdleLife - time.Millisecond)
		h.load(token)
		h.clock.Move(account.IdleLife)
		dead("idle", token)

		token = fresh()
		for range 24 {
			h.clock.Move(account.IdleLife - 5*time.Second)
			h.load(token)
		}
		h.clock.Move(2*time.Minute - time.Millisecond)
		h.load(token)
		h.clock.Move(time.Millisecond)
		dead("absolute", token)

		first := fresh()
		h.clock.Move(time.Minute)
		second := h.signIn(jane, h.code(seed))
		in := h.load(second)
		h.want(h.sessions.Revoke(ctx, own(in), in, "ses_unknown"), fault.NotFound)
		h.must(h.sessions.Revoke(ctx, own(in), in, h.load(first).Session.ID))
		dead("revoked", first)
		h.must(h.store.TouchSession(ctx, "ses_gone", h.clock.Now()))
		h.clock.Move(time.Minute)
		third := h.signIn(jane, h.code(seed))
		h.must(h.factors.SetPassword(ctx, own(h.load(third)), h.load(third), phrase, phrase+" and more"))
		dead("password changed", second)
		h.load(third)
		h.must(h.sessions.SignOut(ctx, own(h.load(third)), h.load(third)))
		dead("signed out", third)
	})
}

// TestRevokedStaysDead ends a session while one of its requests is running.
func TestRevokedStaysDead(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		token := h.signIn(jane, "")
		seed := h.enroll(token)
		in := h.load(token) // a running request
		other := h.load(h.signIn(jane, h.code(seed)))
		h.must(h.sessions.Revoke(ctx, own(other), other, in.Session.ID))
		h.must(h.store.TouchSession(ctx, in.Session.ID, h.clock.Now().Add(time.Hour)))
		h.clock.Move(time.Minute)
		_, err := h.sessions.Confirm(ctx, from, in, h.code(seed), "")
		h.want(err, fault.Unauthorized)
		_, err = h.sessions.Load(ctx, token)
		h.want(err, fault.NotFound)
	})
}

func TestConfirm(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		seed := h.enroll(h.signIn(jane, ""))
		token := h.signIn(jane, h.code(seed))
		h.clock.Move(account.ConfirmLife)
		in := h.load(token)
		if in.Session.Fresh(h.clock.Now()) {
			h.t.Error("ten minutes later the session is fresh")
		}
		_, err := h.sessions.Confirm(ctx, from, in, "", phrase) // not a substitute
		h.want(err, fault.CodeWrong)
		next, err := h.sessions.Confirm(ctx, from, in, h.code(seed), "")
		h.must(err)
		if !h.load(next).Session.Fresh(h.clock.Now()) || next == token {
			h.t.Error("a confirmed session is not fresh, or kept its token")
		}
		_, err = h.sessions.Load(ctx, token)
		h.want(err, fault.NotFound)
		for range 8 {
			_, err = h.sessions.Confirm(ctx, from, in, "000000", "")
			h.want(err, fault.CodeWrong)
		}
		_, err = h.sessions.Confirm(ctx, from, in, "000000", "")
		h.want(err, fault.Limited)
	})
}

func TestLastFactorStays(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		m := h.first()
		token := h.signIn(jane, "")
		h.enroll(token)
		in := h.load(token)
		h.want(h.factors.RemoveTOTP(ctx, own(in), in), fault.LastFactor)
		p := account.Passkey{ID: "psk_1", Member: m.ID, Name: "Phone", Credential: []byte("c1"), Data: []byte("{}"), Created: h.clock.Now()}
		a := audit.Action{Account: account.Default, Name: audit.PasskeyAdd, Outcome: audit.Done}
		h.must(h.store.AddPasskey(ctx, entitled(from.Actor), p, in.Session.ID, a))
		again := p
		again.ID = "psk_2"
		h.want(h.store.AddPasskey(ctx, entitled(from.Actor), again, in.Session.ID, a), fault.PasskeyRefused)

		var wg sync.WaitGroup
		var done atomic.Int32
		for i := range 20 {
			wg.Go(func() {
				remove := h.factors.RemoveTOTP
				if i%2 == 0 {
					remove = func(ctx context.Context, by audit.Grant, in account.In) error {
						return h.factors.RemovePasskey(ctx, by, in, p.ID)
					}
				}
				err := remove(ctx, own(in), in)
				if err == nil {
					done.Add(1)
				} else if !fault.Is(err, fault.LastFactor) && !fault.Is(err, fault.NotFound) {
					h.t.Error(err)
				}
			})
		}
		wg.Wait()
		left, err := h.members.ByEmail(ctx, jane)
		h.must(err)
		if done.Load() != 1 || !left.HasFactor() {
			h.t.Errorf("%d removals succeeded, has a factor left: %v", done.Load(), left.HasFactor())
		}
		h.want(h.factors.RemovePasskey(ctx, own(in), in, "psk_other"), fault.NotFound)

		h.must(h.factors.Reset(ctx, audit.ByOperator(), left))
		_, err = h.sessions.Load(ctx, token)
		h.want(err, fault.NotFound)
		if !h.load(h.signIn(jane, "")).Enroll() {
			h.t.Error("after a reset the member need not enroll")
		}
	})
}

func TestLastOwnerStays(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		m := h.first()
		by := entitled(audit.Actor{Kind: audit.Member, ID: m.ID})
		h.want(h.members.SetRole(ctx, by, account.Default, m.ID, "admin"), fault.Conflict)
		h.want(h.members.Remove(ctx, by, account.Default, m.ID, false), fault.Conflict)
		other := h.join("tom@example.com", account.Owner)
		token, err := h.sessions.SignIn(ctx, from, "tom@example.com", phrase, "")
		h.must(err)

		var wg sync.WaitGroup
		var done atomic.Int32
		for i := range 20 {
			wg.Go(func() {
				var err error
				if i%2 == 0 {
					err = h.members.Remove(ctx, by, account.Default, other.ID, i%4 == 0)
				} else {
					err = h.members.SetRole(ctx, by, account.Default, m.ID, "auditor")
				}
				if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
					h.t.Error(err)
				}
				done.Add(1)
			})
		}
		wg.Wait()
		owners := 0
		all, err := h.members.List(ctx, account.Default)
		h.must(err)
		for _, left := range all {
			if left.Role == account.Owner {
				owners++
			}
		}
		if owners != 1 {
			h.t.Errorf("%d owners are left, want 1", owners)
		}
		if len(all) == 1 {
			_, err = h.sessions.Load(ctx, token)
			h.want(err, fault.NotFound)
		}
		_, err = h.members.Get(ctx, "acc_other", m.ID)
		h.want(err, fault.NotFound)
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		var refused, limited int
		for i := range 40 {
			from := from
			from.Network = netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 32)
			_, err := h.sessions.SignIn(ctx, from, jane, "wrong", "000000")
			switch {
			case fault.Is(err, fault.SignInRefused):
				refused++
			case fault.Is(err, fault.Limited) && fault.Of(err).RetryAfter > 0:
				limited++
			default:
				h.t.Fatal(err)
			}
		}
		if refused != 10 || limited != 30 {
			h.t.Errorf("%d evaluated, %d limited; want 10 and 30", refused, limited)
		}
		for i := range 40 {
			_, err := h.sessions.SignIn(ctx, from, string(rune('a'+i))+"@example.net", "wrong", "")
			if wanted := fault.SignInRefused; i < 30 {
				h.want(err, wanted)
			} else {
				h.want(err, fault.Limited)
			}
		}
		h.clock.Move(15 * time.Minute)
		h.signIn(jane, "")
	})
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ctx := h.t.Context()
		h.first()
		by := entitled(audit.Actor{Kind: audit.Member, ID: "mem_1"})
		_, _, err := h.accounts.Create(ctx, by, "", false, "no address", "")
		if faults := fault.All(err); len(faults) != 2 || faults[0].Field != "name" || faults[1].Field != "email" {
			h.t.Errorf("got the faults %v", faults)
		}
		_, _, err = h.accounts.Create(ctx, by, "Shop", false, jane, "")
		h.want(err, fault.Conflict)
		acc, token, err := h.accounts.Create(ctx, by, "Shop", false, "olga@example.org", "")
		h.must(err)
		owner, err := h.members.Join(ctx, from, token, account.Newcomer{Name: "Olga", Password: phrase})
		h.must(err)
		if owner.Operator || owner.Account != acc.ID || owner.Role != account.Owner {
			h.t.Errorf("the owner of a customer is %+v", owner)
		}
		session, err := h.sessions.SignIn(ctx, from, "olga@example.org", phrase, "")
		h.must(err)
		keys := account.NewKeys(h.store, h.clock.Now)
		_, key, err := keys.Create(ctx, by, account.KeySpec{Account: acc.ID, Name: "Shop", Scopes: []string{"domains:read"}})
		h.must(err)
		h.must(h.accounts.Suspend(ctx, by, acc.ID, "Unpaid"))
		_, err = keys.Authenticate(ctx, key, netip.Addr{})
		h.want(err, fault.Unauthorized)
		_, err = h.sessions.Load(ctx, session)
		h.want(err, fault.NotFound)
		_, err = h.sessions.SignIn(ctx, from, "olga@example.org", phrase, "")
		h.want(err, fault.AccountSuspended)
		h.want(h.accounts.Suspend(ctx, by, acc.ID, "Unpaid"), fault.Conflict)
		h.want(h.accounts.Suspend(ctx, by, account.Default, "Unpaid"), fault.Conflict)
		h.want(h.accounts.Suspend(ctx, by, account.Installation, "Unpaid"), fault.NotFound)
		h.must(h.accounts.Resume(ctx, by, acc.ID, "Paid"))
		_, err = keys.Authenticate(ctx, key, netip.Addr{})
		h.must(err)
		_, err = h.sessions.SignIn(ctx, from, "olga@example.org", phrase, "")
		h.must(err)
		all, err := h.accounts.List(ctx)
		h.must(err)
		if len(all) != 2 || all[1].Name != "Shop" || all[1].Members != 1 {
			h.t.Errorf("got the accounts %+v", all)
		}
		h.must(h.accounts.Update(ctx, by, acc.ID, "Shop Ltd", true))
		h.must(h.accounts.SetRules(ctx, by, acc.ID, account.Rules{}))
		token, err = h.sessions.SignIn(ctx, from, "olga@example.org", phrase, "")
		h.must(err)
		if in := h.load(token); in.Enroll() || in.Account.Name != "Shop Ltd" || !in.Account.Trusted {
			h.t.Errorf("got %+v", in.Account)
		}
	})
}

// TestHashers checks that the number of waiting sign-ins is limited.
func TestHashers(t *testing.T) {
	accounttest.Costly(t)
	each(t, func(h *installation) {
		h.first()
		ctx, cancel := context.WithCancel(h.t.Context())
		var wg sync.WaitGroup
		var busy atomic.Int32
		for i := range 60 {
			wg.Go(func() {
				from := from
				from.Network = netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 32)
				_, err := h.sessions.SignIn(ctx, from, string(rune('a'+i%26))+"@example.net", "wrong", "")
				if fault.Is(err, fault.Limited) {
					busy.Add(1)
				}
			})
		}
		wg.Wait()
		cancel()
		if busy.Load() == 0 {
			h.t.Error("60 sign-ins at once: none was told to wait")
		}
	})
}

// TestPrune checks that expired rows are deleted, and nothing else.
func TestPrune(t *testing.T) {
	each(t, func(h *installation) {
		ctx := h.t.Context()
		m := h.first()
		h.signIn(jane, "")
		_, _, err := h.members.Invite(ctx, entitled(audit.Actor{Kind: audit.Member}), account.Default, "tom@example.com", "admin", "")
		h.must(err)
		h.must(h.store.KeepCeremony(ctx, "cer_1", []byte("state"), h.clock.Now().Add(time.Minute)))
		h.clock.Move(account.InvitationLife - time.Minute)
		token := h.signIn(jane, "")
		h.must(h.store.Prune(ctx))
		h.load(token)
		sessions, err := h.store.Sessions(ctx, m.ID)
		h.must(err)
		_, err = h.store.TakeCeremony(ctx, "cer_1")
		h.want(err, fault.NotFound)
		invitations, err := h.store.Invitations(ctx, account.Default)
		h.must(err)
		if len(sessions) != 1 || len(invitations) != 1 {
			h.t.Errorf("%d sessions and %d invitations are left, want one each", len(sessions), len(invitations))
		}
		h.clock.Move(time.Minute)
		h.must(h.store.Prune(ctx))
		if invitations, err = h.store.Invitations(ctx, account.Default); err != nil || len(invitations) != 0 {
			h.t.Errorf("%d invitations are left, %v", len(invitations), err)
		}
	})
}
