package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Rights are locked in one order: the account, the member, the session or key,
// and the head of the log last. A grant shares its rows with other grants (FOR
// KEY SHARE, which also allows updates of the last use). A change that ends or
// reduces a right in an account locks the account's row exclusively (FOR
// UPDATE) before its own grant: it waits for running writes, and later ones see
// its effect. SQLite has one writer and needs no locks.

// checkGrant locks the rows of the grant against revocation and returns a fault
// if it doesn't authorize a write now: Unauthorized if it has ended,
// AccountSuspended, Forbidden if the role or scope isn't enough, or
// ConfirmationNeeded if the second factor is too old.
func checkGrant(t *db.Tx, by audit.Grant, now time.Time) error {
	switch by.Kind {
	case audit.ProgramGrant, audit.RefusalGrant:
		return nil
	case audit.PublicGrant:
		return checkAccount(t, by.Account)
	case audit.SessionGrant:
		return checkSession(t, by, now)
	case audit.MemberGrant:
		return checkMember(t, by)
	case audit.KeyGrant:
		return checkKey(t, by, now)
	case audit.RedirectKeyGrant:
		return checkRedirectKey(t, by, now)
	}
	return fmt.Errorf("grant of the unknown kind %q", by.Kind)
}

// covers returns an error if the grant doesn't cover the action: each grant
// writes to its own account, a refusal records nothing else, and a test key
// changes nothing live.
func covers(by audit.Grant, a audit.Action) error {
	switch {
	case by.Kind == audit.ProgramGrant:
	case by.Kind == audit.RefusalGrant:
		if a.Outcome != audit.Refused {
			return fmt.Errorf("the grant of a refusal doesn't cover %s with the outcome %q", a.Name, a.Outcome)
		}
	case by.Actor.Test && !slices.Contains(tests, a.Name):
		return ErrLive()
	case a.Account != by.Account && by.Need != string(account.Operate):
		return fmt.Errorf("the grant of the account %q doesn't cover %s in %q", by.Account, a.Name, a.Account)
	}
	return nil
}

// tests are the only actions that a test key's grant covers: those on test
// objects, and the export of the log.
var tests = []audit.Name{audit.KeyCreate, audit.KeyRevoke, audit.LinkCreate, audit.LinkRevoke, audit.ProfileIssue, audit.LogExport}

func checkAccount(t *db.Tx, id string) error {
	var suspended int64
	err := t.Row(`SELECT suspended FROM accounts WHERE id = $1`+t.Share("accounts"), id).Scan(&suspended)
	if errors.Is(err, db.ErrNoRows) {
		return fault.New(fault.NotFound, "There is no such account.")
	}
	if err == nil && suspended != 0 {
		err = errSuspended()
	}
	return err
}

func checkSession(t *db.Tx, by audit.Grant, now time.Time) error {
	var m account.Member
	var s account.Session
	var operator, factors, suspended, required, created, used, confirmed, changes int64
	err := t.Row(`SELECT members.account, members.role, members.operator,
			CASE WHEN members.totp IS NULL THEN 0 ELSE 1 END + (SELECT COUNT(*) FROM passkeys WHERE passkeys.member = members.id),
			accounts.suspended, accounts.factor_required, sessions.created, sessions.last_used, sessions.confirmed,
			sessions.visits, sessions.visit_changes
		FROM accounts JOIN members ON members.account = accounts.id JOIN sessions ON sessions.member = members.id
		WHERE sessions.id = $1`+lockSession(t, by.Renews), by.ID).
		Scan(&m.Account, &m.Role, &operator, &factors, &suspended, &required, &created, &used, &confirmed, &s.Visits, &changes)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	s.Created, s.LastUsed, s.Confirmed = db.Moment(created), db.Moment(used), db.Moment(confirmed)
	m.Operator, s.VisitChanges = operator != 0, changes != 0
	switch {
	case err != nil, !by.Visit && m.Account != by.Account, !s.Live(now):
		return fault.New(fault.Unauthorized, "Your session has ended. Sign in again.")
	case suspended != 0:
		return errSuspended()
	case by.Visit:
		if err := checkVisit(t, by, m, s); err != nil {
			return err
		}
	case !m.May(account.Permission(by.Need)):
		return fault.New(fault.Forbidden, "Your role doesn't allow this. Ask an owner of the account.")
	}
	switch {
	case by.FirstFactor && factors == 0 && required != 0:
		return nil
	case by.Fresh && !s.Fresh(now):
		return fault.New(fault.ConfirmationNeeded, "Confirm it's you, then try again.")
	}
	return nil
}

