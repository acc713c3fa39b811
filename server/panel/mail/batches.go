package mail

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// Batches manages the batches of accounts. *batches.Service is one.
type Batches interface {
	Create(ctx context.Context, by audit.Grant, account string, list *os.File, name string, c batches.Choice) (batches.Batch, error)
	Recheck(ctx context.Context, by audit.Grant, account, id string, c batches.Choice) (batches.Batch, error)
	Start(ctx context.Context, by audit.Grant, account, id string) (batches.Batch, error)
	Cancel(ctx context.Context, by audit.Grant, account, id string) (batches.Batch, error)
	Delete(ctx context.Context, by audit.Grant, account, id string) error
	Reissue(ctx context.Context, by audit.Grant, account, id string) (batches.Batch, error)
	List(ctx context.Context, account string, f batches.Filter) ([]batches.Batch, error)
	Get(ctx context.Context, account, id string) (batches.Batch, error)
	Problems(ctx context.Context, account, id string, after, limit int) ([]batches.Problem, error)
	// Watch calls f with the batch now and after each change, until the batch
	// can't change any more, f fails or ctx is done.
	Watch(ctx context.Context, account, id string, f func(batches.Batch) error) error
	// CountLinks counts the links of the batch and their emails.
	CountLinks(ctx context.Context, b batches.Batch) (batches.LinkCounts, error)
	// DownloadLinks returns the links of the batch whose rows follow the line, and
	// records that the file was downloaded.
	DownloadLinks(ctx context.Context, by audit.Grant, account, id, file string, after int) (iter.Seq2[batches.Link, error], error)
	// LookLinks refuses requests about links that the batch doesn't have.
	LookLinks(ctx context.Context, account, id string) (batches.Batch, error)
	// Look opens a file of the batch without recording a download.
	Look(ctx context.Context, account, id, name string) (batches.File, error)
	// Open opens a file of the batch and records the download.
	Open(ctx context.Context, by audit.Grant, account, id, name string) (batches.File, error)
}

// batchesPath is the path of the list of batches, below the panel.
const batchesPath = "/batches"

// batches lists the batches.
func (p *Pages) batches(v *panel.Visit) error {
	page := batchesPage{Frame: p.Frame(v, "batches"), Form: web.Form{}}
	for _, s := range batches.States() {
		page.States = append(page.States, string(s))
		if v.QueryParam("state") == string(s) {
			page.Form["state"] = string(s)
		}
	}
	if text := profile.Trim(v.QueryParam("address")); len(text) <= panel.MaxQuery {
		page.Form["address"] = text
	}
	page.Form["sort"], page.Columns = panel.Sorting(panel.Prefix+batchesPath, batchValues(page.Form), "sort", v.QueryParam("sort"), []string{"name", "created_at"})
	f := batches.Filter{State: batches.State(page.Form["state"]), Sort: batches.Order(page.Form["sort"]), Limit: panel.PageSize + 1}
	if text := page.Form["address"]; text != "" {
		address, err := profile.ParseAddress(text)
		if err != nil {
			page.Problems = p.Problems(page.Frame, fault.On("address", fault.Invalid, "Enter a full email address, for example jane@example.com."))
			return p.Render(v, http.StatusUnprocessableEntity, "batches", page.Frame, page)
		}
		f.Mailbox = address.Folded()
	}
	if after := v.QueryParam("after"); len(after) <= panel.MaxQuery && profile.IsLine(after) {
		f.After = after
	}
	found, err := p.Batches.List(v.Ctx(), v.Account(), f)
	if err != nil {
		return err
	}
	if len(found) > panel.PageSize {
		found = found[:panel.PageSize]
		page.Older = batchListPath(page.Form, found[panel.PageSize-1].ID)
	}
	if f.After != "" {
		page.Newest = batchListPath(page.Form, "")
	}
	for _, b := range found {
		page.Rows = append(page.Rows, batchRowOf(b))
	}
	return p.Render(v, http.StatusOK, "batches", page.Frame, page)
}

// batchValues returns the values of the list's filters.
func batchValues(form web.Form) url.Values {
	values := url.Values{}
	for _, name := range []string{"address", "state"} {
		if form[name] != "" {
			values.Set(name, form[name])
		}
	}
	return values
}

// batchListPath returns the path of the list with the same filters and order,
// after a batch.
func batchListPath(form web.Form, after string) string {
	values := batchValues(form)
	for name, value := range map[string]string{"sort": form["sort"], "after": after} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return panel.Prefix + batchesPath
	}
	return panel.Prefix + batchesPath + "?" + values.Encode()
}

func batchRowOf(b batches.Batch) batchRow {
	return batchRow{b.ID, b.Name, string(b.State), b.Rows(), b.By.Actor.Name, b.Created}
}

