package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/notify"
)

var _ notify.SubscriptionStore = (*Store)(nil)

// Subscriptions returns those of all members, as chosen or by default, and of
// all additional addresses.
func (s *Store) Subscriptions(ctx context.Context, owner string) ([]notify.Subscription, error) {
	said := map[string]map[notify.Topic]bool{}
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var recipient string
		var topic notify.Topic
		var wanted int64
		err := r.Scan(&recipient, &topic, &wanted)
		if said[recipient] == nil {
			said[recipient] = map[notify.Topic]bool{}
		}
		said[recipient][topic] = wanted == 1
		return err
	}, `SELECT recipient, topic, wanted FROM subscriptions WHERE account = $1`, owner)
	if err != nil {
		return nil, fmt.Errorf("store: subscriptions: %w", s.db.Diagnose(err))
	}
	members, err := s.Members(ctx, owner)
	if err != nil {
		return nil, err
	}
	var all []notify.Subscription
	for _, m := range members {
		n := notify.Subscription{Recipient: m.ID, Email: m.Email, Name: m.Name, Owner: m.Role == account.Owner}
		all = append(all, n.With(said[m.ID]))
	}
	var addresses []string
	for recipient := range said {
		if notify.IsAddress(recipient) {
			addresses = append(addresses, recipient)
		}
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		all = append(all, notify.Subscription{Recipient: address, Email: address}.With(said[address]))
	}
	return all, nil
}

// Subscribe sets the recipient's topics to exactly these, and stores a. It
// deletes an additional address without a topic. For a member of another
// account it returns a NotFound fault, and for an address too many a Conflict
// fault.
func (s *Store) Subscribe(ctx context.Context, by audit.Grant, owner, recipient string, topics []notify.Topic, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if err := ledger.LockAccount(t, owner); err != nil {
			return err
		}
		if err := mayBeTold(t, owner, recipient); err != nil {
			return err
		}
		if _, err := t.Exec(`DELETE FROM subscriptions WHERE account = $1 AND recipient = $2`, owner, recipient); err != nil {
			return err
		}
		for _, topic := range notify.Topics() {
			wanted := slices.Contains(topics, topic)
			if !wanted && notify.IsAddress(recipient) {
				continue
			}
			_, err := t.Exec(`INSERT INTO subscriptions (account, recipient, topic, wanted) VALUES ($1, $2, $3, $4)`,
				owner, recipient, string(topic), db.Bit(wanted))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: subscribe: %w", err)
	}
	return nil
}

// mayBeTold refuses a recipient that the account can't notify.
func mayBeTold(t *db.Tx, owner, recipient string) error {
	var n int64
	if notify.IsAddress(recipient) {
		err := t.Row(`SELECT COUNT(DISTINCT recipient) FROM subscriptions
			WHERE account = $1 AND recipient LIKE '%@%' AND recipient <> $2`, owner, recipient).Scan(&n)
		if err == nil && n >= notify.MaxAddresses {
			err = notify.TooManyAddresses()
		}
		return err
	}
	err := t.Row(`SELECT COUNT(*) FROM members WHERE account = $1 AND id = $2`, owner, recipient).Scan(&n)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "There is no such member.")
	}
	return err
}
