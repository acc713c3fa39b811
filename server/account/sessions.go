package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// A SessionStore stores sessions. An ended session stays ended: only
// CreateSession inserts a row.
type SessionStore interface {
	AttemptStore
	// CreateSession uses up the proof, stores s and records a. If the proof was
	// used before, it returns a SignInRefused fault and stores nothing.
	CreateSession(ctx context.Context, by audit.Grant, s Session, proof Used, a audit.Action) error
	// Session returns the session with the hash, its member and account, or a
	// NotFound fault.
	Session(ctx context.Context, hash []byte) (Session, Member, Account, error)
	// TouchSession saves the last use of the session, if it still exists.
	TouchSession(ctx context.Context, id string, at time.Time) error
	// ConfirmSession uses up the proof like CreateSession, sets the session's
	// new hash and time of confirmation, and records a. An ended session is a
	// NotFound fault.
	ConfirmSession(ctx context.Context, by audit.Grant, s Session, proof Used, a audit.Action) error
	// Sessions returns the sessions of a member, the most recently used first.
	Sessions(ctx context.Context, member string) ([]Session, error)
	// EndSession ends a session of the member and records a. If it doesn't
	// exist, it returns a NotFound fault.
	EndSession(ctx context.Context, by audit.Grant, member, id string, a audit.Action) error
	// EndOthers ends all sessions of the member except one, and records a.
	EndOthers(ctx context.Context, by audit.Grant, member, keep string, a audit.Action) error
	// Visit sets the account that the session visits from now on, or none if it
	// is empty, and records a.
	Visit(ctx context.Context, by audit.Grant, session, account string, changes bool, a audit.Action) error
	// Account returns an account, or a NotFound fault.
	Account(ctx context.Context, id string) (Account, error)
}

// A MemberReader reads members.
type MemberReader interface {
	// Member returns a member, or a NotFound fault.
	Member(ctx context.Context, id string) (Member, error)
	// MemberByEmail returns the member with the folded address, or a NotFound
	// fault.
	MemberByEmail(ctx context.Context, email string) (Member, error)
	// Passkeys returns the passkeys of a member, the oldest first.
	Passkeys(ctx context.Context, member string) ([]Passkey, error)
}

// A CeremonyStore stores pending passkey ceremonies.
type CeremonyStore interface {
	KeepCeremony(ctx context.Context, id string, state []byte, expires time.Time) error
	// TakeCeremony removes a ceremony and returns its state, or a NotFound
	// fault. So each can be finished only once.
	TakeCeremony(ctx context.Context, id string) ([]byte, error)
	// Record records an action without any other change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
}

// Sessions signs members in.
type Sessions struct {
	vault *Vault
	store interface {
		SessionStore
		MemberReader
		CeremonyStore
	}
}

// NewSessions returns Sessions that use the store.
func NewSessions(vault *Vault, store interface {
	SessionStore
	MemberReader
	CeremonyStore
}) *Sessions {
	return &Sessions{vault, store}
}

// From is the origin of a request.
type From struct {
	Actor   audit.Actor
	Network netip.Prefix
	// Device is the device's mark, if the request has one.
	Device string
}

// as returns the member as an actor.
func (f From) as(m Member) audit.Actor {
	a := f.Actor
	a.Kind, a.ID, a.Name = audit.Member, m.ID, m.Email
	return a
}

// In is a signed-in member.
type In struct {
	Session Session
	Member  Member
	// Account is the member's own, or the one that they visit as an operator.
	Account Account
	Home    Account // the member's own
	// Opened is the customer's account that an operator has opened; zero: none.
	Opened Account
}

// Visiting reports whether the member acts in a customer's account that they
// have opened.
func (in In) Visiting() bool { return in.Account.ID != in.Home.ID }

// AtHome returns in for the member's own account.
func (in In) AtHome() In {
	in.Account = in.Home
	return in
}

// May reports whether the member has the permission in the account.
func (in In) May(p Permission) bool {
	if in.Visiting() && p != Self && p != Operate {
		return in.Member.MayVisit(in.Session, p) && (p == Look || in.Account.Suspended.IsZero())
	}
	return in.Member.May(p)
}

// Grant authorizes the member, who is the actor, for what needs the permission.
// If fresh is set, the session must have shown a second factor recently when
// the write happens. Operate isn't limited to the account that an operator
// visits.
func (in In) Grant(who audit.Actor, need Permission, fresh bool) audit.Grant {
	if need == Self || need == Operate {
		in = in.AtHome()
	}
	return audit.Grant{
		Actor: who, Kind: audit.SessionGrant, ID: in.Session.ID, Account: in.Account.ID, Visit: in.Visiting(),
		Need: string(need), Fresh: fresh,
	}
}

