package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
)

// What the panel's script sends and receives for passkeys.
type (
	began struct {
		Ceremony string          `json:"ceremony"`
		Options  json.RawMessage `json:"options"`
	}
	finished struct {
		Ceremony string          `json:"ceremony"`
		Response json.RawMessage `json:"response"`
		Name     string          `json:"name"`
		Next     string          `json:"next"`
	}
	goOn struct {
		To string `json:"to"`
	}
)

// maxJSON is the largest body from the script in bytes.
const maxJSON = 72 << 10

// read reads what the script sends. Another site's form can't send JSON.
func read(v *panel.Visit, into any) error {
	if !panel.IsJSON(v) {
		return fault.New(fault.UnsupportedMedia, "Send the request as %s.", echo.MIMEApplicationJSON)
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.Response(), v.Request().Body, maxJSON))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "The request is too large.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err != nil || d.Decode(into) != nil || d.More() {
		return fault.New(fault.FormMalformed, "The request can't be read. Reload the page.")
	}
	return nil
}

// begin sends the script a ceremony.
func (p *Pages) begin(v *panel.Visit, start func() (account.Ceremony, error)) error {
	if err := read(v, &struct{}{}); err != nil {
		return p.Problem(v, err)
	}
	c, err := start()
	if fault.Is(err, fault.Unauthorized) {
		return err
	}
	if err != nil {
		return p.Problem(v, err)
	}
	return v.JSON(http.StatusOK, began{c.ID, c.Options})
}

// finish reads the browser's response to a ceremony, and returns where to
// continue.
func (p *Pages) finish(v *panel.Visit, end func(finished) (to string, err error)) error {
	var in finished
	if err := read(v, &in); err != nil {
		return p.Problem(v, err)
	}
	to, err := end(in)
	if fault.Is(err, fault.Unauthorized) {
		return err
	}
	if err != nil {
		return p.Problem(v, err)
	}
	return v.JSON(http.StatusOK, goOn{to})
}

func (p *Pages) beginSignIn(v *panel.Visit) error {
	return p.begin(v, func() (account.Ceremony, error) { return p.Sessions.BeginPasskey(v.Ctx(), v.From.Network) })
}

func (p *Pages) finishSignIn(v *panel.Visit) error {
	return p.finish(v, func(in finished) (string, error) {
		token, err := p.Sessions.FinishPasskey(v.Ctx(), v.From, in.Ceremony, in.Response)
		if err != nil {
			return "", err
		}
		return panel.Inside(in.Next), p.Admit(v, token)
	})
}

func (p *Pages) beginConfirm(v *panel.Visit) error {
	return p.begin(v, func() (account.Ceremony, error) { return p.Sessions.BeginConfirm(v.Ctx(), v.In) })
}

func (p *Pages) finishConfirm(v *panel.Visit) error {
	return p.finish(v, func(in finished) (string, error) {
		token, err := p.Sessions.FinishConfirm(v.Ctx(), v.From, v.In, in.Ceremony, in.Response)
		if err != nil {
			return "", err
		}
		return panel.Inside(in.Next), p.Confirmed(v, token)
	})
}

func (p *Pages) beginPasskey(v *panel.Visit) error {
	return p.begin(v, func() (account.Ceremony, error) { return p.Factors.BeginPasskey(v.Ctx(), v.In) })
}

func (p *Pages) finishPasskey(v *panel.Visit) error {
	return p.finish(v, func(in finished) (string, error) {
		err := p.Factors.EnrollPasskey(v.Ctx(), v.By(), v.In, in.Name, in.Ceremony, in.Response)
		return p.afterEnroll(v, "passkey.added"), err
	})
}
