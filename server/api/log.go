package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/audit"
)

// exportPart is the time limit for sending one part of an export.
const exportPart = 30 * time.Second

// exportType is the media type of an export. Generators treat any other type with json
// in its name as a single JSON value.
const exportType = "application/octet-stream"

// A Checkpoint is the signed state of a log.
type Checkpoint struct {
	Origin    string `json:"origin" example:"mobileconfig/lyvquex4sgfvxaml/acc_default"`
	Size      int64  `json:"size" doc:"Number of actions in the log." example:"4697"`
	Root      string `json:"root" doc:"Hash of all actions, in base64." example:"9Yo1zV4nKxTq6sYp2lB3mJcR0dUe7WfGhAaSbNvXk5I="`
	Note      string `json:"note" doc:"The checkpoint as a signed note (C2SP tlog-checkpoint). Store it unchanged, where no one who can change the log can reach it."`
	KeyID     string `json:"key_id" doc:"The id of the key that signed it: a hash of the public key, which the note has too." example:"lyvquex4sgfvxaml"`
	PublicKey string `json:"public_key" doc:"Key to verify the note with. Store it once, separate from the notes."`

	Keys []LogKey `json:"keys" doc:"All keys that the log has had, the oldest first. Anyone who trusts one of them can verify the others: each statement is signed by the key before and the key after."`
}

// A LogKey is a key that has signed a log.
type LogKey struct {
	ID         string        `json:"id" example:"lyvquex4sgfvxaml"`
	PublicKey  string        `json:"public_key"`
	Since      int64         `json:"since" doc:"The action by which it replaced the key before it. 0: it's the first." example:"0"`
	ReplacedAt *field.Moment `json:"replaced_at,omitempty" doc:"When it replaced the key before it. Absent: it's the first."`
	Statement  string        `json:"statement,omitempty" doc:"The signed note that says so, by both keys. Absent: it's the first."`
}

// log adds the routes about the whole log.
func (a *API) log(h huma.API, e *echo.Echo) {
	register(a, h, operation("get-checkpoint", http.MethodGet, "/actions/checkpoint", account.ActionsRead, "Create a checkpoint of the action log"), a.signLog)

	export := operation("export-actions", http.MethodGet, "/actions/export", account.ActionsRead, "Export the whole action log")
	export.Description += " JSON Lines, oldest action first, for `mobileconfig log verify`. The export itself is recorded in the log."
	export.Responses = binary(exportType, "The lines. An interrupted response is incomplete.")
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
		body.Keys = append(body.Keys, LogKey{k.ID, k.Public, k.Since, field.AtOrNil(k.At), string(k.Statement)})
	}
	return &answer[Checkpoint]{body}, nil
}

// exportLog sends the log up to its end at that time, including the record of the
// export.
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

// sendPart sends some lines. A whole export can take longer than other responses, so
// each part has its own time limit.
func sendPart(c echo.Context, p audit.Part) error {
	lines, err := p.Lines()
	if err != nil {
		return err
	}
	// Ignored if it can't be set.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(exportPart))
	if _, err := c.Response().Write(lines); err != nil {
		return err
	}
	c.Response().Flush()
	return nil
}
