package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/jobs"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel/access"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/templates"
)

// newNotifier creates the notifier, and records whether mail is sent.
func (s *Server) newNotifier(ctx context.Context, texts *templates.Set) error {
	if err := s.store.SetMail(ctx, s.config.Mail != nil); err != nil {
		return err
	}
	config := notify.Config{
		Store:  s.store,
		Secret: s.secrets.Secret,
		Client: s.outside(notify.CallTimeout),
		Writer: &notify.Scribe{Texts: texts, Invitation: s.invitationURL, Brand: s.memberMailBrand},
		Log:    s.config.Log,
		Now:    s.config.Now,
	}
	s.mailer = &mailing.Sender{Store: s.store, Texts: texts, URL: s.linkURL, Brand: s.mailBrand, Log: s.config.Log}
	if s.config.Mail != nil {
		relay, err := notify.NewRelay(*s.config.Mail)
		if err != nil {
			return fmt.Errorf("%w: mail: %w", ErrConfig, err)
		}
		config.Sender, s.mailer.Relay, s.mailer.Rate = relay, relay, s.config.Mail.Rate
	}
	s.notifier = notify.New(config)
	return nil
}

// memberMailBrand returns the brand of mails to the account's members.
func (s *Server) memberMailBrand(ctx context.Context, account string) (templates.MailBrand, []byte, error) {
	return s.brands.Mail(ctx, branding.Owner{Account: account}, "")
}

// mailBrand returns the brand of mails to people of the domain.
func (s *Server) mailBrand(ctx context.Context, d settings.Domain) (templates.MailBrand, []byte, error) {
	return s.brands.Mail(ctx, branding.Owner{Account: d.Account, DomainID: d.ID, Domain: d.Name}, d.DisplayName)
}

// RunJobs sends notifications until ctx is done, and then finishes deliveries
// in progress. Run calls it too. Each of several servers on one database can.
func (s *Server) RunJobs(ctx context.Context) error {
	return jobs.Run(ctx, s.store.Database(), jobs.Work{Deliverer: s.notifier, LinkSender: s.mailer, Maintainer: s.maintenance, Batcher: s.batches, Rewriter: s.secrets, Pusher: s.pushes}, s.config.Log)
}

// recordIdentity checks whether the identity's files have changed. The signing
// identity is recorded at startup and on change. If the installation used
// another certificate before, one of the servers records the change.
func (s *Server) recordIdentity(ctx context.Context) error {
	identity := s.identity.Current().Describe()
	if identity.Fingerprint == s.signs || identity.Fingerprint == "" {
		return nil
	}
	err := s.store.UseIdentity(ctx, audit.ByProgram(), identity.Fingerprint, identity.Key, audit.Action{
		Account: account.Installation,
		Outcome: audit.Done,
		Target:  audit.Target{Kind: audit.IdentityTarget, ID: identity.Fingerprint, Name: identity.Name},
	})
	if err != nil {
		return err
	}
	s.signs = identity.Fingerprint
	return nil
}

// expiryDays are the days before the signing certificate's expiry when
// notifications are sent, nearest first.
var expiryDays = []int{1, 3, 7, 14, 30}

// overdue is how late a renewal may be before the expiry is reported.
const overdue = 24 * time.Hour

// recordExpiry checks whether the identity's files have changed and records that
// the certificate is about to expire, once for each of expiryDays and on only
// one of the servers.
func (s *Server) recordExpiry(ctx context.Context) error {
	identity := s.identity.Current().Describe()
	if identity.Development || identity.Fingerprint == "" {
		return nil
	}
	// For an automatically renewed one, the notification is only sent if the
	// renewal is overdue.
	if c := s.certificate.Status(); !c.Renews.IsZero() && s.config.Now().Before(c.Renews.Add(overdue)) {
		return nil
	}
	left := identity.NotAfter.Sub(s.config.Now())
	for _, days := range expiryDays {
		if left > time.Duration(days)*24*time.Hour {
			continue
		}
		expires := identity.NotAfter.UTC().Format(time.DateOnly)
		return s.store.NoteExpiry(ctx, audit.ByProgram(), identity.Fingerprint, days, audit.Action{
			Account: account.Installation,
			Name:    audit.IdentityExpiring,
			Outcome: audit.Done,
			Target:  audit.Target{Kind: audit.IdentityTarget, ID: identity.Fingerprint, Name: identity.Name},
			Changes: []audit.Change{{Field: "expires", New: expires}, {Field: notify.DaysField, New: strconv.Itoa(daysOf(left))}},
		})
	}
	return nil
}

// recordOldBackup records, once for each backup and on only one of the servers, that
// the last one is too old.
func (s *Server) recordOldBackup(ctx context.Context) error {
	now := s.config.Now()
	at, err := s.store.UnreportedBackup(ctx)
	if err != nil || !notify.OldBackup(at, now) {
		return err
	}
	return s.store.NoteOldBackup(ctx, audit.ByProgram(), at, audit.Action{
		Account: account.Installation,
		Name:    audit.BackupOverdue,
		Outcome: audit.Done,
		Target:  audit.Target{Kind: audit.InstallationTarget, ID: "1", Name: "backup"},
		Changes: []audit.Change{{Field: "created", New: at.UTC().Format(time.RFC3339)}, {Field: notify.DaysField, New: strconv.Itoa(int(now.Sub(at) / (24 * time.Hour)))}},
	})
}

// recordExpiringKeys records, once for each notification, that keys are about to expire
// or unused.
func (s *Server) recordExpiringKeys(ctx context.Context) error {
	now := s.config.Now()
	keys, err := s.store.ExpiringKeys(ctx, now, now.Add(account.NoticeAhead))
	for _, k := range keys {
		days, a, ok := k.Notice(audit.ByProgram(), now)
		if !ok {
			continue
		}
		if err := s.store.NoteExpiry(ctx, audit.ByProgram(), k.ID, days, a); err != nil {
			return err
		}
	}
	return errors.Join(err, s.recordUnusedKeys(ctx))
}

// recordUnusedKeys records, once each time it happens, that a key is unused.
func (s *Server) recordUnusedKeys(ctx context.Context) error {
	now := s.config.Now()
	keys, err := s.store.UnusedKeys(ctx, now.Add(-account.UnusedAfter))
	for _, k := range keys {
		if !k.Unused(now) {
			continue
		}
		if err := s.store.NoteUnused(ctx, audit.ByProgram(), k, k.UnusedNotice(audit.ByProgram())); err != nil {
			return err
		}
	}
	return err
}

// recordExpiredLinks records that links have expired.
func (s *Server) recordExpiredLinks(ctx context.Context) error {
	_, err := s.store.LapseLinks(ctx, audit.ByProgram(), s.config.Now(), func(l setup.Link) audit.Action {
		return setup.LapseAction(audit.ByProgram(), l)
	})
	return err
}

// daysOf returns a duration in days, rounded up.
func daysOf(left time.Duration) int {
	const day = 24 * time.Hour
	return int(max(left+day-1, 0) / day)
}

// linkURL returns the URL of a link.
func (s *Server) linkURL(l setup.Link) string { return s.base.String() + s.links.Path(l) }

// invitationURL returns the URL of an invitation. If it can't be accepted
// anymore, the error is a NotFound fault.
func (s *Server) invitationURL(ctx context.Context, id string) (string, error) {
	i, err := s.store.Invitation(ctx, id)
	if err == nil && !s.config.Now().Before(i.Expires) {
		err = fault.New(fault.NotFound, "There is no such invitation.")
	}
	if err != nil {
		return "", err
	}
	return access.InvitationURL(s.base.String(), s.members.Token(i)), nil
}
