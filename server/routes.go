package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/api"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/pages"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/web"
)

// routes connects the handlers. Middleware runs from top to bottom.
func (s *Server) routes(p *pages.Pages, a *api.API, control *controlPanel) (http.Handler, error) {
	e := echo.New()
	e.IPExtractor = web.Proxies(s.config.TrustedProxies)
	e.HTTPErrorHandler = web.ErrorHandler(s.config.Log, func(c echo.Context, f *fault.Fault) error {
		switch path := c.Request().URL.Path; {
		case strings.HasPrefix(path, "/api/"):
			return a.Error(c, f)
		case path == panel.Prefix || strings.HasPrefix(path, panel.Prefix+"/"):
			return control.Error(c, f)
		}
		return p.Error(c, f)
	})
	e.Pre(pages.FoldPaths)
	e.Use(
		s.metrics.count,
		web.Log(s.config.Log),
		web.Headers(s.base.Scheme == "https"),
		web.Recover(s.config.Log),
		web.Params,
		perRequest,
	)
	read := []string{http.MethodGet, http.MethodHead}
	e.Match(read, "/healthz", s.healthy)
	e.Match(read, "/readyz", s.ready)
	e.POST(hookPath+":hook", s.receiveEvent)
	p.Routes(e)
	a.Routes(e)
	return e, control.routes(e)
}

// perRequest limits how long all database calls of a request may take together.
func perRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.SetRequest(c.Request().WithContext(store.PerRequest(c.Request().Context())))
		return next(c)
	}
}

// healthy reports that the process answers.
func (s *Server) healthy(c echo.Context) error {
	return c.String(http.StatusOK, "ok\n")
}

// ready reports whether requests can be served: the database answers and
// accepts writes, and the identity can sign.
func (s *Server) ready(c echo.Context) error {
	err := errors.Join(s.checkDatabase(c.Request().Context()), s.identity.Current().Describe().Fault)
	if err != nil {
		s.config.Log.Warn("not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "unavailable\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

// answerTimeout limits how long the database may take for health checks.
const answerTimeout = 2 * time.Second

// checkDatabase returns an error if the database doesn't answer soon, or
// doesn't accept writes.
func (s *Server) checkDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return s.store.Check(ctx)
}
