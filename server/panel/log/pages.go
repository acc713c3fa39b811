// Package log holds the control panel's pages about what has happened: the
// action log and the notifications.
package log

import (
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
)

// Pages are the handlers. All fields are required.
type Pages struct {
	*panel.Panel
	Actions       Actions
	Batches       Forgetter
	Members       *account.Members
	Keys          *account.Keys
	Subscriptions *notify.Subscriptions
	Webhooks      *notify.Webhooks
	Mail          bool // a mail server is configured
}
