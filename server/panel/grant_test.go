package panel

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
)

// TestHere checks that what operators do in a customer's account is bound to
// the visit, and what they do in their own to the role of operator.
func TestHere(t *testing.T) {
	home, customer := account.Account{ID: account.Default}, account.Account{ID: "acc_1"}
	for _, in := range []account.In{{Account: home, Home: home}, {Account: customer, Home: home, Opened: customer}} {
		v := &Visit{In: in, need: OnHere(Button("/domains/:domain/approve", account.Operate, Fresh, nil))}
		g := v.By()
		need := account.Operate
		if in.Visiting() {
			need = account.Change
		}
		if g.Account != in.Account.ID || g.Visit != in.Visiting() || g.Need != string(need) || !g.Fresh || !account.Decides(g) {
			t.Errorf("in %s: got %+v", in.Account.ID, g)
		}
	}
}
