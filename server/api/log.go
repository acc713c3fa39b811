package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
)

// exportPart is how long one part of an export may take to be sent.
const exportPart = 30 * time.Second

// A checkpoint says what a log is, by the word of the installation's key.
type checkpoint struct {
	Origin    string `json:"origin" example:"mobileconfig/lyvquex4sgfvxaml/acc_default"`
	Size      int64  `json:"size" doc:"How many actions the log has."`
	Root      string `json:"root" doc:"The hash over all of them, in base64."`
	Note      string `json:"note" doc:"All this as a signed note (C2SP tlog-checkpoint). Keep it as it is, where nobody who can change the log can change it."`
	PublicKey string `json:"public_key" doc:"By which the note is verified. Keep it apart from the notes, once."`
}

type checkpointAnswer struct{ Body checkpoint }

// log adds the routes of the log as a whole.
func (a *API) log(h huma.API, e *echo.Echo) {
	register(a, h, operation("get-checkpoint", http.MethodGet, "/actions/checkpoint", account.ActionsRead, "Sign what the action log is now"), a.signLog)

	export := operation("export-actions", http.MethodGet, "/actions/export", account.ActionsRead, "Export the whole action log")
	export.Description += " JSON Lines, the oldest action first, as `mobileconfig log verify` takes them. The export is an action too."
	export.Responses = map[string]*huma.Response{"200": {
		Description: "The lines. An answer that breaks off is not whole.",
		Content:     map[string]*huma.MediaType{"application/jsonl": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	h.OpenAPI().AddOperation(&export)
	e.GET(export.Path, a.plain(export, a.exportLog))
}

// plain is a handler outside of huma, for what is sent part by part.
func (a *API) plain(op huma.Operation, handle func(echo.Context, call) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		who, err := a.admit(c, scopeOf(&op))
		if err == nil {
			err = handle(c, who)
		}
		return err
	}
}

func (a *API) signLog(ctx context.Context, c call, _ *struct{}) (*checkpointAnswer, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	tree, err := a.Actions.Checkpoint(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	note, err := a.LogKey.Checkpoint(c.key.Account, tree)
	if err != nil {
		return nil, err
	}
	public, err := a.LogKey.Public(c.key.Account)
	if err != nil {
		return nil, err
	}
	if err := a.Actions.KeepCheckpoint(ctx, c.key.Account, tree.Size, note); err != nil {
		return nil, err
	}
	return &checkpointAnswer{checkpoint{a.LogKey.Origin(c.key.Account), tree.Size, tree.Root.String(), string(note), public}}, nil
}

// exportLog sends the log as it is when it gets to its end. The record of the
// export itself is in it.
func (a *API) exportLog(c echo.Context, who call) error {
	if err := who.permitAll(); err != nil {
		return err
	}
	ctx, owner := c.Request().Context(), who.key.Account
	err := a.Actions.Record(ctx, who.by, audit.Action{
		Account: owner,
		Name:    audit.LogExport,
		Outcome: audit.Done,
		Target:  audit.Target{Kind: audit.LogTarget, ID: owner},
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/jsonl")
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="actions.jsonl"`)
	return audit.Export(ctx, a.Actions, owner, func(records []audit.Record) error { return sendPart(c, records) })
}

// sendPart sends some lines. A whole export may take longer than any answer
// else, so each part has its own time.
func sendPart(c echo.Context, records []audit.Record) error {
	var part strings.Builder
	for _, r := range records {
		line, err := r.Line()
		if err != nil {
			return err
		}
		part.Write(line)
	}
	// Where no time can be set, none is.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(exportPart))
	if _, err := c.Response().Write([]byte(part.String())); err != nil {
		return err
	}
	c.Response().Flush()
	return nil
}
