// Package api is the HTTP API for programs. Its operations are described once, here,
// and the OpenAPI document is generated from them.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/compress"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/api/problem"
	"github.com/updatecase/mobileconfig/server/api/strict"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

// Prefix is the path of the API.
const Prefix = "/api/v1"

// Limits per window: requests per key, and requests per network without a valid key.
const (
	limitWindow  = time.Minute
	limitPerKey  = 600
	limitRefused = 60
)

// API has the handlers of the API. All fields are required.
type API struct {
	Keys      *account.Keys
	Domains   *settings.Domains
	Brands    *branding.Brands
	Policies  *settings.Policies
	Hosts     *settings.Hosts
	Redirects *redirect.Keys
	Webhooks  *notify.Webhooks
	Links     *setup.Links
	Mails     *mailing.Mails
	Batches   *batches.Service
	Pushes    *pushes.Service
	Replays   Replays
	Answers   *crypt.Cipher // of Replays
	Issuer    *issue.Issuer
	Identity  func() signing.Description
	Texts     *templates.Set
	Actions   Actions
	Events    Events
	Checker   Checker
	BaseURL   *url.URL
	Log       *slog.Logger
	Now       func() time.Time
	// Stopping is closed when the server starts to stop. It ends streams.
	Stopping <-chan struct{}

	perKey, refused *web.Limiter
	streams         streams
}

// Actions is the action log of all accounts.
type Actions interface {
	// Record saves an action without another change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
	// Search returns the actions that match the filter, newest first.
	Search(ctx context.Context, f audit.Filter) (audit.Found, error)
	audit.Source
	// SignCheckpoint returns the state of the account's log and the signed note of
	// it.
	SignCheckpoint(ctx context.Context, account string) (audit.Tree, []byte, error)
	// Chain returns the public keys that the account's log has had.
	Chain(ctx context.Context, account string) (*audit.Chain, error)
	// KeepCheckpoint keeps the signed note that the log had the size.
	KeepCheckpoint(ctx context.Context, account string, size int64, note []byte) error
}

// Routes adds the API to e.
func (a *API) Routes(e *echo.Echo) {
	a.perKey = web.NewLimiter("key", limitPerKey, limitWindow, a.Now)
	a.refused = web.NewLimiter("network", limitRefused, limitWindow, a.Now)
	e.Use(compress.Below(Prefix))
	config := openapi.Config(a.BaseURL)
	h := huma.NewAPI(config, adapter{humaecho.New(e, config).Adapter()})
	h.UseMiddleware(a.admitCall(h))
	a.domains(h)
	a.branding(h, e)
	a.hosts(h)
	a.policies(h)
	a.profiles(h)
	a.mdm(h)
	a.links(h)
	a.batches(h, e)
	a.pushes(h)
	a.keys(h)
	a.redirectKeys(h)
	a.identity(h)
	a.actions(h)
	a.log(h, e)
	a.webhooks(h)
	a.events(h, e)
	openapi.Finish(h.OpenAPI())
	read := []string{http.MethodGet, http.MethodHead}
	for path, handler := range openapi.Documents(Prefix, h.OpenAPI()) {
		e.Match(read, path, handler)
	}
	e.Match(read, "/api/docs", a.docs(h))
}

// An adapter adds a HEAD route for each GET route.
type adapter struct{ huma.Adapter }

// Handle adds the routes of an operation.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.Adapter.Handle(op, handler)
	if op.Method == http.MethodGet {
		head := *op
		head.Method = http.MethodHead
		a.Adapter.Handle(&head, handler)
	}
}

// A call has the caller, the grant, and what the operation needs of the request
// besides its input.
type call struct {
	key account.Key
	by  audit.Grant
	// faults are the problems of single fields, which were removed from the input.
	faults []*fault.Fault
	// header is the request's header, answer the response's.
	header, answer http.Header
	// fingerprint is a hash of the whole request.
	fingerprint []byte
	op          *huma.Operation
}

