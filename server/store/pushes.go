package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/push"
	"github.com/updatecase/mobileconfig/server/pushes"
)

var _ pushes.Store = (*Store)(nil)

var deviceServers = db.NewTable("device_servers", func(d *pushes.Server) []db.Column {
	return []db.Column{
		db.Col("account", &d.Account), db.Col("url", &d.URL), db.Col("api_key", &d.Key), db.Col("hook", &d.Hook), db.Col("secret", &d.Secret),
		db.Col("heard", db.Time(&d.Heard)), db.Col("created", db.Time(&d.Created)), db.Col("updated", db.Time(&d.Updated)),
	}
})

var enrollments = db.NewTable("enrollments", func(e *pushes.Enrollment) []db.Column {
	return []db.Column{
		db.Col("account", &e.Account), db.Col("id", &e.ID), db.Col("udid", &e.UDID), db.Col("serial", &e.Serial), db.Col("heard", db.Time(&e.Heard)),
	}
})

var pushTable = db.NewTable("pushes", func(p *pushes.Push) []db.Column {
	return []db.Column{
		db.Col("batch", &p.Batch), db.Col("account", &p.Account), db.Col("planned", db.Bool(&p.Planned)), db.Col("detail", &p.Detail),
		db.Col("maker_kind", &p.By.Actor.Kind), db.Col("maker_id", &p.By.Actor.ID), db.Col("maker_name", &p.By.Actor.Name),
		db.Col("maker_right", &p.By.Kind), db.Col("maker_need", &p.By.Need), db.Col("maker_domains", &p.By.Domains), db.Col("maker_expires", db.Time(&p.By.Expires)),
		db.Col("round", db.Int(&p.Round)), db.Col("no_device", db.Int(&p.NoDevice)), db.Col("created", db.Time(&p.Created)), db.Col("updated", db.Time(&p.Updated)),
	}
})

var pushDeliveries = db.NewTable("push_deliveries", func(d *pushes.Delivery) []db.Column {
	return []db.Column{
		db.Col("id", &d.ID), db.Col("account", &d.Account), db.Col("batch", &d.Batch), db.Col("enrollment", &d.Enrollment), db.Col("identifier", &d.Identifier),
		db.Col("email", &d.Email), db.Col("mailbox", &d.Mailbox), db.Col("digest", &d.Digest),
		db.Col("archive", db.Int(&d.Archive)), db.Col("position", &d.Offset), db.Col("size", &d.Size),
		db.Col("command", &d.Command), db.Col("attempt", db.Int(&d.Attempt)), db.Col("tries", db.Int(&d.Tries)), db.Col("state", &d.State), db.Col("detail", &d.Detail),
		db.Col("created", db.Time(&d.Created)), db.Col("updated", db.Time(&d.Updated)),
	}
})

// DeviceServer returns the server of the account, or a NotFound fault.
func (s *Store) DeviceServer(ctx context.Context, account string) (pushes.Server, error) {
	return s.deviceServer(ctx, `account = $1`, account)
}

// DeviceServerByHook returns the server whose webhook has this URL part. If it
// doesn't exist or its account is suspended, it returns a NotFound fault.
func (s *Store) DeviceServerByHook(ctx context.Context, hook string) (pushes.Server, error) {
	return s.deviceServer(ctx, `hook = $1 AND account `+notSuspended, hook)
}

func (s *Store) deviceServer(ctx context.Context, condition, arg string) (pushes.Server, error) {
	d, err := deviceServers.Scan(s.db.Read(ctx).Row(`SELECT `+deviceServers.Columns+` FROM device_servers WHERE `+condition, arg))
	if err != nil {
		return pushes.Server{}, s.found("device server", err)
	}
	return d, nil
}

// ChangeDeviceServer applies change to the account's server, and stores the
// result with the action that change returns. If there is no server, change
// gets the zero value. Change may be called more than once.
func (s *Store) ChangeDeviceServer(ctx context.Context, by audit.Grant, account string, change func(pushes.Server) (pushes.Server, audit.Action, error)) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockDeviceServer(t, account)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		d, a, err := change(old)
		if err != nil {
			return nil, err
		}
		if old.Account != "" {
			return []audit.Action{a}, deviceServers.Update(t, d, "hook", "created", "heard")
		}
		created, err := deviceServers.InsertNew(t, d, "account")
		if err == nil && !created {
			err = fault.New(fault.Conflict, "Someone else has just connected a NanoMDM. Reload the page.")
		}
		return []audit.Action{a}, err
	})
	if err != nil {
		return fmt.Errorf("store: change device server: %w", err)
	}
	return nil
}

