// Package api holds the HTTP API for programs. Its operations are described
// once, here, and the OpenAPI document is made from them.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

// Prefix is where the API lives.
const Prefix = "/api/v1"

// maxBody is the largest body of a request in bytes.
const maxBody = 64 << 10

// What a key may ask for in a window, and how often a network may come without
// a valid one before it has to wait for the next.
const (
	limitWindow  = time.Minute
	limitPerKey  = 600
	limitRefused = 60
)

// API are the handlers of the API. All fields are required.
type API struct {
	Keys      *account.Keys
	Domains   *settings.Domains
	Policies  *settings.Policies
	Redirects *redirect.Keys
	Webhooks  *notify.Webhooks
	Links     *setup.Links
	Replays   Replays
	Issuer    *issue.Issuer
	Identity  func() signing.Description
	Texts     *templates.Set
	Actions   Actions
	LogKey    *audit.LogKey
	Checker   Checker
	BaseURL   *url.URL
	Log       *slog.Logger
	Now       func() time.Time

	perKey, refused *web.Limiter
}

// Actions are the action log of every account.
type Actions interface {
	// Record keeps an action that goes with no other change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
	// Search returns the actions that the filter finds, the newest first.
	Search(ctx context.Context, f audit.Filter) (audit.Found, error)
	audit.Source
	// Checkpoint returns the state of the account's log, to be signed.
	Checkpoint(ctx context.Context, account string) (audit.Tree, error)
	// KeepCheckpoint keeps the signed note that the log had the size.
	KeepCheckpoint(ctx context.Context, account string, size int64, note []byte) error
}

// Routes adds the API to e.
func (a *API) Routes(e *echo.Echo) {
	a.perKey = web.NewLimiter("key", limitPerKey, limitWindow, a.Now)
	a.refused = web.NewLimiter("network", limitRefused, limitWindow, a.Now)
	config := huma.DefaultConfig("mobileconfig", "1")
	config.Info.Description = "Signed Apple configuration profiles that set up mail. Send a key with every request: `Authorization: Bearer mck_…`."
	config.Servers = []*huma.Server{{URL: a.BaseURL.String()}}
	config.OpenAPIPath = Prefix + "/openapi"
	config.DocsPath, config.SchemasPath = "", "" // its page would load from elsewhere
	config.CreateHooks = nil                     // no $schema, which is made of the Host header
	config.Transformers = []huma.Transformer{toProblem}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}}
	h := humaecho.New(e, config)
	h.UseMiddleware(a.authenticate(h))
	a.domains(h)
	a.policies(h)
	a.profiles(h)
	a.links(h)
	a.keys(h)
	a.redirectKeys(h)
	a.identity(h)
	a.actions(h)
	a.log(h, e)
	a.webhooks(h)
	describeProblems(h.OpenAPI())
	e.Match([]string{http.MethodGet, http.MethodHead}, "/api/docs", a.docs(h))
}

// A call is who asks: the key, and the grant of its request.
type call struct {
	key account.Key
	by  audit.Grant
}

// permitAll refuses a key that acts for some domains alone, where it is about
// all of the account.
func (c call) permitAll() error {
	if len(c.key.Domains) > 0 {
		return fault.New(fault.Forbidden, "This key acts for some domains alone, and this is about all of the account.")
	}
	return nil
}

type callKey struct{}

func callOf(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

// authenticate lets in a request with a key that has the operation's scope.
func (a *API) authenticate(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humaecho.Unwrap(ctx)
		who, err := a.admit(c, scopeOf(ctx.Operation()))
		if err == nil {
			err = a.readmit(c, &who)
		}
		if err != nil {
			a.refuse(c, err)
			return
		}
		next(huma.WithValue(ctx, callKey{}, who))
	}
}

// admit returns who asks, if the key has the scope.
func (a *API) admit(c echo.Context, scope account.Scope) (call, error) {
	key, err := a.keyOf(c)
	if err == nil {
		err = key.Permit(scope)
	}
	if err != nil {
		return call{}, err
	}
	by := key.Grant(scope)
	by.Actor.IP, by.Actor.Request = web.ClientIP(c).String(), web.RequestID(c)
	return call{key, by}, nil
}

