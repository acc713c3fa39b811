package pages

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// brandOf returns the brand that people of the domain see. Without a chosen
// name, it is the domain's display name.
func (p *Pages) brandOf(ctx context.Context, d settings.Domain) (templates.Brand, error) {
	return p.Brands.View(ctx, branding.Owner{Account: d.Account, DomainID: d.ID, Domain: d.Name}, d.DisplayName, idn.Show(d.Name))
}

// installationBrand returns the brand for people who haven't reached a domain
// yet.
func (p *Pages) installationBrand(ctx context.Context) templates.Brand {
	return p.Brands.Shown(ctx, account.Default, p.BaseURL.Hostname())
}

// How long a browser caches the parts of a brand. The name of a logo changes
// with its content; a stylesheet can change with the next version.
const (
	keepLogo  = "public, max-age=31536000, immutable"
	keepSheet = "public, max-age=3600"
)

// brand serves logos and stylesheets of brands.
func (p *Pages) brand(c echo.Context) error {
	file := c.Param("file")
	if css, ok := branding.Sheet(file); ok {
		c.Response().Header().Set("Cache-Control", keepSheet)
		if web.Unchanged(c, web.ETag(css)) {
			return web.NotModified(c)
		}
		return web.Send(c, http.StatusOK, "text/css; charset=utf-8", web.NewPiece(css))
	}
	digest, ok := strings.CutSuffix(file, ".png")
	if !ok {
		return fault.New(fault.NotFound, "There is no such file.")
	}
	picture, err := p.Brands.Logo(c.Request().Context(), digest)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", keepLogo)
	if web.Unchanged(c, web.ETag(picture)) {
		return web.NotModified(c)
	}
	return c.Blob(http.StatusOK, web.PNGType, picture)
}