// permitAll refuses a key limited to some domains if the request is about the whole
// account.
func (c call) permitAll() error {
	if len(c.key.Domains) > 0 {
		return fault.New(fault.Forbidden, "This key is limited to some domains, and this request is about the whole account.")
	}
	return nil
}

type callKey struct{}

func callOf(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

// admitCall accepts a request whose key has the operation's scope.
func (a *API) admitCall(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c, op := humaecho.Unwrap(ctx), ctx.Operation()
		who, err := a.admit(c, scopeOf(op))
		if err == nil {
			err = permitTest(who.key, ctx.Operation())
		}
		if err == nil {
			err = a.readmit(c, &who)
		}
		if err == nil {
			err = who.read(h, op, c)
		}
		if err != nil {
			a.refuse(c, err)
			return
		}
		next(huma.WithValue(ctx, callKey{}, who))
	}
}

// admit returns the caller if the key has the scope.
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
	return call{key: key, by: by, header: c.Request().Header, answer: c.Response().Header()}, nil
}

// readmit waits for the body and checks the key's permissions again.
func (a *API) readmit(c echo.Context, who *call) error {
	waited, err := web.ReadAhead(c)
	if err != nil || !waited {
		return err
	}
	key, err := a.Keys.Authenticate(c.Request().Context(), tokenOf(c), web.ClientIP(c))
	if err != nil {
		return err
	}
	scope := account.Scope(who.by.Need)
	by := key.Grant(scope)
	by.Actor = who.by.Actor
	who.key, who.by = key, by
	return key.Permit(scope)
}

// read checks the request against the document. The call stores the problems of single
// fields.
func (c *call) read(h huma.API, op *huma.Operation, ctx echo.Context) (err error) {
	c.op = op
	c.faults, c.fingerprint, err = strict.Read(h.OpenAPI(), op, ctx)
	return err
}

// tokenOf returns the request's bearer token (RFC 6750). The scheme is
// case-insensitive.
func tokenOf(c echo.Context) string {
	scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(token, " ")
}

// keyOf returns the request's key if it's valid and within its limit. Each valid key
// has its own limit, independent of other requests from its network.
func (a *API) keyOf(c echo.Context) (account.Key, error) {
	key, err := a.Keys.Authenticate(c.Request().Context(), tokenOf(c), web.ClientIP(c))
	switch {
	case fault.Is(err, fault.Unauthorized):
		quota := a.refused.Use(web.Network(c).String())
		web.SetQuota(c, quota)
		if limited := quota.Exceeded(); limited != nil {
			err = limited
		}
		return account.Key{}, err
	case err != nil:
		return account.Key{}, err
	}
	quota := a.perKey.Use(key.ID)
	web.SetQuota(c, quota)
	return key, quota.Exceeded()
}

// refuse responds with the problem for err.
func (a *API) refuse(c echo.Context, err error) {
	f := fault.Of(err)
	if f.Code == fault.Internal {
		a.Log.Error("internal error", "id", web.RequestID(c), "route", web.Route(c), "error", err)
	}
	if err := a.Error(c, f); err != nil {
		a.Log.Error("problem", "id", web.RequestID(c), "error", err)
	}
}

// Error responds with the fault as a problem.
func (a *API) Error(c echo.Context, f *fault.Fault) error {
	header := c.Response().Header()
	if header.Get("RateLimit") == "" {
		web.SetQuota(c, a.refused.Look(web.Network(c).String()))
	}
	p := problem.Of(f)
	p.Instance = problem.Instance(c)
	header.Set("Request-Id", web.RequestID(c)) // even if no route matched
	web.SetRetryAfter(c, f)
	switch p.Status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case http.StatusUnsupportedMediaType:
		header.Set("Accept-Encoding", "identity") // RFC 9110, 12.5.3
	}
	header.Set(echo.HeaderContentType, problem.Type)
	c.Response().WriteHeader(p.Status)
	return c.Echo().JSONSerializer.Serialize(c, p, "")
}

// scopeKey is the document extension with an operation's scope.
const scopeKey = "x-scope"

func scopeOf(op *huma.Operation) account.Scope {
	s, _ := op.Extensions[scopeKey].(account.Scope)
	return s
}

