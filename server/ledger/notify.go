package ledger

import (
	"crypto/sha256"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/notify"
)

// Sign-ins of a member that were refused within refusedWindow are told of when
// there are refusedMany.
const (
	refusedWindow = time.Hour
	refusedMany   = 10
)

// notifyOf has those told of the action who want to be: a delivery for each, and
// a job that makes it. It asks nothing of the database for an action that
// nobody is told of.
func notifyOf(t *db.Tx, a audit.Action, seq, at int64, hooks bool) error {
	if a.Name == audit.MemberSignIn {
		return notifySignIn(t, a, seq, at, hooks)
	}
	e, ok := notify.EventOf(a)
	if !ok {
		return nil
	}
	return tell(t, a, e, seq, at, hooks)
}

// tell makes the deliveries of an event. Without hooks the account has no
// webhook to call.
func tell(t *db.Tx, a audit.Action, e notify.Event, seq, at int64, hooks bool) error {
	if hooks {
		if err := tellWebhooks(t, a.Account, e.Type, seq, at); err != nil {
			return err
		}
	}
	if e.Topic == "" {
		return nil
	}
	if on, err := SendsMail(t); err != nil || !on {
		return err
	}
	addresses, err := recipients(t, a, e)
	if err != nil {
		return err
	}
	for _, address := range addresses {
		d := notify.Delivery{Account: a.Account, Seq: seq, Type: e.Type, Address: address, Created: db.Moment(at)}
		if err := Deliver(t, d, 0); err != nil {
			return err
		}
	}
	if a.Name == audit.InvitationCreate && notify.IsAddress(a.Target.Name) {
		return Deliver(t, notify.Delivery{Account: a.Account, Seq: seq, Type: notify.InvitationMail, Address: a.Target.Name, Created: db.Moment(at)}, 0)
	}
	return nil
}

func tellWebhooks(t *db.Tx, owner string, kind notify.Type, seq, at int64) error {
	var wanting []string
	err := t.Each(func(r db.Row) error {
		var id, types string
		err := r.Scan(&id, &types)
		if slices.Contains(strings.Fields(types), string(kind)) {
			wanting = append(wanting, id)
		}
		return err
	}, `SELECT id, types FROM webhooks WHERE account = $1 AND disabled = 0 ORDER BY id`, owner)
	if err != nil {
		return err
	}
	for _, webhook := range wanting {
		d := notify.Delivery{Account: owner, Seq: seq, Type: kind, Webhook: webhook, Created: db.Moment(at)}
		if err := Deliver(t, d, 0); err != nil {
			return err
		}
	}
	return nil
}

// recipients returns the addresses that are told of an event: those who want
// to be and, of what is locked, the member concerned and all owners. What
// happens in the installation itself is for its operators.
func recipients(t *db.Tx, a audit.Action, e notify.Event) ([]string, error) {
	concerned, address := notify.Concerned(a)
	var all []string
	err := t.Each(func(r db.Row) error {
		var found string
		err := r.Scan(&found)
		all = append(all, found)
		return err
	}, `SELECT members.email FROM members
		LEFT JOIN subscriptions s ON s.account = $1 AND s.recipient = members.id AND s.topic = $2
		WHERE (members.account = $1 OR ($1 = '`+account.Installation+`' AND members.operator = 1))
		AND (COALESCE(s.wanted, CASE WHEN members.role = 'owner' THEN 1 ELSE 0 END) = 1
			OR ($3 = 1 AND (members.role = 'owner' OR members.id = $4)))
		UNION SELECT recipient FROM subscriptions WHERE account = $1 AND topic = $2 AND wanted = 1 AND recipient LIKE '%@%'
		ORDER BY 1`, a.Account, string(e.Topic), db.Bit(e.Locked), concerned)
	if e.Locked && notify.IsAddress(address) && !slices.Contains(all, address) {
		all = append(all, address) // a member who was just removed
	}
	return all, err
}

