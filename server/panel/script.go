package panel

import (
	"encoding/json"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// problemJSON is what the script gets if something went wrong.
type problemJSON struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// IsJSON reports whether the request comes from the panel's script.
func IsJSON(v *Visit) bool {
	kind, _, err := mime.ParseMediaType(v.Request().Header.Get(echo.HeaderContentType))
	return err == nil && kind == echo.MIMEApplicationJSON
}

// Problem sends the script what went wrong.
func (p *Panel) Problem(v *Visit, err error) error {
	f := fault.Of(err)
	status := web.Status(f.Code)
	if status >= http.StatusInternalServerError {
		p.Log.Error("request failed", "id", web.RequestID(v), "route", web.Route(v), "error", err)
	}
	web.SetRetryAfter(v, f)
	detail := p.say(p.Frame(v, ""), f)
	v.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	v.Response().WriteHeader(status)
	return json.NewEncoder(v.Response()).Encode(problemJSON{"about:blank", http.StatusText(status), status, detail, string(f.Code)})
}
