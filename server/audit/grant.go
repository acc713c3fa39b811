package audit

import "time"

// A Grant is what entitles a write: the actor, and the right that the actor
// acts by. The transaction of the write locks the rows of that right against
// revocation and checks them again, whatever was checked when the request
// arrived. The zero value entitles to nothing.
type Grant struct {
	Actor Actor
	Kind  GrantKind
	// ID is the id of the session, member, API key or redirect key.
	ID string
	// Account is the account of the session's member, of the key, or the one
	// whose public offer is taken. Only a session with the permission to
	// operate may write to another one.
	Account string
	// Need is the permission that the member's role must include, or the scope
	// that the API key must have.
	Need string
	// Domains are the mail domains that the API key could act for when the
	// request was admitted, separated by spaces. They must still be the same.
	Domains string
	// Expires is when the API key was to end when the request was admitted;
	// zero: never. It must still be the same, for a key that makes or changes
	// others gives them no longer life than its own.
	Expires time.Time
	// Fresh says that the session must have shown a second factor lately.
	Fresh bool
	// Visit says that Account isn't the member's own, but a customer's that the
	// session has opened as an operator's.
	Visit bool
	// FirstFactor excuses a member from Fresh who has no second factor yet and
	// must enroll one.
	FirstFactor bool
	// Renews says that the write replaces the token of the session, which ends
	// the old one: no other write of the session may be under way.
	Renews bool
}

// A GrantKind says what holds the right.
type GrantKind string

// The kinds of grant.
const (
	// SessionGrant is a member's session in the control panel.
	SessionGrant GrantKind = "session"
	// MemberGrant is a member's role without a session: what a batch acts by
	// that the member has started.
	MemberGrant GrantKind = "member"
	// KeyGrant is an API key.
	KeyGrant GrantKind = "key"
	// RedirectKeyGrant is a public key whose owner signed a redirect.
	RedirectKeyGrant GrantKind = "redirect_key"
	// PublicGrant is what anyone may do in an account that isn't suspended. A
	// link, ticket, invitation or proof of sign-in that it takes is used up by
	// the statement of the write.
	PublicGrant GrantKind = "public"
	// ProgramGrant is the program itself, or the operator on its command line.
	ProgramGrant GrantKind = "program"
	// RefusalGrant entitles to record that something was refused, and to
	// nothing else.
	RefusalGrant GrantKind = "refusal"
)

// ByProgram is the grant of the program itself.
func ByProgram() Grant {
	return Grant{Kind: ProgramGrant, Actor: Actor{Kind: System, Interface: Internal}}
}

// ByOperator is the grant of the operator on the command line.
func ByOperator() Grant {
	return Grant{Kind: ProgramGrant, Actor: Actor{Kind: Operator, Interface: CommandLine}}
}

// ByPublic is the grant of somebody who has shown no right in the account but
// what the write itself uses up.
func ByPublic(who Actor, account string) Grant {
	return Grant{Kind: PublicGrant, Actor: who, Account: account}
}

// Refusal is the grant to record that the actor was refused.
func Refusal(who Actor) Grant { return Grant{Kind: RefusalGrant, Actor: who} }
