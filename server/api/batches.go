package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// A BatchChoice has the options of a batch.
type BatchChoice struct {
	Variant      string            `json:"variant,omitempty" enum:"mail,secure" default:"mail" doc:"secure adds the passcode policy. Unless the domain's policy never erases, too many wrong passcodes erase an iPhone."`
	Platform     string            `json:"platform,omitempty" enum:"iphone,mac,both" default:"iphone" doc:"For rows without a platform."`
	Locale       string            `json:"locale,omitempty" maxLength:"35" doc:"Language of the profiles' texts, for rows without one." example:"en"`
	Map          map[string]string `json:"map,omitempty" doc:"Meaning of columns, by column name." example:"{\"Work mail\":\"email\"}"`
	Drop         []string          `json:"drop,omitempty" maxItems:"100" doc:"Columns to ignore." example:"[\"Password\"]"`
	Output       string            `json:"output,omitempty" enum:"files,links,both" default:"files" doc:"What to create: signed profiles in archives, one setup link per person, or both."`
	Declarations bool              `json:"declarations,omitempty" doc:"Whether the archives also contain the passcode policy of each domain as declarations, for an MDM." example:"false"`
	Mail         bool              `json:"mail,omitempty" doc:"Whether each link is emailed to its person." example:"false"`
	SkipBadRows  bool              `json:"skip_bad_rows,omitempty" doc:"Whether to skip rows with problems. Otherwise a batch with problems can't be started." example:"false"`
}

func (b BatchChoice) choice() batches.Choice {
	c := batches.Choice{Variant: settings.Variant(b.Variant), Platforms: batch.Platforms(b.Platform), Locale: b.Locale, Drop: b.Drop,
		Output: batches.Output(b.Output), Declarations: b.Declarations, Mail: b.Mail, SkipBadRows: b.SkipBadRows}
	if len(b.Map) > 0 {
		c.Map = map[string]batch.Field{}
	}
	for column, f := range b.Map {
		c.Map[column] = batch.Field(f)
	}
	return c
}

// A BatchArchive is an archive of a batch.
type BatchArchive struct {
	Name   string `json:"name" doc:"File name, below files." example:"archive-001.zip"`
	Files  int    `json:"files" doc:"Number of profiles." example:"50000"`
	Bytes  int64  `json:"bytes" example:"225000000"`
	SHA256 string `json:"sha256" doc:"In hex."`
}

// BatchLinks counts the setup links of a batch by status.
type BatchLinks struct {
	Made    int `json:"made" doc:"Links created. Download them as links.csv, below files." example:"798"`
	Sent    int `json:"mails_sent" doc:"Emails accepted by your mail server." example:"790"`
	Waiting int `json:"mails_waiting" example:"6"`
	GivenUp int `json:"mails_given_up" doc:"Emails that failed for good. Each link's mail says why." example:"2"`
}

// A Batch is a batch in the API.
type Batch struct {
	ID          string         `json:"id" example:"bat_k3v7q2m4x5r6t7ab"`
	Name        string         `json:"name" example:"users.csv"`
	State       string         `json:"state" enum:"checking,ready,running,done,failed,canceled"`
	Reason      string         `json:"reason,omitempty" doc:"Why it failed: a code from docs/codes.md, or from docs/batches.md if the list can't be used." example:"settings_changed"`
	Detail      string         `json:"detail,omitempty" doc:"The reason as a sentence."`
	Choice      BatchChoice    `json:"choice"`
	Read        int            `json:"rows_read" doc:"Rows in the list." example:"800"`
	Rows        int            `json:"rows" doc:"Rows to process." example:"798"`
	Bad         int            `json:"bad_rows" doc:"Rows with problems." example:"2"`
	Files       int            `json:"files" doc:"Profiles." example:"798"`
	Made        int            `json:"rows_made" doc:"Rows processed so far." example:"798"`
	Left        *int           `json:"seconds_left,omitempty" doc:"Estimated time left." example:"12"`
	Erases      bool           `json:"erases" doc:"Whether some profiles can erase devices." example:"false"`
	Columns     []batch.Column `json:"columns" doc:"Columns recognized in the list."`
	Notices     []string       `json:"notices"`
	Fingerprint string         `json:"signer,omitempty" doc:"SHA-256 of the signing certificate, in hex."`
	Archives    []BatchArchive `json:"archives"`
	Links       *BatchLinks    `json:"links,omitempty" doc:"Absent in lists of batches, and if the batch creates no links."`
	CreatedAt   field.Moment   `json:"created_at"`
	StartedAt   *field.Moment  `json:"started_at,omitempty"`
	EndedAt     *field.Moment  `json:"ended_at,omitempty"`
	ExpiresAt   *field.Moment  `json:"expires_at,omitempty" doc:"When the list and archives are deleted. Manifests stay."`
	Expired     bool           `json:"expired" doc:"Whether they have been deleted." example:"false"`
}

