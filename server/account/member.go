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
	// Operator says that the member operates the installation.
	Operator bool
	// Password is the argon2id hash in PHC form. Empty: none.
	Password    string
	PasswordSet time.Time
	// TOTP is the encrypted seed of the authenticator app. Nil: none.
	TOTP      []byte
	TOTPSince time.Time
	// TOTPStep is the last time step whose code was accepted.
	TOTPStep int64
	// CodesCreated is when the recovery codes were created, CodesLeft how many are
	// unused.
	CodesCreated time.Time
	CodesLeft    int
	Passkeys     int
	// Language is the language tag of the member's interface. Empty: not set.
	Language string
	// Zone is the name of the time zone that the panel shows times in. Empty:
	// the browser's.
	Zone     string
	Created  time.Time
	LastSeen time.Time // zero: never signed in
}

// HasFactor reports whether the member has a second factor. Recovery codes
// don't count.
func (m Member) HasFactor() bool { return m.TOTP != nil || m.Passkeys > 0 }

// target returns the member as the target of an action.
func (m Member) target() audit.Target {
	return audit.Target{Kind: audit.MemberTarget, ID: m.ID, Name: m.Email}
}

// An Invitation lets one person become a member.
type Invitation struct {
	ID      string
	Account string
	// Email is the invited address. Empty: the first owner of a new
	// installation.
	Email string
	Role  Role
	// Language is the inviter's language: the invitation is written in it.
	Language string
	Created  time.Time
	Expires  time.Time
}

// First reports whether the invitation is for the first owner, who operates the
// installation. It is valid only while there are no members.
func (i Invitation) First() bool { return i.Email == "" }

// A Passkey is a passkey of a member.
type Passkey struct {
	ID         string
	Member     string
	Name       string
	Credential []byte // its id, unique in the installation
	Data       []byte // what package passkey stores
	Created    time.Time
	LastUsed   time.Time // zero: never
}

// A Session is a member's session in the control panel.
type Session struct {
	ID       string
	Member   string
	Hash     []byte // SHA-256 of the token
	Method   Method
	Client   string
	IP       string
	Created  time.Time
	LastUsed time.Time
	// Confirmed is when a second factor was last shown. Zero: never.
	Confirmed time.Time
	// Visits is the account that an operator has opened in the session. Empty:
	// none. VisitChanges says that they may also change it.
	Visits       string
	VisitChanges bool
}

// A Method is how a member showed who they are.
type Method string

// The methods.
const (
	ByPasskey  Method = "passkey"
	ByTOTP     Method = "totp"     // password and a code from the authenticator app
	ByRecovery Method = "recovery" // password and a recovery code
	ByPassword Method = "password" // only the password
)

// How long a session lasts (NIST SP 800-63B-4, 2.2.3).
const (
	IdleLife     = 30 * time.Minute
	AbsoluteLife = 12 * time.Hour
	// ConfirmLife is the maximum age of a second factor for operations that
	// need a recent one.
	ConfirmLife = 10 * time.Minute
	// InvitationLife is how long an invitation is valid.
	InvitationLife = 72 * time.Hour
)

// Live reports whether the session is valid at the time.
func (s Session) Live(now time.Time) bool {
	return now.Before(s.Created.Add(AbsoluteLife)) && now.Before(s.LastUsed.Add(IdleLife))
}

// Fresh reports whether the session may do what needs a recent second factor.
func (s Session) Fresh(now time.Time) bool {
	return !s.Confirmed.IsZero() && now.Before(s.Confirmed.Add(ConfirmLife))
}

// Used is a proof that works once or leaves a trace. The store must use it up
// in the transaction of whatever it authorizes.
type Used struct {
	Member string
	Method Method
	Step   int64 // for ByTOTP: it must be later than the last one
	// Codes, for ByRecovery, are the forms in which the code may be stored. One
	// of them must still be there.
	Codes [][]byte
	Key   Passkey // for ByPasskey: with its new Data
	// Password and TOTPSince are those of the member against whom the proof was
	// checked. If they have changed since, the proof is invalid.
	Password  string
	TOTPSince time.Time
}

// used returns the proof with what it was checked against.
func (m Member) used(p Used) Used {
	p.Member, p.Password, p.TOTPSince = m.ID, m.Password, m.TOTPSince
	return p
}
