package server

import (
	"cmp"
	"context"
	"fmt"
	"net"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
)

// newPanel builds the control panel on what the API works with too.
func (s *Server) newPanel(a *api.API) *panel.Panel {
	vault := s.vault
	return &panel.Panel{
		Subscriptions: notify.NewSubscriptions(s.store, s.config.Now),
		Webhooks:      a.Webhooks,
		Mail:          s.config.Mail != nil,
		Vault:         vault,
		Once:          s.once,
		Sessions:      account.NewSessions(vault, s.store),
		Members:       s.members,
		Factors:       account.NewFactors(vault, s.store),
		Accounts:      account.NewAccounts(vault, s.store),
		Keys:          a.Keys,
		Redirects:     a.Redirects,
		Domains:       a.Domains,
		Policies:      a.Policies,
		Links:         a.Links,
		Issuer:        a.Issuer,
		Checker:       a.Checker,
		DNS:           cmp.Or(s.config.HostResolver, net.DefaultResolver),
		History:       s.store,
		Actions:       s.store,
		Texts:         a.Texts,
		BaseURL:       a.BaseURL,
		Identity:      a.Identity,
		Log:           a.Log,
		Now:           s.config.Now,
	}
}

// SetupURL is where the first owner of a new installation signs up: once, and
// for three days. It is empty if the installation has a member.
func (s *Server) SetupURL(ctx context.Context) (string, error) {
	token, err := s.members.InviteFirst(ctx)
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	if token == "" {
		return "", nil
	}
	return panel.InvitationURL(s.base.String(), token), nil
}
