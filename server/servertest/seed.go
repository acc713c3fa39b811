package servertest

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/store"
)

// cheapHash is a hash of [Password] that is checked almost instantly. Servers
// create none like it.
const cheapHash = "$argon2id$v=19$m=8,t=1,p=1$ghB7g7eY6XE7fYTERgxACA$CZBJ+FudUob/TitLFwRTJw"

// CostlyHash is a hash of [Password] that takes the program's usual time to
// check.
const CostlyHash = "$argon2id$v=19$m=47104,t=1,p=1$o+muTaPstHiRECfnXHxv8A$0qwwp9XTvRbauM8KOW/fFaOl0aL4HtGCjK2zrYKcIsk"

// A Seeder writes accounts, and members who are signed in, directly into a
// database, without hashing passwords.
type Seeder struct {
	// Age is how long ago each session began.
	Age time.Duration

	t     testing.TB
	store *store.Store
	now   func() time.Time
	step  int64 // the last step whose code was used, far from current ones
}

// NewSeeder returns a Seeder for the database of a test installation. It is
// closed when the test ends.
func NewSeeder(t testing.TB, database string, now func() time.Time) *Seeder {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Database: database, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &Seeder{t: t, store: s, now: now}
}

// A Seat is a member with a session, which the token signs in.
type Seat struct {
	Account, Member, Email string
	Session, Token         string
	TOTP                   string // the seed of the authenticator app in base32; empty: none
	since                  time.Time
}

// As returns a browser at s with the session of the seat.
func (s *Server) As(seat Seat) *Member {
	return &Member{Email: seat.Email, Seed: seat.TOTP, Cookie: "session=" + seat.Token, Server: s}
}

func (s *Seeder) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func seeded(name audit.Name, owner string) audit.Action {
	return audit.Action{Account: owner, Name: name, Outcome: audit.Done}
}

// Account creates a trusted account, whose members need no second factor, and
// returns its ID.
func (s *Seeder) Account(name string) string {
	s.t.Helper()
	now := s.now()
	acc := account.Account{ID: id.New("acc"), Name: name, Trusted: true, Created: now}
	first := account.Invitation{
		ID: id.New("inv"), Account: acc.ID, Email: "first@" + acc.ID[4:] + ".example", Role: account.Owner, Created: now, Expires: now.Add(time.Hour),
	}
	s.must(s.store.CreateAccount(s.t.Context(), audit.ByProgram(), acc, first, seeded(audit.AccountCreate, acc.ID), seeded(audit.InvitationCreate, acc.ID)))
	return acc.ID
}

// Member creates a member, whose password is [Password], with a session that
// has just been confirmed.
func (s *Seeder) Member(owner, email string, role account.Role, operator bool) Seat {
	s.t.Helper()
	now := s.now()
	m := account.Member{
		ID: id.New("mem"), Account: owner, Email: email, Role: role, Operator: operator, Password: cheapHash, PasswordSet: now, Created: now,
	}
	s.must(s.store.CreateMember(s.t.Context(), audit.ByProgram(), m, "", seeded(audit.MemberJoin, owner)))
	return s.Session(Seat{Account: owner, Member: m.ID, Email: email}, now)
}

// Session signs the seat's member in once more and returns the new seat. The
// last second factor was confirmed at the time.
func (s *Seeder) Session(seat Seat, confirmed time.Time) Seat {
	s.t.Helper()
	now := s.now()
	seat.Session = id.New("ses")
	secret := sha256.Sum256([]byte("token of " + seat.Session))
	hash := sha256.Sum256(secret[:])
	seat.Token = base64.RawURLEncoding.EncodeToString(secret[:])
	n := account.Session{
		ID: seat.Session, Member: seat.Member, Hash: hash[:], Method: account.ByPassword,
		Client: "Safari on iPhone", IP: "127.0.0.1", Created: now.Add(-s.Age), LastUsed: now, Confirmed: confirmed,
	}
	proof := account.Used{Member: seat.Member, Method: account.ByPassword, Password: cheapHash, TOTPSince: seat.since}
	if seat.TOTP != "" {
		n.Method, proof.Method = account.ByTOTP, account.ByTOTP
		s.step++
		proof.Step = s.step
	}
	s.must(s.store.CreateSession(s.t.Context(), audit.ByProgram(), n, proof, seeded(audit.MemberSignIn, seat.Account)))
	return seat
}

// TOTP gives the seat's member an authenticator app, and ends their other
// sessions.
func (s *Seeder) TOTP(seat Seat) Seat {
	s.t.Helper()
	seeds := crypt.Single(Secret).Cipher(crypt.Seeds)
	sum := sha256.Sum256([]byte("seed of " + seat.Member))
	seat.TOTP = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20])
	seat.since = s.now()
	app := account.TOTP{Encrypted: seeds.Encrypt([]byte(seat.TOTP), seat.Member), Step: 0, Since: seat.since}
	s.must(s.store.SetTOTP(s.t.Context(), audit.ByProgram(), seat.Member, app, seat.Session, seeded(audit.TOTPAdd, seat.Account)))
	return seat
}

// NewPassword changes the password of the seat's member, and ends their other
// sessions. The new one is [Password] too.
func (s *Seeder) NewPassword(seat Seat) {
	s.t.Helper()
	s.must(s.store.SetPassword(s.t.Context(), audit.ByProgram(), seat.Member, cheapHash, s.now(), seat.Session, seeded(audit.MemberPassword, seat.Account)))
}