func (a *API) batchOf(b batches.Batch) Batch {
	c := b.Choice
	out := Batch{
		ID: b.ID, Name: b.Name, State: string(b.State), Reason: b.Reason, Detail: b.Detail,
		Choice: BatchChoice{string(c.Variant), string(c.Platforms), c.Locale, nil, c.Drop, string(c.Output), c.Declarations, c.Mail, c.SkipBadRows},
		Read:   b.Plan.Read, Rows: b.Plan.Rows, Bad: b.Plan.Bad, Files: b.Plan.Files, Made: b.Made, Erases: b.Erases,
		Columns: append([]batch.Column{}, b.Plan.Columns...), Notices: append([]string{}, b.Plan.Notices...), Fingerprint: b.About.Signer.Fingerprint,
		Archives: []BatchArchive{}, CreatedAt: field.At(b.Created), StartedAt: field.AtOrNil(b.Started), EndedAt: field.AtOrNil(b.Ended),
		ExpiresAt: field.AtOrNil(b.Expires), Expired: b.Expired,
	}
	for column, f := range c.Map {
		if out.Choice.Map == nil {
			out.Choice.Map = map[string]string{}
		}
		out.Choice.Map[column] = string(f)
	}
	if passed := a.Now().Sub(b.Started); b.State == batches.Running && b.Made > 0 {
		left := int(passed.Seconds() * float64(b.Plan.Rows-b.Made) / float64(b.Made))
		out.Left = &left
	}
	if b.State == batches.Done && c.MakesFiles() {
		for _, each := range b.Archives {
			out.Archives = append(out.Archives, BatchArchive{batches.ArchiveName(each.Number), each.Files, each.Size, each.Digest})
		}
	}
	return out
}

// A BatchPath identifies a batch.
type BatchPath struct {
	ID string `path:"id" maxLength:"40" doc:"The batch's ID." example:"bat_k3v7q2m4x5r6t7ab"`
}

func (a *API) batches(h huma.API, e *echo.Echo) {
	register(a, h, operation("list-batches", http.MethodGet, "/batches", account.BatchesRead, "List batches"), a.listBatches)
	a.uploads(h, e)
	register(a, h, operation("get-batch", http.MethodGet, "/batches/{id}", account.BatchesRead, "Show a batch"),
		func(ctx context.Context, c call, in *BatchPath) (*answer[Batch], error) {
			return a.batchAnswer(ctx, c, func() (batches.Batch, error) { return a.Batches.Get(ctx, c.key.Account, in.ID) })
		})
	register(a, h, operation("delete-batch", http.MethodDelete, "/batches/{id}", account.BatchesWrite, "Delete a batch with all its files"),
		func(ctx context.Context, c call, in *BatchPath) (*noBody, error) {
			if err := c.permitAll(); err != nil {
				return nil, err
			}
			return nil, a.Batches.Delete(ctx, c.by, c.key.Account, in.ID)
		})
	register(a, h, operation("check-batch", http.MethodPost, "/batches/{id}/check", account.BatchesWrite, "Check the list of a batch again with other options"),
		func(ctx context.Context, c call, in *checkBatch) (*answer[Batch], error) {
			return a.batchAnswer(ctx, c, func() (batches.Batch, error) {
				return a.Batches.Recheck(ctx, c.by, c.key.Account, in.ID, in.Body.choice())
			})
		})
	for _, each := range []struct {
		id, path, summary string
		do                func(ctx context.Context, c call, id string) (batches.Batch, error)
	}{
		{"start-batch", "start", "Start a batch", func(ctx context.Context, c call, id string) (batches.Batch, error) {
			return a.Batches.Start(ctx, c.by, c.key.Account, id)
		}},
		{"cancel-batch", "cancel", "Cancel a batch and delete its files", func(ctx context.Context, c call, id string) (batches.Batch, error) {
			return a.Batches.Cancel(ctx, c.by, c.key.Account, id)
		}},
		{"reissue-batch", "reissue", "Create a batch again with new signatures", func(ctx context.Context, c call, id string) (batches.Batch, error) {
			return a.Batches.Reissue(ctx, c.by, c.key.Account, id)
		}},
	} {
		register(a, h, operation(each.id, http.MethodPost, "/batches/{id}/"+each.path, account.BatchesWrite, each.summary),
			func(ctx context.Context, c call, in *BatchPath) (*answer[Batch], error) {
				return a.batchAnswer(ctx, c, func() (batches.Batch, error) { return each.do(ctx, c, in.ID) })
			})
	}
	register(a, h, operation("list-batch-problems", http.MethodGet, "/batches/{id}/problems", account.BatchesRead, "List the problems of a batch"), a.listProblems)
	a.batchFiles(h, e)
}

