// Package mail holds the control panel's pages about setting up devices:
// domains, policies, links, and the overview.
package mail

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/discovery"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// Pages are the handlers. All fields are required except SendsMail.
type Pages struct {
	*panel.Panel
	Members  *account.Members
	Domains  *settings.Domains
	Brands   *branding.Brands
	Policies *settings.Policies
	Hosts    *settings.Hosts
	Links    *setup.Links
	Mails    *mailing.Mails
	Batches  Batches
	Pushes   Pushes
	// SendsMail means that a mail server is configured.
	SendsMail  bool
	Issuer     *issue.Issuer
	Checker    Checker
	DNS        autoconfig.Resolver
	DNSLimiter *web.Limiter
	// Finder finds the servers of new domains, as often as SearchLimiter
	// allows for an account.
	Finder        Finder
	SearchLimiter *web.Limiter
	History       History
	Checks        settings.CheckStore
	// Preview shows the page of a link of the domain as it looks on a device.
	Preview func(c echo.Context, domain settings.Domain, device string) error
	// Installation reports to operators what is left to do.
	Installation Installation
}

// A History reports what has happened in an account.
type History interface {
	// Usage counts the links created since the time, and their downloads, by
	// day and domain.
	Usage(ctx context.Context, account string, since time.Time) ([]setup.Usage, error)
	// Recent returns the latest actions with one of the names, newest first:
	// at most limit, and only from the end of the log. With a target it
	// returns only those on the target.
	Recent(ctx context.Context, account string, names []audit.Name, target string, limit int) ([]audit.Record, error)
	// Search returns the newest actions that match the filter.
	Search(ctx context.Context, f audit.Filter) (audit.Found, error)
	// FirstRun returns how far the account has come with its first device.
	FirstRun(ctx context.Context, account string) (setup.FirstRun, error)
}

// A Finder finds the servers of a domain. *discovery.Finder is one.
type Finder interface {
	Find(ctx context.Context, domain string) (discovery.Found, error)
}

// A Checker checks whether the mail servers of a domain offer TLS as devices
// require. *probe.Checker is one.
type Checker interface {
	Check(ctx context.Context, domain string, targets []probe.Target) ([]probe.Result, error)
}
