package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/web"
)

type linkDrawing struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// drawings adds the routes for QR codes of a setup link.
func (a *API) drawings(h huma.API) {
	svg := operation("get-setup-link-qr", http.MethodGet, "/setup-links/{id}/qr.svg", account.LinksRead, "Get a setup link as a QR code")
	svg.Responses = binary(web.SVGType, "The QR code, black on white.")
	register(a, h, svg, func(ctx context.Context, c call, in *LinkPath) (*linkDrawing, error) {
		drawing, err := a.linkQR(ctx, c, in.ID)
		return &linkDrawing{web.SVGType, []byte(drawing.SVG())}, err
	})
	png := operation("get-setup-link-qr-png", http.MethodGet, "/setup-links/{id}/qr.png", account.LinksRead, "Get a setup link as a QR code in PNG")
	png.Responses = binary(web.PNGType, "The QR code, black on white.")
	register(a, h, png, func(ctx context.Context, c call, in *LinkPath) (*linkDrawing, error) {
		drawing, err := a.linkQR(ctx, c, in.ID)
		if err != nil {
			return nil, err
		}
		data, err := drawing.PNG()
		return &linkDrawing{web.PNGType, data}, err
	})
}

func (a *API) linkQR(ctx context.Context, c call, id string) (web.QR, error) {
	l, err := a.permittedLink(ctx, c, id)
	if err != nil {
		return web.QR{}, err
	}
	return web.NewQR(a.BaseURL.String() + a.Links.Path(l))
}
