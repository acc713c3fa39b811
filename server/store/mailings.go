package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify"
)

var _ mailing.Store = (*Store)(nil)

var linkMails = db.NewTable("link_mails", func(m *mailing.Mail) []db.Column {
	return []db.Column{
		db.Col("id", &m.ID), db.Col("account", &m.Account), db.Col("link", &m.Link), db.Col("state", &m.State), db.Col("tries", &m.Tries),
		db.Col("failure", &m.Failure), db.Col("reply", &m.Reply), db.Col("created", db.Time(&m.Created)), db.Col("tried", db.Time(&m.Tried)),
		db.Col("ended", db.Time(&m.Ended)),
	}
})

// liveLink is the condition of a link that works at a time.
const liveLink = `links.revoked = 0 AND links.expires > ? AND links.tickets < links.max_downloads`

// CreateLinkMail stores m and a, and enqueues the job. If email can't be sent,
// the link doesn't work or an email with it is already waiting, it stores
// nothing and returns a Conflict fault. If a limit is used up, it returns a
// Limited fault.
func (s *Store) CreateLinkMail(ctx context.Context, by audit.Grant, m mailing.Mail, limits []admission.Limit, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if on, err := ledger.SendsMail(t); err != nil || !on {
			if err == nil {
				err = fault.New(fault.Conflict, "Email can't be sent because no mail server is configured.")
			}
			return err
		}
		if err := useLimits(t, limits, m.Created, tooManyLinks); err != nil {
			return err
		}
		ok, err := linkMails.InsertIf(t, m, `EXISTS (SELECT 1 FROM links WHERE id = ? AND `+liveLink+`)`, m.Link, db.Millis(m.Created))
		if err == nil && !ok {
			err = mailing.ErrOver()
		}
		if err != nil {
			return err
		}
		return t.Enqueue(mailing.Job{Mail: m.ID}, mailing.Queue, 0)
	})
	if s.db.Taken(err) { // the index of waiting emails
		err = mailing.ErrWaiting()
	}
	if err != nil {
		return fmt.Errorf("store: create link mail: %w", err)
	}
	return nil
}

// LastLinkMail returns the newest email of a link, or a NotFound fault.
func (s *Store) LastLinkMail(ctx context.Context, link string) (mailing.Mail, error) {
	m, err := linkMails.Scan(s.db.Read(ctx).ByKey(`SELECT `+linkMails.Columns+` FROM link_mails WHERE link = $1 ORDER BY created DESC, id DESC LIMIT 1`, link))
	if err != nil {
		return mailing.Mail{}, s.found("mail", err)
	}
	return m, nil
}

// Queries for a batch repeat that there is one, because SQLite uses the
// partial indexes of batches only then.

// keepBatchLinks stores links of a batch that the chunk of a transaction has
// created, each with the line of its row, unless the row already has one. It
// enqueues their emails if requested.
func keepBatchLinks(t *db.Tx, batch string, all []batches.Link, mail bool, now time.Time) error {
	if len(all) == 0 {
		return nil
	}
	there := map[int]bool{} // of an earlier attempt that failed
	err := t.Each(func(r db.Row) error {
		var line int64
		err := r.Scan(&line)
		there[int(line)] = true
		return err
	}, `SELECT line FROM links WHERE batch = $1 AND batch <> '' AND line BETWEEN $2 AND $3`, batch, all[0].Line, all[len(all)-1].Line)
	if err != nil {
		return err
	}
	for _, l := range all {
		if there[l.Line] {
			continue
		}
		address, err := profile.ParseAddress(l.Address)
		if err != nil {
			return err
		}
		mailbox := address.Folded()
		if err := links.InsertWith(t, l.Link, db.Col("mailbox", &mailbox), db.Col("batch", &batch), db.Col("line", db.Int(&l.Line))); err != nil {
			return err
		}
		if !mail {
			continue
		}
		m := mailing.Mail{ID: id.New("msg"), Account: l.Account, Link: l.ID, State: notify.Waiting, Created: now}
		if err := linkMails.InsertWith(t, m, db.Col("batch", &batch), db.Col("line", db.Int(&l.Line))); err != nil {
			return err
		}
		if err := t.EnqueueBehind(mailing.Job{Mail: m.ID}, mailing.Queue); err != nil {
			return err
		}
	}
	return nil
}

