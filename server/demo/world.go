package demo

import (
	"container/heap"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/maintenance"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

const (
	days = 30 // of the story
	day  = 24 * time.Hour
)

// A world is an installation whose clock moves from event to event.
type world struct {
	clock time.Time
	end   time.Time
	plan  plan
	// planned is how many events were planned so far.
	planned int
	rand    *rand.Rand // the same in every run
	made    Demo

	store         *store.Store
	accounts      *account.Accounts
	members       *account.Members
	sessions      *account.Sessions
	factors       *account.Factors
	keys          *account.Keys
	redirects     *redirect.Keys
	domains       *settings.Domains
	policies      *settings.Policies
	links         *setup.Links
	issuer        *issue.Issuer
	webhooks      *notify.Webhooks
	subscriptions *notify.Subscriptions
	notifier      *notify.Notifier
	maintenance   *maintenance.Runner

	people map[string]*person // by address
	hosts  endpoints
	key    account.Key // of Demo.Key
	// policy is the id of the clinic's policy.
	policy string
	// more are the accounts besides the first, if they exist already.
	more []string
}

func newWorld(ctx context.Context, c Config) (*world, error) {
	end := c.Now().UTC().Truncate(time.Millisecond)
	w := &world{
		end:    end,
		clock:  end.Add(-(days + 1) * day),
		rand:   rand.New(rand.NewPCG(1, 2)),
		people: map[string]*person{},
		hosts:  endpoints{},
	}
	w.made.Links = map[setup.State]string{}
	key, err := audit.NewLogKey(c.LogKey)
	if err != nil {
		return nil, err
	}
	if w.store, err = store.Open(ctx, store.Config{Database: c.Database, Now: w.now, Signer: key}); err != nil {
		return nil, err
	}
	if err := w.build(ctx, c); err != nil {
		w.store.Close()
		return nil, err
	}
	return w, nil
}

// build creates the services, as the server does.
func (w *world) build(ctx context.Context, c Config) error {
	versions, err := secret.Open(ctx, w.store, c.Secret, w.now)
	if err != nil {
		return err
	}
	vault, err := account.NewVault(versions.Secret, c.BaseURL, w.now)
	if err != nil {
		return err
	}
	w.accounts = account.NewAccounts(vault, w.store)
	w.members = account.NewMembers(vault, w.store)
	w.sessions = account.NewSessions(vault, w.store)
	w.factors = account.NewFactors(vault, w.store)
	w.keys = account.NewKeys(w.store, w.now)
	w.redirects = redirect.NewKeys(w.store, w.now)
	w.domains = settings.NewDomains(w.store, nil, w.now) // the operator trusts the account: no domain needs proof
	w.policies = settings.NewPolicies(w.store, w.now)
	w.subscriptions = notify.NewSubscriptions(w.store, w.now)
	w.issuer = issue.New(c.Texts, func() signing.Signer { return c.Identity })
	w.links = setup.New(w.store, w.store, versions.Secret, w.now)
	w.webhooks = notify.NewWebhooks(w.store, versions.Secret, w.now)
	silent := slog.New(slog.DiscardHandler)
	w.maintenance = &maintenance.Runner{Store: w.store, Log: silent, Now: w.now}
	w.notifier = notify.New(notify.Config{
		Store:  w.store,
		Secret: versions.Secret,
		Client: client{w},
		Sender: sender{},
		Writer: &notify.Scribe{Texts: c.Texts, Invitation: func(_ context.Context, id string) (string, error) {
			return c.BaseURL.JoinPath("panel", "invitation", id).String(), nil // an email that no one gets
		}, Brand: func(context.Context, string) (brand templates.MailBrand, logo []byte, err error) { return }},
		Log: silent,
		Now: w.now,
	})
	return nil
}

func (w *world) now() time.Time { return w.clock }

// An event is something that happens in an account.
type event struct {
	at      time.Time
	number  int // in the order in which they were planned
	account string
	do      func(context.Context) error
}

// A plan is a heap of events, the earliest on top.
type plan []event

func (p plan) Len() int { return len(p) }
func (p plan) Less(i, j int) bool {
	if p[i].at.Equal(p[j].at) {
		return p[i].number < p[j].number
	}
	return p[i].at.Before(p[j].at)
}
func (p plan) Swap(i, j int) { p[i], p[j] = p[j], p[i] }

// Push adds an event.
func (p *plan) Push(e any) { *p = append(*p, e.(event)) }

// Pop removes the last event.
func (p *plan) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// at plans an event of the account. One after the end never happens.
func (w *world) at(when time.Time, acc string, do func(context.Context) error) {
	if when.After(w.end) {
		return
	}
	w.planned++
	heap.Push(&w.plan, event{when, w.planned, acc, do})
}

// on returns a time on the day that many days before the last.
func (w *world) on(back, hour, minute int) time.Time {
	midnight := w.end.Truncate(day).Add(-time.Duration(back) * day)
	return midnight.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// ago returns the time that long before the end.
func (w *world) ago(d time.Duration) time.Time { return w.end.Add(-d) }

// live runs all events. After each one it sends the due notifications.
func (w *world) live(ctx context.Context) error {
	if err := w.store.SetMail(ctx, true); err != nil {
		return err
	}
	w.story()
	for w.plan.Len() > 0 {
		e := heap.Pop(&w.plan).(event)
		if e.at.After(w.clock) {
			w.clock = e.at
		}
		if err := e.do(ctx); err != nil {
			return fmt.Errorf("on %s: %w", w.clock.Format(time.DateTime), err)
		}
		if err := w.tell(ctx, e.account); err != nil {
			return fmt.Errorf("on %s: tell: %w", w.clock.Format(time.DateTime), err)
		}
	}
	w.clock = w.end
	return w.pick(ctx)
}

// A place is a network and a device.
type place struct{ ip, client string }

// from returns an anonymous actor at the place, using the interface.
func (p place) from(iface audit.Interface) account.From {
	ip := netip.MustParseAddr(p.ip)
	return account.From{
		Actor:   audit.Actor{Kind: audit.Visitor, IP: p.ip, Client: p.client, Interface: iface, Request: id.New("req")},
		Network: netip.PrefixFrom(ip, ip.BitLen()),
	}
}
