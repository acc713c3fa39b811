package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/setup"
)

var _ mailing.Store = (*Store)(nil)

var linkMails = db.NewTable("link_mails", func(m *mailing.Mail) []db.Column {
	return []db.Column{
		db.Col("id", &m.ID), db.Col("account", &m.Account), db.Col("link", &m.Link), db.Col("state", &m.State), db.Col("tries", &m.Tries),
		db.Col("failure", &m.Failure), db.Col("reply", &m.Reply), db.Col("created", db.Time(&m.Created)), db.Col("tried", db.Time(&m.Tried)),
		db.Col("ended", db.Time(&m.Ended)),
	}
})

// liveLink is the condition of a link that leads somewhere at a time.
const liveLink = `links.revoked = 0 AND links.expires > ? AND links.tickets < links.max_downloads`

// CreateLinkMail keeps m and a and has m sent. If no mails can be sent, the link
// is not live or a mail of it is waiting already, it keeps nothing and the fault
// is a Conflict. A limit that is used up is a Limited fault.
func (s *Store) CreateLinkMail(ctx context.Context, by audit.Grant, m mailing.Mail, limits []setup.Limit, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if on, err := ledger.SendsMail(t); err != nil || !on {
			if err == nil {
				err = fault.New(fault.Conflict, "No mail server is set, so no mail can be sent.")
			}
			return err
		}
		if err := useLimits(t, limits, m.Created); err != nil {
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
	if s.db.Taken(err) { // the index of those that are waiting
		err = mailing.ErrWaiting()
	}
	if err != nil {
		return fmt.Errorf("store: create link mail: %w", err)
	}
	return nil
}

// LastLinkMail returns the newest mail of a link, or a NotFound fault.
func (s *Store) LastLinkMail(ctx context.Context, link string) (mailing.Mail, error) {
	m, err := linkMails.Scan(s.db.Read(ctx).ByKey(`SELECT `+linkMails.Columns+` FROM link_mails WHERE link = $1 ORDER BY created DESC, id DESC LIMIT 1`, link))
	if err != nil {
		return mailing.Mail{}, s.found("mail", err)
	}
	return m, nil
}

// TakeTurn lets one mail be sent for each interval, on all servers together: the
// statement decides. It returns how long to wait if it is too early. Who comes
// late by no more than an interval makes up for it.
func (s *Store) TakeTurn(ctx context.Context, every time.Duration) (wait time.Duration, err error) {
	now := s.now()
	err = s.db.Transact(ctx, func(t *db.Tx) error {
		wait = 0
		// A turn that is further away than an interval was taken by a clock that
		// was wrong.
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

// BeginLinkMail counts a try of a mail that is waiting and returns it with its
// link and the link's domain. Any other is a NotFound fault. A link that leads
// nowhere any more is not sent: the state is Dropped.
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

// EndLinkMail keeps how a try ended.
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
