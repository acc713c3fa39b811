package ledger

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/notify"
)

// notifyOf enqueues the deliveries of an action that is in no log.
func notifyOf(t *db.Tx, a audit.Action, at time.Time) error {
	_, all, err := notify.Decide(looking(t, a.Account), a, at)
	if err != nil {
		return err
	}
	return deliverAll(t, all, 0)
}

func deliverAll(t *db.Tx, all []notify.Delivery, seq int64) error {
	if err := enqueueAll(t, all); err != nil {
		return err
	}
	return keepAll(t, all, seq)
}

// enqueueAll enqueues the jobs of the deliveries from [keepAll], and
// initializes them.
func enqueueAll(t *db.Tx, all []notify.Delivery) error {
	for i := range all {
		all[i] = begun(all[i])
		if err := enqueue(t, all[i], 0); err != nil {
			return err
		}
	}
	return nil
}

// keepAll stores the deliveries of the action or checkpoint.
func keepAll(t *db.Tx, all []notify.Delivery, seq int64) error {
	for _, d := range all {
		d.Seq = seq
		if err := Deliveries.InsertFinally(t, d); err != nil {
			return err
		}
	}
	return nil
}

// Deliveries is the table of the deliveries.
var Deliveries = db.NewTable("deliveries", func(d *notify.Delivery) []db.Column {
	return []db.Column{
		db.Col("id", &d.ID), db.Col("account", &d.Account), db.Col("seq", &d.Seq), db.Col("type", &d.Type), db.Col("address", &d.Address),
		db.Col("webhook", db.Optional(&d.Webhook)), db.Col("state", &d.State), db.Col("tries", &d.Tries), db.Col("status", &d.Status),
		db.Col("failure", &d.Failure), db.Col("message", &d.Message), db.Col("again", &d.Again), db.Col("created", db.Time(&d.Created)),
		db.Col("tried", db.Time(&d.Tried)), db.Col("ended", db.Time(&d.Ended)),
	}
})

// Deliver stores a delivery and enqueues it after the delay.
func Deliver(t *db.Tx, d notify.Delivery, delay time.Duration) error {
	d = begun(d)
	if err := Deliveries.Insert(t, d); err != nil {
		return err
	}
	return enqueue(t, d, delay)
}

// begun returns the delivery with the fields of a new one.
func begun(d notify.Delivery) notify.Delivery {
	if d.ID == "" {
		d.ID = id.New("dlv")
	}
	if d.Message == "" {
		d.Message = id.New("msg")
	}
	d.State = notify.Waiting
	return d
}

func enqueue(t *db.Tx, d notify.Delivery, delay time.Duration) error {
	if d.Webhook != "" {
		return t.Enqueue(notify.WebhookJob{Delivery: d.ID}, notify.WebhookQueue, delay)
	}
	return t.Enqueue(notify.MailJob{Delivery: d.ID}, notify.MailQueue, delay)
}

// Home returns the account whose webhooks and additional addresses are notified of
// the actions in a log: of those of the installation, the account that runs it.
func Home(owner string) string {
	if owner == account.Installation {
		return account.Default
	}
	return owner
}

// A reader is the [notify.Reader] of a transaction, for actions of one account.
type reader struct {
	t *db.Tx
	// hooks are the enabled webhooks of the account. They can't be deleted
	// before the transaction ends.
	hooks func() ([]hook, error)
}

// A hook is an enabled webhook and its events.
type hook struct{ id, types string }

// newReader returns a reader that looks webhooks up if the head of the log says
// that there are any.
func newReader(t *db.Tx, owner string) reader {
	return reader{t, sync.OnceValues(func() ([]hook, error) {
		var n int64
		if err := t.Row(`SELECT hooks FROM logs WHERE account = $1`, Home(owner)).Scan(&n); err != nil || n == 0 {
			return nil, err
		}
		return hooksOf(t, Home(owner))
	})}
}

// looking returns a reader that always looks webhooks up.
func looking(t *db.Tx, owner string) reader {
	return reader{t, sync.OnceValues(func() ([]hook, error) { return hooksOf(t, Home(owner)) })}
}

