package account

import (
	"slices"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Role says what a member may do in the account.
type Role string

// The roles.
const (
	Owner   Role = "owner"
	Admin   Role = "admin"
	Auditor Role = "auditor" // reads everything, changes nothing
)

// A Permission is something that a route requires.
type Permission string

// The permissions.
const (
	Self   Permission = "self"   // the member's own sign-in
	Look   Permission = "look"   // read what the account has
	Change Permission = "change" // domains, policies and links
	// Automate is to create what works without a session: keys, webhooks and
	// batches.
	Automate Permission = "automate"
	Manage   Permission = "manage"  // members and the account's rules
	Operate  Permission = "operate" // the accounts of the installation
)

// may is the one table of who may do what. Anything else is forbidden. No role
// has Operate: see [Member.Operator].
var may = map[Role][]Permission{
	Owner:   {Self, Look, Change, Automate, Manage},
	Admin:   {Self, Look, Change, Automate},
	Auditor: {Self, Look},
}

// mayVisit says what an operator may do in a customer's account. Nothing that
// they create there gives them access after the visit.
var mayVisit = map[bool][]Permission{
	false: {Look},
	true:  {Look, Change},
}

// Roles lists all roles, the most powerful first.
func Roles() []Role { return []Role{Owner, Admin, Auditor} }

// ParseRole parses the name of a role. An unknown one is a fault of the field
// "role".
func ParseRole(name string) (Role, error) {
	if role := Role(name); slices.Contains(Roles(), role) {
		return role, nil
	}
	return "", fault.On("role", fault.Invalid, "Choose a role: owner, admin or auditor.")
}

// May reports whether the member has the permission.
func (m Member) May(p Permission) bool {
	if p == Operate {
		return m.Operator
	}
	return slices.Contains(may[m.Role], p)
}

// MayVisit reports whether the member has the permission in the account that
// the session visits.
func (m Member) MayVisit(s Session, p Permission) bool {
	return m.Operator && s.Visits != "" && slices.Contains(mayVisit[s.VisitChanges], p)
}

// Decides reports whether the holder of the grant decides which servers the
// domains of the account use: an owner, or an operator of the installation.
func Decides(by audit.Grant) bool {
	if by.Kind == audit.SessionGrant {
		return by.Visit || by.Need == string(Manage) || by.Need == string(Operate)
	}
	return by.Kind == audit.ProgramGrant
}
