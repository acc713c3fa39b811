package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/netip"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Who signs in.
const (
	owner    = "maria@example.com"
	admin    = "jonas@example.com"
	auditor  = "lea@example.com"
	former   = "karl@example.com"
	customer = "amari@dental.example"
)

// story plans the month.
func (w *world) story() {
	w.beginning()
	w.services()
	w.changes()
	w.others()
	w.signIns()
	w.traffic()
	w.states()
	for back := days - 1; back >= 0; back-- {
		w.at(w.on(back, 1, 0), account.Default, w.maintain)
	}
}

// own plans an event of the first account.
func (w *world) own(when time.Time, do func(context.Context) error) {
	w.at(when, account.Default, do)
}

// beginning plans the first days: the staff, and their domains.
func (w *world) beginning() {
	w.own(w.on(30, 9, 2), w.found)
	w.own(w.on(30, 10, 30), w.invites(owner, admin, account.Admin, "Jonas Weber", desk))
	w.own(w.on(30, 10, 35), w.invites(owner, former, account.Admin, "Karl Nyberg", place{"203.0.113.40", "Firefox on Linux"}))
	w.own(w.on(30, 14, 10), w.firstPolicies)
	w.own(w.on(29, 8, 40), w.firstDomains)
	w.own(w.on(29, 9, 15), w.firstKeys)
	w.own(w.on(28, 11, 5), w.invites(owner, auditor, account.Auditor, "Lea Brandt", journey))
}

// found creates the first owner and names the account.
func (w *world) found(ctx context.Context) error {
	token, err := w.members.InviteFirst(ctx)
	if err != nil {
		return err
	}
	if err := w.join(ctx, token, owner, "Maria Lind", office); err != nil {
		return err
	}
	return w.accounts.Update(ctx, w.people[owner].grant(), account.Default, "Harbor Mail", true)
}

func clinicRules() settings.PolicySpec {
	return settings.PolicySpec{Name: "Clinic phones", MinLength: 6, MaxFailedAttempts: 10, ResetMinutes: 15, AutoLockMinutes: 2, History: 5}
}

func (w *world) firstPolicies(ctx context.Context) error {
	who := w.people[owner].grant()
	clinic, err := w.policies.Create(ctx, who, account.Default, clinicRules())
	if err != nil {
		return err
	}
	w.policy = clinic.ID
	_, err = w.policies.Create(ctx, who, account.Default, settings.PolicySpec{
		Name: "Phones that travel", MinLength: 8, MaxFailedAttempts: 8, ResetMinutes: 30, AutoLockMinutes: 1, Alphanumeric: true, History: 3,
	})
	return err
}

func harborSpec() settings.DomainSpec {
	return settings.DomainSpec{
		Name: Harbor, Incoming: "imap.example.com", Outgoing: "smtp.example.com", Calendars: "dav.example.com", Contacts: "dav.example.com",
		Policy: settings.Offered, PolicyID: settings.StandardPolicy, DisplayName: "Harbor Mail",
		HelpText: "Help desk: +49 30 901820, every day from 8 to 20", SignInHint: "Your app password from my.example.com", ReturnHosts: []string{"my.example.com"},
	}
}

func bakerySpec() settings.DomainSpec {
	return settings.DomainSpec{Name: Bakery, Incoming: "mail.example.net", Outgoing: "mail.example.net:587/starttls", Policy: settings.Off}
}