// Enroll reports whether the member must enroll a second factor before anything
// else.
func (in In) Enroll() bool { return in.Home.FactorRequired && !in.Member.HasFactor() }

// SignIn signs a member in with password and code, and returns the token of the
// session. The code comes from the authenticator app or is a recovery code;
// only a member without a second factor can leave it out. Whatever is wrong,
// the fault is SignInRefused with the same text after the same time, whether or
// not there is such a member. After too many attempts it is Limited.
func (s *Sessions) SignIn(ctx context.Context, from From, email, password, code string) (token string, err error) {
	email = fold(email)
	m, err := s.store.MemberByEmail(ctx, email)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	who := admission.Guest{Known: s.vault.knows(m, from.Device), Network: from.Network.Addr()}
	if who.Known {
		err = s.vault.ownAttempt(ctx, s.store, "device", from.Device)
	} else {
		err = s.vault.attempt(ctx, s.store, email, from.Network)
	}
	if err != nil {
		return "", err
	}
	known, err := s.vault.passwords.check(ctx, who, password, m.Password)
	if err != nil {
		return "", err
	}
	proof, shown := s.vault.code(m, code)
	if !m.HasFactor() {
		proof, shown = m.used(Used{Method: ByPassword}), strings.TrimSpace(code) == ""
	}
	if !known || !shown {
		return "", s.refuse(ctx, from, m, errors.New("password or code"))
	}
	return s.begin(ctx, from, m, proof)
}

// begin starts a session of the member.
func (s *Sessions) begin(ctx context.Context, from From, m Member, proof Used) (string, error) {
	token, hash := newToken()
	now := s.vault.now()
	session := Session{
		ID: id.New("ses"), Member: m.ID, Hash: hash, Method: proof.Method,
		Client: from.Actor.Client, IP: from.Actor.IP,
		Created: now, LastUsed: now,
	}
	if proof.Method != ByPassword {
		session.Confirmed = now
	}
	by := audit.ByPublic(from.as(m), m.Account)
	a := memberAction(audit.MemberSignIn, by, m)
	a.Changes = []audit.Change{{Field: "method", New: string(proof.Method)}}
	err := s.store.CreateSession(ctx, by, session, proof, a)
	if fault.Is(err, fault.SignInRefused) {
		return "", s.refuse(ctx, from, m, err)
	}
	return token, err
}

// Device returns the mark for the device of the session: the one in the
// request, or a new one.
func (s *Sessions) Device(ctx context.Context, token, mark string) (string, error) {
	in, err := s.Load(ctx, token)
	if err != nil || s.vault.knows(in.Member, mark) {
		return mark, err
	}
	return s.vault.device(in.Member), nil
}

// refuse records the refused sign-in and returns the fault. What was typed is
// never stored. Anyone can cause any number of sign-ins of unknown members, so
// these are summed up: see SumUp.
func (s *Sessions) refuse(ctx context.Context, from From, m Member, why error) error {
	a := refusedSignIn(from.Actor)
	if m.ID != "" {
		a.Account, a.Target = m.Account, m.target()
	} else if !s.vault.refusals.Note(from.Network.Addr()) {
		return errSignIn(why)
	}
	if err := s.store.Record(ctx, audit.Refusal(from.Actor), a); err != nil {
		return err
	}
	return errSignIn(why)
}

func refusedSignIn(who audit.Actor) audit.Action {
	return audit.Action{
		Account: Installation,
		Name:    audit.MemberSignIn,
		Outcome: audit.Refused,
		Reason:  string(fault.SignInRefused),
		Actor:   who,
		Target:  audit.Target{Kind: audit.MemberTarget},
	}
}

// SumUp records the refused sign-ins of unknown members that weren't recorded
// one by one since the last call: one action for each network, with the count.
// It is called once a minute.
func (s *Sessions) SumUp(ctx context.Context) error {
	var failed error
	for network, n := range s.vault.refusals.Take() {
		who := audit.Actor{Kind: audit.Visitor, Interface: audit.Panel}
		if network.IsValid() {
			who.IP = network.Addr().String()
		}
		a := refusedSignIn(who)
		a.Changes = []audit.Change{{Field: "tries", New: strconv.Itoa(n)}}
		failed = errors.Join(failed, s.store.Record(ctx, audit.Refusal(who), a))
	}
	return failed
}

func errSignIn(why error) error {
	return fault.New(fault.SignInRefused, "The sign-in didn't work. Check what you entered and try again.").Because(why)
}

