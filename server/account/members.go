package account

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// maxMemberName is the longest name of a member in characters.
const maxMemberName = 80

// A MemberStore stores members and invitations.
type MemberStore interface {
	MemberReader
	// Members returns the members of an account, sorted by address.
	Members(ctx context.Context, account string) ([]Member, error)
	// CreateMember stores m, records a and uses up the invitation, unless that
	// is empty. A used, revoked or expired invitation is a NotFound fault; so
	// is one for the first owner once there is a member. An address that
	// belongs to a member is a Conflict fault.
	CreateMember(ctx context.Context, by audit.Grant, m Member, invitation string, a audit.Action) error
	// SetRole sets the role of a member of the account, ends the member's
	// sessions, and records a. If the member is the last owner, it returns a
	// Conflict fault.
	SetRole(ctx context.Context, by audit.Grant, account, member string, role Role, a audit.Action) error
	// RemoveMember removes a member of the account with all their data, and
	// records a. It revokes the keys that KeyStore.KeysOf returns, and records
	// for each the action that revoked returns. If revoked is nil, the keys
	// stay. The last owner can't be removed: a Conflict fault.
	RemoveMember(ctx context.Context, by audit.Grant, account, member string, a audit.Action, revoked func(Key) audit.Action) error
	// SetLanguage sets the language of a member of the account, and records a.
	SetLanguage(ctx context.Context, by audit.Grant, account, member, language string, a audit.Action) error
	// SetZone sets the time zone of a member of the account, and records a.
	SetZone(ctx context.Context, by audit.Grant, account, member, zone string, a audit.Action) error
}

// An InvitationStore stores invitations.
type InvitationStore interface {
	CreateInvitation(ctx context.Context, by audit.Grant, i Invitation, a audit.Action) error
	// Invitation returns an invitation that hasn't been used or revoked, or a
	// NotFound fault.
	Invitation(ctx context.Context, id string) (Invitation, error)
	// Invitations returns those of an account, the newest first.
	Invitations(ctx context.Context, account string) ([]Invitation, error)
	// RevokeInvitation deletes an invitation of the account, and records a.
	RevokeInvitation(ctx context.Context, by audit.Grant, account, id string, a audit.Action) error
	// RenewInvitation deletes the invitation that revoked is about, stores i,
	// and records both actions. If the old one doesn't exist, it returns a
	// NotFound fault.
	RenewInvitation(ctx context.Context, by audit.Grant, i Invitation, revoked, created audit.Action) error
	// AnyMember reports whether the installation has a member.
	AnyMember(ctx context.Context) (bool, error)
	// Account returns an account, or a NotFound fault.
	Account(ctx context.Context, id string) (Account, error)
}

// Members manages the people who sign in for accounts.
type Members struct {
	vault *Vault
	store interface {
		MemberStore
		InvitationStore
	}
}

// NewMembers returns Members that use the store.
func NewMembers(vault *Vault, store interface {
	MemberStore
	InvitationStore
}) *Members {
	return &Members{vault, store}
}

// List returns the members of an account.
func (s *Members) List(ctx context.Context, account string) ([]Member, error) {
	return s.store.Members(ctx, account)
}

// Any reports whether the installation has a member.
func (s *Members) Any(ctx context.Context) (bool, error) { return s.store.AnyMember(ctx) }

// Get returns a member of the account. A member of another account is NotFound,
// like one that doesn't exist.
func (s *Members) Get(ctx context.Context, account, member string) (Member, error) {
	m, err := s.store.Member(ctx, member)
	if err == nil && m.Account != account {
		return Member{}, fault.New(fault.NotFound, "There is no such member.")
	}
	return m, err
}

// Invite creates an invitation and returns its token. The tag of its language
// may be empty.
func (s *Members) Invite(ctx context.Context, by audit.Grant, account, email, role, language string) (Invitation, string, error) {
	folded, err := parseEmail(email)
	if err != nil {
		return Invitation{}, "", err
	}
	r, err := ParseRole(role)
	if err != nil {
		return Invitation{}, "", err
	}
	return s.invite(ctx, by, Invitation{Account: account, Email: folded, Role: r, Language: language})
}

// InviteFirst creates an invitation for the first owner of a new installation
// and returns its token. If there is a member, it returns none.
func (s *Members) InviteFirst(ctx context.Context) (token string, err error) {
	any, err := s.store.AnyMember(ctx)
	if err != nil || any {
		return "", err
	}
	_, token, err = s.invite(ctx, audit.ByProgram(), Invitation{Account: Default, Role: Owner})
	return token, err
}

