package notify

import (
	"context"
	"slices"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// MaxAddresses is how many further addresses an account can have told.
const MaxAddresses = 20

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

// A SubscriptionStore keeps subscriptions.
type SubscriptionStore interface {
	// Subscriptions returns those of all members, as they are or by default,
	// and of all further addresses.
	Subscriptions(ctx context.Context, account string) ([]Subscription, error)
	// Subscribe has the recipient told of the topics and of no others, and
	// keeps a. A further address with no topic is forgotten. A member of
	// another account is a NotFound fault, an address too many a Conflict one.
	Subscribe(ctx context.Context, account, recipient string, topics []Topic, a audit.Action) error
}

// Subscriptions say who is told of what.
type Subscriptions struct{ store SubscriptionStore }

// NewSubscriptions returns Subscriptions that are kept in the store.
func NewSubscriptions(store SubscriptionStore) *Subscriptions { return &Subscriptions{store} }

// List returns the subscriptions of an account. Owners are told of everything
// until they say otherwise, other members of nothing.
func (s *Subscriptions) List(ctx context.Context, account string) ([]Subscription, error) {
	return s.store.Subscriptions(ctx, account)
}

// Set has a recipient, a member's id or an address, told of the topics and of
// no others. What is locked goes to owners and to the member concerned in any
// case, so does this change.
func (s *Subscriptions) Set(ctx context.Context, who audit.Actor, account, recipient string, topics []string) error {
	if IsAddress(recipient) {
		address, err := profile.ParseAddress(recipient)
		if err != nil {
			return fault.On("recipient", fault.AddressMalformed, "Write an address such as jane@example.com.")
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
	names := ""
	for i, t := range wanted {
		if i > 0 {
			names += ", "
		}
		names += string(t)
	}
	a := audit.Action{
		Account: account, Name: audit.SubscriptionUpdate, Outcome: audit.Done, Actor: who,
		Target:  audit.Target{Kind: audit.RecipientTarget, ID: recipient},
		Changes: []audit.Change{{Field: "topics", New: names}},
	}
	if IsAddress(recipient) {
		a.Target.ID, a.Target.Name = "", recipient // personal
	}
	return s.store.Subscribe(ctx, account, recipient, wanted, a)
}
