// Package api holds the HTTP API for programs. Its operations are described
// once, here, and the OpenAPI document is made from them.
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

// Prefix is where the API lives.
const Prefix = "/api/v1"

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
	// Stopping is closed when the server begins to stop: what has no end then
	// ends.
	Stopping <-chan struct{}

	perKey, refused *web.Limiter
	streams         streams
}

// Actions are the action log of every account.
type Actions interface {
	// Record keeps an action that goes with no other change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
	// Search returns the actions that the filter finds, the newest first.
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

// An adapter adds a route for HEAD with each for GET.
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

// A call is who asks, the grant of the request, and what the operation needs
// of the request beside its input.
type call struct {
	key account.Key
	by  audit.Grant
	// faults are what is wrong with single fields, which were taken out of the
	// input.
	faults []*fault.Fault
	// header is of the request, answer of what it is answered with.
	header, answer http.Header
	// fingerprint is a hash of all that the request asks for.
	fingerprint []byte
	op          *huma.Operation
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

// admitCall lets in a request with a key that has the operation's scope.
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
	return call{key: key, by: by, header: c.Request().Header, answer: c.Response().Header()}, nil
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
	scope := account.Scope(who.by.Need)
	by := key.Grant(scope)
	by.Actor = who.by.Actor
	who.key, who.by = key, by
	return key.Permit(scope)
}

// read holds the request against the document. What is wrong with single fields
// the call keeps.
func (c *call) read(h huma.API, op *huma.Operation, ctx echo.Context) (err error) {
	c.op = op
	c.faults, c.fingerprint, err = strict.Read(h.OpenAPI(), op, ctx)
	return err
}

// tokenOf is the bearer token of the request (RFC 6750), whose scheme may be
// written in any case.
func tokenOf(c echo.Context) string {
	scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(token, " ")
}

// keyOf returns the key of the request, if it is valid and hasn't come too
// often. A valid key counts for itself alone, whatever else comes from its
// network.
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
	header := c.Response().Header()
	if header.Get("RateLimit") == "" {
		web.SetQuota(c, a.refused.Look(web.Network(c).String()))
	}
	p := problem.Of(f)
	p.Instance = problem.Instance(c)
	header.Set("Request-Id", web.RequestID(c)) // also if the request came to no route
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

// scopeKey is where an operation of the document names its scope.
const scopeKey = "x-scope"

func scopeOf(op *huma.Operation) account.Scope {
	s, _ := op.Extensions[scopeKey].(account.Scope)
	return s
}

// testsKey is where a writing operation says that test keys may call it.
const testsKey = "x-test-keys"

// forTests lets test keys call a writing operation, which may change nothing
// but what is a test itself. The store holds them to that.
func forTests(op huma.Operation) huma.Operation {
	op.Extensions[testsKey] = true
	return op
}

// permitTest refuses an operation to a test key if it may change what is live.
func permitTest(k account.Key, op *huma.Operation) error {
	reads := op.Method == http.MethodGet || op.Method == http.MethodHead
	if !k.Test || reads || op.Extensions[testsKey] == true {
		return nil
	}
	return fault.New(fault.Forbidden, "A test key changes nothing that is live. Use another key.")
}

// operation describes a route: what it does, and the scope that it needs.
func operation(id, method, path string, scope account.Scope, summary string) huma.Operation {
	return huma.Operation{
		OperationID:        id,
		Method:             method,
		Path:               Prefix + path,
		Summary:            summary,
		Description:        "Needs the scope `" + string(scope) + "`.",
		Tags:               []string{strings.SplitN(strings.TrimPrefix(path, "/"), "/", 2)[0]},
		Security:           []map[string][]string{{openapi.SecurityScheme: {}}},
		Extensions:         map[string]any{scopeKey: scope},
		MaxBodyBytes:       strict.MaxBody,
		SkipValidateParams: true, // call.read has done it
		SkipValidateBody:   true,
	}
}

// creating is an operation that answers 201.
func creating(id, path string, scope account.Scope, summary string) huma.Operation {
	op := operation(id, http.MethodPost, path, scope, summary)
	op.DefaultStatus = http.StatusCreated
	return op
}

// A checker says what else is wrong with an input of which some fields were
// refused.
type checker interface {
	check(ctx context.Context, a *API, c call) error
}

// A lister is an input with a list whose entries are refused one by one.
type lister interface{ apart() string }

// register adds an operation whose handler is told who asks. What it returns
// as an error becomes a problem.
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

// problem is the error that huma answers with.
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

// refusals are all that is wrong with the fields of a request, if some were
// refused by the document.
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

// covers reports whether the one field is the other, or a part of it.
func covers(part, field string) bool { return part == field || strings.HasPrefix(part, field+"/") }
