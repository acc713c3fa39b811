//go:build !race

package server_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// kept filters the rows that a sign-in or an invitation creates.
func kept(rows []storetest.Row) []storetest.Row {
	return slices.DeleteFunc(rows, func(row storetest.Row) bool {
		return !slices.Contains([]string{"sessions", "members", "invitations", "passkeys", "recovery_codes"}, row.Table)
	})
}

// of returns the rows that are about the stage.
func (s *stage) of(rows []storetest.Row) []storetest.Row {
	about := []string{s.actor.Member, s.target, s.domain}
	if s.account != account.Default {
		about = append(about, s.account)
	}
	var mine []storetest.Row
	for _, row := range rows {
		if slices.ContainsFunc(about, func(id string) bool { return id != "" && strings.Contains(row.Text, `"`+id+`"`) }) {
			mine = append(mine, row)
		}
	}
	return mine
}

func (s *stage) judge(t *testing.T, r revocation, stopped bool, changed []storetest.Row) {
	a := s.answer
	if strings.HasSuffix(s.path, "/bulk") && bytes.Contains(a.Body, []byte(`"status":403`)) {
		a.Status = http.StatusForbidden // status of the only link
	}
	if !stopped {
		if !s.isDone(a) {
			t.Errorf("got %d %s %s, want success", a.Status, a.Location(), brief(a.Body))
		}
		return
	}
	if !s.refused(a, r) {
		t.Errorf("got %d %s %s, want a refusal", a.Status, a.Location(), brief(a.Body))
	}
	if len(changed) > 0 {
		tables := map[string]int{}
		for _, row := range changed {
			tables[row.Table]++
		}
		t.Errorf("changed nevertheless: %v", tables)
	}
	if !s.held.Waited {
		t.Error("the server acted before the end of the request")
	}
}

// refused reports whether the answer is that of a request whose permission was
// revoked.
func (s *stage) refused(a servertest.Answer, r revocation) bool {
	switch {
	case s.open:
		return a.Status >= 400 && a.Status < 500 && a.Header.Get("Set-Cookie") == ""
	case s.api():
		// A link of another domain looks like one that doesn't exist.
		return a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden || r.letter == "n" && a.Status == http.StatusNotFound
	case s.json:
		return a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden
	case s.visit && a.Status == http.StatusConflict, (s.visit || r.letter == "o") && a.Status == http.StatusForbidden:
		return true
	case isSignInPage(a) || a.Status == http.StatusSeeOther && strings.HasPrefix(a.Location(), "/panel/confirm"):
		return true
	}
	return r.letter == "f" && a.Status == http.StatusForbidden && bytes.Contains(a.Body, []byte(`name="confirm_`))
}

// reload loads twice the page where the browser is after the answer. The answer
// to a form must not contain what it created, because a reload would create it
// again.
func (s *stage) reload(t *testing.T, at *servertest.Server, a servertest.Answer) {
	t.Helper()
	if strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
		return // the browser stays on the page with the form
	}
	if a.Status != http.StatusSeeOther {
		t.Errorf("a form is answered with %d, not with a redirect", a.Status)
		return
	}
	m := at.As(s.actor)
	m.Keep(a)
	for range 2 {
		m.Get(a.Location())
	}
}

// isDone reports whether the answer is that of a successful request.
func (s *stage) isDone(a servertest.Answer) bool {
	if strings.HasSuffix(s.path, "/sign-out") {
		return isSignInPage(a) && a.Header.Get("Clear-Site-Data") != ""
	}
	return a.Status < 400 && !isSignInPage(a) && a.Location() != "/panel/security/sign-in/enroll"
}

// isSignInPage reports whether the answer redirects to the sign-in page.
func isSignInPage(a servertest.Answer) bool {
	return a.Status == http.StatusSeeOther && strings.HasPrefix(a.Location(), "/panel/sign-in")
}

// brief returns the start of a problem. Pages are left out.
func brief(body []byte) string {
	if !bytes.HasPrefix(body, []byte("{")) {
		return ""
	}
	return strings.TrimSpace(string(body[:min(len(body), 300)]))
}

// difference returns the rows that are in only one list.
func difference(before, after []storetest.Row) (gone, added []storetest.Row) {
	count := map[storetest.Row]int{}
	for _, row := range after {
		count[row]++
	}
	for _, row := range before {
		if count[row] == 0 {
			gone = append(gone, row)
			continue
		}
		count[row]--
	}
	for _, row := range after {
		if count[row] > 0 {
			count[row]--
			added = append(added, row)
		}
	}
	return gone, added
}
