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

// MaxAddresses is how many further addresses an account can have told.
const MaxAddresses = 20

// TooManyAddresses says that an account has all the addresses it can have.
func TooManyAddresses() error {
	return fault.New(fault.Conflict, "An account can have %d further addresses told. Remove one first.", MaxAddresses)
}

// A Subscription says of which topics a recipient is told by mail.
type Subscription struct {
	// Recipient is a member's id, or the address of somebody who is told too.
	Recipient string
	Email     string
	Name      string
	// Owner says that what is locked comes in any case.
	Owner  bool
	Topics []Topic
}

// With returns the subscription with the topics that the recipient is told of,
// by what the recipient has said about each.
func (n Subscription) With(said map[Topic]bool) Subscription {
	for _, topic := range Topics() {
		wanted, ok := said[topic]
		if (Recipient{Owner: n.Owner, Said: ok, Wanted: wanted}).told(Event{}, "") {
			n.Topics = append(n.Topics, topic)
		}
	}
	return n
}

// A SubscriptionStore keeps subscriptions.
type SubscriptionStore interface {
	// Subscriptions returns those of all members, as they are or by default,
	// and of all further addresses.
	Subscriptions(ctx context.Context, account string) ([]Subscription, error)
	// Subscribe has the recipient told of the topics and of no others, and
	// keeps a. A further address with no topic is forgotten. A member of
	// another account is a NotFound fault, an address too many a Conflict one.
	Subscribe(ctx context.Context, by audit.Grant, account, recipient string, topics []Topic, a audit.Action) error
	// TestMail keeps a delivery by mail that is to be made, and a. Where no
	// mails can be sent, the fault is a Conflict.
	TestMail(ctx context.Context, by audit.Grant, d Delivery, a audit.Action) error
	// Deliveries returns the last deliveries by mail where no webhook is
	// named, the newest first.
	Deliveries(ctx context.Context, account, webhook string) ([]Delivery, error)
	Redeliverer
}

// Subscriptions say who is told of what.
type Subscriptions struct {
	store SubscriptionStore
	now   func() time.Time
}

// NewSubscriptions returns Subscriptions that are kept in the store.
func NewSubscriptions(store SubscriptionStore, now func() time.Time) *Subscriptions {
	return &Subscriptions{store, now}
}

// List returns the subscriptions of an account. Owners are told of everything
// until they say otherwise, other members of nothing.
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

// Set has a recipient, a member's id or an address, told of the topics and of
// no others. What is locked goes to owners and to the member concerned in any
// case, so does this change.
func (s *Subscriptions) Set(ctx context.Context, by audit.Grant, account, recipient string, topics []string) error {
	if IsAddress(recipient) {
		address, err := profile.ParseAddress(recipient)
		if err != nil {
			return fault.OnText("recipient", err, fault.AddressMalformed, "Write an address such as jane@example.com.")
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

// Add has a further address told of topics. One that is told already is a
// Conflict fault.
func (s *Subscriptions) Add(ctx context.Context, by audit.Grant, account, address string, topics []string) error {
	parsed, err := profile.ParseAddress(address)
	if err != nil {
		return fault.OnText("recipient", err, fault.AddressMalformed, "Write an address such as jane@example.com.")
	}
	if _, ok, err := s.find(ctx, account, parsed.Folded()); err != nil {
		return err
	} else if ok {
		return fault.On("recipient", fault.Conflict, "This address is told already. Change it in the list.")
	}
	return s.Set(ctx, by, account, parsed.Folded(), topics)
}

// Test has a test mail sent to a recipient.
func (s *Subscriptions) Test(ctx context.Context, by audit.Grant, account, recipient string) error {
	n, err := s.Get(ctx, account, recipient)
	if err != nil {
		return err
	}
	d := Delivery{ID: id.New("msg"), Account: account, Type: TestEvent, Address: n.Email, State: Waiting, Created: s.now()}
	return s.store.TestMail(ctx, by, d, n.action(audit.SubscriptionTest, by, account))
}

// Mails returns the last deliveries by mail, the newest first.
func (s *Subscriptions) Mails(ctx context.Context, account string) ([]Delivery, error) {
	return s.store.Deliveries(ctx, account, "")
}

// Redeliver sends a mail again that has ended, whether it came or not: each
// once.
func (s *Subscriptions) Redeliver(ctx context.Context, by audit.Grant, account, delivery string) error {
	a := Subscription{}.action(audit.SubscriptionRedeliver, by, account)
	a.Changes = []audit.Change{{Field: "delivery", New: delivery}}
	_, err := s.store.Redeliver(ctx, by, Delivery{ID: id.New("msg"), Account: account, Created: s.now()}, delivery, a)
	return err
}

// action is something that is done to the recipient. An address is personal.
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