func (p *Pages) newBatch(v *panel.Visit) error {
	page, err := p.newBatchPage(v, p.Frame(v, "batches"))
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "batch-new", page.Frame, page)
}

func (p *Pages) newBatchPage(v *panel.Visit, f panel.Frame) (newBatchPage, error) {
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	return newBatchPage{f, len(domains) == 0}, err
}

// uploadBatch stores the list and redirects to the batch, which shows its
// content. Nothing is created before somebody has seen that.
func (p *Pages) uploadBatch(v *panel.Visit) error {
	b, err := p.createBatch(v)
	if err != nil {
		page, failed := p.newBatchPage(v, panel.Frame{})
		if failed != nil {
			return failed
		}
		return p.Again(v, err, "batch-new", "batches", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.To(v, panel.Path("batches", b.ID), "batch.uploaded")
}

func (p *Pages) createBatch(v *panel.Visit) (batches.Batch, error) {
	list, name, err := web.Upload(v, batches.MaxUpload)
	if err != nil {
		return batches.Batch{}, err
	}
	defer list.Close()
	return p.Batches.Create(v.Ctx(), v.By(), v.Account(), list.File, cmp.Or(name, "list"), batches.Choice{SkipBadRows: true})
}

// batch shows one batch. Its files are only for members who may create some,
// because they can be used to set up people's devices.
func (p *Pages) batch(v *panel.Visit) error {
	b, err := p.Batches.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	f := p.Frame(v, "batches")
	page, err := p.batchPage(v, f, b)
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "batch", f, page)
}

// problemsShown is how many problems of a batch its page shows.
const problemsShown = 100

func (p *Pages) batchPage(v *panel.Visit, f panel.Frame, b batches.Batch) (batchPage, error) {
	page := batchPage{
		Frame: f, Row: batchRowOf(b), Checked: b.Plan.Read > 0, Bad: b.Plan.Bad, Off: b.Plan.Off, Files: b.Plan.Files, Notices: b.Plan.Notices,
		Form:   web.Form{"platform": string(b.Choice.Platforms), "variant": string(b.Choice.Variant), "locale": b.Choice.Locale, "output": string(cmp.Or(b.Choice.Output, batches.Files))},
		Erases: b.Erases, Platform: string(b.Choice.Platforms), Variant: string(b.Choice.Variant), Output: string(cmp.Or(b.Choice.Output, batches.Files)), SendsMail: p.SendsMail,
		Choosable: f.Automate && !b.Choice.Manifest && !b.Expired && (b.State == batches.Ready || b.State == batches.Failed && b.Made == 0),
		Startable: f.Automate && b.Startable(), Resumes: b.Made > 0, Reissuable: b.State == batches.Done,
		Live: p.batchLive(f, b), Detail: b.Detail, Size: sizeOf(b.Size), Signer: b.About.Signer.Name,
		Started: b.Started, Ended: b.Ended, Expires: b.Expires, Expired: b.Expired,
	}
	for name, chosen := range map[string]bool{"mail": b.Choice.Mail, "declarations": b.Choice.Declarations} {
		if chosen {
			page.Form[name] = "yes"
		}
	}
	if err := p.fillLinks(v, &page, b); err != nil {
		return page, err
	}
	page.Errors = f.Write && b.Plan.Bad > 0 && !b.Expired && b.State != batches.Checking
	for _, c := range b.Plan.Columns {
		page.Columns = append(page.Columns, batchColumn{c.Name, string(c.Field), c.Secret})
	}
	for _, field := range batch.Fields() {
		page.Fields = append(page.Fields, string(field))
	}
	for _, a := range b.Archives {
		if !b.Choice.MakesFiles() {
			break // they contain only links
		}
		page.Archives = append(page.Archives, batchArchive{
			fmt.Sprintf("archive-%03d.zip", a.Number), fmt.Sprintf("manifest-%03d.csv", a.Number), a.Files, sizeOf(a.Size), a.Digest,
		})
	}
	if err := p.fillPush(v, &page); err != nil || b.Plan.Bad == 0 {
		return page, err
	}
	problems, err := p.Batches.Problems(v.Ctx(), v.Account(), b.ID, 0, problemsShown)
	for _, problem := range problems {
		page.Wrong = append(page.Wrong, batchProblem{problem.Row, problem.Column, problem.Value, sentence(problem.Detail)})
	}
	return page, err
}

// sentence turns the description of a row's problem into a sentence.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// sizeOf returns a size for people to read.
func sizeOf(bytes int64) string {
	size := float64(bytes)
	for _, unit := range []string{"bytes", "kB", "MB"} {
		if size < 1000 {
			return fmt.Sprintf("%.3g %s", size, unit)
		}
		size /= 1000
	}
	return fmt.Sprintf("%.3g GB", size)
}

// maxColumns is how many columns of a list can be given another meaning.
const maxColumns = 100

// batchFields are the fields of the form that checks a list again.
var batchFields = func() []string {
	all := []string{"platform", "output", "mail", "variant", "declarations", "locale"}
	for i := range maxColumns {
		all = append(all, columnField(i))
	}
	return all
}()

func columnField(i int) string { return fmt.Sprint("column-", i) }

// checkBatch reads the list of a batch again with the choices in the form.
func (p *Pages) checkBatch(v *panel.Visit) error {
	path := panel.Path("batches", v.Param("id"))
	b, err := p.Batches.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.Do(v, path, "batch.checked", func() error {
		_, err := p.Batches.Recheck(v.Ctx(), v.By(), v.Account(), b.ID, batchChoice(v.Form, b))
		return err
	})
}

// batchChoice returns the choices of a batch with those of the form.
func batchChoice(form web.Form, b batches.Batch) batches.Choice {
	c := b.Choice
	c.Platforms, c.Variant, c.Locale = batch.Platforms(form["platform"]), settings.Variant(form["variant"]), profile.Trim(form["locale"])
	c.Output, c.Mail, c.Declarations = batches.Output(form["output"]), form["mail"] == "yes", form["declarations"] == "yes"
	c.Map, c.Drop = map[string]batch.Field{}, nil
	for i, column := range b.Plan.Columns {
		field, said := form[columnField(i)]
		switch {
		case !said:
		case field == "":
			if column.Field != "" || column.Dropped {
				c.Drop = append(c.Drop, column.Name)
			}
		case batch.Field(field) != column.Field || slices.Contains(mapped(b.Choice), column.Name):
			c.Map[column.Name] = batch.Field(field)
		}
	}
	return c
}

// mapped returns the columns to which a person has given a meaning.
func mapped(c batches.Choice) (names []string) {
	for name := range c.Map {
		names = append(names, name)
	}
	return names
}

func (p *Pages) startBatch(v *panel.Visit) error {
	return p.Do(v, panel.Path("batches", v.Param("id")), "batch.started", func() error {
		_, err := p.Batches.Start(v.Ctx(), v.By(), v.Account(), v.Param("id"))
		return err
	})
}

func (p *Pages) cancelBatch(v *panel.Visit) error {
	return p.Do(v, panel.Path("batches", v.Param("id")), "batch.canceled", func() error {
		_, err := p.Batches.Cancel(v.Ctx(), v.By(), v.Account(), v.Param("id"))
		return err
	})
}

func (p *Pages) askDeleteBatch(v *panel.Visit) error {
	b, err := p.Batches.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.Ask(v, "batches", "batch", map[string]any{"Name": b.Name}, panel.Path("batches", b.ID))
}

func (p *Pages) deleteBatch(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+batchesPath, "batch.deleted", func() error {
		return p.Batches.Delete(v.Ctx(), v.By(), v.Account(), v.Param("id"))
	})
}

