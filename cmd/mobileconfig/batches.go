package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

type batchesCommand struct {
	List     batchesList     `cmd:"" help:"List the batches of a running service."`
	Get      batchesGet      `cmd:"" aliases:"show" help:"Show a batch."`
	Create   batchesCreate   `cmd:"" help:"Upload a list of people for checking. No files or links are created until the batch is started."`
	Check    batchesCheck    `cmd:"" help:"Check the list of a batch again with different flags."`
	Start    batchesStart    `cmd:"" help:"Start creating the files or links of a batch."`
	Wait     batchesWait     `cmd:"" help:"Show the progress of a batch until it's checked or done."`
	Problems batchesProblems `cmd:"" help:"List the problems with the rows of a batch."`
	Download batchesDownload `cmd:"" help:"Download the files of a batch. An interrupted download continues where it stopped."`
	Cancel   batchesCancel   `cmd:"" help:"Cancel a batch and delete its files."`
	Reissue  batchesReissue  `cmd:"" help:"Sign the profiles of a batch again, as a new batch."`
	Delete   batchesDelete   `cmd:"" help:"Delete a batch with all its files."`
}

// batchPath identifies a batch.
type batchPath struct {
	ID string `arg:"" json:"-" help:"Batch ID."`
	remoteFlags
	jsonFlag
}

// at returns the path of a part of the batch.
func (p batchPath) at(more ...string) string {
	return pathOf(append([]string{"batches", p.ID}, more...)...)
}

// following reads a list whose next page is requested by the last entry of the
// previous one.
func (r *remote) following(ctx context.Context, path string, query url.Values, name, key string, limit int) ([]json.RawMessage, error) {
	all := []json.RawMessage{}
	query.Set("limit", strconv.Itoa(limit))
	for {
		data, err := r.call(ctx, http.MethodGet, path, query, nil, nil)
		if err != nil {
			return nil, err
		}
		var page map[string]json.RawMessage
		var some []json.RawMessage
		var more bool
		if err := json.Unmarshal(data, &page); err != nil {
			return nil, err
		}
		if err := errors.Join(json.Unmarshal(page[name], &some), json.Unmarshal(page["more"], &more)); err != nil {
			return nil, err
		}
		if all = append(all, some...); !more || len(some) == 0 {
			return all, nil
		}
		last, err := fieldsOf(some[len(some)-1])
		if err != nil {
			return nil, err
		}
		query.Set("after", oneLine(last[key]))
	}
}

type batchesList struct {
	remoteFlags
	jsonFlag
	Address string `json:"address,omitempty" placeholder:"ADDRESS" help:"Only batches with files or links for this mailbox."`
	State   string `json:"state,omitempty" placeholder:"STATE" help:"Only batches in this state: checking, ready, running, done, failed or canceled."`
}

// Run lists the batches.
func (c *batchesList) Run(s streams) error {
	query, err := queryOf(c)
	if err != nil {
		return err
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	all, err := r.following(ctx, "batches", query, "batches", "id", 100)
	if err != nil {
		return err
	}
	return showList(s, c.JSON, "batches", all, "id", "state", "name", "rows", "bad_rows", "rows_made", "created_at")
}

type batchesGet struct{ batchPath }

// Run shows the batch.
func (c *batchesGet) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodGet, c.at(), nil, nil)
}

type batchesCreate struct {
	Input        string  `arg:"" json:"-" help:"People: CSV with a header, or JSON Lines in a file that ends in .jsonl. -: CSV on standard input."`
	Name         string  `json:"name,omitempty" placeholder:"NAME" help:"Name of the batch (default: the file's name)."`
	Variant      *string `json:"variant,omitempty" placeholder:"mail|secure" help:"secure adds the passcode policy."`
	Platform     *string `json:"platform,omitempty" placeholder:"iphone|mac|both" help:"For rows without a platform."`
	Locale       *string `json:"locale,omitempty" placeholder:"LANGUAGE" help:"Language of the profiles' texts, for rows without a locale."`
	Output       *string `json:"output,omitempty" placeholder:"files|links|both" help:"What to create: signed profiles in archives, a setup link for each person, or both."`
	Declarations bool    `json:"declarations,omitempty" help:"Add the passcode policy of each domain to the archives as declarations, for an MDM."`
	Mail         bool    `json:"mail,omitempty" help:"Email each person their link."`
	SkipBadRows  bool    `json:"skip_bad_rows,omitempty" help:"Skip rows with problems. Otherwise a batch with problems can't be started."`
	Manifest     bool    `json:"manifest,omitempty" help:"The list is the manifest.csv of an earlier batch: create the same files again."`
	DryRun       bool    `json:"dry_run,omitempty" help:"Check the list right away without storing it. The exit code is 1 if rows have problems."`
	remoteFlags
	jsonFlag
}

// uploadTimeout limits how long the service may take to answer an upload. It
// checks or stores large lists before it answers.
const uploadTimeout = 11 * time.Minute

