package panel_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// visit opens the customer's account for the operator and returns its ID.
func (h *installation) visit(changes string) string {
	h.t.Helper()
	id := storetest.Column(h.t, h.database, `SELECT account FROM members WHERE email = '`+h.customer.Email+`'`)[0]
	a := h.owner.Post("/panel/accounts/"+id+"/open", "reason", "Asked for help with shop.example", "changes", changes)
	if a.Status != http.StatusSeeOther || a.Location() != "/panel?done=account.opened" {
		h.t.Fatalf("open: %d %s %s", a.Status, a.Location(), a.Body)
	}
	return id
}

// logged returns the first page of the customer's log, as the customer sees
// it.
func (h *installation) logged() string {
	h.t.Helper()
	a := h.customer.Get("/panel/security/log")
	if a.Status != http.StatusOK {
		h.t.Fatalf("log: %d", a.Status)
	}
	return string(a.Body)
}

// testVisit checks that an operator in a customer's account sees its pages
// with a banner, can do what the visit is for and no more, leaves a record of
// each look and each change, and can leave again.
func testVisit(h *installation) {
	t := h.t
	id := h.visit("")
	banner := []byte(`You’re in the account <bdi>Shop</bdi>`)
	for _, row := range rows() {
		if row.Method != http.MethodGet || row.Open || strings.HasSuffix(row.Path, "/events") {
			continue
		}
		before := len(h.looks(id))
		a := h.owner.Get(path(row.Path, h.other))
		atHome := row.Need == account.Self || row.Need == account.Operate
		allowed := atHome || row.Need == account.Look
		if refused := a.Status == http.StatusForbidden && bytes.Contains(a.Body, []byte("Operators can’t do this")); refused == allowed {
			t.Errorf("%s: got %d in a visit to look", row.Path, a.Status)
		}
		bare := strings.Contains(row.Path, "preview") || strings.HasSuffix(row.Path, "/branding/mail") // a page or an email of people
		if html := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html"); html && !bytes.Contains(a.Body, banner) && !bare {
			t.Errorf("%s: no page says in whose account the operator is: %d", row.Path, a.Status)
		}
		if allowed && !atHome && !bare {
			h.fenced(row.Path, string(a.Body), id)
		}
		if looked := len(h.looks(id)) - before; (looked == 1) != (allowed && !atHome) {
			t.Errorf("%s: %d looks in the log of the account", row.Path, looked)
		}
	}
	page := h.owner.Get("/panel/domains")
	if !bytes.Contains(page.Body, []byte("other.example.com")) || bytes.Contains(page.Body, []byte("own.example.com")) {
		t.Error("the list doesn't contain only the customer's domains")
	}
	log := h.logged()
	for _, want := range []string{"Account opened by an operator", "Asked for help with shop.example", "Page viewed by an operator", "/panel/domains", "olga@example.com", `<span class="tag">operator</span>`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log of the customer has no %q", want)
		}
	}
	h.change(id)
	h.leave(id)
}

var (
	posting   = regexp.MustCompile(`<form [^>]*method="post"[^>]*>`)
	elsewhere = regexp.MustCompile(`formaction="[^"]*"`)
)

// fenced checks that each form of the page, and each button that sends one
// elsewhere, names its account, and that no script sends one without it.
func (h *installation) fenced(path, page, account string) {
	h.t.Helper()
	for _, tag := range append(posting.FindAllString(page, -1), elsewhere.FindAllString(page, -1)...) {
		if !strings.Contains(tag, `?in=`+account+`"`) || strings.Contains(tag, "data-preview") {
			h.t.Errorf("%s: %s isn't of the account", path, tag)
		}
	}
}

// looks returns what the account's log has recorded of looks.
func (h *installation) looks(id string) []string {
	h.t.Helper()
	return storetest.Column(h.t, h.database, `SELECT CAST(seq AS TEXT) FROM actions WHERE account = '`+id+`' AND name = 'account.look'`)
}