type checkBatch struct {
	BatchPath
	Body BatchChoice
}

// batchAnswer responds with a batch. It can contain people of any domain.
func (a *API) batchAnswer(ctx context.Context, c call, do func() (batches.Batch, error)) (*answer[Batch], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	b, err := do()
	if err != nil {
		return nil, err
	}
	out := a.batchOf(b)
	if out.Links, err = a.linksOf(ctx, b); err != nil {
		return nil, err
	}
	return &answer[Batch]{out}, nil
}

// linksOf counts the links of a batch that creates links.
func (a *API) linksOf(ctx context.Context, b batches.Batch) (*BatchLinks, error) {
	if !b.Choice.MakesLinks() {
		return nil, nil
	}
	counts, err := a.Batches.CountLinks(ctx, b)
	return &BatchLinks{counts.Links, counts.Sent, counts.Waiting, counts.GivenUp}, err
}

type batchesQuery struct {
	Address string `query:"address" maxLength:"254" doc:"Batches with profiles or links for this mailbox." example:"jane@example.com"`
	State   string `query:"state" enum:"checking,ready,running,done,failed,canceled" doc:"Status of the batch."`
	Sort    string `query:"sort" enum:"-created_at,created_at,name,-name" default:"-created_at" doc:"Sort order. A minus sign means latest first, or Z to A."`
	After   string `query:"after" maxLength:"40" doc:"ID of the last batch on the previous page."`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"Number of batches per page."`
}

// A BatchList is a page of batches.
type BatchList struct {
	Batches []Batch `json:"batches" doc:"In the order of sort."`
	More    bool    `json:"more" doc:"Whether there is another page." example:"false"`
}

func (a *API) listBatches(ctx context.Context, c call, in *batchesQuery) (*answer[BatchList], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	g, err := a.group(c, in.Address, "")
	if err != nil {
		return nil, err
	}
	limit := cmp.Or(in.Limit, 50)
	all, err := a.Batches.List(ctx, c.key.Account, batches.Filter{
		Mailbox: g.Mailbox, State: batches.State(in.State), Sort: batches.Order(in.Sort), After: in.After, Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	out := &answer[BatchList]{BatchList{Batches: []Batch{}, More: len(all) > limit}}
	for _, b := range all[:min(len(all), limit)] {
		out.Body.Batches = append(out.Body.Batches, a.batchOf(b))
	}
	return out, nil
}

type problemsQuery struct {
	BatchPath
	After int `query:"after" minimum:"0" maximum:"10000" doc:"Number of the last problem on the previous page."`
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Number of problems per page."`
}

// A BatchProblem is a problem of a row.
type BatchProblem struct {
	Number int    `json:"number" doc:"Counted from 1." example:"1"`
	Row    int    `json:"row" doc:"Line of the list where the row starts." example:"4"`
	Column string `json:"column,omitempty" example:"email"`
	Code   string `json:"code" doc:"A code from docs/batches.md." example:"address_malformed"`
	Value  string `json:"value,omitempty" doc:"The value, masked." example:"j***"`
	Detail string `json:"detail"`
}

func problemOf(p batches.Problem) BatchProblem {
	return BatchProblem{p.Number, p.Row, p.Column, string(p.Code), p.Value, p.Detail}
}

// A BatchProblemList is a page of problems.
type BatchProblemList struct {
	Problems []BatchProblem `json:"problems" doc:"The first 10,000, in row order. errors.csv has all of them."`
	More     bool           `json:"more" doc:"Whether there are more." example:"false"`
}

func (a *API) listProblems(ctx context.Context, c call, in *problemsQuery) (*answer[BatchProblemList], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	limit := cmp.Or(in.Limit, 100)
	all, err := a.Batches.Problems(ctx, c.key.Account, in.ID, in.After, limit+1)
	if err != nil {
		return nil, err
	}
	out := &answer[BatchProblemList]{BatchProblemList{Problems: []BatchProblem{}, More: len(all) > limit}}
	for _, p := range all[:min(len(all), limit)] {
		out.Body.Problems = append(out.Body.Problems, problemOf(p))
	}
	return out, nil
}