func (s *Members) invite(ctx context.Context, by audit.Grant, i Invitation) (Invitation, string, error) {
	i.ID, i.Created = id.New("inv"), s.vault.now()
	i.Expires = i.Created.Add(InvitationLife)
	return i, s.vault.secrets.invitationToken(i.ID), s.store.CreateInvitation(ctx, by, i, invitationAction(audit.InvitationCreate, by, i))
}

// Token returns the token of an invitation.
func (s *Members) Token(i Invitation) string { return s.vault.secrets.invitationToken(i.ID) }

// Invitation returns the invitation with the token, and its account. An
// unknown, used, revoked or expired one is a NotFound fault.
func (s *Members) Invitation(ctx context.Context, token string) (Invitation, Account, error) {
	gone := fault.New(fault.NotFound, "This invitation can't be used. Ask for a new one.")
	invitationID, ok := s.vault.secrets.invitationID(token)
	if !ok {
		return Invitation{}, Account{}, gone
	}
	i, err := s.store.Invitation(ctx, invitationID)
	if fault.Is(err, fault.NotFound) || err == nil && !s.vault.now().Before(i.Expires) {
		return Invitation{}, Account{}, gone
	}
	if err != nil {
		return Invitation{}, Account{}, err
	}
	if i.First() {
		any, err := s.store.AnyMember(ctx)
		if err == nil && any {
			err = gone
		}
		if err != nil {
			return Invitation{}, Account{}, err
		}
	}
	account, err := s.store.Account(ctx, i.Account)
	return i, account, err
}

// Invitations returns the valid invitations of an account.
func (s *Members) Invitations(ctx context.Context, account string) ([]Invitation, error) {
	all, err := s.store.Invitations(ctx, account)
	var live []Invitation
	for _, i := range all {
		if s.vault.now().Before(i.Expires) && !i.First() {
			live = append(live, i)
		}
	}
	return live, err
}

// RevokeInvitation revokes an invitation of the account.
func (s *Members) RevokeInvitation(ctx context.Context, by audit.Grant, account, invitation string) error {
	return s.store.RevokeInvitation(ctx, by, account, invitation,
		invitationAction(audit.InvitationRevoke, by, Invitation{ID: invitation, Account: account}))
}

// RenewInvitation revokes an invitation of the account, creates another one for the
// same person, and returns its token.
func (s *Members) RenewInvitation(ctx context.Context, by audit.Grant, account, invitation string) (Invitation, string, error) {
	old, err := s.store.Invitation(ctx, invitation)
	if err == nil && (old.Account != account || old.First()) {
		err = fault.New(fault.NotFound, "There is no such invitation.")
	}
	if err != nil {
		return Invitation{}, "", err
	}
	i := old
	i.ID, i.Created = id.New("inv"), s.vault.now()
	i.Expires = i.Created.Add(InvitationLife)
	return i, s.vault.secrets.invitationToken(i.ID), s.store.RenewInvitation(ctx, by, i,
		invitationAction(audit.InvitationRevoke, by, old), invitationAction(audit.InvitationCreate, by, i))
}

// A Newcomer is what a person enters to become a member.
type Newcomer struct {
	// Email is used only for the first owner: others have the address of the
	// invitation.
	Email    string
	Name     string
	Password string
	Language string // a tag; may be empty
}

// Join creates a member from an invitation, which is used up.
func (s *Members) Join(ctx context.Context, from From, token string, n Newcomer) (Member, error) {
	i, _, err := s.Invitation(ctx, token)
	if err != nil {
		return Member{}, err
	}
	if !i.First() {
		n.Email = i.Email
	}
	m, err := s.newMember(ctx, i.Account, n, i.Role)
	if err != nil {
		return Member{}, err
	}
	m.Operator = i.First()
	by := audit.ByPublic(from.as(m), m.Account)
	a := memberAction(audit.MemberJoin, by, m)
	a.Changes = []audit.Change{{Field: "role", New: string(m.Role)}}
	return m, s.store.CreateMember(ctx, by, m, i.ID, a)
}