// change changes a domain, and tries what operators may not do.
func (h *installation) change(id string) {
	h.t.Helper()
	own, other := "/panel/domains/own.example.com", "/panel/domains/other.example.com"
	fields := domainForm("display_name", "Changed by the operator")
	if a := h.owner.Post(other+"?in="+id, fields...); a.Status != http.StatusForbidden {
		h.t.Errorf("a visit to look changed a domain: %d", a.Status)
	}
	h.visit("yes")
	h.clock.Move(time.Minute)
	for where, want := range map[string]int{
		other:                            http.StatusConflict, // of a page that was loaded before
		other + "?in=acc_x":              http.StatusConflict,
		own + "?in=" + id:                http.StatusNotFound,
		other + "?in=" + id:              http.StatusSeeOther,
		"/panel/members/invite?in=" + id: http.StatusForbidden, "/panel/keys/new?in=" + id: http.StatusForbidden,
		path("/panel/keys/:id/rotate", h.other) + "?in=" + id: http.StatusForbidden, // it would show a key that works after the visit
		"/panel/batches/new?in=" + id:                         http.StatusForbidden, "/panel/security/notifications/webhooks/new?in=" + id: http.StatusForbidden,
	} {
		if a := h.owner.Post(where, fields...); a.Status != want {
			h.t.Errorf("%s: got %d, want %d", where, a.Status, want)
		}
	}
	form := string(h.owner.Get(other + "/edit").Body)
	if !strings.Contains(form, `action="`+other+"?in="+id+`"`) {
		h.t.Error("the form doesn't name its account")
	}
	if log := h.logged(); !strings.Contains(log, "Domain updated") || !strings.Contains(log, "Changed by the operator") {
		h.t.Error("the change is not in the log of the customer")
	}
}

// leave ends the visit, and the authority with it.
func (h *installation) leave(id string) {
	h.t.Helper()
	if a := h.owner.Post("/panel/accounts/leave"); a.Status != http.StatusSeeOther || a.Location() != "/panel/accounts?done=account.left" {
		h.t.Errorf("leave: %d %s", a.Status, a.Location())
	}
	if a := h.owner.Get("/panel/domains"); bytes.Contains(a.Body, []byte("other.example.com")) || bytes.Contains(a.Body, []byte("You’re in the account")) {
		h.t.Error("the visit goes on")
	}
	if a := h.owner.Post("/panel/domains/other.example.com?in="+id, domainForm()...); a.Status != http.StatusConflict {
		h.t.Errorf("a form of the account was taken after the visit: %d", a.Status)
	}
	if log := h.logged(); !strings.Contains(log, "Operator left the account") {
		h.t.Error("the log doesn't say that the operator left")
	}
	h.visit("yes")
	storetest.Exec(h.t, h.database, `UPDATE members SET operator = 0 WHERE email = 'olga@example.com'`)
	if a := h.owner.Get("/panel/domains"); bytes.Contains(a.Body, []byte("other.example.com")) {
		h.t.Error("a former operator is still in the account")
	}
	if a := h.owner.Post("/panel/domains/other.example.com?in="+id, domainForm()...); a.Status != http.StatusConflict {
		h.t.Errorf("a former operator got %d", a.Status)
	}
	storetest.Exec(h.t, h.database, `UPDATE members SET operator = 1 WHERE email = 'olga@example.com'`)
	h.owner.Post("/panel/accounts/leave")
}

// testAccountPeople checks that operators see who is in an account, and can
// replace an invitation, whose old URL stops working.
func testAccountPeople(h *installation) {
	t := h.t
	id := storetest.Column(t, h.database, `SELECT account FROM members WHERE email = '`+h.customer.Email+`'`)[0]
	first := h.Invitation(h.customer.Make("/panel/members/invite", "email", "late@shop.example", "role", "admin"))
	old := storetest.Column(t, h.database, `SELECT id FROM invitations WHERE email = 'late@shop.example'`)[0]
	page := string(h.owner.Get("/panel/accounts/" + id).Body)
	for _, want := range []string{h.customer.Email, "late@shop.example", "/invitations/" + old + "/again"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the account doesn't contain %q", want)
		}
	}
	if strings.Contains(page, first[strings.LastIndex(first, "/"):]) {
		t.Error("the page of the account shows the address of an invitation")
	}
	again := h.Invitation(h.owner.Make("/panel/accounts/" + id + "/invitations/" + old + "/again"))
	if again == first {
		t.Error("the address is the same")
	}
	nobody := &servertest.Member{Server: h.Server}
	for address, want := range map[string]int{first: http.StatusNotFound, again: http.StatusOK} {
		if a := nobody.Get(address[strings.Index(address, "/panel"):]); a.Status != want {
			t.Errorf("%s: got %d, want %d", address, a.Status, want)
		}
	}
	for _, what := range []string{"suspend", "resume"} {
		if a := h.owner.Post("/panel/accounts/" + id + "/" + what); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s without a reason: %d", what, a.Status)
		}
		if a := h.owner.Post("/panel/accounts/"+id+"/"+what, "reason", "Invoice 4711"); a.Status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
		if page := h.owner.Get("/panel/accounts/" + id); what == "suspend" && !bytes.Contains(page.Body, []byte("Invoice 4711")) {
			t.Error("the page of the account doesn't say why it is suspended")
		}
	}
	h.clock.Move(time.Minute)
	h.customer.SignIn()
	if log := h.logged(); strings.Count(log, `<span class="sub"><bdi>Invoice 4711</bdi></span>`) != 2 {
		t.Error("the log of the customer doesn't say why it was suspended and resumed")
	}
}
