package account

import (
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// A Member is a person who signs in to the control panel for an account.
type Member struct {
	ID      string
	Account string
	// Email is the folded address, unique in the installation.
	Email string
	Name  string
	Role  Role
	// Operator says that the member runs the installation.
	Operator bool
	// Password is the argon2id hash in PHC form. Empty: none.
	Password    string
	PasswordSet time.Time
	// TOTP is the encrypted seed of the authenticator app. Nil: none.
	TOTP      []byte
	TOTPSince time.Time
	// TOTPStep is the last time step of which a code was taken.
	TOTPStep int64
	// CodesMade is when the recovery codes were made, CodesLeft how many can
	// be used still.
	CodesMade time.Time
	CodesLeft int
	Passkeys  int
	// Language is the tag of the language that the member reads. Empty: that
	// was never said.
	Language string
	// Zone is the name of the time zone that the panel shows times in. Empty:
	// the browser's.
	Zone     string
	Created  time.Time
	LastSeen time.Time // zero: never signed in
}

// HasFactor reports whether the member has a second factor. Recovery codes
// alone are none.
func (m Member) HasFactor() bool { return m.TOTP != nil || m.Passkeys > 0 }

// target is the member as that to which something is done.
func (m Member) target() audit.Target {
	return audit.Target{Kind: audit.MemberTarget, ID: m.ID, Name: m.Email}
}

// An Invitation lets one person become a member.
type Invitation struct {
	ID      string
	Account string
	// Email is whom it is for. Empty: the first owner of a new installation.
	Email string
	Role  Role
	// Language is that of who invites: the invitation is written in it.
	Language string
	Created  time.Time
	Expires  time.Time
}

// First reports whether the invitation is for the first owner, who runs the
// installation. It counts only while nobody is a member.
func (i Invitation) First() bool { return i.Email == "" }

// A Passkey is a passkey of a member.
type Passkey struct {
	ID         string
	Member     string
	Name       string
	Credential []byte // its id, unique in the installation
	Data       []byte // what package passkey keeps of it
	Created    time.Time
	LastUsed   time.Time // zero: never
}

// A Session is a member's stay in the control panel.
type Session struct {
	ID       string
	Member   string
	Hash     []byte // SHA-256 of the token
	Method   Method
	Client   string
	IP       string
	Created  time.Time
	LastUsed time.Time
	// Confirmed is when a second factor was shown last. Zero: never.
	Confirmed time.Time
	// Visits is the account that an operator has opened in the session. Empty:
	// none. VisitChanges says that they may change it, too.
	Visits       string
	VisitChanges bool
}

// A Method is how a member showed who they are.
type Method string

// The methods.
const (
	ByPasskey  Method = "passkey"
	ByTOTP     Method = "totp"     // password and a code of the authenticator app
	ByRecovery Method = "recovery" // password and a recovery code
	ByPassword Method = "password" // the password alone
)

// How long a session lives (NIST SP 800-63B-4, 2.2.3).
const (
	IdleLife     = 30 * time.Minute
	AbsoluteLife = 12 * time.Hour
	// ConfirmLife is how old a second factor may be for what needs a fresh
	// one.
	ConfirmLife = 10 * time.Minute
	// InvitationLife is how long an invitation can be used.
	InvitationLife = 72 * time.Hour
)

// Live reports whether the session can be used at the time.
func (s Session) Live(now time.Time) bool {
	return now.Before(s.Created.Add(AbsoluteLife)) && now.Before(s.LastUsed.Add(IdleLife))
}

// Fresh reports whether the session may do what needs a fresh second factor.
func (s Session) Fresh(now time.Time) bool {
	return !s.Confirmed.IsZero() && now.Before(s.Confirmed.Add(ConfirmLife))
}

// Used is a proof that can be used once or leaves a trace: what the store
// must use up in the same transaction as what it is shown for.
type Used struct {
	Member string
	Method Method
	Step   int64 // of ByTOTP: it must be later than the last one
	// Codes, of ByRecovery, are what the code may be kept as. One of them must
	// still be there.
	Codes [][]byte
	Key   Passkey // of ByPasskey: with its new Data
	// Password and TOTPSince are those of the member against whom the proof was
	// checked. Where they have changed since, it proves nothing.
	Password  string
	TOTPSince time.Time
}

// used returns the proof as one that was checked against m.
func (m Member) used(p Used) Used {
	p.Member, p.Password, p.TOTPSince = m.ID, m.Password, m.TOTPSince
	return p
}
