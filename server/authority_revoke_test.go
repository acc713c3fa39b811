//go:build !race

package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A revocation removes what a request was admitted by, while the server waits
// for the end of the request.
type revocation struct {
	letter string // its letter in the rows
	name   string
	// revoke revokes what the row's request needs, through another server if
	// there is one. Nil: only the clock moves.
	revoke func(t *testing.T, w *authorityWorld, s *stage)
	// How long after the session's confirmation the request is sent, and how
	// long after that its end.
	sent, ended time.Duration
}

var revocations = []revocation{
	{"a", "session revoked", revokeSession, 0, 0},
	{"b", "member removed", removeMember, 0, 0},
	{"c", "role or scope reduced", reduceRole, 0, 0},
	{"d", "account suspended", suspendAccount, 0, 0},
	{"e", "password changed", changePassword, 0, 0},
	{"f", "second factor expired", nil, account.ConfirmLife - time.Minute, time.Minute},
	{"g", "key or invitation revoked", revokeKey, 0, 0},
	{"n", "domains removed from the key", removeDomains, 0, 0},
	{"o", "operator role removed", removeOperator, 0, 0},
	{"l", "account left", leaveAccount, 0, 0},
	{"x", "session expired", nil, account.ConfirmLife - time.Minute, time.Minute + sessionEnds},
	{"y", "key expired", nil, 0, 31 * 24 * time.Hour},
}

// sessionEnds is how long a session lives after its second factor has expired.
// Codes and ceremonies still work then.
const sessionEnds = time.Minute

// admissionRefuses are those that are detected without the body, and answered
// without a page.
const admissionRefuses = "abcdegxy"

// Which revocations stop which kind of request.
const (
	freshCases    = "abcdefx" // panel requests with a fresh second factor
	signedCases   = "abcdex"  // panel requests without one
	operatorCases = "abcefox" // operators' requests; their account can't be suspended
	apiCases      = "cdgny"
)

func done(t *testing.T, what string, a servertest.Answer) {
	t.Helper()
	if a.Status != http.StatusSeeOther || isSignInPage(a) || !strings.Contains(a.Location(), "done=") {
		t.Fatalf("%s: %d %s", what, a.Status, a.Location())
	}
}

func revokeSession(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	done(t, "revoke the session", w.b.As(s.elsewhere).Post("/panel/security/sessions/"+s.actor.Session+"/revoke"))
}

func removeMember(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	done(t, "remove the member", w.b.As(s.owner).Post("/panel/members/"+s.actor.Member+"/remove"))
}

// reduceRole makes a member an auditor, and reduces a key to another scope.
func reduceRole(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	if s.api() {
		storetest.Exec(t, w.database, `UPDATE keys SET scopes = 'identity:read' WHERE id = $1`, s.ids["{key}"])
		return
	}
	done(t, "reduce the role", w.b.As(s.owner).Post("/panel/members/"+s.actor.Member, "role", "auditor"))
}

func suspendAccount(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	done(t, "suspend the account", w.b.As(w.root).Post("/panel/accounts/"+s.account+"/suspend", "reason", "Unpaid"))
}

// removeOperator removes the operator role but keeps the session: the opened account
// must not count then.
func removeOperator(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	storetest.Exec(t, w.database, `UPDATE members SET operator = 0 WHERE id = $1`, s.actor.Member)
}

// leaveAccount ends the visit in another window of the same browser.
func leaveAccount(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	done(t, "leave the account", w.b.As(s.actor).Post("/panel/accounts/leave"))
}

// changePassword changes the password in another browser. For a visit it stores
// a hash directly, because hashing again for each row would dominate the test's
// time.
func changePassword(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	if s.visit {
		w.seeder.NewPassword(s.elsewhere)
		return
	}
	done(t, "change the password", w.b.As(s.elsewhere).Post("/panel/security/sign-in/password",
		"current", servertest.Password, "password", "hammock velvet tractor 88"))
}

// revokeKey revokes the API key of the row, or its invitation.
func revokeKey(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	path := "/panel/keys/" + s.ids["{key}"] + "/revoke"
	if s.open {
		path = "/panel/members/invitations/" + s.ids["{invitation}"] + "/revoke"
	}
	done(t, path, w.b.As(s.owner).Post(path))
}

func removeDomains(t *testing.T, w *authorityWorld, s *stage) {
	t.Helper()
	storetest.Exec(t, w.database, `UPDATE keys SET domains = 'elsewhere.example' WHERE id = $1`, s.ids["{key}"])
}