// checkVisit is checkSession for the account that an operator has opened. If it
// is suspended, the visit is read-only.
func checkVisit(t *db.Tx, by audit.Grant, m account.Member, s account.Session) error {
	switch {
	case s.Visits != by.Account, !m.Operator:
		return account.ErrVisitOver()
	case !m.MayVisit(s, account.Permission(by.Need)):
		return account.ErrVisit()
	}
	err := checkAccount(t, by.Account)
	if fault.Is(err, fault.AccountSuspended) && by.Need == string(account.Look) {
		return nil
	}
	return err
}

func checkMember(t *db.Tx, by audit.Grant) error {
	var m account.Member
	var suspended int64
	err := t.Row(`SELECT members.account, members.role, accounts.suspended
		FROM accounts JOIN members ON members.account = accounts.id WHERE members.id = $1`+t.Share("accounts", "members"), by.ID).
		Scan(&m.Account, &m.Role, &suspended)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	switch {
	case err != nil, m.Account != by.Account:
		return fault.New(fault.Unauthorized, "The member has been removed from the account.")
	case suspended != 0:
		return errSuspended()
	case !m.May(account.Permission(by.Need)):
		return fault.New(fault.Forbidden, "The member's role no longer allows this.")
	}
	return nil
}

func checkKey(t *db.Tx, by audit.Grant, now time.Time) error {
	var owner, scopes, domains string
	var suspended, expires, revoked int64
	err := t.Row(`SELECT keys.account, keys.scopes, keys.domains, keys.expires, keys.revoked, accounts.suspended
		FROM accounts JOIN keys ON keys.account = accounts.id WHERE keys.id = $1`+t.Share("accounts", "keys"), by.ID).
		Scan(&owner, &scopes, &domains, &expires, &revoked, &suspended)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	switch {
	case err != nil, owner != by.Account, revoked != 0, expires != 0 && db.Millis(now) >= expires:
		return fault.New(fault.Unauthorized, "This key has been revoked or has expired.")
	case suspended != 0:
		return errSuspended()
	case !slices.Contains(strings.Fields(scopes), by.Need):
		return fault.New(fault.Forbidden, "This key doesn't have the scope %s.", by.Need)
	case domains != by.Domains, expires != db.Millis(by.Expires):
		return fault.New(fault.Forbidden, "This key has been changed. Send the request again.")
	}
	return nil
}

func checkRedirectKey(t *db.Tx, by audit.Grant, now time.Time) error {
	var owner string
	var suspended, expires int64
	err := t.Row(`SELECT redirect_keys.account, redirect_keys.expires, accounts.suspended
		FROM accounts JOIN redirect_keys ON redirect_keys.account = accounts.id WHERE redirect_keys.id = $1`+
		t.Share("accounts", "redirect_keys"), by.ID).Scan(&owner, &expires, &suspended)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return err
	}
	switch {
	case err != nil, owner != by.Account:
		return fault.On("kid", fault.RedirectInvalid, "The public key was removed.")
	case expires != 0 && db.Millis(now) >= expires:
		return fault.On("kid", fault.RedirectInvalid, "The public key has expired.")
	case suspended != 0:
		return errSuspended()
	}
	return nil
}

func errSuspended() error {
	return fault.New(fault.AccountSuspended, "This account is suspended. Ask the server operator.")
}

// ErrLive refuses to let a test key touch live objects.
func ErrLive() error {
	return fault.New(fault.Forbidden, "A test key can't change live objects. Use another key.")
}

// lockOut waits until no grant of the account is in a transaction, and blocks
// new ones until this transaction ends. It comes first in every change that
// ends or reduces a right. A missing account is a NotFound fault.
func lockOut(t *db.Tx, id string) error {
	var n int64
	err := t.Row(`SELECT 1 FROM accounts WHERE id = $1`+t.Exclusive(), id).Scan(&n)
	if errors.Is(err, db.ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such account.")
	}
	return err
}

// lockSession ends the SELECT of a session's grant. A write that changes the
// session itself locks its row exclusively from the start: two that shared it
// would wait for each other.
func lockSession(t *db.Tx, alone bool) string {
	if !alone {
		return t.Share("accounts", "members", "sessions")
	}
	if !t.Locks() {
		return ""
	}
	return t.Share("accounts", "members") + " FOR UPDATE OF sessions"
}

// LockAccount serializes transactions that count objects of an account.
func LockAccount(t *db.Tx, id string) error {
	n, err := t.Exec(`UPDATE accounts SET name = name WHERE id = $1`, id)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "There is no such account.")
	}
	return err
}