// BatchLinks returns up to limit links of a batch of the account whose rows
// follow the line, in the order of the list.
func (s *Store) BatchLinks(ctx context.Context, account, batch string, after, limit int) ([]batches.Link, error) {
	var all []batches.Link
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var l batches.Link
		var line int64
		err := r.Scan(append(links.Into(&l.Link), &line)...)
		l.Line = int(line)
		all = append(all, l)
		return err
	}, `SELECT `+links.Columns+`, links.line FROM links WHERE links.batch = $1 AND links.batch <> '' AND links.account = $2 AND links.line > $3 ORDER BY links.line LIMIT $4`, batch, account, after, limit)
	if err != nil {
		return nil, fmt.Errorf("store: links of a batch: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// CountBatchLinks counts the links of a batch of the account and their emails.
func (s *Store) CountBatchLinks(ctx context.Context, account, batch string) (batches.LinkCounts, error) {
	var counts batches.LinkCounts
	x := s.db.Read(ctx)
	err := x.Row(`SELECT COUNT(*) FROM links WHERE batch = $1 AND batch <> '' AND account = $2`, batch, account).Scan(&counts.Links)
	if err == nil {
		err = x.Each(func(r db.Row) error {
			var state notify.State
			var n int
			if err := r.Scan(&state, &n); err != nil {
				return err
			}
			switch state {
			case notify.Sent:
				counts.Sent += n
			case notify.Waiting:
				counts.Waiting += n
			default:
				counts.GivenUp += n
			}
			return nil
		}, `SELECT state, COUNT(*) FROM link_mails WHERE batch = $1 AND batch <> '' AND account = $2 GROUP BY state`, batch, account)
	}
	if err != nil {
		return batches.LinkCounts{}, fmt.Errorf("store: links of a batch: %w", s.db.Diagnose(err))
	}
	return counts, nil
}

// RefusedMails returns emails of a batch of the account that the mail server
// refused, permanently or temporarily, with the links' addresses, in the order
// of the list.
func (s *Store) RefusedMails(ctx context.Context, account, batch string, limit int) ([]mailing.Refused, error) {
	var all []mailing.Refused
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var m mailing.Refused
		err := r.Scan(append(linkMails.Into(&m.Mail), &m.Address)...)
		all = append(all, m)
		return err
	}, `SELECT `+linkMails.Columns+`, links.address FROM link_mails JOIN links ON links.id = link_mails.link
		WHERE link_mails.batch = $1 AND link_mails.batch <> '' AND link_mails.account = $2 AND link_mails.reply <> '' AND link_mails.state <> 'sent'
		ORDER BY link_mails.line LIMIT $3`, batch, account, limit)
	if err != nil {
		return nil, fmt.Errorf("store: refused mails: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// TakeTurn lets one email be sent per interval, across all servers: the
// statement decides. If it's too early, it returns how long to wait. A sender
// that is late by no more than an interval catches up.
func (s *Store) TakeTurn(ctx context.Context, every time.Duration) (wait time.Duration, err error) {
	now := s.now()
	err = s.db.Transact(ctx, func(t *db.Tx) error {
		wait = 0
		// A turn that is further away than an interval was taken by a wrong
		// clock.
		n, err := t.Exec(`UPDATE installation SET mail_turn = CASE WHEN mail_turn < $1 OR mail_turn > $3 THEN $2 ELSE mail_turn END + $4
			WHERE mail_turn <= $2 OR mail_turn > $3`,
			now.Add(-every).UnixMicro(), now.UnixMicro(), now.Add(every).UnixMicro(), every.Microseconds())
		if err != nil || n == 1 {
			return err
		}
		var turn int64
		err = t.Row(`SELECT mail_turn FROM installation`).Scan(&turn)
		wait = max(time.UnixMicro(turn).Sub(now), time.Millisecond)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("store: take turn: %w", err)
	}
	return wait, nil
}

// BeginLinkMail counts an attempt to send a waiting email, and returns it with
// its link and the link's domain. If the email isn't waiting, it returns a
// NotFound fault. If the link no longer works, the state is Dropped.
func (s *Store) BeginLinkMail(ctx context.Context, id string) (mailing.Try, error) {
	var try mailing.Try
	err := s.db.Transact(ctx, func(t *db.Tx) (err error) {
		try = mailing.Try{}
		now := s.now()
		try.Mail, err = linkMails.Scan(t.Row(`UPDATE link_mails SET tries = tries + 1, tried = $2, failure = $3
			WHERE id = $1 AND state = 'waiting' RETURNING `+linkMails.Columns, id, db.Millis(now), string(notify.Interrupted)))
		if err != nil {
			return err
		}
		row := t.Row(selectLinkAndDomain, try.Link)
		switch err := row.Scan(append(links.Into(&try.Person), intoDomain(&try.Domain)...)...); {
		case errors.Is(err, db.ErrNoRows), err == nil && !try.Person.Live(now):
			try.State = notify.Dropped
			return endLinkMail(t, id, mailing.Outcome{State: notify.Dropped}, now)
		case err != nil:
			return err
		}
		standardPolicy(&try.Domain)
		return t.Row(`SELECT COALESCE((SELECT language FROM members WHERE account = $1 AND role = 'owner' ORDER BY created, id LIMIT 1), '')`,
			try.Account).Scan(&try.Language)
	})
	if err != nil {
		return mailing.Try{}, s.found("mail", err)
	}
	return try, nil
}

// EndLinkMail records the result of an attempt.
func (s *Store) EndLinkMail(ctx context.Context, id string, o mailing.Outcome) error {
	if err := s.db.Transact(ctx, func(t *db.Tx) error { return endLinkMail(t, id, o, s.now()) }); err != nil {
		return fmt.Errorf("store: end link mail: %w", err)
	}
	return nil
}

func endLinkMail(t *db.Tx, id string, o mailing.Outcome, at time.Time) error {
	ended := db.Millis(at)
	if o.State == notify.Waiting {
		ended = 0
	}
	_, err := t.Exec(`UPDATE link_mails SET state = $2, failure = $3, reply = $4, ended = $5 WHERE id = $1 AND state = 'waiting'`,
		id, string(o.State), string(o.Failure), o.Reply, ended)
	return err
}
