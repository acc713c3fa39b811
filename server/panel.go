package server

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pages"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/panel/access"
	"github.com/updatecase/mobileconfig/server/panel/brand"
	"github.com/updatecase/mobileconfig/server/panel/log"
	"github.com/updatecase/mobileconfig/server/panel/mail"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/store"
)

// A controlPanel is the control panel: what its pages share, and the pages.
type controlPanel struct {
	*panel.Panel
	access *access.Pages
	mail   *mail.Pages
	log    *log.Pages
	brand  *brand.Pages
}

// routes adds the control panel to e.
func (c *controlPanel) routes(e *echo.Echo) error {
	return c.Serve(e, c.access.Routes(), c.mail.Routes(), c.log.Routes(), c.brand.Routes())
}

// newPanel creates the control panel from what it shares with the API.
func (s *Server) newPanel(a *api.API, public *pages.Pages) *controlPanel {
	shared := &panel.Panel{
		Vault:    s.vault,
		Sessions: account.NewSessions(s.vault, s.store),
		Texts:    a.Texts,
		BaseURL:  a.BaseURL,
		Once:     s.once,
		Identity: a.Identity,
		Brand:    s.brands.Shown,
		Log:      a.Log,
		Now:      s.config.Now,
		Stopping: s.stopping,
	}
	return &controlPanel{
		Panel: shared,
		access: &access.Pages{
			Panel:     shared,
			Members:   s.members,
			Factors:   account.NewFactors(s.vault, s.store),
			Accounts:  account.NewAccounts(s.vault, s.store),
			Keys:      a.Keys,
			Redirects: a.Redirects,
			Domains:   a.Domains,
			History:   s.store,
			Retention: s.store,

			Certificate: s.certificate,
			Files:       s.hasConfiguredSigner,
		},
		mail: &mail.Pages{
			Panel:      shared,
			Members:    s.members,
			Domains:    a.Domains,
			Brands:     s.brands,
			Policies:   a.Policies,
			Hosts:      a.Hosts,
			Links:      a.Links,
			Mails:      a.Mails,
			SendsMail:  s.config.Mail != nil,
			Batches:    s.batches,
			Pushes:     s.pushes,
			Issuer:     a.Issuer,
			Checker:    a.Checker,
			DNS:        cmp.Or(s.config.HostResolver, net.DefaultResolver),
			DNSLimiter: mail.NewDNSLimiter(s.config.Now),

			Finder:        s.finder(),
			SearchLimiter: mail.NewSearchLimiter(s.config.Now),

			History: s.store,
			Checks:  s.store,
			Preview: public.Preview,

			Installation: s.store,
		},
		brand: &brand.Pages{Panel: shared, Brands: s.brands, Domains: a.Domains},
		log: &log.Pages{
			Panel:         shared,
			Actions:       s.store,
			Batches:       s.batches,
			Members:       s.members,
			Keys:          a.Keys,
			Subscriptions: notify.NewSubscriptions(s.store, s.config.Now),
			Webhooks:      a.Webhooks,
			Mail:          s.config.Mail != nil,
		},
	}
}

// NewSetupURL is SetupURL for another program on the server's machine, which
// has opened the store.
func NewSetupURL(ctx context.Context, kept *store.Store, root []byte, baseURL string) (string, error) {
	base, err := parseBaseURL(baseURL)
	if err != nil {
		return "", err
	}
	versions, err := secret.Open(ctx, kept, root, time.Now)
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	vault, err := account.NewVault(versions.Secret, base, time.Now)
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	token, err := account.NewMembers(vault, kept).InviteFirst(ctx)
	if err != nil || token == "" {
		return "", err
	}
	return access.InvitationURL(base.String(), token), nil
}

// SetupURL returns the one-time URL where the first owner of a new installation
// signs up. It's valid for three days. It's empty if the installation has a
// member.
func (s *Server) SetupURL(ctx context.Context) (string, error) {
	token, err := s.members.InviteFirst(ctx)
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	if token == "" {
		return "", nil
	}
	return access.InvitationURL(s.base.String(), token), nil
}
