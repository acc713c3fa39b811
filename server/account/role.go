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
	Auditor Role = "auditor" // reads all, changes nothing
)

// A Permission is something that a route needs.
type Permission string

// The permissions.
const (
	Self   Permission = "self"   // the member's own sign-in
	Look   Permission = "look"   // read what the account has
	Change Permission = "change" // domains, policies and links
	// Automate is to make what goes on without a session: keys, webhooks and
	// batches.
	Automate Permission = "automate"
	Manage   Permission = "manage"  // members and the account's rules
	Operate  Permission = "operate" // the accounts of the installation
)

// may is the one table of who may do what. What does not stand here is
// forbidden. Operate goes with no role: see [Member.Operator].
var may = map[Role][]Permission{
	Owner:   {Self, Look, Change, Automate, Manage},
	Admin:   {Self, Look, Change, Automate},
	Auditor: {Self, Look},
}

// mayVisit says what an operator may do in a customer's account. Nothing that
// they make there gives them access once the visit is over.
var mayVisit = map[bool][]Permission{
	false: {Look},
	true:  {Look, Change},
}

// Roles lists all roles, the mightiest first.
func Roles() []Role { return []Role{Owner, Admin, Auditor} }

// ParseRole reads a role by its name. An unknown one is a fault of the field
// "role".
func ParseRole(name string) (Role, error) {
	if role := Role(name); slices.Contains(Roles(), role) {
		return role, nil
	}
	return "", fault.On("role", fault.Invalid, "Choose what the member may do: owner, admin or auditor.")
}

// May reports whether the member may do what needs the permission.
func (m Member) May(p Permission) bool {
	if p == Operate {
		return m.Operator
	}
	return slices.Contains(may[m.Role], p)
}

// MayVisit reports whether the member may do what needs the permission in the
// account that the session visits.
func (m Member) MayVisit(s Session, p Permission) bool {
	return m.Operator && s.Visits != "" && slices.Contains(mayVisit[s.VisitChanges], p)
}

// Decides reports whether whoever holds the grant decides for the account which
// servers its domains use: an owner, or an operator of the installation.
func Decides(by audit.Grant) bool {
	if by.Kind == audit.SessionGrant {
		return by.Visit || by.Need == string(Manage) || by.Need == string(Operate)
	}
	return by.Kind == audit.ProgramGrant
}