// uploads adds the route that accepts a list. Its body is written to disk.
func (a *API) uploads(h huma.API, e *echo.Echo) {
	upload := creating("create-batch", "/batches", account.BatchesWrite, "Upload a list of people to check")
	upload.Description += " Up to 512 MiB. Wait until the state is `ready`, then start the batch. The Idempotency-Key header is ignored."
	upload.Parameters = []*huma.Param{
		text("name", "Name of the batch. The default is the file name."),
		words("variant", "mail", "secure"), words("platform", "iphone", "mac", "both"),
		text("locale", "Language of the profiles' texts, for rows without one."),
		words("output", "files", "links", "both"),
		flag("declarations", "Whether the archives also contain the passcode policy of each domain as declarations, for an MDM."),
		flag("mail", "Whether each link is emailed to its person."),
		flag("skip_bad_rows", "Whether to skip rows with problems."),
		flag("manifest", "Whether the list is the manifest.csv of a batch. Creates the same files again."),
		flag("dry_run", "Whether to check the list right away and save nothing."),
	}
	answer := func(text string, of reflect.Type) *huma.Response {
		return &huma.Response{Description: text, Content: map[string]*huma.MediaType{openapi.JSON: {Schema: h.OpenAPI().Components.Schemas.Schema(of, true, "")}}}
	}
	upload.Responses = map[string]*huma.Response{"201": answer("The batch.", reflect.TypeFor[Batch]()), "200": answer("The result of a dry run.", reflect.TypeFor[BatchPreview]())}
	read := upload
	binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	form := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{web.UploadField}, Properties: map[string]*huma.Schema{web.UploadField: binary.Schema}}}
	upload.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"text/csv": binary, "application/jsonl": binary, echo.MIMEMultipartForm: form}}
	h.OpenAPI().AddOperation(&upload)
	e.POST(upload.Path, a.plain(h, &read, a.createBatch))
}

// text, words, flag and path describe parameters.
func text(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(100)}}
}

func words(name string, values ...any) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: "The default is `" + fmt.Sprint(values[0]) + "`.", Schema: &huma.Schema{Type: huma.TypeString, Enum: values}}
}

func flag(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeBoolean, Default: false}}
}

func path(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Description: doc, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(40)}}
}

// plain is a handler without huma, for data that is too large for memory and about the
// whole account.
func (a *API) plain(h huma.API, op *huma.Operation, handle func(echo.Context, call) error) echo.HandlerFunc {
	return a.direct(h, op, func(c echo.Context, who call) error {
		if err := who.permitAll(); err != nil {
			return err
		}
		return handle(c, who)
	})
}

// direct is a handler without huma.
func (a *API) direct(h huma.API, op *huma.Operation, handle func(echo.Context, call) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		who, err := a.admit(c, scopeOf(op))
		if err == nil {
			err = permitTest(who.key, op)
		}
		if err == nil {
			err = who.read(h, op, c)
		}
		if err == nil {
			err = a.refusals(c.Request().Context(), who, nil)
		}
		if err == nil {
			err = handle(c, who)
		}
		return err
	}
}

func (a *API) createBatch(c echo.Context, who call) error {
	list, name, err := web.Upload(c, batches.MaxUpload, "text/csv", "application/jsonl")
	if err != nil {
		return err
	}
	defer list.Close()
	is := func(name string) bool { return c.QueryParam(name) == "true" }
	choice := batches.Choice{
		Variant: settings.Variant(c.QueryParam("variant")), Platforms: batch.Platforms(c.QueryParam("platform")), Locale: c.QueryParam("locale"),
		Output: batches.Output(c.QueryParam("output")), Declarations: is("declarations"), Mail: is("mail"), SkipBadRows: is("skip_bad_rows"), Manifest: is("manifest"),
	}
	if is("dry_run") {
		return a.previewBatch(c, who, list, choice)
	}
	b, err := a.Batches.Create(c.Request().Context(), who.by, who.key.Account, list.File, cmp.Or(c.QueryParam("name"), name), choice)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, a.batchOf(b))
}

// A BatchPreview is the result of a dry run.
type BatchPreview struct {
	Read     int            `json:"rows_read" doc:"Rows in the list." example:"800"`
	Rows     int            `json:"rows" doc:"Rows that would be processed." example:"798"`
	Bad      int            `json:"bad_rows" doc:"Rows with problems." example:"2"`
	Files    int            `json:"files" doc:"Profiles." example:"798"`
	Columns  []batch.Column `json:"columns" doc:"Columns recognized in the list."`
	Notices  []string       `json:"notices"`
	Problems []BatchProblem `json:"problems" doc:"The first 100, in row order."`
}

