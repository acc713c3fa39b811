package notify

import (
	"context"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// MaxAddresses is how many additional addresses an account can notify.
const MaxAddresses = 20

// TooManyAddresses says that an account has reached its limit of addresses.
func TooManyAddresses() error {
	return fault.New(fault.Conflict, "An account can notify up to %d additional addresses. Remove one first.", MaxAddresses)
}

// A Subscription lists the topics that a recipient gets by email.
type Subscription struct {
	// Recipient is a member's ID or an additional address.
	Recipient string
	Email     string
	Name      string
	// Owner means that locked events are always sent.
	Owner  bool
	Topics []Topic
}

// With returns the subscription with the recipient's topics, given the choices
// for each topic.
func (n Subscription) With(said map[Topic]bool) Subscription {
	for _, topic := range Topics() {
		wanted, ok := said[topic]
		if (Recipient{Owner: n.Owner, Said: ok, Wanted: wanted}).told(Event{}, "") {
			n.Topics = append(n.Topics, topic)
		}
	}
	return n
}

// A SubscriptionStore stores subscriptions.
type SubscriptionStore interface {
	// Subscriptions returns those of all members, as chosen or by default, and
	// of all additional addresses.
	Subscriptions(ctx context.Context, account string) ([]Subscription, error)
	// Subscribe sets the recipient's topics to exactly these, and stores a. It
	// deletes an additional address without a topic. For a member of another
	// account it returns a NotFound fault, and for an address too many a
	// Conflict fault.
	Subscribe(ctx context.Context, by audit.Grant, account, recipient string, topics []Topic, a audit.Action) error
	// TestMail stores a delivery of a test email, and a. If email can't be
	// sent, it returns a Conflict fault.
	TestMail(ctx context.Context, by audit.Grant, d Delivery, a audit.Action) error
	// Deliveries returns the last deliveries by email if no webhook is named,
	// newest first.
	Deliveries(ctx context.Context, account, webhook string) ([]Delivery, error)
	Redeliverer
}

// Subscriptions manages who is notified about what.
type Subscriptions struct {
	store SubscriptionStore
	now   func() time.Time
}

// NewSubscriptions returns Subscriptions that use the store.
func NewSubscriptions(store SubscriptionStore, now func() time.Time) *Subscriptions {
	return &Subscriptions{store, now}
}

// List returns the subscriptions of an account. By default, owners get
// everything and other members nothing.
func (s *Subscriptions) List(ctx context.Context, account string) ([]Subscription, error) {
	return s.store.Subscriptions(ctx, account)
}

// find returns the subscription of a recipient; ok is false if there is none.
func (s *Subscriptions) find(ctx context.Context, account, recipient string) (n Subscription, ok bool, err error) {
	all, err := s.store.Subscriptions(ctx, account)
	for _, n := range all {
		if n.Recipient == recipient {
			return n, true, err
		}
	}
	return Subscription{}, false, err
}

// Get returns the subscription of a recipient, or a NotFound fault.
func (s *Subscriptions) Get(ctx context.Context, account, recipient string) (Subscription, error) {
	n, ok, err := s.find(ctx, account, recipient)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "There is no such recipient.")
	}
	return n, err
}

// Set sets the topics of a recipient, which is a member's ID or an address, to
// exactly these. Locked events, this change among them, always go to owners
// and to the member concerned.
func (s *Subscriptions) Set(ctx context.Context, by audit.Grant, account, recipient string, topics []string) error {
	if IsAddress(recipient) {
		address, err := profile.ParseAddress(recipient)
		if err != nil {
			return fault.OnText("recipient", err, fault.AddressMalformed, "Enter an address, for example jane@example.com.")
		}
		recipient = address.Folded()
	}
	var wanted []Topic
	for _, name := range topics {
		if !slices.Contains(Topics(), Topic(name)) {
			return fault.On("topics", fault.Invalid, "There is no such topic.")
		}
		wanted = append(wanted, Topic(name))
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	old, _, err := s.find(ctx, account, recipient)
	if err != nil {
		return err
	}
	slices.Sort(old.Topics)
	if old.Recipient != "" && slices.Equal(old.Topics, wanted) {
		return nil
	}
	old.Recipient = recipient
	a := old.action(audit.SubscriptionUpdate, by, account)
	a.Changes = []audit.Change{{Field: "topics", Old: joined(old.Topics), New: joined(wanted)}}
	return s.store.Subscribe(ctx, by, account, recipient, wanted, a)
}

// Add subscribes an additional address to topics. If it's already subscribed,
// Add returns a Conflict fault.
func (s *Subscriptions) Add(ctx context.Context, by audit.Grant, account, address string, topics []string) error {
	parsed, err := profile.ParseAddress(address)
	if err != nil {
		return fault.OnText("recipient", err, fault.AddressMalformed, "Enter an address, for example jane@example.com.")
	}
	if _, ok, err := s.find(ctx, account, parsed.Folded()); err != nil {
		return err
	} else if ok {
		return fault.On("recipient", fault.Conflict, "This address is already in the list. Change it there.")
	}
	return s.Set(ctx, by, account, parsed.Folded(), topics)
}

// Test sends a test email to a recipient.
func (s *Subscriptions) Test(ctx context.Context, by audit.Grant, account, recipient string) error {
	n, err := s.Get(ctx, account, recipient)
	if err != nil {
		return err
	}
	d := Delivery{ID: id.New("msg"), Account: account, Type: TestEvent, Address: n.Email, State: Waiting, Created: s.now()}
	return s.store.TestMail(ctx, by, d, n.action(audit.SubscriptionTest, by, account))
}

// Mails returns the last deliveries by email, newest first.
func (s *Subscriptions) Mails(ctx context.Context, account string) ([]Delivery, error) {
	return s.store.Deliveries(ctx, account, "")
}

// Redeliver repeats a finished email, whether it arrived or not. Each can be
// repeated once.
func (s *Subscriptions) Redeliver(ctx context.Context, by audit.Grant, account, delivery string) error {
	a := Subscription{}.action(audit.SubscriptionRedeliver, by, account)
	a.Changes = []audit.Change{{Field: "delivery", New: delivery}}
	_, err := s.store.Redeliver(ctx, by, Delivery{ID: id.New("msg"), Account: account, Created: s.now()}, delivery, a)
	return err
}

// action returns an action on the recipient. An address is personal data.
func (n Subscription) action(name audit.Name, by audit.Grant, account string) audit.Action {
	a := audit.Action{
		Account: account, Name: name, Outcome: audit.Done, Actor: by.Actor,
		Target: audit.Target{Kind: audit.RecipientTarget, ID: n.Recipient, Name: n.Email},
	}
	if IsAddress(n.Recipient) {
		a.Target.ID, a.Target.Name = "", n.Recipient
	}
	return a
}