// testsKey is the document extension of writing operations that allow test keys.
const testsKey = "x-test-keys"

// forTests allows test keys to call a writing operation, which can then only change
// tests. The store enforces this.
func forTests(op huma.Operation) huma.Operation {
	op.Extensions[testsKey] = true
	return op
}

// permitTest refuses test keys if the operation can change live data.
func permitTest(k account.Key, op *huma.Operation) error {
	reads := op.Method == http.MethodGet || op.Method == http.MethodHead
	if !k.Test || reads || op.Extensions[testsKey] == true {
		return nil
	}
	return fault.New(fault.Forbidden, "A test key can't change anything live. Use another key.")
}

// operation describes a route and the scope it needs.
func operation(id, method, path string, scope account.Scope, summary string) huma.Operation {
	return huma.Operation{
		OperationID:  id,
		Method:       method,
		Path:         Prefix + path,
		Summary:      summary,
		Description:  "Needs the scope `" + string(scope) + "`.",
		Tags:         []string{strings.SplitN(strings.TrimPrefix(path, "/"), "/", 2)[0]},
		Security:     []map[string][]string{{openapi.SecurityScheme: {}}},
		Extensions:   map[string]any{scopeKey: scope},
		MaxBodyBytes: strict.MaxBody,
		// The body is already read. A time limit would stay on the connection and
		// cancel a request that takes longer, and the next one.
		BodyReadTimeout:    -1,
		SkipValidateParams: true, // done by call.read
		SkipValidateBody:   true,
	}
}

// creating is an operation that returns 201.
func creating(id, path string, scope account.Scope, summary string) huma.Operation {
	op := operation(id, http.MethodPost, path, scope, summary)
	op.DefaultStatus = http.StatusCreated
	return op
}

// A checker finds more problems of an input with some refused fields.
type checker interface {
	check(ctx context.Context, a *API, c call) error
}

// A lister is an input with a list whose entries are refused individually.
type lister interface{ apart() string }

// register adds an operation whose handler gets the caller. Its errors become
// problems.
func register[In, Out any](a *API, h huma.API, op huma.Operation, handle func(context.Context, call, *In) (*Out, error)) {
	parameters[Out](&op)
	huma.Register(h, op, func(ctx context.Context, in *In) (*Out, error) {
		c := callOf(ctx)
		var out *Out
		err := a.refusals(ctx, c, in)
		if err == nil {
			out, err = once(ctx, a, c, func(ctx context.Context) (*Out, error) { return handle(ctx, c, in) })
		}
		if err == nil {
			err = c.unchanged(out)
		}
		if err == nil {
			return out, nil
		}
		return nil, a.problem(err, c, op.Path)
	})
}

// problem converts err to the error for huma.
func (a *API) problem(err error, c call, route string) error {
	if _, ok := errors.AsType[huma.StatusError](err); ok {
		return err
	}
	faults := problem.Faults(err)
	if faults[0].Code == fault.Internal {
		a.Log.Error("internal error", "id", c.by.Actor.Request, "route", route, "error", err)
	}
	header := http.Header{}
	web.RetryAfter(header, faults[0])
	return huma.ErrorWithHeaders(problem.Of(faults...), header)
}

// refusals returns all field problems of a request if the document refused some of
// them.
func (a *API) refusals(ctx context.Context, c call, in any) error {
	var all []error
	for _, f := range c.faults {
		if in, ok := in.(lister); !ok || !inEntry(f, in.apart()) {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if in, ok := in.(checker); ok {
		for _, f := range problem.Faults(in.check(ctx, a, c)) {
			switch {
			case f.Code == fault.Internal:
				return f
			case f.Field != "" && !slices.ContainsFunc(c.faults, func(known *fault.Fault) bool { return covers(known.Field, f.Field) }):
				all = append(all, f)
			}
		}
	}
	return errors.Join(all...)
}

// covers reports whether one field is the other or contains it.
func covers(part, field string) bool { return part == field || strings.HasPrefix(part, field+"/") }
