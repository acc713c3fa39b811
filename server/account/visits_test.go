package account_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

// visitor signs in an operator and opens a new customer's account.
func visitor(h *installation, changes bool) (in account.In, customer string) {
	h.t.Helper()
	ctx := h.t.Context()
	_, err := h.members.CreateOwner(ctx, audit.ByOperator(), account.Default, "olga@example.com", phrase)
	h.must(err)
	token, err := h.sessions.SignIn(ctx, from, "olga@example.com", phrase, "")
	h.must(err)
	in, err = h.sessions.Load(ctx, token)
	h.must(err)
	acc, _, err := h.accounts.Create(ctx, audit.ByOperator(), "Shop", true, "carl@shop.example", "en")
	h.must(err)
	h.must(h.sessions.Visit(ctx, operating(in), in, account.Visit{Account: acc.ID, Changes: changes, Reason: "Asked for help"}))
	in, err = h.sessions.Load(ctx, token)
	h.must(err)
	if in.Account.ID != acc.ID || in.Home.ID != account.Default || !in.Visiting() {
		h.t.Fatalf("got %+v, want the account of the customer open", in)
	}
	return in, acc.ID
}

// operating returns the grant of an operator for the installation.
func operating(in account.In) audit.Grant {
	who := from.Actor
	who.Kind, who.ID, who.Name = audit.Operator, in.Member.ID, in.Member.Email
	return in.Grant(who, account.Operate, false)
}

// visiting returns the grant of an operator in the account that they have
// opened.
func visiting(in account.In, need account.Permission) audit.Grant {
	by := in.Grant(operating(in).Actor, need, false)
	by.Visit = true
	return by
}

// TestVisit checks that the transaction of each look and each change decides
// what an operator may do in a customer's account.
func TestVisit(t *testing.T) {
	t.Parallel()
	change := func(h *installation, in account.In, need account.Permission) error {
		return h.store.Record(h.t.Context(), visiting(in, need), audit.Action{
			Account: in.Account.ID, Name: audit.DomainUpdate, Outcome: audit.Done, Target: audit.Target{Kind: audit.DomainTarget, ID: "example.com"},
		})
	}
	look := func(h *installation, in account.In) error {
		return h.sessions.Look(h.t.Context(), visiting(in, account.Look), in, "/panel/domains", "")
	}
	for _, tt := range []struct {
		name    string
		changes bool
		before  func(h *installation, in account.In)
		look    fault.Code // that refuses to look; empty: none
		change  fault.Code // that refuses a change
	}{
		{"to look", false, nil, "", fault.Forbidden},
		{"to change", true, nil, "", ""},
		{"suspended", true, func(h *installation, in account.In) {
			h.must(h.accounts.Suspend(h.t.Context(), operating(in), in.Account.ID, "Unpaid"))
		}, "", fault.AccountSuspended},
		{"no operator any more", true, func(h *installation, in account.In) {
			h.must(h.store.Database().Transact(h.t.Context(), func(t *db.Tx) error {
				_, err := t.Exec(`UPDATE members SET operator = 0`)
				return err
			}))
		}, fault.Forbidden, fault.Forbidden},
		{"left", true, func(h *installation, in account.In) {
			h.must(h.sessions.Leave(h.t.Context(), operating(in), in))
		}, fault.Forbidden, fault.Forbidden},
		{"signed out", true, func(h *installation, in account.In) {
			h.must(h.sessions.SignOut(h.t.Context(), own(in), in))
		}, fault.Unauthorized, fault.Unauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(h *installation) {
				in, _ := visitor(h, tt.changes)
				if tt.before != nil {
					tt.before(h, in)
				}
				h.wantEither(look(h, in), tt.look)
				h.wantEither(change(h, in, account.Change), tt.change)
				for _, never := range []account.Permission{account.Automate, account.Manage} {
					if err := change(h, in, never); err == nil {
						t.Errorf("an operator got %s in the account of a customer", never)
					}
				}
			})
		})
	}
}

// wantEither expects the fault, or no error if the code is empty.
func (h *installation) wantEither(err error, code fault.Code) {
	h.t.Helper()
	if code == "" {
		h.must(err)
		return
	}
	h.want(err, code)
}

// TestVisitElsewhere checks that the grant of a visit is refused for any
// account but the open one, and that operators can't open their own account.
func TestVisitElsewhere(t *testing.T) {
	each(t, func(h *installation) {
		ctx := t.Context()
		in, _ := visitor(h, true)
		other, _, err := h.accounts.Create(ctx, audit.ByOperator(), "Other", true, "lea@other.example", "en")
		h.must(err)
		elsewhere := in
		elsewhere.Account = other
		h.want(h.sessions.Look(ctx, visiting(elsewhere, account.Look), elsewhere, "/panel", ""), fault.Forbidden)
		for id, code := range map[string]fault.Code{account.Default: fault.Conflict, account.Installation: fault.Conflict, "acc_none": fault.NotFound} {
			h.want(h.sessions.Visit(ctx, operating(in), in, account.Visit{Account: id, Reason: "Curious"}), code)
		}
		h.want(h.sessions.Visit(ctx, operating(in), in, account.Visit{Account: other.ID, Reason: " "}), fault.Invalid)
		by := operating(in)
		by.Need = string(account.Manage)
		if err := h.sessions.Visit(ctx, by, in, account.Visit{Account: other.ID, Reason: "Curious"}); err == nil {
			t.Error("who is no operator opened the account of another customer")
		}
	})
}

// TestRenewInvitation checks that a new invitation invalidates the old URL.
func TestRenewInvitation(t *testing.T) {
	each(t, func(h *installation) {
		ctx, by := t.Context(), audit.ByOperator()
		acc, first, err := h.accounts.Create(ctx, by, "Shop", true, "carl@shop.example", "en")
		h.must(err)
		old, _, err := h.members.Invitation(ctx, first)
		h.must(err)
		again, token, err := h.members.RenewInvitation(ctx, by, acc.ID, old.ID)
		h.must(err)
		if again.Email != old.Email || again.Role != old.Role || token == first {
			t.Errorf("got %+v by %q, want the invitation of %+v by another token", again, token, old)
		}
		_, _, err = h.members.Invitation(ctx, first)
		h.want(err, fault.NotFound)
		_, _, err = h.members.Invitation(ctx, token)
		h.must(err)
		_, _, err = h.members.RenewInvitation(ctx, by, acc.ID, old.ID)
		h.want(err, fault.NotFound)
		_, _, err = h.members.RenewInvitation(ctx, by, account.Default, again.ID)
		h.want(err, fault.NotFound)
	})
}