// Deliver keeps a delivery and has it made after the delay.
func Deliver(t *db.Tx, d notify.Delivery, delay time.Duration) error {
	if d.ID == "" {
		d.ID = id.New("msg")
	}
	if d.Message == "" {
		d.Message = d.ID
	}
	var webhook any
	if d.Webhook != "" {
		webhook = d.Webhook
	}
	_, err := t.Exec(`INSERT INTO deliveries (id, account, seq, type, address, webhook, state, tries, status, failure, digest, message, again, created, tried, ended)
		VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, 0, '', '', $7, '', $8, 0, 0)`,
		d.ID, d.Account, d.Seq, string(d.Type), d.Address, webhook, d.Message, db.Millis(d.Created))
	if err != nil {
		return err
	}
	if d.Webhook != "" {
		return t.Enqueue(notify.WebhookJob{Delivery: d.ID}, notify.WebhookQueue, delay)
	}
	return t.Enqueue(notify.MailJob{Delivery: d.ID}, notify.MailQueue, delay)
}

// notifySignIn tells of sign-ins that a member should know of: from a new
// device, by a recovery code, and many that were refused.
func notifySignIn(t *db.Tx, a audit.Action, seq, at int64, hooks bool) error {
	if a.Target.ID == "" {
		return nil
	}
	if a.Outcome == audit.Refused {
		many, err := countRefused(t, a.Target.ID, at)
		if err != nil || !many {
			return err
		}
		return tell(t, a, notify.SignIn(notify.SignInsRefused), seq, at, hooks)
	}
	if slices.ContainsFunc(a.Changes, func(c audit.Change) bool { return c.New == string(account.ByRecovery) }) {
		if err := tell(t, a, notify.SignIn(notify.RecoveryUsed), seq, at, hooks); err != nil {
			return err
		}
	}
	unknown, err := newDevice(t, a, at)
	if err != nil || !unknown {
		return err
	}
	return tell(t, a, notify.SignIn(notify.NewDevice), seq, at, hooks)
}

// countRefused reports whether this is the refused sign-in that makes them
// many: once in a window.
func countRefused(t *db.Tx, member string, at int64) (bool, error) {
	var used int
	err := t.Row(`INSERT INTO limits (key, began, ends, used) VALUES ($1, $2, $3, 1)
		ON CONFLICT (key) DO UPDATE SET
			used  = CASE WHEN limits.ends <= $2 THEN 1 ELSE limits.used + 1 END,
			ends  = CASE WHEN limits.ends <= $2 THEN $3 ELSE limits.ends END,
			began = CASE WHEN limits.ends <= $2 THEN $2 ELSE limits.began END
		RETURNING used`, "refused "+member, at, at+refusedWindow.Milliseconds()).Scan(&used)
	return used == refusedMany, err
}

// newDevice notes from where a member has signed in, and reports whether that
// is new to one who has signed in before.
func newDevice(t *db.Tx, a audit.Action, at int64) (bool, error) {
	var before int64
	if err := t.Row(`SELECT COUNT(*) FROM devices WHERE member = $1`, a.Target.ID).Scan(&before); err != nil {
		return false, err
	}
	hash := sha256.Sum256([]byte(a.Target.ID + "\x00" + a.Actor.Client + "\x00" + networkOf(a.Actor.IP)))
	known, err := t.Exec(`UPDATE devices SET seen = $3 WHERE member = $1 AND hash = $2`, a.Target.ID, hash[:], at)
	if err != nil || known > 0 {
		return false, err
	}
	_, err = t.Exec(`INSERT INTO devices (member, hash, seen) VALUES ($1, $2, $3)`, a.Target.ID, hash[:], at)
	return before > 0, err
}

// networkOf is the network of an address, as far as providers give it to one
// customer or many.
func networkOf(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	bits := 24
	if addr = addr.Unmap(); addr.Is6() {
		bits = 48
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
