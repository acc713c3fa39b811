package audit

import "time"

// A Grant is the authorization for a write: the actor, and the right that the
// actor uses. The transaction of the write locks the rows of that right against
// revocation and checks them again, whatever was checked when the request
// arrived. The zero value authorizes nothing.
type Grant struct {
	Actor Actor
	Kind  GrantKind
	// ID is the id of the session, member, API key or redirect key.
	ID string
	// Account is the account of the session's member, of the key, or the one
	// whose public offer is used. Only a session with the permission to operate
	// may write to another one.
	Account string
	// Need is the permission that the member's role must include, or the scope
	// that the API key must have.
	Need string
	// Domains are the mail domains that the API key could act for when the
	// request was admitted, separated by spaces. They must still be the same.
	Domains string
	// Expires is the expiry of the API key when the request was admitted; zero:
	// never. It must still be the same, because keys that a key creates or
	// updates can't live longer than the key itself.
	Expires time.Time
	// Fresh says that the session must have shown a second factor recently.
	Fresh bool
	// Visit says that Account isn't the member's own, but a customer's that the
	// session has opened as an operator.
	Visit bool
	// FirstFactor exempts a member from Fresh who has no second factor yet and
	// must enroll one.
	FirstFactor bool
	// Renews says that the write replaces the token of the session, which
	// invalidates the old one: no other write of the session may be running.
	Renews bool
}

// A GrantKind is the kind of right.
type GrantKind string

// The kinds of grant.
const (
	// SessionGrant is a member's session in the control panel.
	SessionGrant GrantKind = "session"
	// MemberGrant is a member's role without a session, for example for a batch
	// that the member has started.
	MemberGrant GrantKind = "member"
	// KeyGrant is an API key.
	KeyGrant GrantKind = "key"
	// RedirectKeyGrant is a public key whose owner signed a redirect.
	RedirectKeyGrant GrantKind = "redirect_key"
	// PublicGrant is what anyone may do in an account that isn't suspended. The
	// statement of the write uses up the link, ticket, invitation or proof of
	// sign-in that it needs.
	PublicGrant GrantKind = "public"
	// ProgramGrant is the program itself, or the operator on its command line.
	ProgramGrant GrantKind = "program"
	// RefusalGrant authorizes recording that something was refused, and nothing
	// else.
	RefusalGrant GrantKind = "refusal"
)

// ByProgram returns the grant of the program itself.
func ByProgram() Grant {
	return Grant{Kind: ProgramGrant, Actor: Actor{Kind: System, Interface: Internal}}
}

// ByOperator returns the grant of the operator on the command line.
func ByOperator() Grant {
	return Grant{Kind: ProgramGrant, Actor: Actor{Kind: Operator, Interface: CommandLine}}
}

// ByPublic returns the grant of someone who has no right in the account except
// what the write itself uses up.
func ByPublic(who Actor, account string) Grant {
	return Grant{Kind: PublicGrant, Actor: who, Account: account}
}

// Refusal returns the grant to record that the actor was refused.
func Refusal(who Actor) Grant { return Grant{Kind: RefusalGrant, Actor: who} }
