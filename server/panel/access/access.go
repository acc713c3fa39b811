// Package access holds the pages of the control panel that are about who may
// come in: signing in, a member's own security, members, keys and accounts. It
// holds what only operators see, too: accounts, and the certificate.
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
	// Certificate is the installation's own, and Files reports whether the
	// operator has named files to sign with instead.
	Certificate *certificate.Manager
	Files       func() bool
}

// A History tells what has happened in an account.
type History interface {
	// Recent returns the latest actions with one of the names, the newest
	// first: at most limit, and of the log's end alone. With a target it
	// returns those on that alone.
	Recent(ctx context.Context, account string, names []audit.Name, target string, limit int) ([]audit.Record, error)
}

// A Retention says for how long the content of actions is kept.
type Retention interface {
	// SetRetention has the content of the account's actions removed after so
	// many days, or never for 0, and keeps a as an action that says so.
	SetRetention(ctx context.Context, by audit.Grant, account string, days int, a audit.Action) error
}
