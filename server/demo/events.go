package demo

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/settings"
)

// changes plans what the members change during the month.
func (w *world) changes() {
	w.own(w.on(19, 11, 12), func(ctx context.Context) error {
		spec := clinicRules()
		spec.MinLength, spec.MaxAgeDays = 8, 365
		_, err := w.policies.Update(ctx, w.people[owner].grant(), account.Default, w.policy, spec)
		return err
	})
	w.own(w.on(15, 14, 3), func(ctx context.Context) error { // reports that old.example.org is gone
		spec := bakerySpec()
		spec.DisplayName, spec.HelpText = "Old Town Bakery", "Ask Tom in the office"
		_, err := w.domains.Update(ctx, w.people[admin].grant(), account.Default, Bakery, spec)
		return err
	})
	w.own(w.on(9, 17, 40), func(ctx context.Context) error {
		return w.members.Remove(ctx, w.people[owner].grant(), account.Default, w.people[former].Member.ID, false)
	})
	w.own(w.on(4, 10, 26), func(ctx context.Context) error {
		spec := harborSpec()
		spec.HelpText = "Help desk: +49 30 901820, every day from 7 to 22"
		_, err := w.domains.Update(ctx, w.people[admin].grant(), account.Default, Harbor, spec)
		return err
	})
	w.own(w.on(3, 9, 8), func(ctx context.Context) error {
		_, _, err := w.keys.Create(ctx, w.people[admin].grant(), account.KeySpec{
			Account: account.Default, Name: "Trial of the new portal", Scopes: []string{"links:write"}, Domains: []string{Bakery}, Life: 30 * day, Test: true,
		})
		return err
	})
	w.own(w.ago(21*time.Hour), w.invites(owner, "sofia@example.com", account.Admin, "", place{}))
	// By this call crm.example.net has failed for more than a day.
	w.own(w.ago(4*time.Hour), func(ctx context.Context) error {
		_, err := w.domains.Update(ctx, w.people[admin].grant(), account.Default, Bakery, settings.DomainSpec{
			Incoming: "mail.example.net", Outgoing: "mail.example.net", Policy: settings.Off, DisplayName: "Old Town Bakery", HelpText: "Ask Tom in the office",
		})
		return err
	})
}

// others plans two customers with their own accounts: an active one, and a
// suspended one.
func (w *world) others() {
	w.own(w.on(20, 10, 15), func(ctx context.Context) error {
		acc, token, err := w.accounts.Create(ctx, w.people[owner].grant(), "Riverside Dental", true, customer, "en")
		if err != nil {
			return err
		}
		w.more = append(w.more, acc.ID)
		w.at(w.now().Add(26*time.Hour), acc.ID, func(ctx context.Context) error {
			return w.join(ctx, token, customer, "Nadia Amari", dentist)
		})
		w.at(w.now().Add(27*time.Hour), acc.ID, func(ctx context.Context) error {
			_, err := w.domains.CreateApproved(ctx, w.people[customer].grant(), acc.ID, settings.DomainSpec{
				Name: "dental.example", Incoming: "imap.dental.example", Outgoing: "smtp.dental.example", Policy: settings.Offered, DisplayName: "Riverside Dental",
			})
			return err
		})
		return nil
	})
	w.own(w.on(13, 15, 0), func(ctx context.Context) error {
		acc, _, err := w.accounts.Create(ctx, w.people[owner].grant(), "Fjord Outfitters", false, "post@fjord.example", "en")
		if err != nil {
			return err
		}
		w.more = append(w.more, acc.ID)
		w.at(w.on(2, 12, 30), acc.ID, func(ctx context.Context) error {
			return w.accounts.Suspend(ctx, w.people[owner].grant(), acc.ID, "Three invoices unpaid")
		})
		return nil
	})
}

// signIns plans who signs in, and who tries to.
func (w *world) signIns() {
	for back := days - 2; back >= 1; back-- {
		if back%3 == 0 {
			w.own(w.on(back, 8, 55), w.visits(owner, office, false))
		}
		if back%4 == 1 {
			w.own(w.on(back, 8, 20), w.visits(admin, desk, back%8 == 1))
		}
		if back%7 == 2 && back < days-4 {
			w.own(w.on(back, 13, 45), w.visits(auditor, journey, true))
		}
	}
	w.own(w.on(16, 20, 15), w.visits(owner, home, true)) // from a new device
	for i := range 10 {                                  // as many as are notified about
		w.own(w.on(6, 22, 10+4*i), w.fails(admin))
	}
	w.own(w.on(6, 22, 52), w.fails("root@example.com"))
	w.own(w.ago(25*time.Minute), w.visits(admin, desk, false))
}

// maintain runs the maintenance of all logs.
func (w *world) maintain(ctx context.Context) error {
	for _, id := range append([]string{account.Installation, account.Default}, w.more...) {
		if err := w.maintenance.Run(ctx, id); err != nil {
			return err
		}
		if err := w.tell(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
