package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Rights are locked in one order: the account, the member, the session or key,
// and the head of the log last. A grant shares its rows with other grants
// (FOR KEY SHARE, which also lets notes of last use through). Whoever ends or
// reduces a right in an account takes the account's row for itself first (FOR
// UPDATE), before its own grant: it waits for the writes under way, and those
// that come later see what it did. SQLite has one writer and needs no locks.

// check locks the rows of the grant against revocation and returns a fault if
// it doesn't entitle to a write now: Unauthorized if it has ended,
// AccountSuspended, Forbidden if the role or scope isn't enough, or
// ConfirmationNeeded if the second factor has grown old.
func (t *tx) check(by audit.Grant, now time.Time) error {
	switch by.Kind {
	case audit.ProgramGrant, audit.RefusalGrant:
		return nil
	case audit.PublicGrant:
		return t.checkAccount(by.Account)
	case audit.SessionGrant:
		return t.checkSession(by, now)
	case audit.KeyGrant:
		return t.checkKey(by, now)
	case audit.RedirectKeyGrant:
		return t.checkRedirectKey(by, now)
	}
	return fmt.Errorf("grant of the unknown kind %q", by.Kind)
}

// allows returns an error if the grant doesn't cover the action: each grant
// writes to its own account, a refusal records nothing else.
func allows(by audit.Grant, a audit.Action) error {
	switch {
	case by.Kind == audit.ProgramGrant:
	case by.Kind == audit.RefusalGrant:
		if a.Outcome != audit.Refused {
			return fmt.Errorf("the grant of a refusal doesn't cover %s with the outcome %q", a.Name, a.Outcome)
		}
	case a.Account != by.Account && by.Need != string(account.Operate):
		return fmt.Errorf("the grant of the account %q doesn't cover %s in %q", by.Account, a.Name, a.Account)
	}
	return nil
}

func (t *tx) checkAccount(id string) error {
	var suspended int64
	err := t.row(`SELECT suspended FROM accounts WHERE id = $1`+t.share("accounts"), id).Scan(&suspended)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "There is no such account.")
	}
	if err == nil && suspended != 0 {
		err = errSuspended()
	}
	return err
}

func (t *tx) checkSession(by audit.Grant, now time.Time) error {
	var m account.Member
	var s account.Session
	var operator, factors, suspended, required, created, used, confirmed int64
	err := t.row(`SELECT members.account, members.role, members.operator,
			CASE WHEN members.totp IS NULL THEN 0 ELSE 1 END + (SELECT COUNT(*) FROM passkeys WHERE passkeys.member = members.id),
			accounts.suspended, accounts.factor_required, sessions.created, sessions.last_used, sessions.confirmed
		FROM accounts JOIN members ON members.account = accounts.id JOIN sessions ON sessions.member = members.id
		WHERE sessions.id = $1`+t.lockSession(by.Renews), by.ID).
		Scan(&m.Account, &m.Role, &operator, &factors, &suspended, &required, &created, &used, &confirmed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	s.Created, s.LastUsed, s.Confirmed = moment(created), moment(used), moment(confirmed)
	m.Operator = operator != 0
	switch {
	case err != nil, m.Account != by.Account, !s.Live(now):
		return fault.New(fault.Unauthorized, "Your session has ended. Sign in again.")
	case suspended != 0:
		return errSuspended()
	case !m.May(account.Permission(by.Need)):
		return fault.New(fault.Forbidden, "Your role does not allow this. Ask an owner of the account.")
	case by.FirstFactor && factors == 0 && required != 0:
		return nil
	case by.Fresh && !s.Fresh(now):
		return fault.New(fault.ConfirmationNeeded, "Confirm that it is you, then try again.")
	}
	return nil
}

func (t *tx) checkKey(by audit.Grant, now time.Time) error {
	var owner, scopes, domains string
	var suspended, expires, revoked int64
	err := t.row(`SELECT keys.account, keys.scopes, keys.domains, keys.expires, keys.revoked, accounts.suspended
		FROM accounts JOIN keys ON keys.account = accounts.id WHERE keys.id = $1`+t.share("accounts", "keys"), by.ID).
		Scan(&owner, &scopes, &domains, &expires, &revoked, &suspended)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch {
	case err != nil, owner != by.Account, revoked != 0, expires != 0 && millis(now) >= expires:
		return fault.New(fault.Unauthorized, "This key has been revoked or has expired.")
	case suspended != 0:
		return errSuspended()
	case !slices.Contains(strings.Fields(scopes), by.Need):
		return fault.New(fault.Forbidden, "This key lacks the scope %s.", by.Need)
	case domains != by.Domains:
		return fault.New(fault.Forbidden, "The domains of this key have changed. Send the request again.")
	}
	return nil
}

func (t *tx) checkRedirectKey(by audit.Grant, now time.Time) error {
	var owner string
	var suspended, expires int64
	err := t.row(`SELECT redirect_keys.account, redirect_keys.expires, accounts.suspended
		FROM accounts JOIN redirect_keys ON redirect_keys.account = accounts.id WHERE redirect_keys.id = $1`+
		t.share("accounts", "redirect_keys"), by.ID).Scan(&owner, &expires, &suspended)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch {
	case err != nil, owner != by.Account:
		return fault.On("kid", fault.RedirectInvalid, "The public key was removed.")
	case expires != 0 && millis(now) >= expires:
		return fault.On("kid", fault.RedirectInvalid, "The public key has expired.")
	case suspended != 0:
		return errSuspended()
	}
	return nil
}

func errSuspended() error {
	return fault.New(fault.AccountSuspended, "This account is suspended. Ask whoever runs this service.")
}

// lockOut waits until no grant of the account is in a transaction, and keeps
// new ones out until this transaction ends. It comes first in whatever ends or
// reduces a right. An account that isn't there is a NotFound fault.
func (t *tx) lockOut(id string) error {
	var n int64
	err := t.row(`SELECT 1 FROM accounts WHERE id = $1`+t.exclusive(), id).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such account.")
	}
	return err
}

// lockKey takes a row of keys or redirect_keys alone before it is changed. A
// change alone wouldn't do: a grant that waits for the account shares the row
// as its statement first saw it, unless the row itself was taken FOR UPDATE.
func (t *tx) lockKey(table, id string) error {
	if !t.conn.locks() {
		return nil
	}
	return t.each(func(row) error { return nil }, `SELECT 1 FROM `+table+` WHERE id = $1`+t.exclusive(), id)
}

// share ends a SELECT whose rows, in the order of the tables, mustn't be
// revoked before the transaction ends.
func (t *tx) share(tables ...string) string {
	if !t.conn.locks() {
		return ""
	}
	return " FOR KEY SHARE OF " + strings.Join(tables, ", ")
}

// lockSession ends the SELECT of a session's grant. A write that changes the
// session itself takes its row alone from the start: two that shared it would
// wait for each other.
func (t *tx) lockSession(alone bool) string {
	if !alone {
		return t.share("accounts", "members", "sessions")
	}
	if !t.conn.locks() {
		return ""
	}
	return t.share("accounts", "members") + " FOR UPDATE OF sessions"
}

// exclusive ends a SELECT whose rows belong to this transaction alone.
func (t *tx) exclusive() string {
	if !t.conn.locks() {
		return ""
	}
	return " FOR UPDATE"
}
