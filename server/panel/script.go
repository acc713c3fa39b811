package panel

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// What the panel's script sends and gets, for passkeys.
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

// problemJSON is what the script gets if something went wrong.
type problemJSON struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// maxJSON is the largest body from the script in bytes.
const maxJSON = 72 << 10

func isJSON(v *visit) bool {
	kind, _, err := mime.ParseMediaType(v.Request().Header.Get(echo.HeaderContentType))
	return err == nil && kind == echo.MIMEApplicationJSON
}

// read reads what the script sends. Another site's form cannot send JSON.
func read(v *visit, into any) error {
	if !isJSON(v) {
		return fault.New(fault.UnsupportedMedia, "Send this as %s.", echo.MIMEApplicationJSON)
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.Response(), v.Request().Body, maxJSON))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "That is too large.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err != nil || d.Decode(into) != nil || d.More() {
		return fault.New(fault.FormMalformed, "The request cannot be read. Load the page again.")
	}
	return nil
}

// problem answers the script with what went wrong.
func (p *Panel) problem(v *visit, err error) error {
	f := fault.Of(err)
	status := web.Status(f.Code)
	if status >= http.StatusInternalServerError {
		p.Log.Error("request failed", "id", web.RequestID(v), "route", web.Route(v), "error", err)
	}
	web.SetRetryAfter(v, f)
	detail := p.say(p.frame(v, "").Language, f)
	v.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	v.Response().WriteHeader(status)
	return json.NewEncoder(v.Response()).Encode(problemJSON{"about:blank", http.StatusText(status), status, detail, string(f.Code)})
}

// begin answers the script with a ceremony.
func (p *Panel) begin(v *visit, start func() (account.Ceremony, error)) error {
	if err := read(v, &struct{}{}); err != nil {
		return p.problem(v, err)
	}
	c, err := start()
	if fault.Is(err, fault.Unauthorized) {
		return err
	}
	if err != nil {
		return p.problem(v, err)
	}
	return v.JSON(http.StatusOK, began{c.ID, c.Options})
}

// finish reads what the browser made of a ceremony, and says where to go on.
func (p *Panel) finish(v *visit, end func(finished) (to string, err error)) error {
	var in finished
	if err := read(v, &in); err != nil {
		return p.problem(v, err)
	}
	to, err := end(in)
	if fault.Is(err, fault.Unauthorized) {
		return err
	}
	if err != nil {
		return p.problem(v, err)
	}
	return v.JSON(http.StatusOK, goOn{to})
}

func (p *Panel) beginSignIn(v *visit) error {
	return p.begin(v, func() (account.Ceremony, error) { return p.Sessions.BeginPasskey(v.ctx(), v.from.Network) })
}

func (p *Panel) finishSignIn(v *visit) error {
	return p.finish(v, func(in finished) (string, error) {
		token, err := p.Sessions.FinishPasskey(v.ctx(), v.from, in.Ceremony, in.Response)
		if err != nil {
			return "", err
		}
		p.cookie().Set(v, token)
		return inside(in.Next), nil
	})
}

func (p *Panel) beginConfirm(v *visit) error {
	return p.begin(v, func() (account.Ceremony, error) { return p.Sessions.BeginConfirm(v.ctx(), v.in) })
}

func (p *Panel) finishConfirm(v *visit) error {
	return p.finish(v, func(in finished) (string, error) {
		token, err := p.Sessions.FinishConfirm(v.ctx(), v.from, v.in, in.Ceremony, in.Response)
		if err != nil {
			return "", err
		}
		return inside(in.Next), p.confirmed(v, token)
	})
}

func (p *Panel) beginPasskey(v *visit) error {
	return p.begin(v, func() (account.Ceremony, error) { return p.Factors.BeginPasskey(v.ctx(), v.in) })
}

func (p *Panel) finishPasskey(v *visit) error {
	return p.finish(v, func(in finished) (string, error) {
		err := p.Factors.EnrolPasskey(v.ctx(), v.by(), v.in, in.Name, in.Ceremony, in.Response)
		return p.afterEnrol(v, "passkey.added"), err
	})
}