// previewTime is the maximum time to check a list of MaxUpload bytes.
const previewTime = 10 * time.Minute

func (a *API) previewBatch(c echo.Context, who call, list io.Reader, choice batches.Choice) error {
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(previewTime)) // ignored if it can't be set
	plan, problems, err := a.Batches.Preview(c.Request().Context(), who.by, who.key.Account, list, choice)
	if err != nil {
		return err
	}
	out := BatchPreview{plan.Read, plan.Rows, plan.Bad, plan.Files, append([]batch.Column{}, plan.Columns...), append([]string{}, plan.Notices...), []BatchProblem{}}
	for _, p := range problems {
		out.Problems = append(out.Problems, problemOf(p))
	}
	return c.JSON(http.StatusOK, out)
}

// batchFiles adds the routes for files and events.
func (a *API) batchFiles(h huma.API, e *echo.Echo) {
	file := operation("get-batch-file", http.MethodGet, "/batches/{id}/files/{name}", account.BatchesRead, "Download a file of a batch")
	file.Description += " Supports range requests. Each request is recorded in the action log."
	file.Parameters = []*huma.Param{path("id", "The batch's ID."), path("name", "archive-001.zip and so on, manifest-001.csv and so on, errors.csv, or links.csv.")}
	file.Responses = binary(exportType, "The file.")
	h.OpenAPI().AddOperation(&file)
	e.Match([]string{http.MethodGet, http.MethodHead}, Prefix+"/batches/:id/files/:name", a.plain(h, &file, a.sendFile))

	events := operation("watch-batch", http.MethodGet, "/batches/{id}/events", account.BatchesRead, "Follow a batch with server-sent events")
	events.Description += " The event `batch` has the batch as JSON: its current state, and each change. The stream ends when the state is neither `checking` nor `running`."
	events.Parameters = []*huma.Param{path("id", "The batch's ID.")}
	events.Responses = binary(web.EventStreamType, "The events.")
	h.OpenAPI().AddOperation(&events)
	e.Match([]string{http.MethodGet, http.MethodHead}, Prefix+"/batches/:id/events", a.plain(h, &events, a.sendEvents))
}

func (a *API) sendFile(c echo.Context, who call) error {
	ctx, id, name := c.Request().Context(), c.Param("id"), c.Param("name")
	if c.Request().Method == http.MethodHead && name == batches.LinksFile {
		if _, err := a.Batches.LookLinks(ctx, who.key.Account, id); err != nil {
			return err
		}
		web.Stream(c, batches.LinksType, name)
		return c.NoContent(http.StatusOK)
	}
	if c.Request().Method == http.MethodHead {
		f, err := a.Batches.Look(ctx, who.key.Account, id, name)
		if err != nil {
			return err
		}
		defer f.Close()
		return web.SendFile(c, f.Name, f.Digest, f.Modified, f)
	}
	if name == batches.LinksFile {
		all, err := a.Batches.DownloadLinks(ctx, who.by, who.key.Account, id, name, 0)
		if err != nil {
			return err
		}
		return batches.WriteLinks(web.Stream(c, batches.LinksType, name), all, func(l setup.Link) string { return a.BaseURL.String() + a.Links.Path(l) })
	}
	f, err := a.Batches.Open(ctx, who.by, who.key.Account, id, name)
	if err != nil {
		return err
	}
	defer f.Close()
	return web.SendFile(c, f.Name, f.Digest, f.Modified, f)
}

func (a *API) sendEvents(c echo.Context, who call) error {
	ctx := c.Request().Context()
	if c.Request().Method == http.MethodHead {
		if _, err := a.Batches.Get(ctx, who.key.Account, c.Param("id")); err != nil {
			return err
		}
		c.Response().Header().Set(echo.HeaderContentType, web.EventStreamType)
		return c.NoContent(http.StatusOK)
	}
	ctx, stop := web.Until(ctx, a.Stopping)
	defer stop()
	var to *web.EventStream
	err := a.Batches.Watch(ctx, who.key.Account, c.Param("id"), func(b batches.Batch) error {
		if to == nil {
			s := web.NewEventStream(c)
			to = &s
		} else if err := a.still(ctx, c, who); err != nil {
			return err
		}
		data, err := json.Marshal(a.batchOf(b))
		if err != nil {
			return err
		}
		return to.Send(fmt.Appendf(nil, "event: batch\ndata: %s\n\n", data))
	})
	if to != nil {
		return nil // the stream ends
	}
	return err
}