func (w *world) firstDomains(ctx context.Context) error {
	for _, spec := range []settings.DomainSpec{
		harborSpec(),
		{
			Name: Clinic, Incoming: "imap.example.org", Outgoing: "smtp.example.org", Policy: settings.Required, PolicyID: w.policy,
			DisplayName: "Seaside Clinic", HelpText: "IT of the clinic, extension 4400", Login: settings.LocalPartLogin,
		},
		bakerySpec(),
	} {
		if _, err := w.domains.CreateApproved(ctx, w.people[admin].grant(), account.Default, spec); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) firstKeys(ctx context.Context) (err error) {
	who := w.people[admin].grant()
	w.key, w.made.Key, err = w.keys.Create(ctx, who, account.KeySpec{
		Account: account.Default, Name: "Customer portal", Scopes: []string{"domains:read", "profiles:write", "links:read", "links:write"},
	})
	if err != nil {
		return err
	}
	script, _, err := w.keys.Create(ctx, who, account.KeySpec{Account: account.Default, Name: "Migration script", Scopes: []string{"profiles:write"}, Domains: []string{Clinic}})
	if err != nil {
		return err
	}
	w.own(w.on(17, 16, 20), func(ctx context.Context) error {
		return w.keys.Revoke(ctx, w.people[owner].grant(), account.Default, script.ID)
	})
	_, _, err = w.keys.Create(ctx, who, account.KeySpec{
		Account: account.Default, Name: "Monitoring", Scopes: []string{"identity:read"}, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")}, Life: 90 * day,
	})
	return err
}

// services plans what the account connects to: a panel that signs, webhooks,
// and notifications.
func (w *world) services() {
	w.own(w.on(24, 13, 30), func(ctx context.Context) error {
		_, err := w.redirects.Create(ctx, w.people[admin].grant(), account.Default, redirect.Spec{Name: "Roundcube", PEM: publicKey(), Domains: []string{Bakery}})
		return err
	})
	always := func(status int) func(time.Time) int { return func(time.Time) int { return status } }
	w.hosts["portal.example.com"] = always(http.StatusNoContent)
	w.hosts["old.example.org"] = always(http.StatusGone)
	broken := w.ago(33 * time.Hour)
	w.hosts["crm.example.net"] = func(at time.Time) int {
		if at.After(broken) {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	w.own(w.on(21, 10, 0), w.hooks(admin, "https://old.example.org/hooks/mail?token=9f2c", notify.DomainChanged, notify.PolicyChanged))
	w.own(w.on(8, 9, 30), w.hooks(admin, "https://portal.example.com/hooks/mobileconfig", notify.LinkDownloaded))
	w.own(w.on(5, 15, 45), w.hooks(admin, "https://crm.example.net/webhooks/7d41", notify.LinkDownloaded, notify.DomainChanged, notify.KeyCreated))

	// One call fails a day before the last, so that its owners are notified.
	w.play(plot{
		at: w.ago(32 * time.Hour), address: "zoe@" + Harbor, name: "Zoe Lambert", account: account.Default, make: w.byPortal(0),
		opened: time.Minute, fetched: 5 * time.Second, platform: profile.IPhone, device: journey,
	})

	w.own(w.on(27, 9, 20), w.subscribes(auditor, notify.SignIns, notify.Policies, notify.Log))
	w.own(w.on(27, 9, 25), w.subscribes("security@example.com", notify.SignIns, notify.Keys, notify.Identity, notify.Log))
	w.own(w.on(27, 9, 30), w.subscribes(gone, notify.Domains, notify.Log))
}

// publicKey is the same in every run.
func publicKey() string {
	seed := sha256.Sum256([]byte("demo"))
	der, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(seed[:]).Public())
	if err != nil {
		return "" // which is refused
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (w *world) hooks(by, url string, types ...notify.Type) func(context.Context) error {
	return func(ctx context.Context) error {
		spec := notify.WebhookSpec{URL: url}
		for _, t := range types {
			spec.Types = append(spec.Types, string(t))
		}
		_, _, err := w.webhooks.Create(ctx, w.people[by].grant(), account.Default, spec)
		return err
	}
}

// subscribes subscribes a member or an address to topics.
func (w *world) subscribes(recipient string, topics ...notify.Topic) func(context.Context) error {
	return func(ctx context.Context) error {
		var names []string
		for _, t := range topics {
			names = append(names, string(t))
		}
		who := w.people[owner].grant()
		if p := w.people[recipient]; p != nil {
			return w.subscriptions.Set(ctx, who, account.Default, p.Member.ID, names)
		}
		return w.subscriptions.Add(ctx, who, account.Default, recipient, names)
	}
}
