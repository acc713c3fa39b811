// Package mail holds the pages of the control panel that are about what devices
// are set up with: domains, policies, links, and the overview.
package mail

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// Pages are the handlers. All fields are required but SendsMail.
type Pages struct {
	*panel.Panel
	Members  *account.Members
	Domains  *settings.Domains
	Policies *settings.Policies
	Hosts    *settings.Hosts
	Links    *setup.Links
	Mails    *mailing.Mails
	Batches  Batches
	// SendsMail says that there is a mail server.
	SendsMail  bool
	Issuer     *issue.Issuer
	Checker    Checker
	DNS        autoconfig.Resolver
	DNSLimiter *web.Limiter
	History    History
}

// A History tells what has happened in an account.
type History interface {
	// Usage counts the links made since the time, and their downloads, by
	// day and domain.
	Usage(ctx context.Context, account string, since time.Time) ([]setup.Usage, error)
	// Recent returns the latest actions with one of the names, the newest
	// first: at most limit, and of the log's end alone. With a target it
	// returns those on that alone.
	Recent(ctx context.Context, account string, names []audit.Name, target string, limit int) ([]audit.Record, error)
}

// A Checker says whether the mail servers of a domain offer TLS as a device
// needs it. *probe.Checker is one.
type Checker interface {
	Check(ctx context.Context, domain string, targets []probe.Target) ([]probe.Result, error)
}