// reissueBatch redirects to a new batch of the same people.
func (p *Pages) reissueBatch(v *panel.Visit) error {
	b, err := p.Batches.Reissue(v.Ctx(), v.By(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.To(v, panel.Path("batches", b.ID), "batch.uploaded")
}

// batchRoutes are the routes of batches.
func (p *Pages) batchRoutes() []panel.Route {
	const one = batchesPath + "/:id"
	return []panel.Route{
		panel.Get(batchesPath, account.Look, panel.Signed, p.batches),
		panel.Get(batchesPath+"/new", account.Automate, panel.Signed, p.newBatch),
		panel.Upload(batchesPath+"/new", account.Automate, panel.Signed, p.uploadBatch),
		panel.Get(one, account.Look, panel.Signed, p.batch),
		panel.Get(one+"/events", account.Look, panel.Signed, p.watchBatch),
		panel.Get(one+"/links.csv", account.Change, panel.Signed, p.mergeLinks),
		panel.Get(one+"/sheet", account.Change, panel.Signed, p.batchSheet),
		panel.Get(one+"/files/:file", account.Change, panel.Signed, p.downloadBatch),
		panel.Post(one+"/check", account.Automate, panel.Fresh, batchFields, p.checkBatch),
		panel.Button(one+"/start", account.Automate, panel.Fresh, p.startBatch),
		panel.Button(one+"/cancel", account.Change, panel.Fresh, p.cancelBatch),
		panel.Button(one+"/reissue", account.Automate, panel.Fresh, p.reissueBatch),
		panel.Get(one+"/delete", account.Change, panel.Signed, p.askDeleteBatch),
		panel.Button(one+"/delete", account.Change, panel.Fresh, p.deleteBatch),
	}
}