// Run uploads the list.
func (c *batchesCreate) Run(s streams) error {
	if c.Name == "" && c.Input != "-" {
		c.Name = filepath.Base(c.Input)
	}
	query, err := queryOf(c)
	if err != nil {
		return err
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	in := os.Stdin
	if c.Input != "-" {
		if in, err = os.Open(c.Input); err != nil {
			return usage(err)
		}
		defer in.Close()
	}
	kind := "text/csv"
	if filepath.Ext(c.Input) == ".jsonl" {
		kind = "application/jsonl"
	}
	ctx, stop := untilStopped()
	defer stop()
	r.patient(uploadTimeout)
	res, err := r.sendOnce(ctx, http.MethodPost, "batches", query, in, http.Header{"Content-Type": {kind}})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if !c.DryRun {
		return showObject(s, c.JSON, data)
	}
	return c.tell(s, data)
}

// tell prints the result of checking the list.
func (c *batchesCreate) tell(s streams, data json.RawMessage) error {
	var preview struct {
		Bad      int               `json:"bad_rows"`
		Problems []json.RawMessage `json:"problems"`
	}
	if err := json.Unmarshal(data, &preview); err != nil {
		return err
	}
	if c.JSON {
		if err := writeJSON(s.out, data); err != nil {
			return err
		}
	} else {
		fields, err := fieldsOf(data)
		if err != nil {
			return err
		}
		for _, name := range []string{"rows_read", "rows", "bad_rows", "files", "columns", "notices"} {
			fmt.Fprintf(s.out, "%-10s %s\n", name, oneLine(fields[name]))
		}
		if len(preview.Problems) > 0 {
			if err := showProblems(s, preview.Problems); err != nil {
				return err
			}
		}
	}
	if preview.Bad > 0 {
		return fmt.Errorf("rows with problems: %d", preview.Bad)
	}
	return nil
}

// showProblems prints the problems with rows as a table.
func showProblems(s streams, all []json.RawMessage) error {
	return showList(s, false, "problems", all, "row", "column", "code", "value", "detail")
}

type batchesCheck struct {
	batchPath
	Variant      *string           `json:"variant,omitempty" placeholder:"mail|secure" help:"secure adds the passcode policy."`
	Platform     *string           `json:"platform,omitempty" placeholder:"iphone|mac|both" help:"For rows without a platform."`
	Locale       *string           `json:"locale,omitempty" placeholder:"LANGUAGE" help:"Language of the profiles' texts, for rows without a locale."`
	Map          map[string]string `mapsep:"none" json:"map,omitempty" placeholder:"COLUMN=FIELD" help:"Which field a column contains, for example Mailbox=email. Can be repeated."`
	Drop         []string          `sep:"none" json:"drop,omitempty" placeholder:"COLUMN" help:"Column to ignore. Can be repeated."`
	Output       *string           `json:"output,omitempty" placeholder:"files|links|both" help:"What to create: signed profiles in archives, a setup link for each person, or both."`
	Declarations bool              `json:"declarations,omitempty" help:"Add the passcode policy of each domain to the archives as declarations, for an MDM."`
	Mail         bool              `json:"mail,omitempty" help:"Email each person their link."`
	SkipBadRows  bool              `json:"skip_bad_rows,omitempty" help:"Skip rows with problems."`
}

// Run requests another check of the list.
func (c *batchesCheck) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("check"), c, nil)
}

type batchesStart struct{ batchPath }

// Run starts the batch.
func (c *batchesStart) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("start"), nil, nil)
}

type batchesCancel struct{ batchPath }

// Run cancels the batch.
func (c *batchesCancel) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("cancel"), nil, nil)
}

type batchesReissue struct{ batchPath }

// Run creates a new batch from the batch.
func (c *batchesReissue) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("reissue"), nil, nil)
}

type batchesDelete struct{ batchPath }

// Run deletes the batch.
func (c *batchesDelete) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodDelete, c.at(), nil, nil)
}

type batchesProblems struct{ batchPath }

// Run lists the problems.
func (c *batchesProblems) Run(s streams) error {
	r, err := c.connect()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	all, err := r.following(ctx, c.at("problems"), url.Values{}, "problems", "number", 1000)
	if err != nil {
		return err
	}
	if c.JSON {
		return showList(s, true, "problems", all)
	}
	return showProblems(s, all)
}

// A batchState is the progress and the files of a batch.
type batchState struct {
	State    string
	Detail   string
	Rows     int
	Bad      int  `json:"bad_rows"`
	Made     int  `json:"rows_made"`
	Left     *int `json:"seconds_left"`
	Expired  bool
	Archives []struct {
		Name   string
		Bytes  int64
		SHA256 string
	}
	Links *struct{ Made int }
}

// String describes the batch's progress.
func (b batchState) String() string {
	switch {
	case b.State == "running" && b.Left != nil:
		return fmt.Sprintf("running: %d of %d rows, about %d seconds left", b.Made, b.Rows, *b.Left)
	case b.State == "running":
		return fmt.Sprintf("running: %d of %d rows", b.Made, b.Rows)
	case b.State == "ready":
		return fmt.Sprintf("ready: %d rows, %d with problems", b.Rows, b.Bad)
	}
	return b.State
}

// batch returns the batch, parsed and as the API's JSON.
func (r *remote) batch(ctx context.Context, path string) (b batchState, data json.RawMessage, err error) {
	if data, err = r.call(ctx, http.MethodGet, path, nil, nil, nil); err == nil {
		err = json.Unmarshal(data, &b)
	}
	return b, data, err
}

type batchesWait struct{ batchPath }

// waitPause is the pause between two queries.
const waitPause = time.Second

// Run waits until the batch no longer changes.
func (c *batchesWait) Run(s streams) error {
	r, err := c.connect()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	told := ""
	for {
		b, data, err := r.batch(ctx, c.at())
		if err != nil {
			return err
		}
		if text := b.String(); text != told {
			fmt.Fprintln(s.err, text)
			told = text
		}
		switch b.State {
		case "checking", "running":
		case "failed", "canceled":
			return errors.Join(showObject(s, c.JSON, data), fmt.Errorf("the batch is %s. %s", b.State, b.Detail))
		default:
			return showObject(s, c.JSON, data)
		}
		if err := sleep(ctx, waitPause); err != nil {
			return err
		}
	}
}