// lockDeviceServer returns the server and locks its row until the transaction
// ends.
func lockDeviceServer(t *db.Tx, account string) (pushes.Server, error) {
	d, err := deviceServers.Scan(t.Row(`UPDATE device_servers SET updated = updated WHERE account = $1 RETURNING `+deviceServers.Columns, account))
	if errors.Is(err, db.ErrNoRows) {
		return pushes.Server{}, fault.New(fault.NotFound, "No NanoMDM is connected.")
	}
	return d, err
}

// DeleteDeviceServer deletes the server with all enrollments, and records the
// action that is derived from the server.
func (s *Store) DeleteDeviceServer(ctx context.Context, by audit.Grant, account string, action func(pushes.Server) audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockDeviceServer(t, account)
		if err != nil {
			return nil, err
		}
		for _, statement := range []string{`DELETE FROM enrollments WHERE account = $1`, `DELETE FROM device_servers WHERE account = $1`} {
			if _, err := t.Exec(statement, account); err != nil {
				return nil, err
			}
		}
		return []audit.Action{action(old)}, nil
	})
	if err != nil {
		return fmt.Errorf("store: delete device server: %w", err)
	}
	return nil
}

// AskForPush requests a push of the batch if check allows it. For files that
// erase devices, an API key needs the account's consent.
func (s *Store) AskForPush(ctx context.Context, by audit.Grant, p pushes.Push, check func(batches.Batch) (audit.Action, error)) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		b, err := lockBatch(t, p.Account, p.Batch)
		if err != nil {
			return nil, err
		}
		a, err := check(b)
		if err == nil && b.Erases {
			err = checkErasing(t, by, "")
		}
		if err != nil {
			return nil, err
		}
		switch old, err := scanPush(t.Row(`SELECT `+pushTable.Columns+` FROM pushes WHERE batch = $1`, p.Batch)); {
		case errors.Is(err, db.ErrNoRows):
			p.Round = 1
			err = pushTable.Insert(t, p)
			if err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		default:
			p.Round, p.NoDevice = old.Round+1, old.NoDevice
			if err := pushTable.Update(t, p, "account", "created"); err != nil {
				return nil, err
			}
		}
		return []audit.Action{a}, t.Enqueue(pushes.PlanJob{Batch: p.Batch, Round: p.Round}, pushes.Queue, 0)
	})
	if err != nil {
		return fmt.Errorf("store: ask for push: %w", err)
	}
	return nil
}

func scanPush(r db.Row) (pushes.Push, error) {
	p, err := pushTable.Scan(r)
	p.By.Account, p.By.ID, p.By.Actor.Interface = p.Account, p.By.Actor.ID, audit.Internal
	return p, err
}

// Push returns the push of the account's batch, or a NotFound fault.
func (s *Store) Push(ctx context.Context, account, batch string) (pushes.Push, error) {
	p, err := scanPush(s.db.Read(ctx).Row(`SELECT `+pushTable.Columns+` FROM pushes WHERE batch = $1 AND account = $2`, batch, account))
	if err != nil {
		return pushes.Push{}, s.found("push", err)
	}
	return p, nil
}

// AnyPush returns the push of the batch of any account, or a NotFound fault.
func (s *Store) AnyPush(ctx context.Context, batch string) (pushes.Push, error) {
	p, err := scanPush(s.db.Read(ctx).Row(`SELECT `+pushTable.Columns+` FROM pushes WHERE batch = $1`, batch))
	if err != nil {
		return pushes.Push{}, s.found("push", err)
	}
	return p, nil
}

// CountDeliveries counts the deliveries of the batch by state.
func (s *Store) CountDeliveries(ctx context.Context, account, batch string) (map[push.State]int, error) {
	states := map[push.State]int{}
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var state push.State
		var n int
		err := r.Scan(&state, &n)
		states[state] = n
		return err
	}, `SELECT state, COUNT(*) FROM push_deliveries WHERE batch = $1 AND account = $2 GROUP BY state`, batch, account)
	if err != nil {
		return nil, fmt.Errorf("store: count deliveries: %w", s.db.Diagnose(err))
	}
	return states, nil
}