// readmit waits for the body and looks again what the key of the call may do.
func (a *API) readmit(c echo.Context, who *call) error {
	waited, err := web.ReadAhead(c)
	if err != nil || !waited {
		return err
	}
	key, err := a.Keys.Authenticate(c.Request().Context(), tokenOf(c), web.ClientIP(c))
	if err != nil {
		return err
	}
	who.key, who.by.Domains = key, key.Grant("").Domains
	return key.Permit(account.Scope(who.by.Need))
}

func tokenOf(c echo.Context) string {
	token, _ := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
	return token
}

// keyOf returns the key of the request, unless it has none that is valid or
// has come too often. A network that has sent too many others is refused
// before the database is asked.
func (a *API) keyOf(c echo.Context) (account.Key, error) {
	network := web.Network(c).String()
	quota := a.refused.Look(network)
	if err := quota.Spent(); err != nil {
		web.SetQuota(c, quota)
		return account.Key{}, err
	}
	key, err := a.Keys.Authenticate(c.Request().Context(), tokenOf(c), web.ClientIP(c))
	switch {
	case fault.Is(err, fault.Unauthorized):
		web.SetQuota(c, a.refused.Use(network))
		return account.Key{}, err
	case err != nil:
		return account.Key{}, err
	}
	quota = a.perKey.Use(key.ID)
	web.SetQuota(c, quota)
	return key, quota.Exceeded()
}

// refuse answers with the problem behind err.
func (a *API) refuse(c echo.Context, err error) {
	f := fault.Of(err)
	if f.Code == fault.Internal {
		a.Log.Error("internal error", "id", web.RequestID(c), "route", web.Route(c), "error", err)
	}
	if err := a.Error(c, f); err != nil {
		a.Log.Error("problem", "id", web.RequestID(c), "error", err)
	}
}

// Error answers with the fault as a problem.
func (a *API) Error(c echo.Context, f *fault.Fault) error {
	if c.Response().Header().Get("RateLimit") == "" {
		web.SetQuota(c, a.refused.Look(web.Network(c).String()))
	}
	p := problemOf(f)
	p.Instance = instanceOf(c)
	web.SetRetryAfter(c, f)
	if p.Status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
	}
	c.Response().Header().Set(echo.HeaderContentType, problemType)
	c.Response().WriteHeader(p.Status)
	return c.Echo().JSONSerializer.Serialize(c, p, "")
}

// scopeKey is where an operation of the document names its scope.
const scopeKey = "x-scope"

func scopeOf(op *huma.Operation) account.Scope {
	s, _ := op.Extensions[scopeKey].(account.Scope)
	return s
}

// operation describes a route: what it does, and the scope that it needs.
func operation(id, method, path string, scope account.Scope, summary string) huma.Operation {
	return huma.Operation{
		OperationID:  id,
		Method:       method,
		Path:         Prefix + path,
		Summary:      summary,
		Description:  "Needs the scope `" + string(scope) + "`.",
		Tags:         []string{strings.SplitN(strings.TrimPrefix(path, "/"), "/", 2)[0]},
		Security:     []map[string][]string{{"key": {}}},
		MaxBodyBytes: maxBody,
		Extensions:   map[string]any{scopeKey: scope},
		Errors:       []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity},
	}
}

// register adds an operation whose handler is told who asks. What it returns
// as an error becomes a problem.
func register[In, Out any](a *API, h huma.API, op huma.Operation, handle func(context.Context, call, *In) (*Out, error)) {
	huma.Register(h, op, func(ctx context.Context, in *In) (*Out, error) {
		out, err := handle(ctx, callOf(ctx), in)
		if err == nil {
			return out, nil
		}
		faults := faultsOf(err)
		if faults[0].Code == fault.Internal {
			a.Log.Error("internal error", "id", callOf(ctx).by.Actor.Request, "route", op.Path, "error", err)
		}
		header := http.Header{}
		web.RetryAfter(header, faults[0])
		return nil, huma.ErrorWithHeaders(problemOf(faults...), header)
	})
}
