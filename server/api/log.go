package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
)

// exportPart is how long one part of an export may take to be sent.
const exportPart = 30 * time.Second

// exportType is the media type of an export. Generators take every other one for
// a single JSON value if json is in its name.
const exportType = "application/octet-stream"

// A Checkpoint says what a log is, by the word of the installation's key.
type Checkpoint struct {
	Origin    string `json:"origin" example:"mobileconfig/lyvquex4sgfvxaml/acc_default"`
	Size      int64  `json:"size" doc:"How many actions the log has." example:"4697"`
	Root      string `json:"root" doc:"The hash over all of them, in base64." example:"9Yo1zV4nKxTq6sYp2lB3mJcR0dUe7WfGhAaSbNvXk5I="`
	Note      string `json:"note" doc:"All this as a signed note (C2SP tlog-checkpoint). Keep it as it is, where nobody who can change the log can change it."`
	KeyID     string `json:"key_id" doc:"The id of the key that signed it: a hash of the public key, which the note has too." example:"lyvquex4sgfvxaml"`
	PublicKey string `json:"public_key" doc:"By which the note is verified. Keep it apart from the notes, once."`

	Keys []LogKey `json:"keys" doc:"All keys that the log has had, the oldest first. Anyone who trusts one of them can verify the others: each statement is signed by the key before and the key after."`
}

// A LogKey is a key that has signed a log.
type LogKey struct {
	ID        string     `json:"id" example:"lyvquex4sgfvxaml"`
	PublicKey string     `json:"public_key"`
	Since     int64      `json:"since" doc:"The action by which it replaced the key before it. 0: it's the first." example:"0"`
	At        *time.Time `json:"at,omitempty" doc:"When that was. Absent: it's the first."`
	Statement string     `json:"statement,omitempty" doc:"The signed note that says so, by both keys. Absent: it's the first."`
}

// log adds the routes of the log as a whole.
func (a *API) log(h huma.API, e *echo.Echo) {
	register(a, h, operation("get-checkpoint", http.MethodGet, "/actions/checkpoint", account.ActionsRead, "Sign what the action log is now"), a.signLog)

	export := operation("export-actions", http.MethodGet, "/actions/export", account.ActionsRead, "Export the whole action log")
	export.Description += " JSON Lines, the oldest action first, as `mobileconfig log verify` takes them. The export is an action too."
	export.Responses = binary(exportType, "The lines. An answer that breaks off is not whole.")
	h.OpenAPI().AddOperation(&export)
	e.Match([]string{http.MethodGet, http.MethodHead}, export.Path, func(c echo.Context) error {
		who, err := a.admit(c, scopeOf(&export))
		if err == nil {
			err = who.read(h, &export, c)
		}
		if err == nil {
			err = a.refusals(c.Request().Context(), who, nil)
		}
		if err == nil {
			err = a.exportLog(c, who)
		}
		return err
	})
}

func (a *API) signLog(ctx context.Context, c call, _ *struct{}) (*answer[Checkpoint], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	tree, note, err := a.Actions.SignCheckpoint(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	chain, err := a.Actions.Chain(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	point, err := chain.Open(note)
	if err != nil {
		return nil, err
	}
	if err := a.Actions.KeepCheckpoint(ctx, c.key.Account, tree.Size, note); err != nil {
		return nil, err
	}
	body := Checkpoint{Origin: point.Origin, Size: tree.Size, Root: tree.Root.String(), Note: string(note), KeyID: point.Key}
	for _, k := range chain.Keys() {
		if k.ID == point.Key {
			body.PublicKey = k.Public
		}
		body.Keys = append(body.Keys, LogKey{k.ID, k.Public, k.Since, optionalTime(k.At), string(k.Statement)})
	}
	return &answer[Checkpoint]{body}, nil
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// exportLog sends the log as it is when it gets to its end. The record of the
// export itself is in it.
func (a *API) exportLog(c echo.Context, who call) error {
	if err := who.permitAll(); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, exportType)
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="actions.jsonl"`)
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
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
	return audit.Export(ctx, a.Actions, owner, func(p audit.Part) error { return sendPart(c, p) })
}

// sendPart sends some lines. A whole export may take longer than any answer
// else, so each part has its own time.
func sendPart(c echo.Context, p audit.Part) error {
	lines, err := p.Lines()
	if err != nil {
		return err
	}
	// Where no time can be set, none is.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(exportPart))
	if _, err := c.Response().Write(lines); err != nil {
		return err
	}
	c.Response().Flush()
	return nil
}
