package redirect

import (
	"context"
	"net/netip"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Redirects creates links from tokens that panels have signed.
type Redirects struct {
	keys     KeyStore
	links    Links
	audience string
	now      func() time.Time
}

// Links creates links. *setup.Links is one.
type Links interface {
	// CreateOnce creates a link, unless the pass was used.
	CreateOnce(ctx context.Context, by audit.Grant, spec setup.LinkSpec, pass setup.Pass) (setup.Link, error)
	// Path returns the path of the link's page.
	Path(l setup.Link) string
}

// New returns Redirects for tokens whose audience is the service's base URL.
func New(keys KeyStore, links Links, audience string, now func() time.Time) *Redirects {
	jwt.RegisterSigningMethod(rfc9864, func() jwt.SigningMethod { return jwt.SigningMethodEdDSA })
	return &Redirects{keys, links, audience, now}
}

// Start creates a link from a token that a browser has sent, and returns the
// path of its page. The link lasts as long as one from the public page. The
// actor is the browser; the action log shows the key, with the browser's
// network. The fault is RedirectInvalid, RedirectExpired, RedirectUsed,
// LoginNeeded or Limited.
func (r *Redirects) Start(ctx context.Context, visitor audit.Actor, token string, from netip.Prefix) (path string, err error) {
	c, key, err := r.verify(ctx, token)
	if err != nil {
		return "", err
	}
	address, err := profile.ParseAddress(c.Subject)
	if err != nil || !key.signsFor(address.Domain()) {
		return "", errInvalid("sub")
	}
	who := visitor
	who.Kind, who.ID, who.Name = audit.KeyActor, key.ID, key.Name
	by := audit.Grant{Actor: who, Kind: audit.RedirectKeyGrant, ID: key.ID, Account: key.Account}
	link, err := r.links.CreateOnce(ctx, by, setup.LinkSpec{
		Account: key.Account, Address: c.Subject, Name: c.Name, Login: c.Login, Locale: c.Locale, Variant: settings.Variant(c.Variant),
		Life: setup.VisitorLinkLife, ExternalID: c.ExternalID, ReturnURL: c.ReturnURL,
	}, setup.Pass{Key: key.ID, Name: c.use(), Expires: c.over(), Network: from})
	if err != nil {
		return "", partOf(err)
	}
	return r.links.Path(link), nil
}

// partOf turns an invalid field of a link into an invalid part of the token.
func partOf(err error) error {
	f := fault.All(err)[0]
	switch {
	case f.Code == fault.LoginNeeded || f.Field == "":
		return err
	case f.Field == "address":
		return errInvalid("sub")
	}
	return errInvalid(f.Field)
}