// Load returns the member with the token. An unknown or expired one is a
// NotFound fault.
func (s *Sessions) Load(ctx context.Context, token string) (In, error) {
	gone := fault.New(fault.NotFound, "The session has ended.")
	secret, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(secret) != secretSize {
		return In{}, gone
	}
	session, m, home, err := s.store.Session(ctx, hash(secret))
	if err != nil {
		return In{}, err
	}
	now := s.vault.now()
	if !session.Live(now) {
		return In{}, gone
	}
	if now.Sub(session.LastUsed) >= touchEvery {
		if err := s.store.TouchSession(ctx, session.ID, now); err != nil {
			return In{}, err
		}
		session.LastUsed = now
	}
	in := In{Session: session, Member: m, Account: home, Home: home}
	if m.Operator && session.Visits != "" {
		in.Opened, err = s.store.Account(ctx, session.Visits)
		in.Account = in.Opened
	}
	return in, err
}

// Confirm checks a second factor within a session: a code, or the password if
// the member has no second factor. The session's token changes. A wrong one is
// a CodeWrong fault, too many attempts a Limited one.
func (s *Sessions) Confirm(ctx context.Context, from From, in In, code, password string) (token string, err error) {
	if err := s.vault.ownAttempt(ctx, s.store, "confirm", in.Member.ID); err != nil {
		return "", err
	}
	proof, ok := s.vault.code(in.Member, code)
	if !in.Member.HasFactor() {
		proof = in.Member.used(Used{Method: ByPassword})
		if ok, err = s.vault.passwords.check(ctx, insider, password, in.Member.Password); err != nil {
			return "", err
		}
	}
	if !ok {
		return "", s.refuseConfirm(ctx, from, in, nil)
	}
	return s.confirm(ctx, from, in, proof)
}

func (s *Sessions) confirm(ctx context.Context, from From, in In, proof Used) (string, error) {
	token, hash := newToken()
	session := in.Session
	session.Hash, session.Confirmed = hash, s.vault.now()
	by := in.Grant(from.as(in.Member), Self, false)
	by.Renews = true
	a := memberAction(audit.MemberConfirm, by, in.Member)
	a.Changes = []audit.Change{{Field: "method", New: string(proof.Method)}}
	err := s.store.ConfirmSession(ctx, by, session, proof, a)
	if fault.Is(err, fault.SignInRefused) {
		return "", s.refuseConfirm(ctx, from, in, err)
	}
	return token, err
}

func (s *Sessions) refuseConfirm(ctx context.Context, from From, in In, why error) error {
	by := audit.Refusal(from.as(in.Member))
	a := memberAction(audit.MemberConfirm, by, in.Member)
	a.Outcome, a.Reason = audit.Refused, string(fault.CodeWrong)
	if err := s.store.Record(ctx, by, a); err != nil {
		return err
	}
	field, detail := "confirm_code", "This code doesn't work. Each works once, for half a minute. Try the next one."
	if !in.Member.HasFactor() {
		field, detail = "confirm_password", "This password isn't right. Try again."
	}
	return fault.On(field, fault.CodeWrong, "%s", detail).Because(why)
}

// List returns the active sessions of the member.
func (s *Sessions) List(ctx context.Context, m Member) ([]Session, error) {
	all, err := s.store.Sessions(ctx, m.ID)
	now := s.vault.now()
	var live []Session
	for _, session := range all {
		if session.Live(now) {
			live = append(live, session)
		}
	}
	return live, err
}

// SignOut ends the session itself.
func (s *Sessions) SignOut(ctx context.Context, by audit.Grant, in In) error {
	a := memberAction(audit.MemberSignOut, by, in.Member)
	return s.store.EndSession(ctx, by, in.Member.ID, in.Session.ID, a)
}

// Revoke ends another session of the member.
func (s *Sessions) Revoke(ctx context.Context, by audit.Grant, in In, session string) error {
	a := memberAction(audit.SessionRevoke, by, in.Member)
	a.Target = audit.Target{Kind: audit.SessionTarget, ID: session}
	return s.store.EndSession(ctx, by, in.Member.ID, session, a)
}

// RevokeOthers ends all sessions of the member but this one.
func (s *Sessions) RevokeOthers(ctx context.Context, by audit.Grant, in In) error {
	return s.store.EndOthers(ctx, by, in.Member.ID, in.Session.ID, memberAction(audit.SessionRevokeAll, by, in.Member))
}

func memberAction(name audit.Name, by audit.Grant, m Member) audit.Action {
	return audit.Action{Account: m.Account, Name: name, Outcome: audit.Done, Actor: by.Actor, Target: m.target()}
}

// newToken returns a token of 256 random bits and its hash.
func newToken() (token string, sum []byte) {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(secret), hash(secret)
}