func hooksOf(t *db.Tx, owner string) ([]hook, error) {
	var all []hook
	err := t.Each(func(row db.Row) error {
		var h hook
		err := row.Scan(&h.id, &h.types)
		all = append(all, h)
		return err
	}, `SELECT id, types FROM webhooks WHERE account = $1 AND disabled = 0 ORDER BY id`+t.Share("webhooks"), owner)
	return all, err
}

// Webhooks returns the enabled webhooks with the event type. Programs that follow
// the checkpoints of their account's log don't get those of the installation's.
func (r reader) Webhooks(owner string, kind notify.Type) ([]string, error) {
	if owner == account.Installation && strings.HasPrefix(string(kind), "log.") {
		return nil, nil
	}
	all, err := r.hooks()
	if err != nil {
		return nil, err
	}
	var wanting []string
	for _, h := range all {
		if slices.Contains(strings.Fields(h.types), string(kind)) {
			wanting = append(wanting, h.id)
		}
	}
	return wanting, nil
}

// SendsMail reports whether emails can be sent.
func (r reader) SendsMail() (bool, error) { return SendsMail(r.t) }

// SendsMail reports whether emails can be sent.
func SendsMail(t *db.Tx) (bool, error) {
	var mail int64
	err := t.Row(`SELECT mail FROM installation`).Scan(&mail)
	return mail == 1, err
}

// Recipients returns who may be notified about the topic by email.
func (r reader) Recipients(owner string, topic notify.Topic) ([]notify.Recipient, error) {
	var all []notify.Recipient
	err := r.t.Each(func(row db.Row) error {
		var one notify.Recipient
		var role account.Role
		var wanted int64
		err := row.Scan(&one.Member, &one.Address, &role, &wanted)
		one.Owner, one.Said, one.Wanted = role == account.Owner, wanted >= 0, wanted == 1
		all = append(all, one)
		return err
	}, `SELECT members.id, members.email, members.role, COALESCE(said.wanted, -1) FROM members
		LEFT JOIN subscriptions said ON said.account = members.account AND said.recipient = members.id AND said.topic = $2
		WHERE members.account = $1 AND $3 = 0 OR members.operator = 1 AND $3 = 1
		UNION ALL SELECT '', recipient, '', wanted FROM subscriptions
		WHERE account = $1 AND topic = $2 AND recipient LIKE '%@%' ORDER BY 2`, Home(owner), string(topic), db.Bit(owner == account.Installation))
	return all, err
}

// CountRefused counts a refused sign-in of the member in a window.
func (r reader) CountRefused(member string, at time.Time, window time.Duration) (int, error) {
	var used int
	err := r.t.Row(`INSERT INTO limits (key, began, ends, used) VALUES ($1, $2, $3, 1)
		ON CONFLICT (key) DO UPDATE SET
			used  = CASE WHEN limits.ends <= $2 OR limits.began >= $3 THEN 1 ELSE limits.used + 1 END,
			ends  = CASE WHEN limits.ends <= $2 OR limits.began >= $3 THEN $3 ELSE limits.ends END,
			began = CASE WHEN limits.ends <= $2 OR limits.began >= $3 THEN $2 ELSE limits.began END
		RETURNING used`, "refused "+member, db.Millis(at), db.Millis(at.Add(window))).Scan(&used)
	return used, err
}

// SeeDevice records that the member has signed in from the device.
func (r reader) SeeDevice(member string, device []byte, at time.Time) (known, any bool, err error) {
	var before int64
	if err := r.t.Row(`SELECT COUNT(*) FROM devices WHERE member = $1`, member).Scan(&before); err != nil {
		return false, false, err
	}
	n, err := r.t.Exec(`UPDATE devices SET seen = $3 WHERE member = $1 AND hash = $2`, member, device, db.Millis(at))
	if err == nil && n == 0 {
		_, err = r.t.Exec(`INSERT INTO devices (member, hash, seen) VALUES ($1, $2, $3)`, member, device, db.Millis(at))
	}
	return n > 0, before > 0, err
}