// CreateOwner creates an owner without an invitation: the server operator does
// this on the command line. An owner of the Default account is an operator.
func (s *Members) CreateOwner(ctx context.Context, by audit.Grant, account, email, password string) (Member, error) {
	if _, err := s.store.Account(ctx, account); err != nil {
		return Member{}, err
	}
	m, err := s.newMember(ctx, account, Newcomer{Email: email, Password: password}, Owner)
	if err != nil {
		return Member{}, err
	}
	m.Operator = account == Default
	a := memberAction(audit.MemberJoin, by, m)
	a.Changes = []audit.Change{{Field: "role", New: string(m.Role)}}
	return m, s.store.CreateMember(ctx, by, m, "", a)
}

func (s *Members) newMember(ctx context.Context, account string, n Newcomer, role Role) (Member, error) {
	folded, err := parseEmail(n.Email)
	if err != nil {
		return Member{}, err
	}
	name := profile.Plain(n.Name)
	if err := profile.CheckLine(name); err != nil || utf8.RuneCountInString(name) > maxMemberName {
		return Member{}, fault.OnText("name", err, fault.NameInvalid, "Enter a name of up to %d characters.", maxMemberName)
	}
	hash, err := s.vault.passwords.hash(ctx, n.Password, false, folded, name)
	if err != nil {
		return Member{}, err
	}
	now := s.vault.now()
	return Member{
		ID: id.New("mem"), Account: account, Email: folded, Name: name, Role: role,
		Password: hash, PasswordSet: now, Language: n.Language, Created: now,
	}, nil
}

// SetRole sets the role of a member of the account and ends the member's
// sessions. If the member is the last owner, it returns a Conflict fault.
func (s *Members) SetRole(ctx context.Context, by audit.Grant, account, member, role string) error {
	r, err := ParseRole(role)
	if err != nil {
		return err
	}
	m, err := s.Get(ctx, account, member)
	if err != nil || m.Role == r {
		return err
	}
	a := memberAction(audit.MemberUpdate, by, m)
	a.Changes = []audit.Change{{Field: "role", Old: string(m.Role), New: string(r)}}
	return s.store.SetRole(ctx, by, account, member, r, a)
}

// Remove removes a member of the account and, unless keepKeys is set, revokes
// the keys that [Keys.Of] returns. The last owner can't be removed: a Conflict
// fault.
func (s *Members) Remove(ctx context.Context, by audit.Grant, account, member string, keepKeys bool) error {
	m, err := s.Get(ctx, account, member)
	if err != nil {
		return err
	}
	var revoked func(Key) audit.Action
	if !keepKeys {
		revoked = func(k Key) audit.Action { return keyAction(audit.KeyRevoke, by, k) }
	}
	return s.store.RemoveMember(ctx, by, account, member, memberAction(audit.MemberRemove, by, m), revoked)
}

// SetLanguage sets the language of a member.
func (s *Members) SetLanguage(ctx context.Context, by audit.Grant, m Member, language string) error {
	if m.Language == language {
		return nil
	}
	a := memberAction(audit.MemberLanguage, by, m)
	a.Changes = []audit.Change{{Field: "language", Old: m.Language, New: language}}
	return s.store.SetLanguage(ctx, by, m.Account, m.ID, language, a)
}

// SetZone sets the time zone of a member. Empty: the browser's.
func (s *Members) SetZone(ctx context.Context, by audit.Grant, m Member, zone string) error {
	zone = strings.TrimSpace(zone)
	if _, err := ParseZone(zone); err != nil {
		return err
	}
	if m.Zone == zone {
		return nil
	}
	a := memberAction(audit.MemberZone, by, m)
	a.Changes = []audit.Change{{Field: "zone", Old: m.Zone, New: zone}}
	return s.store.SetZone(ctx, by, m.Account, m.ID, zone, a)
}

// ParseZone returns the time zone with the name, or UTC for an empty name. An
// unknown one is a fault of the field "zone".
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || zone == time.Local {
		return time.UTC, fault.On("zone", fault.Invalid, "Enter a time zone, for example Europe/Berlin, or UTC.")
	}
	return zone, nil
}

func invitationAction(name audit.Name, by audit.Grant, i Invitation) audit.Action {
	a := audit.Action{
		Account: i.Account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.InvitationTarget, ID: i.ID, Name: i.Email},
	}
	if i.Role != "" {
		a.Changes = []audit.Change{{Field: "role", New: string(i.Role)}}
	}
	return a
}

// ByEmail returns the member with the address, or a NotFound fault.
func (s *Members) ByEmail(ctx context.Context, email string) (Member, error) {
	return s.store.MemberByEmail(ctx, fold(email))
}
