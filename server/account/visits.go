package account

import (
	"context"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// maxReason is the longest reason of an operator in characters.
const maxReason = 200

// A Visit is why an operator opens a customer's account.
type Visit struct {
	Account string
	Changes bool // otherwise only to look
	Reason  string
}

// Visit opens a customer's account in the session of an operator. The reason is
// in the account's log.
func (s *Sessions) Visit(ctx context.Context, by audit.Grant, in In, v Visit) error {
	reason, err := parseReason(v.Reason)
	if err != nil {
		return err
	}
	acc, err := s.store.Account(ctx, v.Account)
	if err != nil {
		return err
	}
	if acc.ID == in.Home.ID || acc.ID == Installation {
		return fault.New(fault.Conflict, "This is your own account. There’s nothing to open.")
	}
	by.Renews = true
	a := accountAction(audit.AccountOpen, by, acc)
	a.Changes = []audit.Change{{Field: "changes", New: yes(v.Changes)}, {Field: "reason", New: reason}}
	return s.store.Visit(ctx, by, in.Session.ID, acc.ID, v.Changes, a)
}

// Leave ends the visit of the session. Without one, it does nothing.
func (s *Sessions) Leave(ctx context.Context, by audit.Grant, in In) error {
	if in.Opened.ID == "" {
		return nil
	}
	by.Renews = true
	return s.store.Visit(ctx, by, in.Session.ID, "", false, accountAction(audit.AccountLeave, by, in.Opened))
}

// Look records that an operator views a page of the account that they visit,
// and refuses if they no longer may. The mailbox may be empty.
func (s *Sessions) Look(ctx context.Context, by audit.Grant, in In, page, mailbox string) error {
	a := accountAction(audit.AccountLook, by, in.Account)
	a.Changes = []audit.Change{{Field: "page", New: page}}
	a.Mailbox = mailbox
	return s.store.Record(ctx, by, a)
}

// parseReason parses why an operator does something in a customer's account.
func parseReason(text string) (string, error) {
	reason := profile.Plain(text)
	if err := profile.CheckLine(reason); err != nil || reason == "" || utf8.RuneCountInString(reason) > maxReason {
		return "", fault.OnText("reason", err, fault.Invalid, "Enter a reason of up to %d characters. The customer sees it in their log.", maxReason)
	}
	return reason, nil
}

// ErrVisit refuses what only the account's own members may do, or a change
// during a read-only visit.
func ErrVisit() error {
	return fault.New(fault.Forbidden, "Operators can’t do this in a customer’s account, or not in one that they only look at.")
}

// ErrVisitOver refuses an operator who is no longer in the account.
func ErrVisitOver() error {
	return fault.New(fault.Forbidden, "You’re no longer in this account. Open it again from the list of accounts.")
}
