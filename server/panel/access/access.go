// Package access holds the control panel's pages about access: sign-in, a
// member's own security, members, keys and accounts. It also holds the
// operators' pages about accounts and the certificate.
package access

import (
	"context"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Pages are the handlers. All fields are required.
type Pages struct {
	*panel.Panel
	Members   *account.Members
	Factors   *account.Factors
	Accounts  *account.Accounts
	Keys      *account.Keys
	Redirects *redirect.Keys
	Domains   *settings.Domains
	History   History
	Retention Retention
	// Certificate is the installation's certificate, and Files reports whether
	// the operator has configured certificate files instead.
	Certificate *certificate.Manager
	Files       func() bool
}

// A History lists what has happened in an account.
type History interface {
	// Recent returns the latest actions with one of the names, newest first:
	// at most limit, and only from the end of the log. With a target it
	// returns only those on the target.
	Recent(ctx context.Context, account string, names []audit.Name, target string, limit int) ([]audit.Record, error)
}

// A Retention sets how long the content of actions is kept.
type Retention interface {
	// SetRetention sets after how many days the content of the account's
	// actions is removed, 0 meaning never, and stores a as the action that
	// records it.
	SetRetention(ctx context.Context, by audit.Grant, account string, days int, a audit.Action) error
}