// PushDeliveries returns the deliveries of the batch that match the filter.
func (s *Store) PushDeliveries(ctx context.Context, account, batch string, f pushes.Filter) ([]pushes.Delivery, error) {
	var w db.Where
	w.Add(`push_deliveries.batch = ?`, batch)
	w.Add(`push_deliveries.account = ?`, account)
	if f.State != "" {
		w.Add(`push_deliveries.state = ?`, string(f.State))
	}
	if f.After != "" {
		w.Add(`(push_deliveries.email, push_deliveries.id) > (SELECT email, id FROM push_deliveries AS last WHERE last.id = ?)`, f.After)
	}
	query, args := w.Query(`SELECT `+pushDeliveries.Columns+` FROM push_deliveries`, `ORDER BY push_deliveries.email, push_deliveries.id LIMIT ?`, f.Limit)
	all, err := pushDeliveries.All(s.db.Read(ctx), query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: deliveries of a push: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// Enrollments returns all enrollments of the account.
func (s *Store) Enrollments(ctx context.Context, account string) ([]pushes.Enrollment, error) {
	all, err := enrollments.All(s.db.Read(ctx), `SELECT `+enrollments.Columns+` FROM enrollments WHERE account = $1 ORDER BY id`, account)
	if err != nil {
		return nil, fmt.Errorf("store: enrollments: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// PlanDeliveries stores deliveries in place of older ones, and enqueues those
// that aren't already sent or delivered. It does nothing for a push that was
// requested again since. Without a server it returns a NotFound fault. It
// locks the server, so that of two simultaneous pushes to a device one
// replaces the other.
func (s *Store) PlanDeliveries(ctx context.Context, p pushes.Push, all []pushes.Delivery) error {
	err := s.Step(ctx, p.By, func(t *db.Tx) ([]audit.Action, error) {
		n, err := t.Exec(`UPDATE pushes SET round = round WHERE batch = $1 AND round = $2`, p.Batch, p.Round)
		if err != nil || n == 0 {
			return nil, err
		}
		if _, err := lockDeviceServer(t, p.Account); err != nil {
			return nil, err
		}
		for _, d := range all {
			if err := planDelivery(t, d); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("store: plan deliveries: %w", err)
	}
	return nil
}

// planDelivery stores one delivery and enqueues it, unless the same file is on
// its way to the device or already there.
func planDelivery(t *db.Tx, d pushes.Delivery) error {
	old, err := pushDeliveries.Scan(t.Row(`UPDATE push_deliveries SET updated = updated WHERE batch = $1 AND enrollment = $2 AND identifier = $3 RETURNING `+pushDeliveries.Columns,
		d.Batch, d.Enrollment, d.Identifier))
	switch {
	case errors.Is(err, db.ErrNoRows):
		err = pushDeliveries.Insert(t, d)
	case err != nil:
	case old.Digest == d.Digest && (old.State == pushes.Waiting || old.State.Waiting() || old.State == push.Installed):
		return nil
	default:
		d.ID = old.ID
		err = pushDeliveries.Update(t, d, "account", "batch", "created")
	}
	if err != nil {
		return err
	}
	if _, err := t.Exec(`UPDATE push_deliveries SET state = 'replaced', detail = '', updated = $5
		WHERE account = $1 AND enrollment = $2 AND identifier = $3 AND batch <> $4 AND state <> 'replaced'`,
		d.Account, d.Enrollment, d.Identifier, d.Batch, db.Millis(d.Updated)); err != nil {
		return err
	}
	return t.Enqueue(pushes.SendJob{Delivery: d.ID, Command: d.Command}, pushes.Queue, 0)
}

// EndPlan records the result of planning, unless the push was requested again.
func (s *Store) EndPlan(ctx context.Context, by audit.Grant, p pushes.Push) error {
	err := s.Step(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		_, err := t.Exec(`UPDATE pushes SET planned = 1, detail = $3, no_device = $4, updated = $5 WHERE batch = $1 AND round = $2`,
			p.Batch, p.Round, p.Detail, p.NoDevice, db.Millis(p.Updated))
		return nil, err
	})
	if err != nil {
		return fmt.Errorf("store: end plan: %w", err)
	}
	return nil
}

// BeginDelivery counts an attempt at a delivery whose command is waiting to be
// sent, and returns it. If the requester of its push has lost the authority,
// it returns the delivery with the fault. For any other delivery it returns a
// NotFound fault.
func (s *Store) BeginDelivery(ctx context.Context, id, command string) (pushes.Delivery, error) {
	d, err := pushDeliveries.Scan(s.db.Read(ctx).Row(`SELECT `+pushDeliveries.Columns+` FROM push_deliveries WHERE id = $1 AND command = $2 AND state = 'waiting'`, id, command))
	if err != nil {
		return pushes.Delivery{}, s.found("delivery", err)
	}
	p, err := s.AnyPush(ctx, d.Batch)
	if err != nil {
		return pushes.Delivery{}, err
	}
	gone := false
	err = s.Step(ctx, p.By, func(t *db.Tx) ([]audit.Action, error) {
		var err error
		d.Tries, gone = 0, false
		row := t.Row(`UPDATE push_deliveries SET tries = tries + 1, updated = $3 WHERE id = $1 AND command = $2 AND state = 'waiting' RETURNING `+pushDeliveries.Columns,
			id, command, db.Millis(s.now()))
		switch now, scanned := pushDeliveries.Scan(row); {
		case errors.Is(scanned, db.ErrNoRows):
			gone = true
		default:
			d, err = now, scanned
		}
		return nil, err
	})
	if gone {
		return pushes.Delivery{}, fault.New(fault.NotFound, "There is no such delivery.")
	}
	if err != nil {
		err = fmt.Errorf("store: begin delivery: %w", err)
	}
	return d, err
}

// EndDelivery records the result of an attempt, unless the device has answered
// meanwhile.
func (s *Store) EndDelivery(ctx context.Context, id, command string, state push.State, detail string) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE push_deliveries SET state = $3, detail = $4, updated = $5 WHERE id = $1 AND command = $2 AND state = 'waiting'`,
			id, command, string(state), detail, db.Millis(s.now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: end delivery: %w", err)
	}
	return nil
}

// HearDevice stores an enrollment.
func (s *Store) HearDevice(ctx context.Context, e pushes.Enrollment, check func(pushes.Server) error) error {
	err := s.hear(ctx, e.Account, e.Heard, check, func(t *db.Tx) error {
		n, err := t.Exec(`UPDATE enrollments SET udid = CASE WHEN $3 = '' THEN udid ELSE $3 END, serial = CASE WHEN $4 = '' THEN serial ELSE $4 END, heard = $5
			WHERE account = $1 AND id = $2`, e.Account, e.ID, e.UDID, e.Serial, db.Millis(e.Heard))
		if err == nil && n == 0 {
			_, err = enrollments.InsertNew(t, e, "account, id")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: hear device: %w", err)
	}
	return nil
}

// hear runs fn and records the time of the webhook's call, if check allows it
// for the account's server.
func (s *Store) hear(ctx context.Context, account string, at time.Time, check func(pushes.Server) error, fn func(*db.Tx) error) error {
	return s.db.Transact(ctx, func(t *db.Tx) error {
		d, err := lockDeviceServer(t, account)
		if err == nil {
			err = check(d)
		}
		if err != nil {
			return err
		}
		if _, err := t.Exec(`UPDATE device_servers SET heard = $2 WHERE account = $1`, account, db.Millis(at)); err != nil {
			return err
		}
		return fn(t)
	})
}

// LeaveDevice deletes an enrollment.
func (s *Store) LeaveDevice(ctx context.Context, account, id string, at time.Time, check func(pushes.Server) error) error {
	err := s.hear(ctx, account, at, check, func(t *db.Tx) error {
		_, err := t.Exec(`DELETE FROM enrollments WHERE account = $1 AND id = $2`, account, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: leave device: %w", err)
	}
	return nil
}

// AnswerDelivery records a device's answer to a command. A delivery that the
// device refuses is sent again, up to Attempts times. It ignores commands of
// other senders.
func (s *Store) AnswerDelivery(ctx context.Context, account string, e push.Event, at time.Time, check func(pushes.Server) error) error {
	err := s.hear(ctx, account, at, check, func(t *db.Tx) error {
		d, err := pushDeliveries.Scan(t.Row(`UPDATE push_deliveries SET state = $4, detail = $5, updated = $6
			WHERE command = $1 AND account = $2 AND enrollment = $3 AND state IN ('waiting', 'queued', 'not_now', 'failed') RETURNING `+pushDeliveries.Columns,
			e.Command, account, e.Enrollment, string(e.State), e.Detail, db.Millis(at)))
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil || e.State != push.Refused || d.Attempt >= pushes.Attempts {
			return err
		}
		d.Command = uuid.NewString()
		if _, err := t.Exec(`UPDATE push_deliveries SET state = 'waiting', command = $2, attempt = attempt + 1, tries = 0 WHERE id = $1`, d.ID, d.Command); err != nil {
			return err
		}
		return t.Enqueue(pushes.SendJob{Delivery: d.ID, Command: d.Command}, pushes.Queue, 0)
	})
	if err != nil {
		return fmt.Errorf("store: answer delivery: %w", err)
	}
	return nil
}
